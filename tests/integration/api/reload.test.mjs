// SPDX-License-Identifier: MIT
// A reload says which of the changed settings stay as they were.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack, writeSettings } from '../../harness/index.mjs';

async function reload(stack, changes) {
  const from = stack.app.log.length;
  writeSettings(stack.confPath, { ...stack.settings, ...changes });
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/reloaded/, { from });
  return stack.app.log.slice(from);
}

test('what needs a restart is named, and never its value', async (t) => {
  const stack = await startStack(t, { relay: false });
  const log = await reload(stack, { 'app.workers': '7', 'database.url': 'postgresql://hidden:word@nowhere/x', 'app.hit_window': '1s' });
  assert.match(log, /reload: \[app\] workers stays as it was: it needs a restart/);
  assert.match(log, /reload: \[database\] url stays as it was/);
  assert.equal(log.match(/stays as it was/g).length, 2, log);
  assert.doesNotMatch(log, /hidden|nowhere/);
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).status, 200);

  // It is what is in force that counts, not what the reload before it read.
  assert.match(await reload(stack, { 'app.workers': '7' }), /\[app\] workers stays/);
  assert.doesNotMatch(await reload(stack, {}), /stays as it was/);
});

test('what can be reloaded is, in silence; the other program\'s settings are none of ours', async (t) => {
  const stack = await startStack(t, { relay: false });
  const log = await reload(stack, { 'app.prefix': '/bell', 'relay.listen': '127.0.0.1:1' });
  assert.doesNotMatch(log, /stays as it was/);
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).status, 404);
});
