// SPDX-License-Identifier: MIT
// How the programs end when they cannot listen: systemd starts them again unless the status is 78.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { build, makeFolder } from '../../harness/folder.mjs';
import { writeSettings } from '../../harness/programs.mjs';
import { makeKey } from '../../harness/secret.mjs';

const isRoot = process.getuid() === 0;
// Root may give a socket to any group, unless this is taken from it.
const unprivileged = isRoot ? ['setpriv', '--bounding-set=-chown', '--clear-groups', '--'] : [];

// {code, stderr} of a program that is not going to run.
function runProgram(name, settings) {
  const folder = makeFolder();
  const keys = {};
  for (const key of ['secret', 'send_key', 'publish_key']) {
    keys[`auth.${key}_file`] = path.join(folder, key);
    writeFileSync(path.join(folder, key), `${makeKey()}\n`);
  }
  const conf = path.join(folder, 'doorbell.conf');
  writeSettings(conf, { ...keys, 'database.url': `postgresql:///none?host=${folder}`, ...settings(folder) });
  const [command, ...args] = [...unprivileged, path.join(build, name), '-c', conf];
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? error?.signal ?? 0, stderr }));
  });
}

const programs = {
  'doorbell-app': (listen, more = {}) => ({ 'app.listen': listen, ...more }),
  'doorbell-relay': (listen, more = {}) => ({ 'relay.listen': listen, 'relay.publish_listen': '127.0.0.1:0', ...more }),
};

for (const [name, listenAt] of Object.entries(programs)) {
  const section = name.replace('doorbell-', '');

  test(`${name}: a listener that only the operator can mend is exit 78, and the log says how`, async (t) => {
    const rows = {
      'an unknown group': ['app.sock', { listen_group: 'no-such-group' }, /listen_group = no-such-group: no such group; name the one/],
      'a group that its user is not in': ['app.sock', { listen_group: 'daemon' },
        /listen_group = daemon: chown of .*: Operation not permitted; .*SupplementaryGroups=/],
      'no directory': ['none/app.sock', {}, /none\/app\.sock: No such file or directory; its directory must exist/],
    };
    for (const [what, [file, settings, message]] of Object.entries(rows)) {
      await t.test(what, async () => {
        const more = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${section}.${key}`, value]));
        const { code, stderr } = await runProgram(name, (folder) => listenAt(`unix:${folder}/${file}`, more));
        assert.equal(code, 78, stderr);
        assert.match(stderr, message);
      });
    }
  });

  test(`${name}: an address in use may pass, and is exit 1`, async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => { server.once('listening', resolve); });
    const { code, stderr } = await runProgram(name, () => listenAt(`127.0.0.1:${server.address().port}`));
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Address already in use; another program/);
  });
}
