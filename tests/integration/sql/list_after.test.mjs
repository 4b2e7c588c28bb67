// SPDX-License-Identifier: MIT
// What changed since a list: a reader who keeps a list by doorbell.list_after() alone has what doorbell.list() returns, and is told when
// that cannot be. property.test.mjs compares the two over random histories.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

async function open(t, options) {
  const db = await (await openDatabase(t, cluster, options)).connect();
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  return db;
}

const after = async (db, position, { user = 'u', state = 'all', category = null, limit = 100 } = {}) =>
  (await row(db, 'SELECT doorbell.list_after($1, $2, $3, $4, $5) AS told', [user, position, state, category, limit])).told;

/** A reader with all of a list. */
async function follow(db, query = {}) {
  const { position, messages } = await list(db, 'u', query);
  const shown = new Map(messages.map((message) => [message.id, message]));
  const reader = { position, told: null };
  reader.ask = async () => {
    reader.told = await after(db, reader.position, query);
    if (reader.told.reset) shown.clear();
    if (reader.told.all_seen) for (const message of shown.values()) message.seen = true;
    for (const message of reader.told.messages) shown.set(message.id, message);
    for (const id of reader.told.gone) shown.delete(id);
    reader.position = reader.told.position;
    const whole = await list(db, 'u', query);
    assert.deepEqual([...shown.values()].sort((a, b) => b.id - a.id), whole.messages.sort((a, b) => b.id - a.id));
    assert.deepEqual([reader.told.num, reader.told.version, reader.told.seq], [whole.num, whole.version, whole.seq]);
    assert.equal(reader.told.reset || reader.told.next, reader.told.reset || null);
    return [reader.told.messages.map(({ id }) => id), reader.told.gone];
  };
  return reader;
}

const kinds = {
  'a message to users': { to_users: ['u'] },
  'a message to a group': { to_group: 'g' },
  'a message to everybody': { to_all: true },
};

for (const [what, target] of Object.entries(kinds)) {
  const open1 = async (t) => {
    const db = await open(t);
    const { id } = await send(db, { ...target, title: 't', subject_type: 's', subject_id: '1' });
    return { db, id, reader: await follow(db) };
  };

  test(`${what}: nothing is told twice`, async (t) => {
    const { db, id, reader } = await open1(t);
    assert.deepEqual(await reader.ask(), [[], []]);
    await call(db, 'mark_read', 'u', id);
    assert.deepEqual(await reader.ask(), [[id], []]);
    assert.deepEqual(await reader.ask(), [[], []]);
    const other = await send(db, { ...target, title: 'new' });
    assert.deepEqual(await reader.ask(), [[other.id], []]);
    assert.deepEqual(await reader.ask(), [[], []]);
  });

  test(`${what}: read, unread, archived, back, deleted`, async (t) => {
    const { db, id, reader } = await open1(t);
    for (const [action, told] of [['mark_read', [[id], []]], ['mark_unread', [[id], []]], ['archive', [[], [id]]], ['mark_unread', [[id], []]], ['remove', [[], [id]]]]) {
      await call(db, action, 'u', id);
      assert.deepEqual((await reader.ask()).map((ids) => ids.filter((one) => one === id)), told, action);
    }
  });

  test(`${what}: recalled, unread or read`, async (t) => {
    const { db, id, reader } = await open1(t);
    const second = await send(db, { ...target, title: 'second' });
    await call(db, 'mark_read', 'u', second.id);
    await reader.ask();
    await call(db, 'recall', id);
    await call(db, 'recall', second.id);
    assert.deepEqual(await reader.ask(), [[], [id, second.id].filter((one) => one)]);
  });

  test(`${what}: superseded, unless it was read`, async (t) => {
    const { db, id, reader } = await open1(t);
    const second = await send(db, { ...target, title: 'second', subject_type: 's', subject_id: '1', replace: true });
    const [messages, gone] = await reader.ask();
    assert.deepEqual([messages, gone], [[second.id], [id]]);
    await call(db, 'mark_read', 'u', second.id);
    await reader.ask();
    await send(db, { ...target, title: 'third', subject_type: 's', subject_id: '1', replace: true });
    assert.ok(!(await reader.ask())[1].includes(second.id));
  });

  for (const [when, sweep] of [['before the sweep', false], ['after it', true]]) {
    for (const isRead of [false, true]) {
      test(`${what}: expired ${isRead ? 'read' : 'unread'}, asked ${when}`, async (t) => {
        const { db, reader } = await open1(t);
        const { id } = await send(db, { ...target, title: 'short', expires_in: 1 });
        if (isRead) await call(db, 'mark_read', 'u', id);
        await reader.ask();
        await row(db, "SELECT pg_sleep(extract(epoch FROM expires_at - clock_timestamp()) + 0.001) FROM doorbell.message WHERE id = $1", [id]);
        if (sweep) while ((await call(db, 'sweep')).sweep > 0);
        assert.deepEqual(await reader.ask(), [[], [id]]);
        while ((await call(db, 'sweep')).sweep > 0);
        await reader.ask();
        assert.deepEqual(await reader.ask(), [[], []], 'once more');
      });
    }
  }
}

