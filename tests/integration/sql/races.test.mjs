// SPDX-License-Identifier: MIT
// Races, each held by a paused transaction that is seen to block in pg_locks (or seen not to), never by a sleep.
import test from 'node:test';
import assert from 'node:assert/strict';
import { makeRandom } from '../../harness/random.mjs';
import { startCluster, openDatabase, row, rows, send, call, check, list, untilWaiting } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

// A database of its own with n connections, the last for watching.
async function open(t, n, options) {
  const database = await openDatabase(t, cluster, options);
  return Promise.all(Array.from({ length: n + 1 }, () => database.connect()));
}

const toUser = (user, more) => ({ to_users: [user], title: 'personal', ...more });
const toAll = (more) => ({ to_all: true, title: 'all', ...more });
const toGroup = (group, more) => ({ to_group: group, title: 'group', ...more });
const num = async (db, user) => (await check(db, user)).num;
// A time that no message sent so far is newer than: a Date knows milliseconds, PostgreSQL microseconds.
const soon = () => new Date(Date.now() + 1);
const ids = (page) => page.messages.map((m) => m.id);

async function assertNoDrift(db) {
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

const sendBatch = (client, messages) => rows(client, 'SELECT * FROM doorbell.send_batch($1) ORDER BY n', [JSON.stringify(messages)]);

// The statement is blocked by another transaction until `release` has run; answers its result.
async function blocked(watcher, client, statement, release) {
  const outcome = statement().then((value) => ({ value }), (error) => ({ error }));
  await untilWaiting(watcher, client.pid);
  await release();
  return outcome;
}

test('upto passes over a personal message that took its number first and commits late', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  await a.query('BEGIN');
  const late = await send(a, toUser('u'));
  const shown = await send(db, toAll());
  const page = await list(db, 'u');
  assert.deepEqual(ids(page), [shown.id]);
  await a.query('COMMIT');
  assert.equal((await call(db, 'mark_read_upto', 'u', page.position)).num, 1);
  assert.deepEqual(ids(await list(db, 'u', { state: 'unread' })), [late.id]);
});

test('upto passes over a broadcast that commits after the list with a lower number than a personal one', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  for (const audience of [toAll(), toGroup('g')]) {
    await a.query('BEGIN');
    const late = await send(a, audience);
    const shown = await send(db, toUser('u'));
    const page = await list(db, 'u', { state: 'unread' });
    assert.deepEqual(ids(page), [shown.id]);
    await a.query('COMMIT');
    await call(db, 'mark_read_upto', 'u', page.position);
    assert.deepEqual(ids(await list(db, 'u', { state: 'unread' })), [late.id]);
    await call(db, 'mark_read_all', 'u');
  }
});

test('events of two groups commit one after the other, and seq moves at each', async (t) => {
  const [a, b, db] = await open(t, 2);
  for (const group of ['g1', 'g2']) await call(db, 'group_join', group, 'u');
  const before = await check(db, 'u');
  await a.query('BEGIN');
  await send(a, toGroup('g1'));
  await b.query('BEGIN');
  const { value } = await blocked(db, b, () => send(b, toGroup('g2')), async () => {
    assert.equal((await check(db, 'u')).seq, before.seq);
    await a.query('COMMIT');
  });
  assert.ok(value.id);
  const between = await check(db, 'u');
  await b.query('COMMIT');
  const after = await check(db, 'u');
  assert.ok(before.seq < between.seq && between.seq < after.seq);
  assert.deepEqual([before.num, between.num, after.num], [0, 1, 2]);
});

test('mark-all does not read what an open send to one delivers', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  await send(db, toUser('u'));
  await a.query('BEGIN');
  await send(a, toUser('u'));
  // The reader's row is locked by the send: mark-all waits, and then reads that one too, having seen it.
  const { value } = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('COMMIT'));
  assert.deepEqual([value.num, value.changed], [0, 2]);
  await assertNoDrift(db);
});

test('mark-all waits for no open broadcast and leaves it unread', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  await send(db, toAll());
  for (const audience of [toAll(), toGroup('g')]) {
    await a.query('BEGIN');
    await send(a, audience);
    await call(db, 'mark_read_all', 'u');
    await a.query('COMMIT');
    assert.equal(await num(db, 'u'), 1);
  }
});

test('a position given out again after a rollback is read by nobody', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  await send(db, toAll());
  await a.query('BEGIN');
  await send(a, toAll());
  await call(db, 'mark_read_all', 'u');
  const { position } = await list(db, 'u');
  const forged = position.replace(/^(p1-[0-9a-f]{8})(-\d+){3}/, `$1${`-${'9'.repeat(18)}`.repeat(3)}`);
  assert.notEqual(forged, position);
  await call(db, 'mark_read_upto', 'u', forged);
  await a.query('ROLLBACK');
  const again = await send(db, toAll());
  assert.equal(await num(db, 'u'), 1);
  assert.deepEqual(ids(await list(db, 'u', { state: 'unread' })), [again.id]);
});

test('mark-all against an open recall of a broadcast and of a personal message', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  const everybody = await send(db, toAll());
  await a.query('BEGIN');
  await call(a, 'recall', everybody.id);
  assert.equal((await call(db, 'mark_read_all', 'u')).changed, 1);
  await a.query('COMMIT');
  assert.equal(await num(db, 'u'), 0);

  const personal = await send(db, toUser('u'));
  await a.query('BEGIN');
  await call(a, 'recall', personal.id);
  const { value } = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('COMMIT'));
  assert.deepEqual([value.num, value.changed], [0, 0]);
  await assertNoDrift(db);
});

