// SPDX-License-Identifier: MIT
// PostgreSQL goes and comes back: 503 meanwhile and never a wrong number, then right again, and
// nothing is sent twice.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';
import { until } from '../../harness/wait.mjs';

const isAway = ({ status, headers, json }) => {
  assert.equal(status, 503);
  assert.ok(Number(headers['retry-after']) > 0, 'Retry-After');
  assert.equal(typeof json.error.message, 'string');
  assert.equal('num' in json, false);
  return true;
};

for (const server of ['nginx', 'apache']) {
  test(`while PostgreSQL is down every call is a 503, through ${server}`, async (t) => {
    const stack = await startStack(t, { server, ownCluster: true });
    const user = '42';
    const message = { to: user, title: 'Tea', body: 'is ready', key: 'tea-1' };
    const first = await stack.api('POST', '/messages', { service: true, json: message });
    assert.equal(first.status, 201, first.text);
    assert.equal((await stack.api('GET', '/unread', { user })).json.num, 1);

    await stack.db.end();
    await stack.cluster.stop();
    isAway(await stack.api('GET', '/unread', { user }));
    isAway(await stack.api('GET', '/messages', { user }));
    isAway(await stack.api('POST', '/messages/read', { user, json: { all: true } }));
    isAway(await stack.api('POST', '/messages', { service: true, json: { ...message, key: 'tea-2' } }));
    assert.equal((await stack.api('GET', '/health')).status, 503);

    await stack.cluster.start();
    stack.db = await stack.connectDatabase();
    const back = await until('the app to be back', async () => {
      const answer = await stack.api('GET', '/unread', { user });
      return answer.status === 200 && answer;
    });
    assert.equal(back.json.num, 1);

    // A worker tries its connection at another moment than the one that checks.
    const again = await until('sends to be back', async () => {
      const answer = await stack.api('POST', '/messages', { service: true, json: message });
      return answer.status !== 503 && answer;
    });
    assert.deepEqual([again.status, again.json.id, again.json.duplicate], [200, first.json.id, true]);
    const second = await until('all workers to be back', async () => {
      const answer = await stack.api('POST', '/messages', { service: true, json: { ...message, key: 'tea-2' } });
      return answer.status !== 503 && answer;
    });
    assert.deepEqual([second.status, second.json.duplicate], [201, false]);
    assert.equal((await stack.api('GET', '/unread', { user })).json.num, 2);
  });
}

test('sends that go on over restarts of PostgreSQL arrive once each', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const user = '42';
  await stack.api('GET', '/unread', { user });
  const bell = await stack.connect(user);
  let isOver = false;
  const senders = Array.from({ length: 4 }, async (_, sender) => {
    const ids = [];
    for (let n = 0; !isOver; n++) {
      const json = { to: user, title: 'Tea', body: `${n}`, key: `${sender}-${n}` };
      const { status, json: reply } = await until(`message ${sender}-${n} to be taken`, async () => {
        const answer = await stack.api('POST', '/messages', { service: true, json });
        if (answer.status === 200 || answer.status === 201) return answer;
        assert.equal(answer.status, 503, answer.text);
        return null;
      });
      assert.equal(reply.duplicate, status === 200);
      ids.push(reply.id);
    }
    return ids;
  });
  await stack.db.end();
  for (let i = 0; i < 3; i++) {
    await until('a ring', () => bell.frames.length > i);
    await (i % 2 ? stack.cluster.stop() : stack.cluster.kill());
    await stack.cluster.start();
    const from = bell.frames.length;
    await bell.next('ring', { from });
  }
  isOver = true;
  const ids = (await Promise.all(senders)).flat();
  stack.db = await stack.connectDatabase();
  assert.equal(new Set(ids).size, ids.length);
  const { json } = await stack.api('GET', '/unread', { user });
  assert.equal(json.num, ids.length);
  await bell.next((frame) => frame.type === 'ring' && frame.num === ids.length, { timeoutMs: 60_000 });
});
