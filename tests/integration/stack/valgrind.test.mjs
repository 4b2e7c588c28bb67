// SPDX-License-Identifier: MIT
// Both programs under valgrind: idle or used, SIGTERM ends them with exit code 0, and nothing is lost,
// read before it is written, or read after it is freed.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';

const wrap = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=definite'];
const skip = Boolean(process.env.SANITIZE) && 'the programs are built with a sanitizer';
const underValgrind = { appOptions: { wrap }, relayOptions: { wrap } };

test('idle programs end on SIGTERM', { skip }, async (t) => {
  const stack = await startStack(t, { server: null, ...underValgrind });
  await stack.app.stop();
  await stack.relay.stop();
  for (const { log } of [stack.app, stack.relay]) assert.doesNotMatch(log, /^==\d+==/m);
});

test('used programs end on SIGTERM', { skip }, async (t) => {
  const stack = await startStack(t, { ...underValgrind });
  const user = '42';
  const bell = await stack.connect(user, { through: true });
  const sent = await stack.api('POST', '/messages', { service: true, form: { to: [user, '43'], title: 'Tea', body: 'x' } });
  assert.equal(sent.status, 201, sent.text);
  await bell.next('ring', { timeoutMs: 60_000 });
  assert.equal((await stack.api('GET', '/messages', { user })).json.num, 1);
  assert.equal((await stack.api('POST', '/messages/read', { user, json: { all: true } })).json.num, 0);
  assert.equal((await stack.api('GET', '/nowhere', { user })).status, 404);
  assert.equal((await stack.publish('POST', '/publish', { json: { rings: [{ all: true }] } })).status, 200);
  stack.app.signal('SIGHUP');
  stack.relay.signal('SIGHUP');
  await stack.app.waitLog(/reload/);
  await stack.relay.waitLog(/reload/);
  await stack.app.stop();
  await stack.relay.stop();
  for (const { log } of [stack.app, stack.relay]) assert.doesNotMatch(log, /^==\d+==/m);
});