test('a replacement that is open while its predecessor is read: read ones stay, unread ones go', async (t) => {
  const [a, b, db] = await open(t, 2);
  const about = { subject_type: 'order', subject_id: '7' };
  for (const user of ['u', 'v']) await check(db, user);
  const old = await send(db, toAll(about));
  await a.query('BEGIN');
  const fresh = await send(a, toAll({ ...about, replace: true }));
  await call(db, 'mark_read', 'u', old.id);
  await a.query('COMMIT');
  assert.deepEqual(ids(await list(db, 'u')), [fresh.id, old.id]);
  assert.deepEqual(ids(await list(db, 'v')), [fresh.id]);
  assert.deepEqual([await num(db, 'u'), await num(db, 'v')], [1, 1]);

  const mine = await send(db, toUser('u', about));
  await a.query('BEGIN');
  await send(a, toUser('u', { ...about, replace: true }));
  const { error } = await blocked(db, b, () => call(b, 'mark_read', 'u', mine.id), () => a.query('COMMIT'));
  assert.equal(error.code, 'DB404');
  assert.equal(await num(db, 'u'), 2);
  await assertNoDrift(db);
});

const about = { subject_type: 'order', subject_id: '7' };
const anHour = { expires_in: 3600 };
const joined = async (db) => call(db, 'group_join', 'g', 'u');
// What expires while the transaction is open: the rows say so once it commits.
const expire = async (db, { id }) => {
  await db.query("SELECT FROM doorbell.reader WHERE user_id = 'u' AND $1 IN (SELECT message_id FROM doorbell.inbox) FOR NO KEY UPDATE", [id]);
  for (const table of ['message', 'inbox']) {
    await db.query(`UPDATE doorbell.${table} SET expires_at = now() WHERE ${table === 'inbox' ? 'message_id' : 'id'} = $1`, [id]);
  }
  await db.query("UPDATE doorbell.feed SET expires_at = '-infinity' WHERE id IN (SELECT feed_id FROM doorbell.message WHERE id = $1)", [id]);
};
const recall = (db, { id }) => call(db, 'recall', id);
const nothing = async () => {};

// [what, before the page is shown, the message that it shows, what is open meanwhile, whether a mark waits for that,
//  changed and num of mark-all, of upto]. A mark that waits sees what was committed; upto marks no more than its page.
for (const [what, prepare, message, act, waits, all, upto] of [
  ['a personal replacement', nothing, toUser('u', about), (db) => send(db, toUser('u', { ...about, replace: true })), true, [1, 0], [0, 1]],
  ['a replacement for everybody', nothing, toAll(about), (db) => send(db, toAll({ ...about, replace: true })), false, [1, 1], [1, 1]],
  ["a group's replacement", joined, toGroup('g', about), (db) => send(db, toGroup('g', { ...about, replace: true })), false, [1, 1], [1, 1]],
  ['a personal recall', nothing, toUser('u'), recall, true, [0, 0], [0, 0]],
  ['a recall from everybody', nothing, toAll(), recall, false, [1, 0], [1, 0]],
  ['a recall from a group', joined, toGroup('g'), recall, false, [1, 0], [1, 0]],
  ['expiry of a personal message', nothing, toUser('u', anHour), expire, true, [0, 0], [0, 0]],
  ['expiry of one to everybody', nothing, toAll(anHour), expire, false, [1, 0], [1, 0]],
  ["expiry of a group's", joined, toGroup('g', anHour), expire, false, [1, 0], [1, 0]],
  ['a personal send', nothing, toUser('u'), (db) => send(db, toUser('u')), true, [2, 0], [1, 1]],
  ['a send to everybody', nothing, toUser('u'), (db) => send(db, toAll()), false, [1, 1], [1, 1]],
  ['a join of a group with a message for new members', (db) => send(db, toGroup('g', { to_new_users: true })), toUser('u'), joined, true, [2, 0], [1, 1]],
  ['leaving a group', joined, toGroup('g'), (db) => call(db, 'group_leave', 'g', 'u'), true, [0, 0], [0, 0]],
]) {
  for (const [mark, [changed, left]] of [['mark_read_all', all], ['mark_read_upto', upto]]) {
    test(`${mark} against ${what} that is open`, async (t) => {
      const [a, b, db] = await open(t, 2);
      await check(db, 'u');
      await prepare(db);
      const shown = await send(db, message);
      const page = await list(db, 'u');
      assert.deepEqual(ids(page), [shown.id]);
      await a.query('BEGIN');
      await act(a, shown);
      const run = (client) => call(client, mark, 'u', ...(mark === 'mark_read_upto' ? [page.position] : []));
      let answer;
      if (waits) ({ value: answer } = await blocked(db, b, () => run(b), () => a.query('COMMIT')));
      else answer = await run(b);
      await a.query('COMMIT');
      assert.equal(answer.changed, changed);
      assert.equal(await num(db, 'u'), left);
      assert.equal((await list(db, 'u', { state: 'unread' })).messages.length, left);
      await assertNoDrift(db);
    });
  }
}

test('expiry between lock and statement takes an unread message off once', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  const { id } = await send(db, toUser('u', { expires_in: 3600 }));
  await send(db, toUser('u'));
  await a.query('BEGIN');
  await a.query("SELECT FROM doorbell.reader WHERE user_id = 'u' FOR NO KEY UPDATE");
  await a.query("UPDATE doorbell.inbox SET expires_at = clock_timestamp() - interval '1 s' WHERE message_id = $1", [id]);
  const { value } = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('COMMIT'));
  assert.deepEqual([value.num, value.changed], [0, 1]);
  await assertNoDrift(db);
  assert.equal((await call(db, 'sweep', 100)).sweep, 1);
  assert.equal(await num(db, 'u'), 0);
  await assertNoDrift(db);
});

