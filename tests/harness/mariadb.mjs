// SPDX-License-Identifier: MIT
// mariadb.mjs - a private MariaDB for a test, in memory where that can be had, on a unix socket alone. Needs no system service; as
// root it drops to user nobody.

import { execFile } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

const run = promisify(execFile);
const isRoot = process.getuid() === 0;

// It writes to the disk with every table that it makes, so in memory it is ready in a third of the time.
function makeHome() {
  let parent = '/dev/shm';
  try {
    accessSync(parent, constants.W_OK);
  } catch {
    parent = tmpdir();
  }
  const home = mkdtempSync(path.join(parent, 'doorbell-mariadb-'));
  process.on('exit', () => rmSync(home, { recursive: true, force: true }));
  chmodSync(home, 0o711);
  return home;
}

// Returns its socket. Its one user is root, without a password, with the database `site`.
export async function startMariadb(t) {
  const home = makeHome();
  const data = path.join(home, 'data');
  mkdirSync(data);
  const user = isRoot ? ['--user=nobody'] : [];
  if (isRoot) for (const folder of [home, data]) chownSync(folder, ...(await idsOfNobody()));
  const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db',
    '--innodb-log-file-size=8M', ...user];
  await run('mariadb-install-db', install);
  const socket = path.join(home, 'sock');
  const service = new Service({
    name: 'mariadb',
    command: '/usr/sbin/mariadbd',
    args: ['--no-defaults', `--datadir=${data}`, `--socket=${socket}`, `--pid-file=${home}/pid`, '--skip-networking',
      '--innodb-log-file-size=8M', '--innodb-buffer-pool-size=32M', ...user],
    ready: () => isConnectable({ path: socket }),
  });
  t.after(() => service.stop().catch(failRun));
  await service.start();
  await run('mariadb', ['--no-defaults', `--socket=${socket}`, '--user=root', '-e', 'CREATE DATABASE site CHARACTER SET utf8mb4']);
  return socket;
}

async function idsOfNobody() {
  const id = async (flag) => Number((await run('id', [flag, 'nobody'])).stdout);
  return [await id('-u'), await id('-g')];
}
