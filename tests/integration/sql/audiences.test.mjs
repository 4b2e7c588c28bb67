// SPDX-License-Identifier: MIT
// Messages to several groups, to all but some, and to users known before a date: which users get them, and at what cost.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const people = ['ann', 'bob', 'cat', 'dan', 'eve'];

/** A database in which these have appeared: ann is in a, bob in b, cat in both, dan in a and c, eve in none. */
async function open(t) {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  for (const user of people) await check(db, user);
  await db.query("SELECT doorbell.group_change('a', '{ann,cat,dan}', NULL), doorbell.group_change('b', '{bob,cat}', NULL), doorbell.group_change('c', '{dan}', NULL)");
  db.other = () => database.connect();
  return db;
}

/** The users whose list has the message, after having seen that the count is that of the list for everybody. */
async function whoHas(db, id) {
  const have = [];
  for (const user of people) {
    const { messages, num } = await list(db, user);
    assert.equal(messages.filter((m) => !m.read).length, num, user);
    assert.equal((await check(db, user)).num, num, user);
    if (messages.some((m) => m.id === id)) have.push(user);
    assert.equal((await call(db, 'explain', user, id)).explain.visible, have.at(-1) === user, user);
  }
  return have.join(' ');
}

const before = (ms) => new Date(Date.now() + ms);
const cases = [
  ['several groups, and nobody twice', { to_groups: ['a', 'b'] }, 'ann bob cat dan'],
  ['a group', { to_groups: ['b'] }, 'bob cat'],
  ['a group, named twice', { to_groups: ['b', 'b'] }, 'bob cat'],
  ['a group without another', { to_group: 'a', except_groups: ['c'] }, 'ann cat'],
  ['groups without others', { to_groups: ['a', 'b'], except_groups: ['c', 'nobody is here'] }, 'ann bob cat'],
  ['a group without some users', { to_group: 'a', except_users: ['ann', 'eve', 'nobody'] }, 'cat dan'],
  ['groups without a group and a user', { to_groups: ['b', 'a'], except_groups: ['c'], except_users: ['cat'] }, 'ann bob'],
  ['all without a group', { to_all: true, except_groups: ['a'] }, 'bob eve'],
  ['all without some users', { to_all: true, except_users: ['ann', 'bob', 'cat'] }, 'dan eve'],
  ['all who were known', { to_all: true, known_before: before(3600_000) }, 'ann bob cat dan eve'],
  ['all who were known long ago', { to_all: true, known_before: before(-3600_000) }, ''],
  ['of a group who were known', { to_group: 'a', known_before: before(3600_000), except_users: ['dan'] }, 'ann cat'],
  ['a new group', { to_groups: ['new', 'b'] }, 'bob cat'],
  ['no user that is excepted', { to_group: 'a', except_users: [] }, 'ann cat dan'],
];
for (const [how, more] of [['now', {}], ['later', { later: true }], ['with a key', { category: 'news' }]]) {
  test(`who has a message that is sent ${how}`, async (t) => {
    const db = await open(t);
    for (const [name, args, expected] of cases) {
      const { id, recipients } = await send(db, { title: 't', ...args, ...more, key: how === 'with a key' ? name : null });
      assert.equal(recipients, null);
      await call(db, 'activate');
      assert.equal(await whoHas(db, id), expected, name);
    }
    await db.query('SELECT doorbell.recall(id) FROM doorbell.message');
    for (const user of people) assert.equal((await check(db, user)).num, 0);
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  });
}

test('in a batch', async (t) => {
  const db = await open(t);
  const messages = cases.map(([, args]) => ({ title: 't', ...args }));
  const sent = await rows(db, 'SELECT id FROM doorbell.send_batch($1) ORDER BY n', [JSON.stringify(messages)]);
  for (const [i, { id }] of sent.entries()) assert.equal(await whoHas(db, id), cases[i][2], cases[i][0]);
});

