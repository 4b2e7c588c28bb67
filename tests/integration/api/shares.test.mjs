// SPDX-License-Identifier: MIT
// Nobody pays for another: a user in a hurry, a transaction that waits, senders and readers that dawdle, and a database
// that gives few connections, cost the others nothing but their share.

import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';

import { encodeRequest, fastcgi, FastcgiClient } from '../../harness/fastcgi_client.mjs';
import { startApp, startStack, until, within } from '../../harness/index.mjs';

const whereOf = (stack) => ({ path: stack.appSocket });
const send = (stack, json) => stack.api('POST', '/messages', { service: true, json: { title: 'x', ...json } });
const check = (stack, user) => stack.api('GET', '/unread', { user });

async function waiting(db) {
  const { rows } = await db.query('SELECT FROM pg_locks WHERE NOT granted');
  return rows.length;
}

// Checks of another user while `what` is under way.
async function assertOthersServed(stack, count = 20) {
  for (let i = 0; i < count; i++) {
    const answer = await within(check(stack, `other${i % 3}`), 'the check of another user');
    assert.equal(answer.status, 200, answer.text);
  }
}

test('a user who writes at 64 connections has one write at a time, and the rest gets 429', async (t) => {
  const stack = await startStack(t, { relay: false });
  await send(stack, { to: '42' });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = '42' FOR UPDATE");
  const writes = Array.from({ length: 32 }, () => stack.api('POST', '/messages/read', { user: '42', json: { all: true } }));
  await until('one to wait', async () => (await waiting(stack.db)) > 0);
  await assertOthersServed(stack);
  assert.equal((await stack.api('POST', '/messages/read', { user: 'other1', json: { all: true } })).status, 200);
  assert.equal(await waiting(stack.db), 1);
  await stack.db.query('COMMIT');
  const answers = await Promise.all(writes);
  const statuses = answers.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 9, statuses.join()); // one, and eight in the queue
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    assert.equal(answer.status, 429);
    assert.equal(answer.json.error.code, 'too_many');
    assert.ok(Number(answer.headers['retry-after']) >= 1);
  }
});

test('a rate holds for each user, and another one is not concerned', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'app.user_rate': '1', 'app.user_burst': '5' } });
  const statuses = [];
  for (let i = 0; i < 8; i++) statuses.push((await check(stack, '42')).status);
  assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
  assert.ok(statuses.slice(5).includes(429));
  assert.equal((await check(stack, '43')).status, 200);
});

test('sends to groups wait for the broadcast lock in a queue, not in a connection', async (t) => {
  const stack = await startStack(t, { relay: false });
  await stack.api('PUT', '/groups/editors/members/42', { service: true });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT doorbell.send(title => 'held', to_group => 'editors')");
  const sends = Array.from({ length: 16 }, () => send(stack, { group: 'editors' }));
  await until('one to wait', async () => (await waiting(stack.db)) > 0);
  await assertOthersServed(stack);
  // What needs no broadcast lock passes by.
  assert.equal((await send(stack, { to: '42' })).status, 201);
  assert.equal(await waiting(stack.db), 1);
  await stack.db.query('COMMIT');
  for (const answer of await Promise.all(sends)) assert.equal(answer.status, 201, answer.text);
  assert.equal((await check(stack, '42')).json.num, 18);
});

test('what has waited too long is refused, and nothing was done', async (t) => {
  const config = { 'app.queue_timeout': '300ms', 'database.lock_timeout': '20s', 'database.statement_timeout': '20s' };
  const stack = await startStack(t, { relay: false, config });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT doorbell.send(title => 'held', to_all => true)");
  const first = send(stack, { to: '*' });
  await until('it to wait', async () => (await waiting(stack.db)) > 0);
  const second = await send(stack, { to: '*' });
  assert.equal(second.status, 503);
  assert.match(second.json.error.message, /waited too long/);
  await stack.db.query('ROLLBACK');
  assert.equal((await first).status, 201);
  const { rows } = await stack.db.query('SELECT count(*)::integer AS n FROM doorbell.message');
  assert.equal(rows[0].n, 1);
});

