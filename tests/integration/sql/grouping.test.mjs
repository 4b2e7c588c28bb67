// SPDX-License-Identifier: MIT
// Messages with the same group_key: one row of the grouped list, whatever becomes of its members. property.test.mjs compares it with
// a model over random histories.
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

const like = (db, sender, more) => send(db, { to_users: ['u'], title: 't', sender, group_key: 'like:1', ...more });
const single = (db, more) => send(db, { to_users: ['u'], title: 't', ...more });
const ids = (page) => page.messages.map(({ id }) => id);

async function grouped(db, { state = 'all', category = null, before = null, limit = 100 } = {}) {
  return (await row(db, 'SELECT doorbell.list($1, $2, $3, $4, $5, grouped => true) AS page', ['u', state, category, before, limit])).page;
}

async function membersOf(db, key, { state = 'all', before = null, limit = 100 } = {}) {
  return (await row(db, 'SELECT doorbell.list($1, $2, NULL, $3, $4, group_key => $5) AS page', ['u', state, before, limit, key])).page;
}

/** All pages of the grouped list. */
async function pagesOf(db, query) {
  const pages = [];
  let before = null;
  do {
    pages.push(await grouped(db, { ...query, before }));
    before = pages.at(-1).next;
  } while (before);
  return pages;
}

const groupOf = async (db, query) => (await grouped(db, query)).messages.find(({ group_key: key }) => key === 'like:1')?.group ?? null;
const group = (count, unread, senders, others = 0) => ({ key: 'like:1', count, unread, senders, others });

test('a group is its newest message, with the newest three senders', async (t) => {
  const db = await open(t);
  await like(db, 'Ann');
  const alone = await single(db);
  await like(db, 'Bob');
  await like(db, null);
  await like(db, 'Ann');
  await like(db, 'Cy');
  const other = await single(db, { group_key: 'like:2' });
  const last = await like(db, 'Dee');
  const page = await grouped(db);
  assert.deepEqual(ids(page), [last.id, other.id, alone.id]);
  assert.deepEqual(page.messages.map((m) => m.group), [group(6, 6, ['Dee', 'Cy', 'Ann'], 1), { key: 'like:2', count: 1, unread: 1, senders: [], others: 0 }, null]);
  assert.equal(page.num, 8, 'each is counted');
  const plain = (await call(db, 'list', 'u')).list;
  assert.equal(plain.messages.length, 8);
  assert.deepEqual([plain.messages[0].group_key, plain.messages[0].group], ['like:1', undefined]);
});

test('an older member is on no later page', async (t) => {
  const db = await open(t);
  for (const key of ['a', null, 'b', 'a', 'c', null, 'b', 'a']) await single(db, { group_key: key });
  await send(db, { to_all: true, title: 't' });
  const whole = await grouped(db);
  assert.deepEqual(whole.messages.map((m) => m.group_key), [null, 'a', 'b', null, 'c', null]);
  for (const limit of [1, 2, 3]) assert.deepEqual((await pagesOf(db, { limit })).flatMap(ids), ids(whole), `${limit} a page`);
});

test('read, archived, deleted, recalled, replaced, expired and muted members leave the group', async (t) => {
  const db = await open(t);
  const sent = [];
  for (const sender of ['Ann', 'Bob', 'Cy', 'Dee', 'Eve', 'Fay', 'Gus']) sent.push((await like(db, sender, { category: sender === 'Gus' ? 'ads' : 'likes' })).id);
  const [ann, bob, cy, dee, eve] = sent;
  await call(db, 'mark_read', 'u', eve);
  assert.deepEqual(await groupOf(db), group(7, 6, ['Gus', 'Fay', 'Eve'], 4));
  assert.deepEqual(await groupOf(db, { state: 'unread' }), group(6, 6, ['Gus', 'Fay', 'Dee'], 3));
  assert.deepEqual(await groupOf(db, { category: 'ads' }), group(1, 1, ['Gus']));
  await call(db, 'mute', 'u', ['ads']);
  assert.deepEqual(await groupOf(db), group(6, 5, ['Fay', 'Eve', 'Dee'], 3));
  await call(db, 'archive', 'u', dee);
  assert.deepEqual(await groupOf(db, { state: 'archived' }), group(1, 0, ['Dee']));
  await call(db, 'remove', 'u', cy);
  await call(db, 'recall', bob);
  assert.deepEqual(await groupOf(db), group(3, 2, ['Fay', 'Eve', 'Ann']));
  await db.query("UPDATE doorbell.inbox SET expires_at = clock_timestamp() - interval '1 s' WHERE message_id = $1", [sent[5]]);
  assert.deepEqual(await groupOf(db), group(2, 1, ['Eve', 'Ann']), 'from that instant, swept or not');
  await like(db, 'Hal', { subject_type: 'post', subject_id: '1' });
  await like(db, 'Ida', { subject_type: 'post', subject_id: '1', replace: true });
  assert.deepEqual(await groupOf(db), group(3, 2, ['Ida', 'Eve', 'Ann']));
  await call(db, 'mute', 'u', []);
  assert.deepEqual(await groupOf(db), group(4, 3, ['Ida', 'Gus', 'Eve'], 1));
  assert.equal((await row(db, "SELECT doorbell.explain('u', $1) AS why", [ann])).why.reason, 'unread', 'a member is visible still');
});