test('a user who comes later sees what comes later, one who leaves sees nothing', async (t) => {
  const db = await open(t);
  const args = { title: 't', to_groups: ['a', 'b'], except_groups: ['c'] };
  const first = (await send(db, args)).id;
  await call(db, 'group_join', 'b', 'eve');
  const second = (await send(db, args)).id;
  assert.equal(await whoHas(db, first), 'ann bob cat');
  assert.equal(await whoHas(db, second), 'ann bob cat eve');
  const forNew = (await send(db, { ...args, to_new_users: true })).id;
  await call(db, 'group_leave', 'c', 'dan');
  assert.equal(await whoHas(db, second), 'ann bob cat dan eve', 'no group that is excepted any more');
  assert.equal(await whoHas(db, forNew), 'ann bob cat dan eve');
  await call(db, 'group_leave', 'a', 'cat');
  assert.equal(await whoHas(db, first), 'ann bob cat dan', 'still in the other');
  await call(db, 'group_leave', 'b', 'cat');
  assert.equal(await whoHas(db, first), 'ann bob dan');
  await call(db, 'group_join', 'c', 'ann');
  assert.equal(await whoHas(db, first), 'bob dan');
});

test('a user who appears later sees nothing of before to all but some, and is not known before that', async (t) => {
  const db = await open(t);
  const old = (await send(db, { title: 't', to_all: true, except_groups: ['c'] })).id;
  await call(db, 'register', 'new', before(1000));
  const young = (await send(db, { title: 't', to_all: true, except_groups: ['c'] })).id;
  const known = (await send(db, { title: 't', to_all: true, known_before: before(500) })).id;
  await call(db, 'register', 'long registered', before(-86400_000));
  const seen = async (user) => (await list(db, user)).messages.map((m) => m.id);
  assert.deepEqual(await seen('new'), [known, young]);
  assert.deepEqual(await seen('long registered'), [known, young, old]);
  await db.query("UPDATE doorbell.first_seen SET at = at + interval '1 hour' WHERE user_id = 'new'");
  assert.deepEqual(await seen('new'), [young], 'since is later than known_before, and so is the first contact');
});

test('a member who has not appeared is in it, as in a group, and of known_before is not', async (t) => {
  const db = await open(t);
  await call(db, 'category_set', 'news', false, null, null, 'https://site.example/hook');
  await call(db, 'group_change', 'a', ['zoe'], null);
  const told = async (args) => {
    const { id } = await send(db, { title: 't', category: 'news', ...args });
    const users = [];
    for (let taken; (taken = await row(db, "SELECT * FROM doorbell.webhook_take(60, 'en')"));) {
      if (taken.id !== null) users.push(...taken.call.recipients.map((r) => r.user));
    }
    return [users.includes('zoe'), (await call(db, 'explain', 'zoe', id)).explain.reason];
  };
  for (const args of [{ to_group: 'a' }, { to_groups: ['a', 'b'] }, { to_group: 'a', except_groups: ['c'] }]) {
    assert.deepEqual(await told(args), [true, 'unread'], JSON.stringify(args));
  }
  assert.deepEqual(await told({ to_group: 'a', known_before: before(3600_000) }), [false, 'excepted']);
});

test('what a page could not show is not marked', async (t) => {
  const db = await open(t);
  await send(db, { title: 't', to_groups: ['a', 'b'], except_groups: ['c'] });
  const { position } = await list(db, 'dan');
  await call(db, 'group_leave', 'c', 'dan');
  assert.equal((await call(db, 'mark_read_upto', 'dan', position)).num, 1);
  await call(db, 'group_join', 'b', 'dan');
  const quiet = JSON.stringify({ from: '22:00', to: '07:00', timezone: 'UTC' });
  const again = await list(db, 'dan');
  await call(db, 'set_preferences', 'dan', null, null, quiet); // no change of what a list shows
  assert.equal((await call(db, 'mark_read_upto', 'dan', again.position)).num, 0);
});

