// SPDX-License-Identifier: MIT
// What was stamped while the clock of the database was wrong decides nothing about what comes later, and can be set right.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Clock, DAY, HOUR, TEN_YEARS } from '../../harness/clock.mjs';
import { startCluster, openDatabase, row, rows, send, call, check } from '../../harness/sql.mjs';

const clock = await Clock.make(test);
const cluster = await startCluster(null, { env: clock.env });
test.after(() => cluster.remove());

const toAll = (args = {}) => ({ to_all: true, title: 't', ...args });
const toUser = (user, args = {}) => ({ to_users: [user], title: 't', ...args });

// A database in which the clock is right until the test says otherwise.
async function open(t) {
  t.after(() => clock.set(0));
  await clock.set(0);
  return (await openDatabase(t, cluster)).connect();
}

async function at(seconds, step) {
  await clock.set(seconds);
  try {
    return await step();
  } finally {
    await clock.set(0);
  }
}

// How far in the future the message was sent, in seconds.
const ahead = async (db, { id }) =>
  (await row(db, 'SELECT extract(epoch FROM sent_at - clock_timestamp())::float8 AS s FROM doorbell.message WHERE id = $1', [id])).s;

const stepsOf = [['an hour ahead', HOUR], ['an hour behind', -HOUR], ['ten years ahead', TEN_YEARS], ['ten years behind', -TEN_YEARS]];

async function isCounted(db) {
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

for (const [name, seconds] of stepsOf) {
  test(`a clock that was ${name} dates no later message`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    await at(seconds, () => send(db, toAll()));
    for (const later of [false, true]) {
      const sent = await send(db, toAll({ later, expires_in: 100 }));
      await call(db, 'activate');
      assert.ok(Math.abs(await ahead(db, sent)) < 30);
    }
    assert.equal((await check(db, 'u')).num, 3);
    assert.equal((await at(200, () => check(db, 'u'))).num, 1);
    await isCounted(db);
  });

  test(`what is sent for later by a clock that was ${name} waits for no clock`, async (t) => {
    const db = await open(t);
    for (const user of ['u', 'v']) await check(db, user);
    await at(seconds, async () => {
      await send(db, toUser('u', { later: true }));
      await send(db, toAll({ later: true }));
    });
    while ((await call(db, 'activate')).activate > 0);
    assert.deepEqual([(await check(db, 'u')).num, (await check(db, 'v')).num], [2, 1]);
  });

  test(`a report by a clock that was ${name} is made anew`, async (t) => {
    const db = await open(t);
    const sent = await send(db, toUser('u'));
    const read = async () => (await row(db, 'SELECT doorbell.sent($1) AS report', [sent.id])).report.read;
    assert.equal(await at(seconds, read), 0);
    await check(db, 'u');
    await call(db, 'mark_read', 'u', sent.id);
    assert.equal(await read(), 1);
  });

  test(`a ring by a clock that was ${name} keeps no older ring waiting`, async (t) => {
    const db = await open(t);
    await at(seconds, () => send(db, toUser('u')));
    await at(-600, () => send(db, toUser('v')));
    await rows(db, "SELECT * FROM doorbell.outbox_waiting('{}', 100, 300)");
    const left = await rows(db, 'SELECT user_ids, seq FROM doorbell.outbox');
    assert.ok(left.some(({ seq }) => seq === null), JSON.stringify(left));
    assert.ok(!left.some(({ user_ids: users }) => users?.[0] === 'v'), JSON.stringify(left));
  });
}

test('a newcomer sees no old message because a clock was ten years ahead', async (t) => {
  const db = await open(t);
  await at(-30 * DAY, () => send(db, toAll()));
  await at(TEN_YEARS, () => send(db, toAll()));
  await at(-20 * DAY, () => send(db, toAll()));
  assert.equal((await check(db, 'u')).num, 0);
  await send(db, toAll());
  assert.equal((await check(db, 'v')).num, 1);
});

async function timesOf(db) {
  const found = await rows(db, `SELECT round(extract(epoch FROM sent_at - clock_timestamp()) / 86400)::integer AS day,
    extract(epoch FROM expires_at - sent_at)::integer AS life FROM doorbell.message ORDER BY seq`);
  return found.map(({ day, life }) => [day, life]);
}

test('repair_times puts messages between their neighbours, with their expiry', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v']) await check(db, user);
  const sendAt = (day, args) => at(day * DAY, () => send(db, args));
  await sendAt(-9, toAll());
  await sendAt(3650, toAll({ expires_in: 40 * 86400 }));
  await sendAt(3650, toUser('u', { expires_in: 40 * 86400 }));
  await sendAt(-3650, toAll());
  await sendAt(-5, toUser('u'));
  await sendAt(3650, toUser('v', { key: 'k' }));
  const scheduled = await send(db, toAll({ send_at: new Date(Date.now() + 30 * 86400e3) }));
  const before = await call(db, 'unread', 'u');

  assert.equal((await call(db, 'repair_times')).repair_times, 4);
  assert.deepEqual(await timesOf(db), [[-9, null], [-9, 40 * 86400], [-9, 40 * 86400], [-9, null], [-5, null], [0, null], [null, null]]);
  const after = await call(db, 'unread', 'u');
  assert.equal(after.num, before.num);
  assert.ok(after.version > before.version && after.seq > before.seq);
  assert.equal((await at(32 * DAY, () => check(db, 'u'))).num, before.num - 2);
  assert.ok((await row(db, 'SELECT due_at > now() AS is_due_later FROM doorbell.pending WHERE message_id = $1', [scheduled.id])).is_due_later);
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.send_key WHERE at > now()')).count, 0);
  await isCounted(db);
  assert.equal((await call(db, 'repair_times')).repair_times, 0);
});

test('repair_times leaves what is right, and what another system sent', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await send(db, toUser('u', { expires_in: 100 }));
  await send(db, toAll({ expires_in: 100 }));
  const import1 = `SELECT doorbell_internal.import(ARRAY[ROW('k', 'u', 't', NULL, NULL, NULL, NULL, NULL, false,
    now() - interval '100 d', NULL)::doorbell_internal.import_row])`;
  await row(db, import1);
  await send(db, toUser('u'));
  const [times, state] = [await timesOf(db), await check(db, 'u')];
  assert.equal((await call(db, 'repair_times')).repair_times, 0);
  assert.deepEqual([await timesOf(db), await check(db, 'u')], [times, state]);
});

test('what a crash of the clock did before this layout is repaired too', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  for (let i = 0; i < 3; i++) await send(db, toAll({ expires_in: 100 }));
  await rows(db, "UPDATE doorbell.message SET sent_at = sent_at + interval '10 y', expires_at = expires_at + interval '10 y' WHERE pos > 0");
  await call(db, 'repair_times');
  assert.equal((await check(db, 'u')).num, 3);
  assert.equal((await at(200, () => check(db, 'u'))).num, 0);
  await at(200, () => call(db, 'sweep'));
  await isCounted(db);
});
