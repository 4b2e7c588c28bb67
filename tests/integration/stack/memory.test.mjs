// SPDX-License-Identifier: MIT
// Keys are in the memory of the programs: another process of the same user does not get at it, and no core file has it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { startApp, startRelay, startStack } from '../../harness/index.mjs';

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
const isRoot = process.getuid() === 0;
const skip = !isRoot ? 'needs another user' : process.env.SANITIZE ? 'sanitizers trace' : false;

for (const program of ['app', 'relay']) {
  test(`doorbell-${program} cannot be read by its own user, and leaves no core`, { skip }, async (t) => {
    const stack = await startStack(t, { app: false, relay: false, server: null });
    execFileSync('chown', ['-R', '65534:65534', stack.dir]);
    const start = program === 'app' ? startApp : startRelay;
    stack[program] = await start(null, { confPath: stack.confPath, listens: [stack.settings[`${program}.listen`]], wrap: NOBODY });
    const { pid } = stack[program];
    for (const file of ['mem', 'environ', 'maps']) {
      const { status, stderr } = spawnSync(NOBODY[0], [...NOBODY.slice(1), 'head', '-c', '1', `/proc/${pid}/${file}`], { encoding: 'utf8' });
      assert.notEqual(status, 0, file);
      assert.match(stderr, /Permission denied/);
    }
    assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
  });
}
