// SPDX-License-Identifier: MIT
// The relay goes and comes back: sending goes on, and rings come after.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';
import { until } from '../../harness/wait.mjs';

const outboxIsEmpty = (stack) => async () => {
  const { rows } = await stack.db.query('SELECT count(*)::integer AS depth FROM doorbell.outbox');
  return rows[0].depth === 0;
};

for (const server of ['nginx', 'apache']) {
  test(`a killed relay delays rings and loses no message, through ${server}`, async (t) => {
    const stack = await startStack(t, { server });
    const user = '42';
    const before = await stack.connect(user, { through: true });
    const send = (title) => stack.api('POST', '/messages', { service: true, json: { to: user, title, body: 'x' } });
    await send('one');
    await before.next('ring');

    await stack.relay.kill();
    await before.untilClosed();
    const meanwhile = await send('two');
    assert.equal(meanwhile.status, 201, 'sending does not need the relay');

    await stack.relay.start();
    const after = await stack.connect(user, { through: true });
    assert.equal((await stack.api('GET', '/unread', { user })).json.num, 2, 'found by the check on connecting');
    await until('the outbox to be delivered', outboxIsEmpty(stack));
    const from = after.frames.length;
    const last = await send('three');
    const ring = await after.next((frame) => frame.type === 'ring' && frame.id === last.json.id, { from });
    assert.equal(ring.num, 3);
  });
}

test('rings wait for a relay that starts late', async (t) => {
  const stack = await startStack(t, { server: 'nginx' });
  const user = '42';
  await stack.relay.kill();
  const { json } = await stack.api('POST', '/messages', { service: true, json: { to: user, title: 'Tea', body: 'x' } });
  const { rows } = await stack.db.query('SELECT count(*)::integer AS depth FROM doorbell.outbox');
  assert.equal(rows[0].depth, 1);
  await stack.relay.start();
  const bell = await stack.connect(user);
  await until('the outbox to be delivered', outboxIsEmpty(stack), { timeoutMs: 30_000 });
  // The ring came before the page was back, or comes now: the check finds the message either way.
  assert.equal((await stack.api('GET', '/unread', { user })).json.latest, json.id);
  bell.close();
});
