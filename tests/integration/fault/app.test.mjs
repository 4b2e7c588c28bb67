// SPDX-License-Identifier: MIT
// doorbell-app is killed between commit and publish, again and again at random points: each message is
// rung, or found by the next check; what is sent again with its key is not sent twice.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { startStack } from '../../harness/stack.mjs';
import { until } from '../../harness/wait.mjs';

const KILLS = 50;
const user = '42';

const trySend = (stack, json) => stack.api('POST', '/messages', { service: true, json }).catch(() => ({ status: 0 }));

async function isStored(stack, key) {
  const { rows } = await stack.db.query('SELECT count(*)::integer AS n FROM doorbell.send_key WHERE key = $1', [key]);
  return rows[0].n === 1;
}

test(`the app killed ${KILLS} times at random points loses no message and doubles none`, async (t) => {
  const stack = await startStack(t);
  await stack.api('GET', '/unread', { user });
  const bell = await stack.connect(user);
  let storedUnanswered = 0;
  for (let n = 1; n <= KILLS; n++) {
    const message = { to: user, title: 'Tea', body: `number ${n}`, key: `key-${n}` };
    const cutOff = trySend(stack, message);
    await delay(randomInt(0, 12)); // the random point
    await stack.app.kill();
    const first = await cutOff;
    const wasStored = await isStored(stack, message.key);
    if (first.status === 201) assert.ok(wasStored, 'what was answered is kept');

    await stack.app.start();
    const again = await trySend(stack, message);
    // PostgreSQL may have gone on with the statement of the killed app after we looked.
    assert.equal(again.status, again.json.duplicate ? 200 : 201, again.text);
    if (wasStored) assert.ok(again.json.duplicate, 'the same key is the same message');
    if (first.status === 201) assert.equal(again.json.id, first.json.id);
    if (again.json.duplicate && first.status !== 201) storedUnanswered++;

    const { json } = await stack.api('GET', '/unread', { user });
    assert.equal(json.num, n, 'the next check finds it');
  }
  t.diagnostic(`${storedUnanswered} of ${KILLS} were stored and not answered`);

  // What a killed app had claimed is rung by its successor.
  await until(
    'the outbox to be delivered',
    async () => {
      const { rows } = await stack.db.query('SELECT count(*)::integer AS depth FROM doorbell.outbox');
      return rows[0].depth === 0;
    },
    { timeoutMs: 90_000 },
  );
  const { json } = await stack.api('GET', '/unread', { user });
  const rings = bell.frames.filter(({ type }) => type === 'ring');
  assert.ok(
    rings.some((ring) => ring.num === KILLS && ring.version === json.version),
    `the last state was rung: ${JSON.stringify(rings.at(-1))}, not ${JSON.stringify(json)}`,
  );
});

test('an app that has answered, and is killed before it rings, rings when it is back', async (t) => {
  const stack = await startStack(t);
  await stack.api('GET', '/unread', { user });
  const bell = await stack.connect(user);
  await stack.app.kill();
  // A site that shares the database sends in its own transaction while no app is there.
  const { rows } = await stack.db.query(
    `SELECT id FROM doorbell.send(to_users => ARRAY['42'], title => 'Tea', body => 'is ready')`,
  );
  await stack.app.start();
  const ring = await bell.next('ring');
  assert.equal(ring.id, Number(rows[0].id));
  assert.equal(ring.num, 1);
});

test('the app stops in order while requests are under way', async (t) => {
  const stack = await startStack(t);
  const answers = Array.from({ length: 20 }, (_, n) => stack.api('GET', '/unread', { user: `${n}` }));
  await Promise.race(answers);
  await stack.app.stop();
  for (const { status } of await Promise.all(answers)) assert.ok([200, 502, 503].includes(status), String(status));
});
