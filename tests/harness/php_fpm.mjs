// SPDX-License-Identifier: MIT
// php_fpm.mjs - real php-fpm as a service of a test.

import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

function findFpm() {
  const [name] = readdirSync('/usr/sbin').filter((file) => /^php-fpm[\d.]+$/.test(file)).sort();
  if (!name) throw new Error('php-fpm is not installed');
  return path.join('/usr/sbin', name);
}

function poolSettings(dir, children, lines) {
  const user = process.getuid() === 0 ? 'user = nobody\ngroup = nogroup\n' : '';
  return `[global]
daemonize = no
error_log = ${dir}/log
[pool]
${user}listen = ${dir}/php.sock
listen.mode = 0666
pm = static
pm.max_children = ${children}
${lines}
`;
}

// In `dir`, which its user can pass through; `lines` go into the pool. Its log is {dir}/log, its socket {dir}/php.sock.
export async function startFpm(t, dir, { children = 4, lines = '' } = {}) {
  const [conf, socket] = ['fpm.conf', 'php.sock'].map((name) => path.join(dir, name));
  writeFileSync(conf, poolSettings(dir, children, lines));
  const service = new Service({
    name: 'php-fpm',
    command: findFpm(),
    args: ['-F', '-y', conf],
    stopSignal: 'SIGQUIT',
    ready: () => isConnectable({ path: socket }),
  });
  t.after(() => service.stop().catch(failRun));
  return service.start();
}