test('an old position does not reach into a group joined, or a category unmuted, after it', async (t) => {
  const [db] = await open(t, 0);
  await check(db, 'u');
  await send(db, toGroup('g', { to_new_users: true }));
  await send(db, toUser('u', { category: 'news' }));
  await send(db, toAll({ category: 'news' }));
  await call(db, 'mute', 'u', ['news']);
  const shown = await send(db, toUser('u'));
  const page = await list(db, 'u');
  assert.deepEqual(ids(page), [shown.id]);
  await call(db, 'group_join', 'g', 'u');
  await call(db, 'mute', 'u', []);
  assert.equal(await num(db, 'u'), 4);
  assert.equal((await call(db, 'mark_read_upto', 'u', page.position)).num, 3);

  // Left and joined again: neither the old position nor the old membership reaches the new one.
  const member = await list(db, 'u');
  await call(db, 'group_leave', 'g', 'u');
  await call(db, 'group_join', 'g', 'u');
  assert.equal((await call(db, 'mark_read_upto', 'u', member.position)).num, 1);
});

test('seen moves only forward, and an old position does not see a new message', async (t) => {
  const [db] = await open(t, 0);
  await check(db, 'u');
  await send(db, toUser('u'));
  await send(db, toAll());
  const old = await list(db, 'u');
  await send(db, toUser('u'));
  await send(db, toAll());
  const newer = await list(db, 'u');
  await call(db, 'mark_seen', 'u', old.position);
  assert.deepEqual((await list(db, 'u')).messages.map((m) => m.seen), [false, false, true, true]);
  await call(db, 'mark_seen', 'u', newer.position);
  assert.equal((await call(db, 'mark_seen', 'u', old.position)).changed, 0);
  assert.deepEqual((await list(db, 'u')).messages.map((m) => m.seen), [true, true, true, true]);
  assert.equal(await num(db, 'u'), 4);
});

for (const [first, second, changed, left] of [
  ['mark_read', 'mark_read', 0, 0],
  ['mark_read', 'mark_unread', 1, 1],
  ['mark_read', 'archive', 1, 0],
  ['archive', 'mark_read', 0, 0],
  ['mark_read', 'remove', 1, 0],
  ['archive', 'mark_unread', 1, 1],
  ['archive', 'archive', 0, 0],
  ['mark_read', 'acknowledge', 'DB409', 0],
  ['remove', 'mark_read', 'DB404', 0],
  ['remove', 'mark_unread', 'DB404', 0],
  ['remove', 'archive', 'DB404', 0],
  ['remove', 'remove', 0, 0],
]) {
  test(`${first} and ${second} of one message at once change the count once`, async (t) => {
    const [a, b, db] = await open(t, 2);
    await check(db, 'u');
    await call(db, 'group_join', 'g', 'u');
    for (const audience of [toUser('u'), toGroup('g'), toAll()]) {
      const { id } = await send(db, audience);
      await a.query('BEGIN');
      await call(a, first, 'u', id);
      const { value, error } = await blocked(db, b, () => call(b, second, 'u', id), () => a.query('COMMIT'));
      assert.equal(error?.code ?? value.changed, changed);
      assert.equal(await num(db, 'u'), left);
      await call(db, 'recall', id);
    }
    await assertNoDrift(db);
  });
}

// Runs the statement until it has ended or waits for another transaction.
async function endsOrWaits(watcher, client, outcome) {
  let ended = false;
  outcome.then(() => { ended = true; });
  while (!ended && !(await row(watcher, 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [client.pid]))) {
    await new Promise(setImmediate);
  }
}

test("recall, sweep, purge and the user's delete of one message, in pairs", async (t) => {
  const [a, b, db] = await open(t, 2);
  const acts = {
    recall: (c, id) => call(c, 'recall', id),
    remove: (c, id) => call(c, 'remove', 'u', id),
    sweep: (c) => call(c, 'sweep', 100),
    purge: (c) => call(c, 'purge', 100, 0, 0, null),
  };
  const refused = (error) => {
    if (error.code !== 'DB404') throw error;
  };
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  for (const audience of [toUser('u'), toGroup('g'), toAll()]) {
    for (const first of Object.keys(acts)) {
      for (const second of Object.keys(acts)) {
        const expires = first === 'sweep' || second === 'sweep';
        const { id } = await send(db, { ...audience, expires_in: expires ? 3600 : null });
        if (expires) {
          const past = "SET expires_at = now() - interval '1 s' WHERE expires_at IS NOT NULL";
          await db.query(`UPDATE doorbell.message ${past}`);
          await db.query(`UPDATE doorbell.inbox ${past}`);
          await db.query("UPDATE doorbell.feed SET expires_at = '-infinity'");
        }
        await a.query('BEGIN');
        await acts[first](a, id).catch(refused);
        const outcome = acts[second](b, id).catch(refused);
        await endsOrWaits(db, b, outcome);
        await a.query('COMMIT');
        await outcome;
        assert.deepEqual(ids(await list(db, 'u')), [], `${first} and ${second}`);
        assert.equal(await num(db, 'u'), 0, `${first} and ${second}`);
        await assertNoDrift(db);
      }
    }
  }
});

test('an activation does not wait for a user while it holds those whom a broadcast excepts', async (t) => {
  const [a, db] = await open(t, 1);
  await send(db, toAll({ except_users: ['cat'], later: true }));
  await send(db, toUser('ann', { later: true }));
  await a.query('BEGIN');
  await send(a, toUser('ann'));
  assert.equal((await call(db, 'activate')).activate, 1);
  await send(a, toUser('cat'));
  await a.query('COMMIT');
  assert.equal((await call(db, 'activate')).activate, 1);
  assert.equal((await call(db, 'activate')).activate, 0);
});

