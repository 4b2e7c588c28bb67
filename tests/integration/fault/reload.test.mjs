// SPDX-License-Identifier: MIT
// Keys are rotated by SIGHUP: the old one is refused, the new one taken, and nobody notices.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { makeKey } from '../../harness/secret.mjs';
import { startStack } from '../../harness/stack.mjs';

const user = '42';

function writeKeys(stack, name, ...keys) {
  for (const key of keys) stack.secrets.add(key);
  writeFileSync(path.join(stack.dir, name), `${keys.join('\n')}\n`, { mode: 0o600 });
}

async function reload(service) {
  const from = service.log.length;
  service.signal('SIGHUP');
  await service.waitLog(/reload/, { from });
}

const ring = (stack, key) =>
  stack.publish('POST', '/publish', {
    headers: { authorization: `Bearer ${key}` },
    json: { rings: [{ to: [user] }] },
  });

test('the publish key is rotated, and the open session still rings', async (t) => {
  const stack = await startStack(t);
  const bell = await stack.connect(user);
  const [old, fresh] = [stack.publishKey, makeKey()];
  assert.equal((await ring(stack, old)).status, 200);
  assert.equal((await ring(stack, fresh)).status, 401);

  writeKeys(stack, 'publish.key', fresh, old);
  await reload(stack.relay);
  assert.equal((await ring(stack, old)).status, 200, 'both are taken meanwhile');
  assert.equal((await ring(stack, fresh)).status, 200);

  await reload(stack.app);
  writeKeys(stack, 'publish.key', fresh);
  await reload(stack.relay);
  assert.equal((await ring(stack, old)).status, 401);
  const from = bell.frames.length;
  assert.equal((await ring(stack, fresh)).json.sessions, 1);
  await bell.next('ring', { from });

  // doorbell-app publishes with the new key.
  await stack.api('GET', '/unread', { user });
  const sent = await stack.api('POST', '/messages', { service: true, json: { to: user, title: 'Tea', body: 'x' } });
  await bell.next((frame) => frame.type === 'ring' && frame.id === sent.json.id);
  assert.equal(bell.closed, null);
});

test('the send key is rotated', async (t) => {
  const stack = await startStack(t, { relay: false });
  const [old, fresh] = [stack.sendKey, makeKey()];
  const send = async (key) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await stack.api('POST', '/messages', { headers, json: { to: user, title: 'Tea', body: 'x' } })).status;
  };
  writeKeys(stack, 'send.key', fresh, old);
  assert.equal(await send(fresh), 401, 'not before the reload');
  await reload(stack.app);
  assert.equal(await send(fresh), 201);
  assert.equal(await send(old), 201);
  writeKeys(stack, 'send.key', fresh);
  await reload(stack.app);
  assert.equal(await send(fresh), 201);
  assert.equal(await send(old), 401);
});

test('the secret of tokens is rotated, and those signed before stay good meanwhile', async (t) => {
  const stack = await startStack(t);
  const bell = await stack.connect(user);
  const token = stack.token(user);
  const check = async () => (await stack.api('GET', '/unread', { headers: { authorization: `Bearer ${token}` } })).status;
  const [old, fresh] = [stack.secret, makeKey()];
  writeKeys(stack, 'auth.secret', fresh, old);
  await reload(stack.app);
  await reload(stack.relay);
  assert.equal(await check(), 200);
  writeKeys(stack, 'auth.secret', fresh);
  await reload(stack.app);
  await reload(stack.relay);
  assert.equal(await check(), 401);
  assert.equal(bell.closed, null, 'a session that is logged in stays');
});

for (const program of ['app', 'relay']) {
  test(`a reload with a fault leaves doorbell-${program} as it was`, async (t) => {
    const stack = await startStack(t);
    writeKeys(stack, 'publish.key', 'too-short-to-be-a-key');
    await reload(stack[program]);
    assert.ok(stack[program].isRunning);
    assert.equal((await ring(stack, stack.publishKey)).status, 200);
    const sent = await stack.api('POST', '/messages', { service: true, json: { to: user, title: 'Tea', body: 'x' } });
    assert.equal(sent.status, 201);
  });
}