test('other lists: only unread ones, the archive, a category', async (t) => {
  const db = await open(t);
  const [a, b, c] = [await send(db, { to_users: ['u'], title: 'a', category: 'x' }), await send(db, { to_all: true, title: 'b', category: 'y' }), await send(db, { to_group: 'g', title: 'c', category: 'x' })];
  const [unread, archived, ofX] = [await follow(db, { state: 'unread' }), await follow(db, { state: 'archived' }), await follow(db, { category: 'x' })];
  await call(db, 'mark_read', 'u', b.id);
  await call(db, 'archive', 'u', c.id);
  assert.deepEqual(await unread.ask(), [[], [b.id, c.id]]);
  assert.deepEqual(await archived.ask(), [[c.id], [b.id]]);
  assert.deepEqual(await ofX.ask(), [[], [b.id, c.id]]);
  await call(db, 'mark_unread', 'u', c.id);
  await call(db, 'mark_read_all', 'u');
  for (const reader of [unread, archived, ofX]) await reader.ask();
  assert.equal(a.id < b.id, true);
});

test('what was seen is told for all that was shown; for a part of it one starts again', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['u'], title: 'a' });
  await send(db, { to_all: true, title: 'b' });
  const reader = await follow(db);
  const first = reader.position;
  await call(db, 'mark_seen', 'u', first);
  await reader.ask();
  assert.deepEqual([reader.told.reset, reader.told.all_seen, reader.told.messages], [false, true, []]);
  await send(db, { to_users: ['u'], title: 'c' });
  await reader.ask();
  assert.equal(reader.told.all_seen, false);
  await send(db, { to_users: ['u'], title: 'd' });
  const late = reader.position;
  await call(db, 'mark_seen', 'u', (await list(db, 'u')).position);
  const other = await follow(db);
  await send(db, { to_users: ['u'], title: 'e' });
  await other.ask();
  await call(db, 'mark_seen', 'u', late);
  await other.ask();
  assert.equal(other.told.reset, false, 'an older position changes nothing');
  await send(db, { to_users: ['u'], title: 'f' });
  const last = await follow(db);
  await call(db, 'mark_seen', 'u', other.position);
  await last.ask();
  assert.equal(last.told.reset, true);
});

