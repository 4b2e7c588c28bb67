// SPDX-License-Identifier: MIT
// doorbell.recall_matching(): what it takes back and what not, in parts, under which locks.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list, untilWaiting } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const tomorrow = new Date(Date.now() + 86400_000);
const ids = (page) => page.messages.map((m) => m.id);
const names = ['subject_type', 'subject_id', 'sender', 'category', 'since', 'before', 'max_rows', 'max_looked'];
const order7 = { subject_type: 'order', subject_id: '7' };

async function open(t, n = 1) {
  const database = await openDatabase(t, cluster);
  const clients = await Promise.all(Array.from({ length: n }, () => database.connect()));
  await check(clients[0], 'u');
  return n === 1 ? clients[0] : clients;
}

const part = (db, args) => {
  const given = names.filter((name) => name in args);
  return row(db, `SELECT * FROM doorbell.recall_matching(${given.map((name, i) => `${name} => $${i + 1}`).join(', ')})`, given.map((name) => args[name]));
};

/** Every part, up to the end: how many each took back. */
async function recall(db, args) {
  const taken = [];
  for (let before; before !== null;) {
    const { recalled, next } = await part(db, before ? { ...args, before } : args);
    taken.push(recalled);
    before = next;
  }
  return taken;
}

const total = async (db, args) => (await recall(db, args)).reduce((a, b) => a + b, 0);
const recalledIds = async (db) => (await rows(db, 'SELECT id FROM doorbell.message WHERE recalled_at IS NOT NULL ORDER BY id')).map(({ id }) => id);

async function assertExact(db) {
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

test('recall_matching refuses', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['u'], title: 't', category: 'ads', sender: 'Shop' });
  for (const [what, args, code = 'DB422'] of [
    ['nothing to go by', {}],
    ['a time alone', { since: tomorrow }],
    ['half a subject', { subject_type: 'order' }],
    ['the other half', { subject_id: '7' }],
    ['half a subject with a category', { subject_id: '7', category: 'ads' }],
    ['an empty sender', { sender: '' }],
    ['an empty category', { category: '' }],
    ['a sender of 256 characters', { sender: 'x'.repeat(256) }],
    ['a limit of 0', { sender: 'Shop', max_rows: 0 }],
    ['a limit of 1,001', { sender: 'Shop', max_rows: 1001 }],
    ['no limit', { sender: 'Shop', max_rows: null }],
    ['to look at nothing', { sender: 'Shop', max_looked: 0 }],
    ['to look at too many', { sender: 'Shop', max_looked: 100001 }],
    ...['', 'x', 'r1-', 'r1-waiting', 'r1-sent-', 'r1-sent-x', 'r1-sent--1', 'r1-waiting-9999999999999999999', 'c1-00000000-5']
      .map((before) => [`a cursor ${before}`, { sender: 'Shop', before }]),
    ['an unknown category', { category: 'adds' }, 'DB404'],
  ]) {
    await assert.rejects(part(db, args), { code }, what);
  }
  assert.deepEqual(await recalledIds(db), []);
});

const audiences = [{ to_users: ['u', 'v'] }, { to_group: 'g' }, { to_all: true }];

