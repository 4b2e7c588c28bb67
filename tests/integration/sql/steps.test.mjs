// SPDX-License-Identifier: MIT
// The step of a message to everybody: what its ring says, when it says no more than to ask, and what a page has to know to compute
// its number from it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

async function open(t) {
  const db = await (await openDatabase(t, cluster)).connect();
  await check(db, 'u');
  return db;
}

const toAll = (more) => ({ to_all: true, title: 't', ...more });

// The rings to everybody that wait, which then do not wait any more.
async function ringAll(db, hitWindow = 300) {
  const waiting = (await rows(db, 'SELECT id FROM doorbell.outbox_waiting(NULL, 100, 60)')).map(({ id }) => id);
  const taken = await rows(db, 'SELECT ring FROM doorbell.outbox_take($1, NULL, 5, $2)', [waiting, hitWindow]);
  await call(db, 'outbox_done', waiting);
  return taken.map(({ ring }) => ring).filter((ring) => ring?.all);
}

test('the ring of one new message to everybody carries the step', async (t) => {
  const db = await open(t);
  const { id: first } = await send(db, toAll());
  const before = await check(db, 'u');
  await ringAll(db);
  const { id } = await send(db, toAll({ category: 'news' }));
  const { seq, num, version, latest, hit } = await check(db, 'u');
  const [{ epoch, ...ring }] = await ringAll(db);
  assert.deepEqual(ring, { all: true, from: before.seq, seq, add: 1, category: 'news', critical: false, young: true, id });
  assert.deepEqual([num, version, latest, hit, before.latest], [before.num + 1, before.version, id, 1, first]);
  assert.equal(epoch, (await row(db, 'SELECT epoch::text FROM doorbell.current_epoch')).epoch);
});

test('a step says whether its category is critical, and whether the message is young', async (t) => {
  const db = await open(t);
  await call(db, 'category_set', 'alarm', true);
  await ringAll(db);
  await send(db, toAll({ category: 'alarm' }));
  assert.deepEqual((await ringAll(db)).map(({ category, critical, young }) => [category, critical, young]), [['alarm', true, true]]);
  await send(db, toAll());
  assert.deepEqual((await ringAll(db, 0)).map(({ category, critical, young }) => [category, critical, young]), [[null, false, false]]);
});

test('a scheduled message makes a step when it is delivered', async (t) => {
  const db = await open(t);
  const { id } = await send(db, toAll({ later: true }));
  assert.deepEqual(await ringAll(db), []);
  await call(db, 'activate');
  assert.deepEqual((await ringAll(db)).map((ring) => [ring.from, ring.id]), [[0, id]]);
});

test('events of groups leave the step as it is', async (t) => {
  const db = await open(t);
  await call(db, 'group_change', 'g', ['v'], null);
  await send(db, toAll());
  await send(db, { to_group: 'g', title: 't' });
  assert.deepEqual((await ringAll(db)).map(({ from }) => from), [0]);
});

const noSteps = {
  'a message that supersedes others': (db) => send(db, toAll({ subject_type: 's', subject_id: '1', replace: true })),
  'two messages in one call': async (db) => {
    await send(db, toAll());
    await send(db, toAll());
  },
  'two scheduled ones in one transaction': async (db) => {
    await send(db, toAll({ later: true }));
    await send(db, toAll({ later: true }));
    await call(db, 'activate');
  },
  'a recall': async (db) => {
    const { id } = await send(db, toAll());
    await ringAll(db);
    await call(db, 'recall', id);
  },
  'a message that was recalled meanwhile': async (db) => call(db, 'recall', (await send(db, toAll())).id),
  'a message that has expired, swept or not': async (db) => {
    const { id } = await send(db, toAll({ expires_in: 100 }));
    await db.query("UPDATE doorbell.message SET expires_at = now() - interval '1 s' WHERE id = $1", [id]);
  },
  'an expiry': async (db) => {
    const { id } = await send(db, toAll({ expires_in: 100 }));
    await ringAll(db);
    await db.query("UPDATE doorbell.message SET expires_at = now() - interval '1 s' WHERE id = $1", [id]);
    await call(db, 'sweep');
  },
  'a category that becomes critical': (db) => call(db, 'category_set', 'alarm', true),
  'a message with a later event, whose ring is not taken with it': async (db) => {
    await send(db, toAll());
    await call(db, 'category_set', 'alarm', true);
    await db.query('DELETE FROM doorbell.outbox WHERE step_from IS NULL');
  },
};

for (const [what, happen] of Object.entries(noSteps)) {
  test(`no step for ${what}`, async (t) => {
    const db = await open(t);
    await happen(db);
    const told = await ringAll(db);
    assert.equal(told.length, 1);
    assert.deepEqual(Object.keys(told[0]), ['all', 'seq', 'epoch']);
  });
}

test('a large group rings everybody without a step', async (t) => {
  const db = await open(t);
  await call(db, 'group_change', 'g', ['v', 'w'], null);
  await send(db, { to_group: 'g', title: 't' });
  const [{ ring }] = await rows(db, 'SELECT ring FROM doorbell.outbox_rings(ARRAY(SELECT o.id FROM doorbell.outbox o WHERE o.feed_id > 1), 300, 1)');
  assert.deepEqual(Object.keys(ring), ['all', 'seq', 'epoch']);
});

test('an answer tells groups and mutes, and scope moves with these and with nothing else', async (t) => {
  const db = await open(t);
  const terms = async () => {
    const { scope, groups, muted } = await check(db, 'u');
    return { scope, groups, muted };
  };
  assert.deepEqual(await terms(), { scope: 0, groups: 0, muted: [] });
  const { id } = await send(db, { to_users: ['u'], title: 't', category: 'news' });
  await call(db, 'mark_read', 'u', id);
  await call(db, 'category_set', 'alarm', false);
  assert.deepEqual(await terms(), { scope: 0, groups: 0, muted: [] });

  const steps = [
    [() => call(db, 'group_change', 'g', ['u'], null), { groups: 1, muted: [] }],
    [() => call(db, 'mute', 'u', ['news', 'alarm']), { groups: 1, muted: ['alarm', 'news'] }],
    [() => call(db, 'group_change', 'g', null, ['u']), { groups: 0, muted: ['alarm', 'news'] }],
  ];
  let { scope: last } = await terms();
  for (const [change, expected] of steps) {
    await change();
    const { scope, ...rest } = await terms();
    assert.deepEqual(rest, expected);
    assert.ok(scope > last);
    last = scope;
    await change();
    assert.equal((await terms()).scope, last, 'the same again is no change');
  }
  // Muted by name still, yet shown: an event of everybody's feed tells of it.
  const { seq } = await check(db, 'u');
  await call(db, 'category_set', 'alarm', true);
  assert.deepEqual(await terms(), { scope: last, groups: 0, muted: ['news'] });
  assert.ok((await check(db, 'u')).seq > seq);
});

test('the ring of one user names their scope', async (t) => {
  const db = await open(t);
  await call(db, 'group_change', 'g', ['u'], null);
  const { scope, version } = await check(db, 'u');
  const [{ ring }] = await rows(db, 'SELECT ring FROM doorbell.outbox_rings(ARRAY(SELECT o.id FROM doorbell.outbox o))');
  assert.deepEqual([ring.scope, ring.version], [scope, version]);
  assert.ok(scope > 0);
});