test('sends that except users, activations, erasures and marks never wait for each other in a circle', async (t) => {
  const clients = await open(t, 4);
  const users = ['ann', 'bob', 'cat', 'dan'];
  let later = 0;
  const work = [
    (c, one) => send(c, toAll({ except_users: [one(), one()], later: later++ % 2 === 0 })),
    (c, one) => sendBatch(c, [toUser(one()), toAll({ except_users: [one()] })]),
    (c) => call(c, 'activate', 5),
    (c, one) => call(c, 'erase', one()),
    (c, one) => call(c, 'mark_read_all', one()),
  ];
  await Promise.all(clients.map(async (c, seed) => {
    const draw = makeRandom(seed);
    for (let n = 0; n < 600; n++) {
      await work[draw(work.length)](c, () => users[draw(4)]).catch((error) => assert.match(error.message, /a user was erased at this moment/));
    }
  }));
  await assertNoDrift(clients[0]);
});

test('sends that name new groups make them in one order', async (t) => {
  const [a, b, db] = await open(t, 2);
  // Each makes its first group alone only if it has waited for nobody before.
  for (const [first, second] of [[{ to_groups: ['b', 'a'] }, { to_groups: ['a', 'b'] }], [{ to_group: 'd', except_groups: ['c'] }, { to_group: 'c', except_groups: ['d'] }]]) {
    const lowest = first.to_groups ? 'a' : 'c';
    await a.query('BEGIN');
    await call(a, 'group_join', lowest, 'u');
    const late = await blocked(db, b, () => send(b, { title: 't', ...first }), async () => {
      await send(a, { title: 't', ...second });
      await a.query('COMMIT');
    });
    assert.equal(late.error, undefined);
  }
});

test('recall against activation: delivered and taken back, or never delivered', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  for (const audience of [toUser('u'), toGroup('g'), toAll()]) {
    const first = await send(db, { ...audience, later: true });
    await a.query('BEGIN');
    assert.equal((await call(a, 'activate', 10)).activate, 1);
    const late = await blocked(db, b, () => call(b, 'recall', first.id), () => a.query('COMMIT'));
    assert.equal(late.value.recall, true);
    assert.equal(await num(db, 'u'), 0);

    const second = await send(db, { ...audience, later: true });
    await a.query('BEGIN');
    await call(a, 'recall', second.id);
    assert.equal((await call(db, 'activate', 10)).activate, 0);
    await a.query('COMMIT');
    assert.equal((await call(db, 'activate', 10)).activate, 0);
    assert.equal(await num(db, 'u'), 0);
  }
  await assertNoDrift(db);
});

test('two publishers activate each message once', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  for (const audience of [toUser('u'), toAll()]) {
    await send(db, { ...audience, later: true });
    await a.query('BEGIN');
    assert.equal((await call(a, 'activate', 10)).activate, 1);
    assert.equal((await call(db, 'activate', 10)).activate, 0);
    await a.query('COMMIT');
    assert.equal((await call(db, 'activate', 10)).activate, 0);
  }
  assert.equal(await num(db, 'u'), 2);
});

test('with the sweeper stopped, count and list are right at the instant of expiry, and the sweep changes neither', async (t) => {
  const [db] = await open(t, 0);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  const sent = [];
  for (const audience of [toUser('u'), toUser('u', { category: 'news' }), toUser('u'), toGroup('g'), toAll(), toAll({ category: 'news' })]) {
    sent.push((await send(db, { ...audience, expires_in: 3600 })).id);
  }
  const rest = await send(db, toUser('u'));
  await call(db, 'mark_read', 'u', sent[2]); // expired and read: not subtracted
  await call(db, 'mute', 'u', ['news']); // expired and muted: not subtracted
  assert.equal(await num(db, 'u'), 4);
  for (const table of ['message', 'inbox']) {
    await db.query(`UPDATE doorbell.${table} SET expires_at = now() WHERE expires_at IS NOT NULL`);
  }
  await db.query("UPDATE doorbell.feed SET expires_at = '-infinity'");
  const before = await check(db, 'u');
  assert.deepEqual([before.num, before.latest], [1, rest.id]);
  assert.deepEqual(ids(await list(db, 'u')), [rest.id]);
  assert.equal((await call(db, 'sweep', 100)).sweep, 6);
  assert.deepEqual(ids(await list(db, 'u')), [rest.id]);
  const after = await check(db, 'u');
  assert.equal(after.num, 1);
  assert.ok(after.version > before.version && after.seq > before.seq, 'the rings of the sweep are news to clients');
  await call(db, 'mute', 'u', []);
  assert.equal(await num(db, 'u'), 1);
  await assertNoDrift(db);
});

test('a sweep passes by a user who is busy', async (t) => {
  const [a, db] = await open(t, 1);
  await send(db, { to_users: ['u', 'v'], title: 't', expires_in: 3600 });
  await db.query('UPDATE doorbell.inbox SET expires_at = now()');
  await a.query('BEGIN');
  await send(a, toUser('u'));
  assert.equal((await call(db, 'sweep', 100)).sweep, 1);
  await a.query('COMMIT');
  assert.equal((await call(db, 'sweep', 100)).sweep, 1);
  assert.equal((await call(db, 'sweep', 100)).sweep, 0);
});

test('equal version and seq mean equal num, however checks and sends interleave', async (t) => {
  const [a, b, c, d, db] = await open(t, 4);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  const answers = new Map();
  let running = 3;
  const sender = async (client, audience) => {
    for (let i = 0; i < 60; i++) {
      const { id } = await send(client, audience);
      if (i % 3 === 0) await call(client, 'mark_read', 'u', id);
      if (i % 5 === 0) await call(client, 'recall', id);
    }
    running -= 1;
  };
  const watch = async (client) => {
    while (running) {
      const answer = await call(client, 'unread', 'u');
      const key = `${answer.version}/${answer.seq}`;
      assert.equal(answers.get(key) ?? answer.num, answer.num, `two answers at ${key}`);
      answers.set(key, answer.num);
      const page = await list(client, 'u', { state: 'unread' });
      assert.equal(page.messages.length === 100 || page.messages.length === page.num, true);
    }
  };
  await Promise.all([sender(a, toUser('u')), sender(b, toGroup('g')), sender(c, toAll()), watch(d), watch(db)]);
  assert.ok(answers.size > 20, `only ${answers.size} different answers were seen`);
});