for (const [by, meant, others] of [
  ['subject', order7, [{ subject_type: 'order', subject_id: '8' }, { subject_type: 'orde', subject_id: 'r7' }, {}]],
  ['sender', { sender: 'Shop' }, [{ sender: 'shop' }, {}]],
  ['category', { category: 'ads' }, [{ category: 'news' }, {}]],
  ['all together', { ...order7, sender: 'Shop', category: 'ads' }, [{ ...order7, sender: 'Shop' }, { sender: 'Shop', category: 'ads' }, { ...order7, category: 'ads' }]],
]) {
  test(`recall by ${by}: every audience, read, replaced and waiting ones, and no other`, async (t) => {
    const db = await open(t);
    await call(db, 'group_join', 'g', 'u');
    const [taken, kept] = [[], []];
    for (const audience of audiences) {
      for (const more of [{}, { send_at: tomorrow }, { later: true }, { ack: true }]) {
        taken.push((await send(db, { ...audience, title: 't', ...meant, ...more })).id);
        for (const other of others) kept.push((await send(db, { ...audience, title: 't', ...other, ...more })).id);
      }
    }
    await call(db, 'mark_read_ids', 'u', [taken[0], taken[4], taken[8], kept[0]]);
    await call(db, 'archive', 'u', taken[4]);
    if (meant.subject_type) {
      for (const audience of audiences) await send(db, { ...audience, title: 't', ...meant, replace: true });
    }
    const before = await check(db, 'u');
    const more = meant.subject_type ? 3 : 0;
    assert.equal(await total(db, meant), taken.length + more);
    assert.deepEqual((await recalledIds(db)).filter((id) => id <= Math.max(...taken, ...kept)), taken.sort((a, b) => a - b));
    const shown = ids(await list(db, 'u'));
    assert.ok(shown.length > 0 && shown.every((id) => kept.includes(id)));
    assert.deepEqual(ids(await list(db, 'u', { state: 'archived' })), []);
    assert.ok((await check(db, 'u')).num < before.num);
    while ((await call(db, 'activate')).activate > 0);
    assert.ok(ids(await list(db, 'u')).every((id) => kept.includes(id)));
    assert.equal(await total(db, meant), 0);
    await assertExact(db);
  });
}

test('what was recalled or has expired already is not counted, and since goes no further back', async (t) => {
  const db = await open(t);
  const args = { title: 't', sender: 'Shop' };
  const sent = [];
  for (let i = 0; i < 6; i++) sent.push((await send(db, { ...args, ...audiences[i % 3], expires_in: i < 3 ? 60 : null })).id);
  await db.query("UPDATE doorbell.message SET expires_at = now() - interval '1 s' WHERE id = $1", [sent[0]]);
  await db.query("UPDATE doorbell.message SET sent_at = sent_at - interval '1 d' WHERE id = $1", [sent[1]]);
  await call(db, 'recall', sent[2]);
  const since = new Date(Date.now() - 3600_000);
  assert.equal(await total(db, { sender: 'Shop', since, max_rows: 1 }), 3);
  assert.deepEqual(await recalledIds(db), sent.slice(2));
  assert.equal(await total(db, { sender: 'Shop' }), 1);
  assert.deepEqual(await recalledIds(db), sent.slice(1));
});

test('in parts of every size nothing is missed, whatever has the same time', async (t) => {
  const db = await open(t);
  for (const [max_rows, max_looked] of [[1, 1], [2, 3], [3, 2], [7, 5], [1000, 1], [1, 1000], [100, 10000]]) {
    await db.query('BEGIN');
    const taken = [];
    for (let i = 0; i < 40; i++) {
      const more = i % 5 === 0 ? { send_at: tomorrow } : {};
      const { id } = await send(db, { ...audiences[i * 7 % 3], title: 't', sender: i % 3 ? 'Shop' : 'Other', ...more });
      if (i % 3) taken.push(id);
    }
    await db.query("UPDATE doorbell.message SET sent_at = date_trunc('second', sent_at) WHERE id % 2 = 0 AND sent_at IS NOT NULL");
    const parts = await recall(db, { sender: 'Shop', max_rows, max_looked });
    assert.ok(parts.every((n) => n <= max_rows), `${parts}`);
    assert.deepEqual(await recalledIds(db), taken, `${max_rows} of ${max_looked}: ${parts}`);
    await assertExact(db);
    await db.query('ROLLBACK');
  }
});