test('a scheduled member joins its group when it is delivered', async (t) => {
  const db = await open(t);
  await like(db, 'Ann');
  await like(db, 'Bob', { later: true });
  assert.deepEqual(await groupOf(db), group(1, 1, ['Ann']));
  await call(db, 'activate');
  assert.deepEqual(await groupOf(db), group(2, 2, ['Bob', 'Ann']));
});

test('the members of a group are listed each', async (t) => {
  const db = await open(t);
  const sent = [];
  for (let i = 0; i < 5; i++) sent.unshift((await like(db, 'Ann')).id);
  await single(db);
  await single(db, { group_key: 'like:2' });
  await send(db, { to_all: true, title: 't' });
  assert.deepEqual(ids(await membersOf(db, 'like:1')), sent);
  const first = await membersOf(db, 'like:1', { limit: 2 });
  const second = await membersOf(db, 'like:1', { limit: 2, before: first.next });
  const third = await membersOf(db, 'like:1', { limit: 2, before: second.next });
  assert.deepEqual([...ids(first), ...ids(second), ...ids(third)], sent);
  assert.equal(third.next, null);
  assert.deepEqual(ids(await membersOf(db, 'like:1', { state: 'archived' })), []);
  assert.deepEqual(ids(await membersOf(db, 'none')), []);
  // A position of this list marks nothing that it could not show.
  assert.equal((await call(db, 'mark_read_upto', 'u', first.position)).changed, 0);
  assert.equal((await call(db, 'mark_read_part', 'u', second.position, 500, 'like:1')).changed, 3);
  for (const wrong of ['', 'a\nb', 'x'.repeat(256)]) await assert.rejects(membersOf(db, wrong), { code: 'DB422' });
  await assert.rejects(call(db, 'list', 'u', 'all', null, null, 20, null, [], true, 'like:1'), { code: 'DB422', message: /leave out grouped/ });
});

for (const [name, more, state] of [
  ['mark_read_part', [], 'unread'],
  ['archive_part', [null, false], 'all'],
  ['remove_part', [null, false], 'all'],
]) {
  test(`${name} of a group: its members and nothing else, in parts, and with a position nothing newer`, async (t) => {
    const db = await open(t);
    const part = (position, size, key = 'like:1') => call(db, name, 'u', position, ...more, size, key);
    for (let i = 0; i < 5; i++) await like(db, 'Ann');
    const others = [(await single(db)).id, (await single(db, { group_key: 'like:2' })).id];
    others.push((await send(db, { to_all: true, title: 't' })).id);
    const { position } = await grouped(db);
    const late = await like(db, 'Bob');
    let next = position;
    let changed = 0;
    do {
      const done = await part(next, 2);
      changed += done.changed;
      next = done.next;
    } while (next);
    assert.equal(changed, 5);
    assert.deepEqual(ids(await membersOf(db, 'like:1', { state })), [late.id]);
    assert.equal((await part(null, 500)).changed, 1);
    assert.equal((await part(null, 500)).changed, 0);
    assert.deepEqual(ids(await grouped(db, { state: 'unread' })).sort(), others.sort());
    for (const wrong of ['', 'a\nb', 'x'.repeat(256)]) await assert.rejects(part(null, 500, wrong), { code: 'DB422' });
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  });
}

test('a group of many is told of up to 100 members', async (t) => {
  const db = await open(t);
  await db.query("SELECT s.id FROM generate_series(1, 120) i CROSS JOIN LATERAL doorbell.send(to_users => '{u}', title => 't', sender => 'S' || i, group_key => 'like:1') s");
  assert.deepEqual(await groupOf(db), group(100, 100, ['S120', 'S119', 'S118'], 97));
});

test('a group is unread as long as one of its messages is, however old', async (t) => {
  const db = await open(t);
  const ids = [];
  for (let i = 0; i < 102; i++) ids.push((await like(db, `S${i}`)).id);
  await call(db, 'mark_read_ids', 'u', ids.slice(2));
  const { messages, num } = await grouped(db);
  assert.deepEqual([num, messages[0].group.unread, messages[0].group.count], [2, 2, 100]);
});

// One group that hides 24,000 of its members: a page looks at 10,000 messages at most.
test('a page that would have to pass by too many is a short one, and none is lost', async (t) => {
  const db = await open(t);
  await single(db, { title: 'oldest' });
  await send(db, { to_all: true, title: 'older' });
  await db.query(`WITH m AS (
      INSERT INTO doorbell.message (id, seq, live, recipients, sent_at, title, group_key)
      SELECT nextval('doorbell.seq'), currval('doorbell.seq'), true, 1, now(), 'm' || i, CASE WHEN i % 6000 > 0 THEN 'like:1' END FROM generate_series(1, 24000) i
      RETURNING id, seq, group_key)
    INSERT INTO doorbell.inbox (message_id, user_id, seq, group_key) SELECT id, 'u', seq, group_key FROM m`);
  await send(db, { to_all: true, title: 'newest' });
  const pages = await pagesOf(db, { limit: 20 });
  const titles = pages.map(({ messages }) => messages.map(({ title }) => title));
  assert.deepEqual(titles.flat(), ['newest', 'm24000', 'm23999', 'm18000', 'm12000', 'm6000', 'older', 'oldest']);
  assert.deepEqual(titles[0], ['newest', 'm24000', 'm23999']);
  assert.equal(pages.length, 5);
  assert.equal(pages[0].messages[2].group.count, 100);
});