test('first contact from two connections at once stores one floor', async (t) => {
  const [a, b, db] = await open(t, 2);
  await send(db, toAll());
  await a.query('BEGIN');
  await call(a, 'register', 'u', soon());
  await blocked(db, b, () => call(b, 'register', 'u'), () => a.query('COMMIT'));
  assert.equal(await num(db, 'u'), 0);
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.first_seen')).count, 1);
});

test('first contact waits for no send that makes the same user, nor does the check of that user', async (t) => {
  const [a, db] = await open(t, 1);
  await a.query('BEGIN');
  await send(a, toUser('u'));
  assert.equal(await num(db, 'u'), 0);
  assert.deepEqual(ids(await list(db, 'u')), []);
  await a.query('COMMIT');
  assert.equal(await num(db, 'u'), 1);
});

test('two sends that make the same users in overlapping lists both arrive', async (t) => {
  const [a, b, db] = await open(t, 2);
  await a.query('BEGIN');
  await send(a, { to_users: ['u', 'v'], title: 'one' });
  await blocked(db, b, () => send(b, { to_users: ['w', 'v'], title: 'two' }), () => a.query('COMMIT'));
  assert.deepEqual([await num(db, 'u'), await num(db, 'v'), await num(db, 'w')], [1, 2, 1]);
});

test('erase against send and against mark', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  await send(db, toUser('u'));
  await a.query('BEGIN');
  await call(a, 'erase', 'u');
  await blocked(db, b, () => send(b, toUser('u')), () => a.query('COMMIT'));
  assert.equal(await num(db, 'u'), 1);

  const { id } = (await list(db, 'u')).messages[0];
  await a.query('BEGIN');
  await call(a, 'erase', 'u');
  const { error } = await blocked(db, b, () => call(b, 'mark_read', 'u', id), () => a.query('COMMIT'));
  assert.equal(error.code, 'DB404');

  await send(db, toUser('u'));
  await a.query('BEGIN');
  await send(a, toUser('u'));
  await blocked(db, b, () => call(b, 'erase', 'u'), () => a.query('COMMIT'));
  assert.equal(await num(db, 'u'), 0);
  await assertNoDrift(db);
});

test('a number that was taken before a wait for the reader is taken again', async (t) => {
  const [a, b, db] = await open(t, 2);
  await send(db, toUser('u'));
  await a.query('BEGIN');
  await a.query("SELECT FROM doorbell.reader WHERE user_id = 'u' FOR NO KEY UPDATE");
  let first;
  const { value: second } = await blocked(db, b, () => send(b, toUser('u')), async () => {
    first = await send(a, toUser('u'));
    await a.query('COMMIT');
  });
  const seqs = await rows(db, 'SELECT seq::integer FROM doorbell.message WHERE id = ANY ($1) ORDER BY array_position($1, id)', [[first.id, second.id]]);
  assert.ok(seqs[0].seq < seqs[1].seq, JSON.stringify(seqs));
  assert.equal((await check(db, 'u')).version, seqs[1].seq);

  // A wait for who changes nothing leaves the number, and the row takes it.
  await a.query('BEGIN');
  await a.query("SELECT FROM doorbell.reader WHERE user_id = 'u' FOR NO KEY UPDATE");
  const { value: third } = await blocked(db, b, () => send(b, toUser('u')), () => a.query('COMMIT'));
  const { seq } = await row(db, 'SELECT seq::integer FROM doorbell.message WHERE id = $1', [third.id]);
  assert.ok(seq > seqs[1].seq);
  assert.equal((await check(db, 'u')).version, seq);
});

test('erase against rings of the same lists that are ended: no deadlock', async (t) => {
  const [a, b, c, db] = await open(t, 3);
  const many = (title) => send(db, { to_users: ['u', 'v', 'y', 'z'], title });
  for (const title of ['one', 'two', 'three']) await many(title);
  await db.query('DELETE FROM doorbell.outbox WHERE id = (SELECT min(id) FROM doorbell.outbox)');
  await db.query('VACUUM doorbell.outbox');
  await many('four'); // in the place of the first: before the others in the table
  const rung = (await rows(db, 'SELECT id FROM doorbell.outbox ORDER BY id')).map(({ id }) => id);
  for (let i = 0; i < 100; i++) await send(db, { to_users: ['w', 'x'], title: 'more' });
  await db.query('ANALYZE doorbell.outbox'); // now it is read in the order of the table
  for (const [i, end] of ['outbox_retry', 'outbox_done'].entries()) {
    await c.query('BEGIN');
    await c.query('SELECT FROM doorbell.outbox WHERE id = $1 FOR UPDATE', [rung[0]]);
    const erased = call(a, 'erase', ['u', 'v'][i]);
    await untilWaiting(db, a.pid);
    const { error } = await blocked(db, b, () => call(b, end, rung), () => c.query('COMMIT'));
    assert.equal(error, undefined, end);
    assert.equal((await erased).erase, true);
  }
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.outbox')).count, 102, 'and those of u and v');
});

test('lists with overlapping users in opposite order from 8 connections do not deadlock', async (t) => {
  const clients = await open(t, 8);
  const db = clients.pop();
  const everybody = Array.from({ length: 40 }, (_, i) => `user${i}`);
  await Promise.all(clients.map(async (client, n) => {
    for (let i = 0; i < 15; i++) {
      await send(client, { to_users: n % 2 ? everybody : [...everybody].reverse(), title: 't' });
    }
  }));
  assert.equal(await num(db, 'user7'), 120);
  await assertNoDrift(db);
});

