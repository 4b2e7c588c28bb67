// SPDX-License-Identifier: MIT
// A PHP site as it is: curl with an array for the body, which makes it multipart, and over a limit
// waits for 100 Continue. To the relay as web-msg-sender was called, and to the API.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';
import { phpPost as post } from '../../harness/php_post.mjs';

const user = '42';
const expect = 'Expect: 100-continue';

test('an array to the relay, over 1 KiB and with Expect, rings the page', async (t) => {
  const stack = await startStack(t, { server: null, app: false });
  const bell = await stack.connect(user);
  const fields = { type: 'publish', to: user, content: '中'.repeat(700), key: stack.publishKey };
  const { status, body, continued } = await post(`${stack.publishUrl}/`, fields, [expect]);
  assert.equal(status, 200);
  assert.equal(body, 'ok');
  assert.ok(continued, 'Expect was answered');
  const ring = await bell.next('ring');
  assert.deepEqual(ring, { type: 'ring' });
});

test('the key may come as a Bearer, the body urlencoded, the user absent', async (t) => {
  const stack = await startStack(t, { server: null, app: false });
  const bell = await stack.connect(user);
  const headers = [`Authorization: Bearer ${stack.publishKey}`];
  const call = (fields) => post(`${stack.publishUrl}/`, fields, headers);
  assert.equal((await call('type=publish&to=42&content=hello')).body, 'ok');
  await bell.next('ring');
  assert.equal((await call({ type: 'publish', to: '43', content: 'hello' })).body, 'offline');
  assert.equal((await call({ to: '42', content: 'hello' })).body, 'fail');
  const from = bell.frames.length;
  assert.equal((await call({ type: 'publish', to: '', content: 'to all' })).body, 'ok');
  await bell.next('ring', { from });
});

test('without the key the relay refuses', async (t) => {
  const stack = await startStack(t, { server: null, app: false });
  const bell = await stack.connect(user);
  const fields = { type: 'publish', to: user, content: 'x'.repeat(2000) };
  for (const more of [{}, { key: 'wrong' }]) {
    const { status, body } = await post(`${stack.publishUrl}/`, { ...fields, ...more }, [expect]);
    assert.deepEqual([status, body], [401, 'fail']);
  }
  assert.deepEqual(bell.frames.map(({ type }) => type), ['welcome']);
});

test('under legacy_publish a site goes on as it was', async (t) => {
  const stack = await startStack(t, { server: null, app: false, config: { 'relay.legacy_publish': 'yes' } });
  const bell = await stack.connect(user);
  const { body } = await post(`${stack.publishUrl}/`, { type: 'publish', to: user, content: 'You have a new message' });
  assert.equal(body, 'ok');
  await bell.next('ring');
});

for (const server of ['nginx', 'apache']) {
  test(`an array to the API through ${server} sends to a list of users`, async (t) => {
    const stack = await startStack(t, { server });
    await stack.api('GET', '/unread', { user });
    const bell = await stack.connect(user);
    const fields = { 'to[0]': user, 'to[1]': 'a/b%ü 中', title: '茶', body: '好了'.repeat(400), extra: '{"order":7}', key: 'tea-1' };
    const headers = [`Authorization: Bearer ${stack.sendKey}`, expect];
    const { status, body } = await post(`${stack.url}/doorbell/messages`, fields, headers);
    assert.equal(status, 201, body);
    assert.equal(JSON.parse(body).recipients, 2);
    await bell.next('ring');
    const { messages } = (await stack.api('GET', '/messages', { user: 'a/b%ü 中' })).json;
    assert.deepEqual([messages[0].title, messages[0].body, messages[0].extra], ['茶', '好了'.repeat(400), { order: 7 }]);
  });
}
