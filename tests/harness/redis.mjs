// SPDX-License-Identifier: MIT
// redis.mjs - a real redis-server or Redis Sentinel of a test, in a folder and on a port of its own. It keeps nothing that matters on disk.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { makeFolder } from './folder.mjs';
import { freePort } from './port.mjs';
import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

const run = promisify(execFile);

async function startServer(t, { name, settings, args = [], wrap }) {
  const folder = makeFolder();
  const port = await freePort();
  const socket = path.join(folder, 'redis.sock');
  const conf = path.join(folder, 'redis.conf');
  const lines = [`port ${port}`, 'bind 127.0.0.1', `unixsocket ${socket}`, `dir ${folder}`, 'daemonize no', ...settings];
  writeFileSync(conf, `${lines.join('\n')}\n`, { mode: 0o600 });
  const service = new Service({
    name,
    command: 'redis-server',
    args: [conf, ...args],
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
    cli: async (...words) => (await run('redis-cli', ['-s', socket, ...words])).stdout.trim(),
  });
  return Object.assign(service, { socket });
}

/** options.settings: lines of redis.conf; options.wrap: a command in front. It listens on 127.0.0.1 and on a socket: url, unixUrl; cli(…words). */
export async function startRedis(t, { settings = [], wrap } = {}) {
  const redis = await startServer(t, { name: 'redis', settings: ['save ""', ...settings], wrap });
  return Object.assign(redis, { url: `redis://127.0.0.1:${redis.port}`, unixUrl: `unix://${redis.socket}` });
}

/** A sentinel: the same program in another role. options.settings: lines of sentinel.conf, which it writes anew. */
export async function startSentinel(t, { settings = [] } = {}) {
  const sentinel = await startServer(t, { name: 'sentinel', settings, args: ['--sentinel'] });
  return Object.assign(sentinel, { url: `sentinel://127.0.0.1:${sentinel.port}` });
}