test('two transactions that send in opposite order: one gets 40P01, and none of it is half done', async (t) => {
  const [a, b, db] = await open(t, 2);
  await a.query('BEGIN');
  await send(a, toUser('u'));
  await b.query('BEGIN');
  await send(b, toUser('v'));
  const first = send(a, toUser('v')).then(() => null, (error) => error);
  await untilWaiting(db, a.pid);
  const second = send(b, toUser('u')).then(() => null, (error) => error);
  const errors = (await Promise.all([first, second])).filter(Boolean);
  assert.deepEqual(errors.map((error) => error.code), ['40P01']);
  await Promise.all([a.query('COMMIT'), b.query('COMMIT')]);
  assert.deepEqual([await num(db, 'u'), await num(db, 'v')], [1, 1]);
  await assertNoDrift(db);
});

test('the same key from 50 connections while the first rolls back stores one message', async (t) => {
  const clients = await open(t, 50);
  const db = clients.pop();
  const args = toUser('u', { key: 'order-7', extra: { a: 1 } });
  const [first, ...others] = clients;
  await first.query('BEGIN');
  const undone = await send(first, args);
  const answers = others.map((client) => send(client, args));
  for (const client of others) await untilWaiting(db, client.pid);
  await first.query('ROLLBACK');
  const done = await Promise.all(answers);
  assert.equal(new Set(done.map((answer) => answer.id)).size, 1);
  assert.notEqual(done[0].id, undone.id);
  assert.equal(done.filter((answer) => !answer.duplicate).length, 1);
  assert.equal(await num(db, 'u'), 1);
  await assert.rejects(send(db, { ...args, title: 'other' }), { code: 'DB409' });

  await call(db, 'recall', done[0].id);
  assert.deepEqual(await send(db, args), { id: done[0].id, recipients: 1, duplicate: true });
  await db.query("UPDATE doorbell.message SET recalled_at = now() - interval '2 d'");
  await call(db, 'purge', 100, 365, 1, null);
  assert.deepEqual(await rows(db, 'SELECT FROM doorbell.message'), []);
  assert.deepEqual(await send(db, args), { id: done[0].id, recipients: 1, duplicate: true });
});

test('a key that an open transaction has for another content: conflict if it commits, free if it does not', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  for (const [end, code, left] of [['ROLLBACK', undefined, 1], ['COMMIT', 'DB409', 2]]) {
    await a.query('BEGIN');
    await send(a, toUser('u', { key: end }));
    const { error } = await blocked(db, b, () => send(b, toUser('u', { key: end, body: 'another' })), () => a.query(end));
    assert.equal(error?.code, code);
    assert.equal(await num(db, 'u'), left);
  }
});

test('under REPEATABLE READ a change fails with 40001 or is right', async (t) => {
  const [a, db] = await open(t, 1);
  await check(db, 'u');
  const { id } = await send(db, toUser('u'));
  for (const [act, other] of [
    [() => call(a, 'mark_read_all', 'u'), () => call(db, 'mark_read', 'u', id)],
    [() => send(a, toUser('u')), () => send(db, toUser('u'))],
    [() => send(a, toAll()), () => send(db, toAll())],
    [() => call(a, 'recall', id), () => call(db, 'mark_unread', 'u', id)],
  ]) {
    await a.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await a.query('SELECT FROM doorbell.reader');
    await other();
    await assert.rejects(act(), { code: '40001' });
    await a.query('ROLLBACK');
    await assertNoDrift(db);
  }
});

test('an open broadcast holds up only other broadcasts: lock_timeout ends those, and nothing is sent twice', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  await a.query('BEGIN');
  await send(a, toAll());
  await send(db, toUser('u'));
  assert.equal((await call(db, 'mark_read_all', 'u')).num, 0);
  assert.equal((await list(db, 'u')).messages.length, 1);
  assert.equal((await call(db, 'activate', 10)).activate, 0);
  assert.equal((await call(db, 'sweep', 10)).sweep, 0);
  await b.query("SET lock_timeout = '50ms'");
  await assert.rejects(send(b, toGroup('g', { key: 'k' })), { code: '55P03' });
  await a.query('COMMIT');
  assert.equal((await send(b, toGroup('g', { key: 'k' }))).duplicate, false);
  assert.equal((await send(b, toGroup('g', { key: 'k' }))).duplicate, true);
  assert.equal(await num(db, 'u'), 1);
});

test('a backend killed in the middle of a transaction leaves nothing of it', async (t) => {
  const [a, b, c, db] = await open(t, 3);
  await check(db, 'u');
  const { id } = await send(db, toUser('u'));
  const outbox = await rows(db, 'SELECT id FROM doorbell.outbox');
  for (const [client, act] of [[a, () => send(a, toAll())], [b, () => call(b, 'mark_read_all', 'u')], [c, () => call(c, 'recall', id)]]) {
    await client.query('BEGIN');
    await act();
    await db.query('SELECT pg_terminate_backend($1, 5000)', [client.pid]);
  }
  assert.equal(await num(db, 'u'), 1);
  assert.deepEqual(await rows(db, 'SELECT id FROM doorbell.outbox'), outbox);
  await assertNoDrift(db);
  assert.equal((await call(db, 'mark_read', 'u', id)).num, 0);
});