test('readers that do not take their reply hold up nobody', async (t) => {
  const stack = await startStack(t, { relay: false, server: null });
  const body = 'x'.repeat(60_000);
  const sender = { HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`, CONTENT_TYPE: 'application/json' };
  for (let i = 0; i < 50; i++) {
    const answer = await fastcgi(whereOf(stack), { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', ...sender },
      JSON.stringify({ to: '42', title: 'x', body }));
    assert.equal(answer.status, 201);
  }
  const list = { REQUEST_URI: '/doorbell/messages?limit=100', HTTP_AUTHORIZATION: `Bearer ${stack.token('42')}` };
  const slow = [];
  for (let i = 0; i < 8; i++) {
    const socket = net.connect({ path: stack.appSocket });
    t.after(() => socket.destroy());
    socket.pause();
    socket.write(encodeRequest(list));
    slow.push(socket);
  }
  for (let i = 0; i < 20; i++) {
    const params = { REQUEST_URI: '/doorbell/unread', HTTP_AUTHORIZATION: `Bearer ${stack.token('43')}` };
    assert.equal((await within(fastcgi(whereOf(stack), params), 'the check of another user')).status, 200);
  }
  // They get it when they read.
  let bytes = 0;
  slow[0].on('data', (data) => { bytes += data.length; });
  slow[0].resume();
  await until('the slow one to have its list', () => bytes > 50 * body.length);
});

test('replies that are not taken are cut off over their memory', async (t) => {
  const stack = await startStack(t, { relay: false, server: null, config: { 'app.max_reply_memory': '1000000' } });
  const body = 'x'.repeat(60_000);
  const sender = { HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`, CONTENT_TYPE: 'application/json' };
  for (let i = 0; i < 10; i++) {
    await fastcgi(whereOf(stack), { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', ...sender },
      JSON.stringify({ to: '42', title: 'x', body }));
  }
  const list = { REQUEST_URI: '/doorbell/messages?limit=100', HTTP_AUTHORIZATION: `Bearer ${stack.token('42')}` };
  const slow = [];
  for (let i = 0; i < 4; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    client.socket.pause();
    client.send(encodeRequest(list));
    slow.push(client);
  }
  const metrics = { REQUEST_URI: '/doorbell/metrics', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` };
  await until('some to be cut off', async () => {
    const { text } = await fastcgi(whereOf(stack), metrics);
    return Number(/^doorbell_app_replies_cut_total (\d+)$/m.exec(text)[1]) >= 1;
  });
});

test('senders that dawdle, proven or not, hold up nobody', async (t) => {
  const stack = await startStack(t, { relay: false, server: null });
  const params = {
    REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`,
    CONTENT_TYPE: 'application/json', CONTENT_LENGTH: '40000',
  };
  const whole = encodeRequest(params, Buffer.alloc(40_000, ' '));
  for (let i = 0; i < 16; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    client.send(whole.subarray(0, i % 2 ? 33_000 : 18_000));
  }
  for (let i = 0; i < 20; i++) {
    const ask = { REQUEST_URI: '/doorbell/unread', HTTP_AUTHORIZATION: `Bearer ${stack.token('43')}` };
    assert.equal((await within(fastcgi(whereOf(stack), ask), 'the check of another user')).status, 200);
  }
});

test('bodies that together are over their memory are refused, and the rest is served', async (t) => {
  const stack = await startStack(t, { relay: false, server: null, config: { 'app.max_body_memory': '1000000' } });
  const params = {
    REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`,
    CONTENT_TYPE: 'application/json', CONTENT_LENGTH: '600000',
  };
  const whole = encodeRequest(params, Buffer.alloc(600_000, ' '));
  const first = await FastcgiClient.connect(whereOf(stack));
  t.after(() => first.close());
  first.send(whole.subarray(0, 300_000));
  const refused = await until('the second to be refused', async () => {
    const answer = await fastcgi(whereOf(stack), params, Buffer.alloc(600_000, ' '));
    return answer.status === 503 && answer;
  });
  assert.match(refused.text, /big bodies/);
  assert.equal((await fastcgi(whereOf(stack), { REQUEST_URI: '/doorbell/health' })).status, 200);
});

test('where the database gives few connections, work goes to the workers that have one', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, ownCluster: true });
  await stack.db.query('ALTER ROLE doorbell_app CONNECTION LIMIT 3');
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => stack.api('GET', '/messages', { user: `u${i}` })));
  assert.deepEqual(answers.map(({ status }) => status).filter((status) => status !== 200), []);
});
