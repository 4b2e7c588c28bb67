// SPDX-License-Identifier: MIT
// pgbouncer.mjs - a real PgBouncer in front of a cluster.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort } from './port.mjs';
import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

const isRoot = process.getuid() === 0;

function settingsOf(cluster, port, users, settings) {
  const all = {
    listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'trust', auth_file: users,
    pool_mode: 'transaction', default_pool_size: 2, log_connections: 0, log_disconnections: 0, ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  return `[databases]\n* = host=${cluster.dir} port=${cluster.port}\n[pgbouncer]\n${lines.join('')}`;
}

/** PgBouncer before `cluster`, with its files in `dir`. It lets in doorbell and doorbell_app; conninfo(database, user). */
export async function startPgBouncer(t, { dir, cluster, settings }) {
  const folder = path.join(dir, 'pgbouncer');
  const port = await freePort();
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'users'), '"doorbell" ""\n"doorbell_app" ""\n');
  const ini = path.join(folder, 'pgbouncer.ini');
  writeFileSync(ini, settingsOf(cluster, port, path.join(folder, 'users'), settings));
  const service = new Service({
    name: 'pgbouncer',
    command: 'pgbouncer',
    args: [ini],
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    wrap: isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--'] : [],
    okCodes: [0, 1], // it calls SIGTERM a fast exit
    ready: () => isConnectable({ host: '127.0.0.1', port }),
  });
  t.after(() => service.stop().catch(failRun));
  await service.start();
  service.conninfo = (database, user = 'doorbell_app') => `postgresql://${user}@127.0.0.1:${port}/${database}`;
  return service;
}