test('mark-all against an open join of a group with a message for new members', async (t) => {
  const [a, b, db] = await open(t, 2);
  await check(db, 'u');
  await send(db, toUser('u'));
  await send(db, toGroup('g'));
  const welcome = await send(db, toGroup('g', { to_new_users: true }));
  await a.query('BEGIN');
  await call(a, 'group_join', 'g', 'u');
  // The join holds the reader's row: mark-all waits, and then the user is a member.
  const { value } = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('COMMIT'));
  assert.deepEqual([value.num, value.changed], [0, 2]);

  await call(db, 'mark_unread', 'u', welcome.id);
  await a.query('BEGIN');
  await call(a, 'group_leave', 'g', 'u');
  const left = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('COMMIT'));
  assert.deepEqual([left.value.num, left.value.changed], [0, 0]);
  assert.deepEqual(await rows(db, 'SELECT groups FROM doorbell.reader'), [{ groups: 0 }]);
  await assertNoDrift(db);
});

test('mark-all and upto against an acknowledgement that is open, and one that is still to come', async (t) => {
  const [a, b, db] = await open(t, 2);
  for (const audience of [toUser('u', { ack: true }), toAll({ ack: true })]) {
    await check(db, 'u');
    const { id } = await send(db, audience);
    const page = await list(db, 'u');
    await a.query('BEGIN');
    await call(a, 'acknowledge', 'u', id);
    const undone = await blocked(db, b, () => call(b, 'mark_read_all', 'u'), () => a.query('ROLLBACK'));
    assert.deepEqual([undone.value.num, undone.value.changed], [1, 0]);
    await a.query('BEGIN');
    await call(a, 'acknowledge', 'u', id);
    const done = await blocked(db, b, () => call(b, 'mark_read_upto', 'u', page.position), () => a.query('COMMIT'));
    assert.deepEqual([done.value.num, done.value.changed], [0, 0]);
  }
  await assertNoDrift(db);
});

// A statement of the function waits for this table, with what came before it done and not committed.
for (const [table, name, act] of [
  ['unread_count', 'send to one, between inbox and unread_count', (db) => send(db, toUser('u'))],
  ['outbox', 'send to one, between version and ring', (db) => send(db, toUser('u'))],
  ['chunk', 'send to all, between message and chunk', (db) => send(db, toAll())],
  ['outbox', 'send to all, between chunk and ring', (db) => send(db, toAll())],
  ['outbox', 'mark-all, between marks and ring', (db) => call(db, 'mark_read_all', 'u')],
  ['chunk', 'sweep, between message and chunk', (db) => call(db, 'sweep', 10)],
]) {
  test(`a backend killed inside one call leaves nothing of it: ${name}`, async (t) => {
    const [a, b, db] = await open(t, 2);
    await check(db, 'u');
    await send(db, toUser('u'));
    await send(db, toAll());
    await send(db, toAll({ expires_in: 3600 }));
    await db.query("UPDATE doorbell.message SET expires_at = now() WHERE expires_at IS NOT NULL");
    await db.query("UPDATE doorbell.feed SET expires_at = '-infinity'");
    const before = await check(db, 'u');
    const state = () => rows(db, `SELECT (SELECT count(*) FROM doorbell.outbox) AS outbox, (SELECT count(*) FROM doorbell.message WHERE live) AS live,
      (SELECT last_pos FROM doorbell.feed WHERE id = 1) AS last_pos, (SELECT version FROM doorbell.reader) AS version`);
    const stored = await state();
    await a.query('BEGIN');
    await a.query(`LOCK TABLE doorbell.${table} IN SHARE MODE`);
    const killed = await blocked(db, b, () => act(b), () => db.query('SELECT pg_terminate_backend($1, 5000)', [b.pid]));
    assert.ok(killed.error);
    await a.query('ROLLBACK');
    assert.deepEqual(await state(), stored);
    assert.deepEqual(await check(db, 'u'), before);
    await assertNoDrift(db);
    await act(db);
    await assertNoDrift(db);
  });
}

test('chunk borders: positions, floors and purged chunks', async (t) => {
  const [a, db] = await open(t, 1, { chunkSize: 8 });
  const sent = [];
  for (let i = 0; i < 24; i++) {
    // Users who come in a chunk's middle, at its last position, and at the next one's first.
    if (i === 4 || i === 8 || i === 9) await call(db, 'register', `after${i}`, soon());
    sent.push((await send(db, toAll())).id);
  }
  await check(db, 'u');
  for (const [user, from] of [['u', 0], ['after4', 4], ['after8', 8], ['after9', 9]]) {
    assert.equal(await num(db, user), 24 - from);
    assert.deepEqual(ids(await list(db, user)), sent.slice(from).reverse());
    assert.deepEqual(ids(await list(db, user, { limit: 3 })), sent.slice(-3).reverse());
  }
  assert.equal((await call(db, 'mark_read_oldest', 'u', 9)).num, 15);
  assert.deepEqual(ids(await list(db, 'u', { state: 'unread' })), sent.slice(9).reverse());

  // The first chunk dies while the user marks in it.
  for (const id of sent.slice(0, 7)) await call(db, 'recall', id);
  await a.query('BEGIN');
  await call(a, 'mark_unread', 'u', sent[7]);
  await call(db, 'recall', sent[7]);
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.chunk WHERE n = 0')).count, 0);
  await a.query('COMMIT');
  assert.equal(await num(db, 'u'), 15);
  while ((await call(db, 'purge', 100, 365, 0, null)).purge > 0);
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.mark WHERE n = 0')).count, 0);
  assert.deepEqual(ids(await list(db, 'u')), sent.slice(8).reverse());
  await assertNoDrift(db);
});

test('no real category has number 0', async (t) => {
  const [db] = await open(t, 0);
  await send(db, toAll({ category: 'first' }));
  assert.deepEqual(await rows(db, 'SELECT id FROM doorbell.category'), [{ id: 1 }]);
  await assert.rejects(db.query("INSERT INTO doorbell.category (id, name) OVERRIDING SYSTEM VALUE VALUES (0, 'x')"), { code: '23514' });
});