// Whatever is not told message by message.
const upheavals = {
  'the user joined a group': (db) => call(db, 'group_join', 'h', 'u'),
  'they left one': (db) => call(db, 'group_leave', 'g', 'u'),
  'they left one and joined it again': async (db) => {
    await call(db, 'group_leave', 'g', 'u');
    await call(db, 'group_join', 'g', 'u');
  },
  'they muted a category': (db) => call(db, 'mute', 'u', ['x']),
  'they chose a language': (db) => call(db, 'set_preferences', 'u', null, 'de'),
  'what they had muted became critical': (db) => call(db, 'category_set', 'y', true),
  'it was critical for a while': async (db) => {
    for (const critical of [true, false]) await call(db, 'category_set', 'y', critical);
  },
  'a template was changed': (db) => call(db, 'category_set', 'x', false, null, JSON.stringify({ en: { title: 'new' } })),
  'an audience of theirs went': (db) => db.query(`DELETE FROM doorbell.audience`),
  'they were erased, and came back': async (db) => {
    await call(db, 'erase', 'u');
    await check(db, 'u');
    await send(db, { to_users: ['u'], title: 'anew' });
  },
  'a message of theirs was purged': async (db) => {
    await db.query("UPDATE doorbell.message SET sent_at = now() - interval '2 days' WHERE title = 'own'");
    while ((await call(db, 'purge', 1000, 1)).purge > 0);
  },
  'a broadcast was purged': async (db) => {
    await db.query("UPDATE doorbell.message SET sent_at = now() - interval '2 days' WHERE title = 'all'");
    while ((await call(db, 'purge', 1000, 1)).purge > 0);
  },
  'their counts were repaired': async (db) => {
    await db.query("UPDATE doorbell.unread_count SET unread = unread + 1 WHERE user_id = 'u'");
    await call(db, 'recount', true);
  },
  'a chunk was repaired': async (db) => {
    await db.query('UPDATE doorbell.chunk SET live = 0::doorbell.chunk_bits WHERE feed_id = 1');
    await call(db, 'recount', true);
  },
  'times were repaired': async (db) => {
    await db.query("UPDATE doorbell.message SET sent_at = sent_at + interval '1 day', expires_at = expires_at + interval '1 day' WHERE expires_at IS NOT NULL");
    await call(db, 'repair_times');
  },
  'the history may have been broken': (db) => call(db, 'new_epoch'),
};

for (const [what, happen] of Object.entries(upheavals)) {
  test(`one starts again when ${what}`, async (t) => {
    const db = await open(t);
    await call(db, 'category_set', 'x', false);
    await call(db, 'category_set', 'y', false);
    await call(db, 'mute', 'u', ['y']);
    await send(db, { to_users: ['u'], title: 'own', category: 'x' });
    await send(db, { to_all: true, title: 'all', category: 'x' });
    await send(db, { to_all: true, title: 'critical', category: 'y' });
    await send(db, { to_groups: ['g', 'h'], title: 'to an audience' });
    await send(db, { to_group: 'g', title: 'short', expires_in: 3600 });
    const reader = await follow(db);
    await reader.ask();
    assert.equal(reader.told.reset, false);
    await happen(db);
    await reader.ask();
    assert.equal(reader.told.reset, true);
    await send(db, { to_users: ['u'], title: 'one more' });
    await reader.ask();
    assert.deepEqual([reader.told.reset, reader.told.messages.length], [false, 1]);
  });
}

test('templates that are set anew as they were change nothing', async (t) => {
  const db = await open(t);
  const set = (title) => call(db, 'category_set', 'x', false, null, JSON.stringify({ en: { title } }));
  await set('a');
  await send(db, { to_users: ['u'], category: 'x' });
  const reader = await follow(db);
  for (const [title, reset] of [['a', false], ['b', true], ['b', false]]) {
    await set(title);
    await reader.ask();
    assert.equal(reader.told.reset, reset);
  }
});

// Or a number could be passed by a greater one that is there before it, and its change go unnoticed.
test('templates are changed one after another', async (t) => {
  const database = await openDatabase(t, cluster);
  const [db, other] = [await database.connect(), await database.connect()];
  const set = (conn, name) => call(conn, 'category_set', name, false, null, JSON.stringify({ en: { title: name } }));
  await db.query('BEGIN');
  await set(db, 'x');
  await other.query("SET lock_timeout = '100ms'");
  await assert.rejects(set(other, 'y'), { code: '55P03' });
  await db.query('COMMIT');
  await set(other, 'y');
});

