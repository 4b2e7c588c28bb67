// SPDX-License-Identifier: MIT
// redis.mjs - a real redis-server of a test, that keeps nothing on disk, in a folder and on a port of its own.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { makeFolder } from './folder.mjs';
import { freePort } from './port.mjs';
import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

const run = promisify(execFile);

/** options.settings: lines of redis.conf; options.wrap: a command in front. It listens on 127.0.0.1 and on a socket: url, unixUrl; cli(…words). */
export async function startRedis(t, { settings = [], wrap } = {}) {
  const folder = makeFolder();
  const port = await freePort();
  const socket = path.join(folder, 'redis.sock');
  const conf = path.join(folder, 'redis.conf');
  const lines = [`port ${port}`, 'bind 127.0.0.1', `unixsocket ${socket}`, 'save ""', `dir ${folder}`, 'daemonize no', ...settings];
  writeFileSync(conf, `${lines.join('\n')}\n`, { mode: 0o600 });
  const service = new Service({
    name: 'redis',
    command: 'redis-server',
    args: [conf],
    wrap,
    ready: () => isConnectable({ path: socket }),
  });
  t.after(async () => {
    if (service.isRunning) service.signal('SIGCONT');
    await service.stop().catch(failRun);
  });
  await service.start();
  Object.assign(service, {
    port,
    url: `redis://127.0.0.1:${port}`,
    unixUrl: `unix://${socket}`,
    cli: async (...words) => (await run('redis-cli', ['-s', socket, ...words])).stdout.trim(),
  });
  return service;
}