test('a part is of broadcasts or of lists, and of these to few enough users', async (t) => {
  const db = await open(t);
  const users = Array.from({ length: 6000 }, (_, i) => `m${i}`);
  for (const audience of [{ to_users: users }, { to_all: true }, { to_users: users.slice(1) }, { to_group: 'g' }, { to_users: ['u'] }, { to_users: users }]) {
    await send(db, { ...audience, title: 't', sender: 'Shop' });
  }
  const lists = await rows(db, 'SELECT id FROM doorbell.message WHERE feed_id IS NULL ORDER BY id DESC');
  const first = await part(db, { sender: 'Shop' });
  assert.equal(first.recalled, 2);
  assert.deepEqual(await rows(db, 'SELECT feed_id FROM doorbell.message WHERE recalled_at IS NOT NULL AND feed_id IS NULL'), []);
  const second = await part(db, { sender: 'Shop', before: first.next });
  assert.equal(second.recalled, 3); // 6,000, 1 and 5,999 users; a fourth would be 18,000 in all
  assert.deepEqual(await recalledIds(db).then((all) => all.filter((id) => lists.some((one) => one.id === id))), lists.slice(0, 3).map(({ id }) => id).reverse());
  assert.deepEqual(await part(db, { sender: 'Shop', before: second.next }), { recalled: 1, next: null });
  await assertExact(db);
});

test('those who had one are rung, once a part, and the feeds', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['u', 'v'], title: 't', sender: 'Shop' });
  await send(db, { to_users: ['u', 'w'], title: 't', sender: 'Shop' });
  await send(db, { to_users: ['x'], title: 't' });
  for (let i = 0; i < 3; i++) await send(db, { to_all: true, title: 't', sender: 'Shop' });
  await db.query('DELETE FROM doorbell.outbox');
  await recall(db, { sender: 'Shop' });
  assert.deepEqual(await rows(db, 'SELECT user_ids, feed_id, step_from FROM doorbell.outbox ORDER BY id'),
    [{ user_ids: null, feed_id: 1, step_from: null }, { user_ids: ['u', 'v', 'w'], feed_id: null, step_from: null }]);
  assert.equal((await check(db, 'u')).num, 0);
});

test('lists are recalled while another transaction holds the broadcast lock; broadcasts wait for it', async (t) => {
  const [holder, other, watcher] = await open(t, 3);
  await send(other, { to_users: ['u'], title: 't', sender: 'Lists' });
  await send(other, { to_all: true, title: 't', sender: 'All' });
  await holder.query('BEGIN');
  await send(holder, { to_all: true, title: 'open' });
  assert.equal(await total(other, { sender: 'Lists' }), 1);
  const waiting = total(other, { sender: 'All' });
  await untilWaiting(watcher, other.pid);
  await holder.query('COMMIT');
  assert.equal(await waiting, 1);
  await assertExact(watcher);
});

test('two recalls of the same many, sends, marks and an erasure at once: no deadlock, and every message is taken once', async (t) => {
  const clients = await open(t, 7);
  const users = Array.from({ length: 20 }, (_, i) => `m${i}`);
  const [db] = clients;
  for (let round = 0; round < 5; round++) {
    const sent = [];
    for (let i = 0; i < 30; i++) {
      const audience = i % 4 ? { to_users: users.filter((_, n) => (n + i) % 3) } : audiences[1 + i % 8 / 4];
      sent.push((await send(db, { ...audience, title: 't', sender: 'Shop', send_at: i % 7 ? null : tomorrow })).id);
    }
    const some = [...sent].reverse();
    const [one, two] = await Promise.all([
      total(clients[0], { sender: 'Shop', max_rows: 4 }),
      total(clients[1], { sender: 'Shop', max_rows: 7, max_looked: 9 }),
      (async () => { for (const user of users) await call(clients[2], 'mark_read_all', user); })(),
      (async () => { for (const user of [...users].reverse()) await send(clients[3], { to_users: [user, 'm3', 'm11'], title: 'new', sender: 'Other' }); })(),
      (async () => { for (const user of ['m5', 'm6']) await call(clients[4], 'erase', user); })(),
      (async () => { for (const id of some.slice(0, 9)) await call(clients[5], 'recall', id); })(),
      (async () => { for (let i = 0; i < 5; i++) await call(clients[6], 'activate'); })(),
    ]);
    assert.ok(one + two <= sent.length && one + two >= sent.length - 9, `${one} + ${two}`);
    assert.deepEqual(await rows(db, 'SELECT id FROM doorbell.message WHERE recalled_at IS NULL AND id = ANY ($1)', [sent]), []);
    await assertExact(db);
  }
});