test('one starts again with another list\'s position', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['u'], title: 't', category: 'x', group_key: 'k' });
  const { position } = await list(db, 'u');
  const grouped = async (key) => (await row(db, 'SELECT doorbell.list($1, grouped => $2, group_key => $3) AS page', ['u', key === null, key])).page.position;
  for (const [old, query] of [
    [position, { state: 'unread' }], [position, { category: 'x' }], [await grouped(null), {}], [await grouped('k'), {}],
    [(await list(db, 'u', { state: 'archived' })).position, {}], [(await list(db, 'u', { category: 'x' })).position, {}],
    [position.replace(/(-[^-]*){3}$/, ''), {}],
    [position.replace(/^((?:[^-]*-){3})[^-]*/, '$199999'), {}], [position.replace(/^((?:[^-]*-){4})[^-]*/, '$199999'), {}],
  ]) assert.equal((await after(db, old, query)).reset, true, old);
});

test('one starts again with the position of a later page, which knows nothing of the first', async (t) => {
  const db = await open(t);
  const [, b] = [await send(db, { to_users: ['u'], title: 'a' }), await send(db, { to_users: ['u'], title: 'b' })];
  const { next } = await list(db, 'u', { limit: 1 });
  await call(db, 'mark_read', 'u', b.id);
  const { position } = await list(db, 'u', { limit: 1, before: next });
  assert.equal((await after(db, position)).reset, true);
  assert.equal((await call(db, 'mark_seen', 'u', position)).changed, 1, 'it serves to mark');
});

test('more than was asked for, or than a thousand, is a new beginning', async (t) => {
  const db = await open(t);
  const { position } = await list(db, 'u');
  for (let n = 0; n < 3; n++) await send(db, { to_users: ['u'], title: `${n}` });
  const { reset, messages } = await after(db, position, { limit: 3 });
  assert.deepEqual([reset, messages.length], [false, 3]);
  const anew = await after(db, position, { limit: 2 });
  assert.deepEqual([anew.reset, anew.messages.length, anew.next === null], [true, 2, false]);
  assert.deepEqual((await list(db, 'u', { before: anew.next })).messages.length, 1);
  await rows(db, "SELECT doorbell.send(to_users => '{u}', title => 't') FROM generate_series(1, 1000)");
  await call(db, 'remove_part', 'u', null, null, false, 10000);
  assert.equal((await after(db, position)).reset, true, 'too many are gone');
});

for (const [what, options, happen] of [
  ['recalled', {}, (db) => db.query('SELECT doorbell.recall(id) FROM (SELECT id FROM doorbell.message ORDER BY id) m')],
  ['expired', { expires_in: 1 }, (db) => rows(db, 'SELECT pg_sleep(extract(epoch FROM max(expires_at) - clock_timestamp()) + 0.001) FROM doorbell.message')],
]) {
  test(`a thousand broadcasts from before the user came, ${what} with one of theirs, do not hide it`, async (t) => {
    const db = await (await openDatabase(t, cluster)).connect();
    await rows(db, `SELECT doorbell.send(to_all => true, title => 't'${options.expires_in ? ', expires_in => 1' : ''}) FROM generate_series(1, 1000)`);
    await rows(db, "SELECT doorbell.register('u', now())");
    const { id } = await send(db, { to_all: true, title: 'theirs', ...(options.expires_in && { expires_in: 2 }) });
    const { position } = await list(db, 'u');
    await happen(db);
    const { reset, gone } = await after(db, position);
    assert.ok(reset || gone.includes(id));
  });
}

test('expired messages of others that wait for the sweep are no matter; as many of the user\'s are a new beginning', async (t) => {
  const db = await open(t);
  const { position } = await list(db, 'u');
  await rows(db, "SELECT doorbell.send(to_users => ARRAY(SELECT 'v' || n FROM generate_series(1, 1000) n), title => 't', expires_in => 1)");
  await rows(db, "SELECT doorbell.send(to_users => '{w}', title => 't', expires_in => 1) FROM generate_series(1, 1000)");
  const ofW = (await list(db, 'w')).position;
  await rows(db, 'SELECT pg_sleep(extract(epoch FROM max(expires_at) - clock_timestamp()) + 0.001) FROM doorbell.message');
  assert.equal((await after(db, position)).reset, false);
  assert.equal((await after(db, ofW, { user: 'w' })).reset, true);
  while ((await call(db, 'sweep')).sweep > 0);
  assert.equal((await after(db, position)).reset, false);
});