test('marks: one, by subject, all, archived, deleted', async (t) => {
  const db = await open(t);
  const about = { subject_type: 'order', subject_id: '1' };
  const { id } = await send(db, { title: 't', to_groups: ['a', 'b'], ...about });
  assert.equal((await call(db, 'mark_read', 'ann', id)).num, 0);
  assert.equal((await call(db, 'mark_read_subject', 'bob', 'order', '1')).changed, 1);
  assert.equal((await call(db, 'mark_read_all', 'cat')).changed, 1);
  assert.equal((await call(db, 'archive', 'dan', id)).num, 0);
  await assert.rejects(call(db, 'mark_read', 'eve', id), { code: 'DB404' });
  const report = (await call(db, 'sent', id)).sent;
  assert.deepEqual([report.recipients, report.read], [null, 4]);
  const newer = (await send(db, { title: 't', to_groups: ['b', 'a'], ...about, replace: true })).id;
  assert.equal(await whoHas(db, newer), 'ann bob cat dan');
});

test('a user who is excepted cannot act on the message, and is not counted among those who saw it', async (t) => {
  const db = await open(t);
  const { id } = await send(db, { title: 't', to_group: 'a', except_users: ['ann'] });
  for (const name of ['mark_read', 'mark_unread', 'archive', 'remove']) await assert.rejects(call(db, name, 'ann', id), { code: 'DB404' }, name);
  for (const user of ['ann', 'cat']) {
    await call(db, 'mark_seen', user, (await list(db, user)).position);
  }
  assert.equal((await call(db, 'sent', id)).sent.seen, 1);
});

test('who read a message has seen it, also when they have its feed no more', async (t) => {
  const db = await open(t);
  const report = async (id) => {
    await db.query("UPDATE doorbell.sent_report SET as_of = as_of - interval '61 s'");
    const { seen, read } = (await call(db, 'sent', id)).sent;
    return [seen, read];
  };
  const toGroup = (await send(db, { title: 't', to_group: 'a' })).id;
  const toAudience = (await send(db, { title: 't', to_groups: ['a', 'b'] })).id;
  for (const id of [toGroup, toAudience]) await call(db, 'mark_read', 'ann', id);
  await call(db, 'mark_seen', 'ann', (await list(db, 'ann')).position);
  await call(db, 'mark_seen', 'cat', (await list(db, 'cat')).position);
  assert.deepEqual([await report(toGroup), await report(toAudience)], [[2, 1], [2, 1]]);
  await call(db, 'group_leave', 'a', 'ann');
  assert.deepEqual(await report(toGroup), [2, 1]);
  await call(db, 'recall', toAudience);
  await db.query('DELETE FROM doorbell.audience'); // as another audience's send does that needs its place
  assert.deepEqual(await report(toAudience), [1, 1]);
});

test('what became of a message to everybody is counted without a look at audiences', async (t) => {
  const db = await open(t);
  await send(db, { title: 't', to_all: true, except_groups: ['c'] });
  const { id } = await send(db, { title: 't', to_all: true });
  for (const user of people) await call(db, 'mark_seen', user, (await list(db, user)).position);
  await db.query("SET track_functions = 'all'; BEGIN");
  assert.equal((await call(db, 'sent', id)).sent.seen, 5);
  assert.deepEqual(await rows(db, "SELECT calls FROM pg_stat_xact_user_functions WHERE funcname = 'audiences_of'"), []);
  await db.query('COMMIT');
});

test('a user who is excepted stays so when they are erased and come again', async (t) => {
  const db = await open(t);
  const sent = [];
  for (const args of [{ to_all: true }, { to_group: 'b', to_new_users: true }, { to_all: true, except_groups: ['c'] }]) {
    sent.push((await send(db, { title: 't', ...args, except_users: ['ann'] })).id);
  }
  const { id } = await send(db, { title: 't', to_all: true });
  await call(db, 'remove', 'ann', id);
  for (let times = 0; times < 2; times++) {
    await call(db, 'erase', 'ann');
    await check(db, 'ann');
    await call(db, 'group_join', 'b', 'ann');
    assert.deepEqual((await list(db, 'ann')).messages.map((m) => m.id), [id], 'a new user, who deleted nothing');
    assert.equal((await check(db, 'ann')).num, 1);
    for (const other of sent) assert.equal((await call(db, 'explain', 'ann', other)).explain.reason, 'excepted');
  }
  await call(db, 'recall', sent[0]);
  await call(db, 'erase', 'ann');
  assert.equal((await row(db, "SELECT count(*) FROM doorbell.mark WHERE user_id = 'ann' AND read <> 0::doorbell.chunk_bits")).count, 0);
});