test('a category that is set, removed and named again at once: no deadlock, and it is listed', async (t) => {
  const [a, b, c, d, db] = await open(t, 4);
  await call(db, 'category_set', 'shop', false);
  await a.query('BEGIN');
  await call(a, 'category_remove', 'shop');
  await b.query('BEGIN');
  const first = send(b, toAll());
  await untilWaiting(db, b.pid);
  const set = call(c, 'category_set', 'shop', true);
  await untilWaiting(db, c.pid);
  await a.query('COMMIT');
  await first;
  // It lists the category again before it takes the broadcast lock, which the first send holds.
  const second = send(d, toAll({ category: 'shop' }));
  await untilWaiting(db, d.pid);
  await b.query('COMMIT');
  await Promise.all([set, second]);
  assert.deepEqual(await rows(db, 'SELECT name, critical, listed FROM doorbell.category'), [{ name: 'shop', critical: true, listed: true }]);
  await assertNoDrift(db);
});

test('an import and a send that both list a removed category again, for one user: no deadlock', async (t) => {
  const [a, b, c, db] = await open(t, 3);
  await send(db, toUser('u', { category: 'shop' }));
  await call(db, 'category_remove', 'shop', true);
  await a.query('BEGIN');
  await call(a, 'mark_read_all', 'u');
  const imported = b.query(`SELECT doorbell_internal.import(ARRAY[ROW('k', 'u', 't', 'b', NULL, NULL, 'shop', NULL, false, now(), NULL)::doorbell_internal.import_row])`);
  await untilWaiting(db, b.pid);
  const sent = send(c, toUser('u', { category: 'shop' }));
  await untilWaiting(db, c.pid);
  await a.query('COMMIT');
  await Promise.all([imported, sent]);
  assert.equal(await num(db, 'u'), 2);
  await assertNoDrift(db);
});

test('two batches over the same users in opposite order, with the same keys, wait and do not deadlock', async (t) => {
  const [a, b, db] = await open(t, 2);
  const forth = ['u1', 'u2', 'new1', 'new2'].map((user) => toUser(user, { key: `key of ${user}` }));
  for (const user of ['u1', 'u2']) await check(db, user);
  await a.query('BEGIN');
  const first = await sendBatch(a, [...forth, toUser('u1')]);
  const outcome = await blocked(db, b, () => sendBatch(b, [toUser('u2'), ...forth.toReversed()]), () => a.query('COMMIT'));
  assert.ifError(outcome.error);
  assert.deepEqual(outcome.value.map(({ duplicate }) => duplicate), [false, true, true, true, true]);
  assert.deepEqual(outcome.value.slice(1).map(({ id }) => id).toReversed(), first.slice(0, 4).map(({ id }) => id));
  assert.deepEqual([await num(db, 'u1'), await num(db, 'u2'), await num(db, 'new1')], [2, 2, 1]);
  await assertNoDrift(db);
});

for (const [what, names] of [
  ['a category', { to_users: ['u'], category: 'fresh' }], ['a group', { to_group: 'fresh' }], ['an audience', { to_groups: ['g', 'h'] }],
]) {
  test(`a batch that makes ${what} and one that has a key, of which each needs the other's, do not deadlock`, async (t) => {
    const [a, b, c, db] = await open(t, 3);
    for (const group of ['g', 'h']) await call(db, 'group_join', group, 'u');
    await a.query('BEGIN');
    await send(a, toUser('u', { key: 'k3' }));
    // Before it made names first, it had k2 by now, and did not yet have the name.
    const second = sendBatch(b, [toUser('u', { key: 'k2' }), toUser('u', { key: 'k3' }), { title: 't', ...names }]);
    await untilWaiting(db, b.pid);
    const third = sendBatch(c, [{ title: 't', key: 'k1', ...names }, toUser('u', { key: 'k2' })]);
    await untilWaiting(db, c.pid);
    await a.query('COMMIT');
    assert.deepEqual((await second).map(({ duplicate }) => duplicate), [false, true, false]);
    assert.deepEqual((await third).map(({ duplicate }) => duplicate), [false, true]);
    await assertNoDrift(db);
  });
}

test('batches in random order from many connections, and single sends between them, never deadlock', async (t) => {
  const clients = await open(t, 6);
  const db = clients.pop();
  const users = Array.from({ length: 12 }, (_, i) => `u${i}`);
  const draw = makeRandom(1 + (Date.now() % 1e9));
  const audience = () => (draw(12) === 0 ? toAll() : draw(8) === 0 ? toGroup('g') : { to_users: Array.from({ length: 1 + draw(4) }, () => users[draw(12)]), title: 'many' });
  await call(db, 'group_join', 'g', 'u1');
  await Promise.all(clients.map(async (client) => {
    for (let i = 0; i < 25; i++) {
      if (draw(4) === 0) await send(client, audience());
      else await sendBatch(client, Array.from({ length: 1 + draw(20) }, audience));
    }
  }));
  for (const user of users) {
    const page = await list(db, user, { limit: 100 });
    assert.equal(page.num, await num(db, user));
  }
  await assertNoDrift(db);
});

test('a batch to users waits for a send to one of them, and one to everybody for the broadcast lock before that', async (t) => {
  const [a, b, c, db] = await open(t, 3);
  await check(db, 'u');
  await a.query('BEGIN');
  await send(a, toAll());
  const outcome = await blocked(db, b, () => sendBatch(b, [toUser('u'), toAll()]), async () => {
    await send(c, toUser('u')); // which the batch does not hold up yet
    await a.query('COMMIT');
  });
  assert.ifError(outcome.error);
  assert.equal(await num(db, 'u'), 4);
  await assertNoDrift(db);
});