test('many marks of a chunk are told; those of long ago are forgotten', async (t) => {
  const db = await open(t, { chunkSize: 64 });
  for (let n = 0; n < 60; n++) await send(db, { to_all: true, title: `${n}` });
  const [first, reader] = [await follow(db), await follow(db)];
  for (const { id } of (await list(db, 'u')).messages) {
    await call(db, 'mark_read', 'u', id);
    await reader.ask();
    assert.ok(reader.told.reset === false && reader.told.messages.some((one) => one.id === id));
  }
  await first.ask();
  assert.equal(first.told.reset, true);
});

test('what was excepted, or is not a group\'s any more, is no message of the user\'s', async (t) => {
  const db = await open(t);
  const { position } = await list(db, 'u');
  const hidden = await send(db, { to_all: true, title: 'not to u', except_users: ['u'] });
  await send(db, { to_users: ['v'], title: 'to another' });
  assert.ok((await after(db, position)).messages.length === 0);
  await call(db, 'recall', hidden.id);
  assert.ok((await after(db, position)).messages.length === 0);
});

for (const [what, target, newest, take] of [
  ['a personal message', { to_users: ['u'] }, { to_all: true }, 'remove'],
  ['a broadcast', { to_all: true }, { to_users: ['u'] }, 'recall'],
]) {
  test(`${what} that was under way at the first page, and was shown by the next, goes`, async (t) => {
    const database = await openDatabase(t, cluster);
    const [db, other] = [await database.connect(), await database.connect()];
    await check(db, 'u');
    await send(db, { ...target, title: 'old' });
    await other.query('BEGIN');
    const { id } = await send(other, { ...target, title: 'under way' });
    await send(db, { ...newest, title: 'newest' });
    const { position, next } = await list(db, 'u', { limit: 1 });
    await other.query('COMMIT');
    assert.equal((await list(db, 'u', { before: next })).messages[0].id, id);
    await call(db, take, ...(take === 'remove' ? ['u', id] : [id]));
    const { reset, gone } = await after(db, position);
    assert.deepEqual([reset, gone], [false, [id]]);
  });
}

test('a position of before serves to mark: up to what it and the answers after it showed', async (t) => {
  const db = await open(t);
  const reader = await follow(db);
  const [a, b] = [await send(db, { to_users: ['u'], title: 'a' }), await send(db, { to_all: true, title: 'b' })];
  await reader.ask();
  const late = await send(db, { to_users: ['u'], title: 'late' });
  assert.equal((await call(db, 'mark_read_upto', 'u', reader.position)).num, 1);
  assert.deepEqual(await reader.ask(), [[late.id, b.id, a.id], []]);
});

test('nothing of what an erased user did is kept, where a broadcast still excepts them', async (t) => {
  const db = await open(t);
  await send(db, { to_all: true, title: 'not to u', except_users: ['u'] });
  await call(db, 'mark_read', 'u', (await send(db, { to_all: true, title: 'read' })).id);
  await call(db, 'erase', 'u');
  assert.deepEqual(await rows(db, `SELECT bit_count(changed), changed_since, version FROM doorbell.mark WHERE user_id = 'u'`), [{ bit_count: 0, changed_since: 0, version: 0 }]);
});

test('refused: what is no position of the user\'s, no state, no limit', async (t) => {
  const db = await open(t);
  const { position } = await list(db, 'u');
  for (const [bad, query] of [[null], [''], ['813'], [`${position}-1`], [position.replace(/[0-9a-f]{8}/, '00000000')], [(await list(db, 'w')).position], [position.replace(/-\d+$/, '-99999999999999999999')],
    [position, { state: 'gone' }], [position, { limit: 0 }], [position, { limit: 101 }]])
    await assert.rejects(after(db, bad, query), { code: 'DB422' }, bad);
  await call(db, 'erase', 'u');
  assert.equal(await after(db, position), null, 'as doorbell.list()');
});