test('an answer that is kept holds until one of these messages comes or goes', async (t) => {
  const db = await open(t);
  const state = (user) => row(db, 'SELECT version, seq, epoch FROM doorbell.check_state WHERE user_id = $1', [user]);
  const changes = [
    async () => (await send(db, { title: 't', to_groups: ['a', 'b'] })).id,
    async (id) => { await call(db, 'recall', id); },
    async () => (await send(db, { title: 't', to_all: true, except_groups: ['b'] })).id,
    async (id) => { await db.query("UPDATE doorbell.message SET expires_at = '-infinity' WHERE id = $1", [id]); await call(db, 'sweep'); },
  ];
  let id;
  for (const change of changes) {
    const was = await state('ann');
    id = (await change(id)) ?? id;
    assert.ok((await state('ann')).seq > was.seq);
  }
});

test('it expires', async (t) => {
  const db = await open(t);
  const { id } = await send(db, { title: 't', to_groups: ['a', 'b'], expires_in: 3600 });
  const until = async () => (await row(db, "SELECT valid_until AS at FROM doorbell.unread_many('{ann}')")).at;
  assert.deepEqual(await until(), (await row(db, 'SELECT least(expires_at, sent_at + interval \'300 s\') AS at FROM doorbell.message WHERE id = $1', [id])).at);
  await db.query("UPDATE doorbell.message SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1", [id]);
  await db.query("UPDATE doorbell.feed SET expires_at = '-infinity'");
  assert.equal(await whoHas(db, id), '');
});

test('the key is of the audience too', async (t) => {
  const db = await open(t);
  const args = { title: 't', key: 'k', to_groups: ['a', 'b'], except_users: ['ann', 'bob'] };
  const { id } = await send(db, args);
  assert.deepEqual(await send(db, { ...args, to_groups: ['b', 'a', 'a'], except_users: ['bob', 'ann'] }), { id, recipients: null, duplicate: true });
  for (const other of [{ to_groups: ['a', 'c'] }, { except_users: ['ann'] }, { except_users: null }, { except_groups: ['c'] }, { known_before: new Date() }]) {
    await assert.rejects(send(db, { ...args, ...other }), { code: 'DB409' }, JSON.stringify(other));
  }
});

const many = (n) => Array.from({ length: n }, (_, i) => `n${i}`);
const refused = [
  [{ to_users: ['ann'], except_users: ['bob'] }, 'DB422', /go with groups or with all/],
  [{ to_users: ['ann'], known_before: new Date() }, 'DB422', /go with groups or with all/],
  [{ to_groups: ['a'], to_group: 'a' }, 'DB400', /exactly one/],
  [{ to_groups: ['a'], to_all: true }, 'DB400', /exactly one/],
  [{ except_groups: ['a'] }, 'DB400', /exactly one/],
  [{ to_groups: [] }, 'DB400', /empty/],
  [{ to_groups: ['a', null] }, 'DB422', /group/],
  [{ to_groups: ['*'] }, 'DB422', /group/],
  [{ to_groups: many(17) }, 'DB422', /at most 16 groups/],
  [{ to_all: true, except_groups: many(17) }, 'DB422', /at most 16 groups/],
  [{ to_all: true, except_users: many(101) }, 'DB422', /at most 100 users/],
  [{ to_all: true, except_users: ['*'] }, 'DB422', /user id/],
  [{ to_groups: ['a', 'b'], except_groups: ['b'] }, 'DB422', /addressed and excepted/],
];
test('what is refused', async (t) => {
  const db = await open(t);
  for (const [args, code, message] of refused) {
    await assert.rejects(send(db, { title: 't', ...args }), { code, message }, JSON.stringify(args).slice(0, 80));
  }
});

test('at most 32 audiences of a group; those in which nothing lives make room', async (t) => {
  const db = await open(t);
  const sent = [];
  for (let i = 0; i < 32; i++) sent.push((await send(db, { title: 't', to_groups: ['a', `x${i}`] })).id);
  const full = { message: /at most 32 audiences/, code: 'DB422' };
  await assert.rejects(send(db, { title: 't', to_groups: ['a', 'b'] }), full);
  await send(db, { title: 't', to_groups: ['a', 'x3'] });
  const scheduled = (await send(db, { title: 't', to_groups: ['a', 'x4'], send_at: before(86400_000) })).id;
  await call(db, 'recall', sent[4]);
  await assert.rejects(send(db, { title: 't', to_groups: ['a', 'b'] }), full, 'one is to come there');
  await call(db, 'recall', sent[5]);
  const { id } = await send(db, { title: 't', to_groups: ['a', 'b'] });
  assert.equal(await whoHas(db, id), 'ann bob cat dan');
  await call(db, 'recall', id);
  await db.query("UPDATE doorbell.pending SET due_at = '-infinity'");
  await call(db, 'activate');
  assert.equal(await whoHas(db, scheduled), 'ann cat dan');
});

test('a message of an audience that made room is explained as recalled, and to no group', async (t) => {
  const db = await open(t);
  const { id } = await send(db, { title: 't', to_groups: ['a', 'b'] });
  await call(db, 'recall', id);
  for (let i = 0; i < 32; i++) await send(db, { title: 't', to_groups: ['a', `x${i}`] });
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.audience')).count, 32);
  const { reason, group } = (await call(db, 'explain', 'ann', id)).explain;
  assert.deepEqual([reason, group], ['recalled', null]);
});

test('an audience that a send is about to use is not removed', async (t) => {
  const db = await open(t);
  const sent = [];
  for (let i = 0; i < 32; i++) sent.push((await send(db, { title: 't', to_groups: ['a', `x${i}`] })).id);
  await call(db, 'recall', sent[0]);
  const other = await db.other();
  await other.query('BEGIN');
  const late = (await send(other, { title: 't', to_groups: ['a', 'x0'], later: true })).id;
  await assert.rejects(send(db, { title: 't', to_groups: ['a', 'b'] }), /at most 32 audiences/);
  await other.query('COMMIT');
  await assert.rejects(send(db, { title: 't', to_groups: ['a', 'b'] }), /at most 32 audiences/);
  await call(db, 'activate');
  assert.equal(await whoHas(db, late), 'ann cat dan');
});

test('a constant number of rows', async (t) => {
  const db = await open(t);
  await db.query("SELECT doorbell.group_change(g, ARRAY(SELECT 'u' || n FROM generate_series(1, 2000) n), NULL) FROM unnest('{a,b}'::text[]) g");
  await db.query('TRUNCATE doorbell.outbox');
  const counts = async () => Object.values(await row(db, `SELECT (SELECT count(*) FROM doorbell.inbox) AS inbox, (SELECT count(*) FROM doorbell.mark) AS mark,
    (SELECT count(*) FROM doorbell.outbox) AS outbox, (SELECT count(*) FROM doorbell.chunk) AS chunk, (SELECT count(*) FROM doorbell.audience) AS audience`));
  await send(db, { title: 't', to_groups: ['a', 'b'], except_groups: ['c'], except_users: ['u1', 'u2'] });
  assert.deepEqual(await counts(), [0, 2, 1, 1, 1]);
});

test('rings reach the members, or all', async (t) => {
  const db = await open(t);
  const rings = async () => {
    const ids = (await rows(db, 'SELECT id FROM doorbell.outbox')).map((r) => r.id);
    const found = (await rows(db, 'SELECT ring FROM doorbell.outbox_rings($1, 300, 3)', [ids])).map((r) => r.ring);
    await call(db, 'outbox_done', ids);
    return found;
  };
  await rings();
  await send(db, { title: 't', to_groups: ['b', 'c'] });
  assert.deepEqual((await rings())[0].to, ['bob', 'cat', 'dan']);
  await send(db, { title: 't', to_groups: ['a', 'b'] });
  assert.equal((await rings())[0].all, true, 'four are more than three');
  await send(db, { title: 't', to_all: true, except_users: ['ann'] });
  const [ring] = await rings();
  assert.deepEqual([ring.all, ring.from], [true, undefined], 'no page may compute it');
  await send(db, { title: 't', to_all: true, except_groups: ['a'] });
  assert.deepEqual((await rings()).map((r) => [r.all, r.from]), [[true, undefined]]);
});
