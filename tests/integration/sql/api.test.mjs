// SPDX-License-Identifier: MIT
// Each function of schema doorbell: its wrong calls first, then its right ones.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

async function open(t, options) {
  return (await openDatabase(t, cluster, options)).connect();
}

const ids = (page) => page.messages.map((m) => m.id);
const manyUnread = (db, users, window = 300) => rows(db, 'SELECT * FROM doorbell.unread_many($1, $2)', [users, window]);
const counts = async (db, table) => (await row(db, `SELECT count(*) FROM doorbell.${table}`)).count;
const many = (n, text = 'x') => text.repeat(n);
const plain = { strict: false, templates: {}, webhook: null, only_unseen_after: null };
const toUser = (user, more) => ({ to_users: [user], title: 't', ...more });
const toAll = (more) => ({ to_all: true, title: 't', ...more });

const sendBatch = (db, messages, atomic) => rows(db, `SELECT * FROM doorbell.send_batch($1${atomic === undefined ? '' : ', $2'}) ORDER BY n`,
  [JSON.stringify(messages), ...(atomic === undefined ? [] : [atomic])]);

const wrongSends = [
  ['no audience', { title: 't' }, 'DB400'],
  ['to_all false and nothing else', { title: 't', to_all: false }, 'DB400'],
  ['two audiences', { title: 't', to_all: true, to_users: ['u'] }, 'DB400'],
  ['users and group', { title: 't', to_group: 'g', to_users: ['u'] }, 'DB400'],
  ['an empty user id', { title: 't', to_users: [''] }],
  ['a null user id', { title: 't', to_users: ['u', null] }],
  ['"*" in a list', { title: 't', to_users: ['u', '*'] }],
  ['a user id of 129 bytes', { title: 't', to_users: [many(129)] }],
  ['a user id of 129 bytes in 65 characters', { title: 't', to_users: [`${many(64, 'é')}x`] }],
  ['a user id with a line feed', { title: 't', to_users: ['a\nb'] }],
  ['a user id with DEL', { title: 't', to_users: ['a\x7f'] }],
  ['a user id with a C1 control', { title: 't', to_users: ['a\u0085b'] }],
  ['100,001 users', { title: 't', to_users: Array.from({ length: 100001 }, (_, i) => String(i)) }],
  ['group "*"', { title: 't', to_group: '*' }],
  ['group "."', { title: 't', to_group: '.' }],
  ['group ".."', { title: 't', to_group: '..' }],
  ['category ".."', toUser('u', { category: '..' })],
  ['an empty group', { title: 't', to_group: '' }],
  ['a group of 129 bytes', { title: 't', to_group: many(129) }],
  ['no title', { to_users: ['u'] }],
  ['an empty title', toUser('u', { title: '' })],
  ['a title of 256 characters', toUser('u', { title: many(256) })],
  ['a title of 256 characters in 768 bytes', toUser('u', { title: many(256, '中') })],
  ['a title with a control character', toUser('u', { title: 'a\x1b[2J' })],
  ['a body of 65,537 bytes', toUser('u', { body: many(65537) })],
  ['an empty sender', toUser('u', { sender: '' })],
  ['a sender of 256 characters', toUser('u', { sender: many(256, '中') })],
  ['a category of 65 bytes', toUser('u', { category: many(65) })],
  ['a category of 66 bytes in 22 characters', toUser('u', { category: many(22, '中') })],
  ['a group of 129 bytes in 43 characters', { title: 't', to_group: many(43, '中') }],
  ['a subject_type of 65 characters', toUser('u', { subject_type: many(65, '中'), subject_id: '7' })],
  ['a subject_id of 256 characters', toUser('u', { subject_type: 'order', subject_id: many(256, '中') })],
  ['a url of 2,049 characters', toUser('u', { url: `/${many(2048, '中')}` })],
  ['an empty category', toUser('u', { category: '' })],
  ['an empty key', toUser('u', { key: '' })],
  ['a key of 256 characters', toUser('u', { key: many(256, '中') })],
  ['extra that is a list', toUser('u', { extra: '[]' })],
  ['extra that is a text', toUser('u', { extra: '"x"' })],
  ['extra of 16,385 bytes', toUser('u', { extra: JSON.stringify({ a: many(16385 - 9) }) })],
  ['expires_in 0', toUser('u', { expires_in: 0 })],
  ['expires_in -1', toUser('u', { expires_in: -1 })],
  ['expires_in of eleven years', toUser('u', { expires_in: 347000000 })],
  ['send_at in eleven years', toUser('u', { send_at: new Date(Date.now() + 347e9) })],
  ['send_at infinity', toUser('u', { send_at: 'infinity' })],
  ['send_at before 1970', toUser('u', { send_at: '1969-12-31T00:00:00Z' })],
  ['subject_type alone', toUser('u', { subject_type: 'order' })],
  ['subject_id alone', toUser('u', { subject_id: '7' })],
  ['an empty subject_id', toUser('u', { subject_type: 'order', subject_id: '' })],
  ['replace without a subject', toUser('u', { replace: true })],
  ['an empty group_key', toUser('u', { group_key: '' })],
  ['a group_key of 256 characters', toUser('u', { group_key: many(256, '中') })],
  ['a group_key with a line feed', toUser('u', { group_key: 'a\nb' })],
  ['a group_key to a group', { title: 't', to_group: 'g', group_key: 'k' }],
  ['a group_key to everybody', toAll({ group_key: 'k' })],
  ['a group_key and ack', toUser('u', { group_key: 'k', ack: true })],
  ...[
    'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', '//host/x', '/\\host', '\\\\host', '/\t/host', 'http:/x', 'http://',
    'https:///x', 'ftp://host/', 'path', '', '/a\r\nSet-Cookie: x', '/a b', ' /a', 'http://host\\@other', '/a\u0000b'.replace('\u0000', '\x01'),
    'http:\n//host', `/${many(2048)}`,
  ].map((url) => [`url ${JSON.stringify(url.slice(0, 30))}`, toUser('u', { url })]),
];

test('send_batch refuses what send does, tells which one it is, and sends nothing', async (t) => {
  const db = await open(t);
  for (const [name, args, code = 'DB422'] of wrongSends) {
    const message = { ...args, ...(typeof args.extra === 'string' ? { extra: JSON.parse(args.extra) } : {}) };
    await assert.rejects(sendBatch(db, [toUser('u', { key: 'k' }), message, toUser('v')]), { code, detail: '1' }, name);
    const [first, second] = await sendBatch(db, [toUser('w'), message], false);
    assert.deepEqual([first.code, second.code, second.id], [null, code, null], name);
    assert.ok(second.reason, name);
  }
  assert.equal(await counts(db, 'inbox'), wrongSends.length);
  assert.equal(await counts(db, 'message'), wrongSends.length);
  assert.equal(await counts(db, 'send_key'), 0);
  assert.equal(await counts(db, 'category'), 0);
});

test('send_batch refuses what is no list of messages', async (t) => {
  const db = await open(t);
  for (const messages of [{}, 'x', null, 1]) await assert.rejects(sendBatch(db, messages), { code: 'DB400' });
  await assert.rejects(db.query('SELECT * FROM doorbell.send_batch(NULL)'), { code: 'DB400' });
  for (const message of [1, null, 'x', [], { ...toUser('u'), colour: 1 }]) await assert.rejects(sendBatch(db, [toUser('u'), message]), { code: 'DB422', detail: '1' });
  await assert.rejects(sendBatch(db, Array(10001).fill(toUser('u'))), { code: 'DB422' });
  await assert.rejects(sendBatch(db, [toUser('u'), toUser('u', { expires_in: 'x' })], false), { code: '22P02' });
  assert.deepEqual(await sendBatch(db, []), []);
  assert.equal(await counts(db, 'message'), 0);
});

test('send_batch sends what send does, each in its place', async (t) => {
  const db = await open(t);
  await call(db, 'group_join', 'g', 'u');
  for (const atomic of [undefined, false]) {
    const sent = await sendBatch(db, [
      toUser('u', { title: '1', key: `z${atomic}` }), { to_group: 'g', title: '2' }, toAll({ title: '3' }), toUser('u', { title: '4', key: `a${atomic}`, extra: { a: 1 } }),
      { to_users: [], title: '5' }, toUser('u', { title: '1', key: `z${atomic}` }), toUser('u', { title: '6', send_at: new Date(Date.now() + 1e9) }), toUser('u', { title: '7', later: true }),
    ], atomic);
    assert.deepEqual(sent.map(({ n }) => n), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(sent.map(({ recipients }) => recipients), [1, null, null, 1, 0, 1, 1, 1]);
    assert.deepEqual(sent.map(({ duplicate }) => duplicate), [false, false, false, false, false, true, false, false]);
    assert.equal(sent[5].id, sent[0].id);
    const page = await list(db, 'u');
    assert.deepEqual(page.messages.slice(0, 4).map(({ title }) => title), ['4', '3', '2', '1']);
    assert.deepEqual(page.messages[0].extra, { a: 1 });
    await call(db, 'activate');
    assert.equal((await list(db, 'u')).messages[0].title, '7');
  }
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
});

test('send refuses', async (t) => {
  const db = await open(t);
  for (const [name, args, code = 'DB422'] of wrongSends) {
    await t.test(name, async () => {
      await assert.rejects(send(db, args), (error) => {
        assert.equal(error.code, code, error.message);
        assert.ok(error.message.length > 10);
        return true;
      });
    });
  }
  for (const table of ['message', 'inbox', 'reader', 'outbox', 'send_key', 'pending', 'chunk']) {
    assert.equal(await counts(db, table), 0, `${table} is empty`);
  }
});

const rightSends = [
  ['one user', toUser('u'), 1],
  ['the longest user id', toUser(many(128)), 1],
  ['a user id of any script', toUser('a/b%ü 中'), 1],
  ['duplicates', { title: 't', to_users: ['u', 'v', 'u'] }, 2],
  ['a list of 10,000', { title: 't', to_users: Array.from({ length: 10000 }, (_, i) => `n${i}`) }, 10000],
  ['a group', { title: 't', to_group: many(128) }, null],
  ['everybody', toAll(), null],
  ['the longest texts', toUser('u', { title: many(255), body: many(65536), sender: many(255), category: many(64), key: many(255), subject_type: many(64), subject_id: many(255), url: `/${many(2047)}` }), 1],
  ['the longest texts in the longest characters', toUser('u', { title: many(255, '🔔'), sender: many(255, '🔔'), category: many(16, '🔔'), key: many(255, '🔔'), subject_type: many(64, '🔔'), subject_id: many(255, '🔔'), url: `/${many(2047, '🔔')}` }), 1],
  ['extra of 16,384 bytes', toUser('u', { extra: JSON.stringify({ a: many(16384 - 9) }) }), 1],
  ['expires_in 1', toUser('u', { expires_in: 1 }), 1],
  ['a body of many lines', toUser('u', { body: 'a\r\n\tb' }), 1],
  ['send_at in the past', toUser('u', { send_at: new Date(Date.now() - 1000) }), 1],
  ...['/', '/a?b=c#d', 'http://host', 'HTTPS://host/x', 'https://user@host:8/x?y', '/中'].map((url) => [`url ${url}`, toUser('u', { url }), 1]),
];

test('send takes', async (t) => {
  const db = await open(t);
  for (const [name, args, recipients] of rightSends) {
    await t.test(name, async () => {
      const answer = await send(db, args);
      assert.ok(answer.id > 0);
      assert.deepEqual([answer.recipients, answer.duplicate], [recipients, false]);
    });
  }
});

test('an empty list stores nothing, not even its key', async (t) => {
  const db = await open(t);
  assert.deepEqual(await send(db, { to_users: [], title: 't', key: 'k' }), { id: null, recipients: 0, duplicate: false });
  for (const table of ['message', 'outbox', 'send_key']) assert.equal(await counts(db, table), 0);
});

test('a message is stored and listed as it was sent', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  const args = { title: 'Tëst', body: 'b\n', url: '/x', category: 'news', sender: 'shop', extra: { a: [1, null] } };
  const before = Math.floor(Date.now() / 1000);
  const { id } = await send(db, { to_users: ['u'], ...args, ack: true });
  const [message] = (await list(db, 'u')).messages;
  assert.ok(message.created_at >= before && message.created_at <= before + 60);
  const expected = { id, ...args, created_at: message.created_at, seen: false, read: false, archived: false, ack: false, group_key: null };
  assert.deepEqual(message, expected);
  assert.deepEqual((await row(db, 'SELECT doorbell.message($1, $2) AS m', ['u', id])).m, expected);
  const plain = await send(db, toAll());
  assert.deepEqual(ids(await list(db, 'u')), [plain.id, id]);
  const bare = (await list(db, 'u')).messages[0];
  assert.deepEqual([bare.body, bare.url, bare.category, bare.sender, bare.extra, bare.ack], ['', null, null, null, null, null]);
});

test('a message to everybody can be read without a user, for as long as it is there', async (t) => {
  const db = await open(t);
  const read = (id) => rows(db, 'SELECT * FROM doorbell.broadcast($1)', [id]);
  const args = { title: 'Tëst', body: 'b\n', url: '/x', category: 'news', sender: 'shop', extra: { a: [1, null] } };
  const { id } = await send(db, { to_all: true, ...args, expires_in: 3600 });
  const [{ message, expires_in: left }] = await read(id);
  assert.ok(left > 3500 && left < 3600);
  await check(db, 'u');
  const { seen, read: isRead, archived, ack, group_key: key, ...listed } = (await call(db, 'message', 'u', id)).message;
  assert.deepEqual(message, listed);
  const plain = await send(db, toAll());
  assert.equal((await read(plain.id))[0].expires_in, null);
  const others = [toUser('u'), { title: 't', to_group: 'g' }, toAll({ send_at: new Date(Date.now() + 3600_000) })];
  for (const one of others) assert.deepEqual(await read((await send(db, one)).id), []);
  for (const none of [0, -1, null, '9223372036854775807']) assert.deepEqual(await read(none), []);
  const about = { subject_type: 'a', subject_id: 'b', replace: true };
  const old = await send(db, toAll(about));
  assert.equal((await read(old.id)).length, 1);
  await send(db, toAll(about));
  assert.deepEqual(await read(old.id), []);
  await call(db, 'recall', plain.id);
  assert.deepEqual(await read(plain.id), []);
  await db.query("UPDATE doorbell.message SET expires_at = clock_timestamp() WHERE id = $1", [id]);
  assert.deepEqual(await read(id), []);
});

test('a send to everybody or to a group writes the same few rows for any number of users', async (t) => {
  const db = await open(t);
  await send(db, { to_users: Array.from({ length: 5000 }, (_, i) => `n${i}`), title: 't' });
  const written = async (args) => {
    const total = async () => Number((await row(db, `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS n
      FROM pg_stat_xact_user_tables WHERE schemaname = 'doorbell'`)).n);
    await db.query('BEGIN');
    const before = await total();
    await send(db, args);
    const after = await total();
    await db.query('COMMIT');
    return after - before;
  };
  assert.equal(await written(toAll()), 4); // feed, message, chunk, outbox
  assert.equal(await written(toAll({ category: 'news' })), 6);
  assert.equal(await written(toAll({ category: 'news' })), 5);
});

test('the same key and content answer the first id, another content is a conflict', async (t) => {
  const db = await open(t);
  const args = { to_users: ['v', 'u'], title: 't', extra: { a: 1, b: 2 }, key: 'k' };
  const first = await send(db, args);
  assert.deepEqual(await send(db, { ...args, to_users: ['u', 'v', 'v'], extra: { b: 2, a: 1 } }), { ...first, duplicate: true });
  for (const change of [{ title: 'other' }, { to_users: ['u'] }, { body: 'x' }, { url: '/' }, { category: 'c' }, { extra: null },
    { expires_in: 5 }, { ack: true }, { sender: 's' }, { subject_type: 'a', subject_id: 'b' }, { send_at: new Date(0) }]) {
    await assert.rejects(send(db, { ...args, ...change }), { code: 'DB409' }, JSON.stringify(change));
  }
  assert.equal(await counts(db, 'message'), 1);
  const all = await send(db, toAll({ key: 'all' }));
  assert.deepEqual(await send(db, toAll({ key: 'all' })), { id: all.id, recipients: null, duplicate: true });
});

test('a rolled back send sends nothing and rings nothing', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await db.query('BEGIN');
  await send(db, toUser('u', { key: 'k' }));
  await send(db, toAll());
  await db.query('ROLLBACK');
  assert.equal((await check(db, 'u')).num, 0);
  assert.equal(await counts(db, 'outbox'), 0);
  assert.equal((await send(db, toUser('u', { key: 'k' }))).duplicate, false);
});

test('a message sent later is delivered by activate, at its time and once', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  const soon = await send(db, toUser('u', { later: true, expires_in: 100 }));
  await send(db, toAll({ send_at: new Date(Date.now() + 3600e3), expires_in: 100 }));
  assert.equal((await check(db, 'u')).num, 0);
  assert.equal(await counts(db, 'outbox'), 0);
  assert.equal((await call(db, 'activate')).activate, 1);
  assert.equal((await call(db, 'activate')).activate, 0);
  assert.deepEqual(ids(await list(db, 'u')), [soon.id]);
  assert.equal(await counts(db, 'outbox'), 1);
  await db.query("UPDATE doorbell.pending SET due_at = now()");
  assert.equal((await call(db, 'activate')).activate, 1);
  assert.equal((await check(db, 'u')).num, 2);
  const left = await row(db, "SELECT extract(epoch FROM expires_at - sent_at)::integer AS s FROM doorbell.message WHERE feed_id = 1");
  assert.equal(left.s, 100);
});

test('unread, list and message say that first contact is missing', async (t) => {
  const db = await open(t);
  const { id } = await send(db, toUser('u'));
  assert.equal(await call(db, 'unread', 'u'), undefined);
  for (const statement of ["doorbell.list('u')", "doorbell.unread_by_category('u')", `doorbell.message('u', ${id})`]) {
    assert.equal((await row(db, `SELECT ${statement} AS answer`)).answer, null);
  }
  await call(db, 'register', 'u');
  assert.equal((await call(db, 'unread', 'u')).num, 1);
  for (const user of ['', '*', many(129), 'a\nb', null]) {
    assert.equal(await call(db, 'unread', user), undefined);
    await assert.rejects(call(db, 'register', user), { code: 'DB422' });
  }
});

test('first contact bounds old broadcasts by since or by the backlog, once', async (t) => {
  const db = await open(t);
  const sent = [];
  for (const days of [20, 9, 5, 1]) {
    sent.push((await send(db, toAll({ to_new_users: days === 9 }))).id);
    await db.query('UPDATE doorbell.message SET sent_at = now() - make_interval(days => $1) WHERE id = $2', [days, sent.at(-1)]);
  }
  const seenBy = async (user, ...contact) => {
    await call(db, 'register', user, ...contact);
    return ids(await list(db, user)).reverse();
  };
  const ago = (days) => new Date(Date.now() - days * 86400e3);
  assert.deepEqual(await seenBy('a'), sent.slice(1));
  assert.deepEqual(await seenBy('b', null, 2), [sent[1], sent[3]]);
  assert.deepEqual(await seenBy('c', ago(100)), sent);
  assert.deepEqual(await seenBy('d', new Date()), [sent[1]]);
  assert.deepEqual(await seenBy('d', ago(100)), [sent[1]], 'only the first contact counts');
});

test('unread_many refuses', async (t) => {
  const db = await open(t);
  for (const users of [null, Array(1001).fill('u')]) {
    await assert.rejects(manyUnread(db, users), (error) => error.code === 'DB422' && /at most 1000 user ids/.test(error.message));
  }
});

test('unread_many answers each registered user by their place', async (t) => {
  const db = await open(t);
  assert.deepEqual(await manyUnread(db, []), []);
  for (const user of ['u', 'v']) await check(db, user);
  await send(db, toUser('u'));
  const found = await manyUnread(db, ['v', null, 'nobody', 'u', 'v', '']);
  assert.deepEqual(found.map(({ n, num }) => [n, num]), [[1, 0], [4, 1], [5, 0]]);
  for (const answer of found) {
    const user = { 1: 'v', 4: 'u', 5: 'v' }[answer.n];
    const { num, hit, latest, version, seq, scope, groups, muted, quiet } = answer;
    assert.deepEqual({ num, hit, latest, version, seq, scope, groups, muted, quiet }, await call(db, 'unread', user));
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.check_state WHERE user_id = $1', [user]),
      [{ user_id: user, joined_pos: answer.joined_pos, version, seq, epoch: Number(await epochOf(db)) }]);
  }
  assert.equal((await manyUnread(db, Array(1000).fill('u'))).length, 1000);
});

// What bounds an answer of user u: seconds from the message's sent_at, or a word.
for (const [what, prepare, bound] of [
  ['nothing', async () => {}, 'infinity'],
  ['a hit', (db) => send(db, toUser('u')), 300],
  ['a hit of a broadcast', (db) => send(db, toAll()), 300],
  ['an expiry before the end of a hit', (db) => send(db, toUser('u', { expires_in: 100 })), 100],
  ['the expiry of a broadcast', (db) => send(db, toAll({ expires_in: 100 })), 100],
  ['the expiry of an older unread message', async (db) => {
    await send(db, toUser('u', { expires_in: 100 }));
    await call(db, 'mark_read', 'u', (await send(db, toUser('u'))).id);
  }, 100],
  ['the expiry of the newest, though it was read', async (db) => call(db, 'mark_read', 'u', (await send(db, toUser('u', { expires_in: 100 }))).id), 100],
  ['nothing of an older message that was read', async (db) => {
    await call(db, 'mark_read', 'u', (await send(db, toUser('u', { expires_in: 100 }))).id);
    await call(db, 'mark_read', 'u', (await send(db, toUser('u'))).id);
  }, 'infinity'],
  ['the expiry of a message to a group', async (db) => {
    await call(db, 'group_join', 'g', 'u');
    await send(db, { to_group: 'g', title: 't', expires_in: 100 });
  }, 100],
  ['nothing of another group', async (db) => {
    await call(db, 'group_join', 'g', 'u');
    await send(db, { to_group: 'h', title: 't', expires_in: 100 });
  }, 'infinity'],
  ['the expiry of a message to a user who mutes', async (db) => {
    await call(db, 'category_set', 'news', false);
    await call(db, 'mute', 'u', ['news']);
    await send(db, toUser('u', { expires_in: 100 }));
  }, 100],
  ['a broadcast that has expired and is not swept', async (db) => {
    await send(db, toAll({ expires_in: 100 }));
    await db.query("UPDATE doorbell.message SET expires_at = now(); UPDATE doorbell.feed SET expires_at = now() WHERE id = 1");
  }, 'at'],
  ['nothing once that is swept', async (db) => {
    await send(db, toAll({ expires_in: 100 }));
    await db.query("UPDATE doorbell.message SET expires_at = now(); UPDATE doorbell.feed SET expires_at = now() WHERE id = 1");
    await call(db, 'sweep');
  }, 'infinity'],
]) {
  test(`an answer holds until the clock changes it: ${what}`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    await prepare(db);
    const found = await row(db, `SELECT CASE u.valid_until WHEN 'infinity' THEN 'infinity' WHEN u.at THEN 'at'
        ELSE extract(epoch FROM u.valid_until - (SELECT min(m.sent_at) FROM doorbell.message m))::text END AS bound
      FROM doorbell.unread_many('{u}') u`);
    assert.equal(found.bound, typeof bound === 'number' ? bound.toFixed(6) : bound);
  });
}

test('a user who was erased and returns as a new one has the old state only with the old answer', async (t) => {
  const db = await open(t);
  await send(db, toAll());
  await check(db, 'u');
  const first = await manyUnread(db, ['u']);
  await call(db, 'erase', 'u');
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.check_state'), []);
  await check(db, 'u');
  const state = ({ joined_pos, version, seq }) => [joined_pos, version, seq];
  const again = await manyUnread(db, ['u']);
  assert.deepEqual([state(again[0]), again[0].num], [state(first[0]), first[0].num], 'neither did anything');
  await send(db, toUser('u'));
  const more = await manyUnread(db, ['u']);
  await call(db, 'erase', 'u');
  await check(db, 'u');
  assert.notDeepEqual(state((await manyUnread(db, ['u']))[0]), state(more[0]));
});

// All parts of a history, from a position or everything.
async function parts(db, name, position, size) {
  const found = [];
  do {
    found.push(await call(db, name, 'u', position, size));
    position = found.at(-1).next;
  } while (position);
  return found;
}

for (const [size, changed] of [[2, [4, 2, 1]], [4, [6, 1]], [5, [7, 0]], [6, [7]], [500, [7]]]) {
  test(`everything is marked in parts of ${size}, the newest first and all broadcasts at once`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    for (let i = 0; i < 5; i++) await send(db, toUser('u'));
    for (let i = 0; i < 2; i++) await send(db, toAll());
    for (const [name, num] of [['mark_read_part', 0], ['mark_unread_part', 7]]) {
      const before = await check(db, 'u');
      const found = await parts(db, name, null, size);
      assert.deepEqual(found.map((part) => part.changed), changed);
      const { version, seq } = await check(db, 'u');
      assert.deepEqual([found.at(-1).num, found.at(-1).version, found.at(-1).seq], [num, version, seq]);
      assert.equal(new Set(found.map((part) => part.version)).size, changed.filter((n) => n > 0).length, 'a version for each part');
      assert.ok(found[0].version > before.version);
    }
  });
}

test('what comes between two parts is not marked, nor what was hidden when the first ran', async (t) => {
  const db = await open(t);
  await call(db, 'category_set', 'shop', false);
  await send(db, toUser('u', { category: 'shop' }));
  await send(db, toUser('u'));
  await send(db, toUser('u'));
  await call(db, 'mute', 'u', ['shop']);
  const { next } = await call(db, 'mark_read_part', 'u', null, 1);
  await send(db, toUser('u'));
  await send(db, toAll());
  await call(db, 'mute', 'u', []);
  for (const part of await parts(db, 'mark_read_part', next, 1)) assert.ok(part.num >= 3);
  assert.equal((await check(db, 'u')).num, 3, 'the unmuted one and both that came');
});

test('a position is marked in parts too, in its category', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  for (let i = 0; i < 6; i++) await send(db, toUser('u', { category: i % 2 ? 'news' : 'shop' }));
  await send(db, toAll({ category: 'news' }));
  await send(db, toAll({ category: 'shop' }));
  const { position } = await list(db, 'u', { category: 'news' });
  await send(db, toUser('u', { category: 'news' }));
  const found = await parts(db, 'mark_read_part', position, 2);
  assert.deepEqual(found.map((part) => part.changed), [3, 1]);
  assert.equal((await call(db, 'unread', 'u', 'news')).num, 1);
  assert.equal((await call(db, 'unread', 'u', 'shop')).num, 4);
  assert.deepEqual((await parts(db, 'mark_read_part', (await list(db, 'u', { state: 'archived' })).position, 2)).map((part) => part.changed), [0]);
});

test('messages that cannot be marked are passed by once', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  for (let i = 0; i < 6; i++) await send(db, toUser('u', { ack: i > 1 }));
  assert.deepEqual((await parts(db, 'mark_read_part', null, 2)).map((part) => part.changed), [0, 0, 2, 0]);
  assert.equal((await check(db, 'u')).num, 4);
});

for (const name of ['mark_read_part', 'mark_unread_part']) {
  test(`${name} refuses`, async (t) => {
    const db = await open(t);
    for (const size of [0, -1, 10001, null]) await assert.rejects(call(db, name, 'u', null, size), { code: 'DB422', message: 'max_rows is 1 to 10000' });
    await assert.rejects(call(db, name, 'u', '5'), { code: 'DB422' });
    await assert.rejects(call(db, name, 'u', (await list(db, 'v')).position), { code: 'DB422' });
  });
}

test('hit is 1 while the newest message is unread and young', async (t) => {
  const db = await open(t);
  assert.deepEqual(await check(db, 'u'), { num: 0, hit: 0, latest: 0, version: 0, seq: 0, scope: 0, groups: 0, muted: [], quiet: null });
  const mine = await send(db, toUser('u'));
  assert.deepEqual([(await check(db, 'u')).hit, (await check(db, 'u')).latest], [1, mine.id]);
  const all = await send(db, toAll());
  await call(db, 'mark_read', 'u', all.id);
  assert.deepEqual([(await check(db, 'u')).hit, (await check(db, 'u')).latest], [0, all.id]);
  await call(db, 'archive', 'u', all.id);
  assert.deepEqual([(await check(db, 'u')).hit, (await check(db, 'u')).latest], [1, mine.id]);
  await db.query("UPDATE doorbell.message SET sent_at = now() - interval '301 s'");
  assert.equal((await check(db, 'u')).hit, 0);
  assert.equal((await call(db, 'unread', 'u', null, 400)).hit, 1);
});

test('list refuses', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v']) {
    await send(db, { to_users: ['u', 'v'], title: 't' });
    await check(db, user);
  }
  const foreign = (await list(db, 'v', { limit: 1 })).next;
  const own = (await list(db, 'u', { limit: 1 })).next;
  for (const [name, options] of [
    ['state', { state: 'deleted' }], ['null state', { state: null }], ['limit 0', { limit: 0 }], ['limit -1', { limit: -1 }],
    ['limit 101', { limit: 101 }], ['limit null', { limit: null }], ['an empty cursor', { before: '' }], ['a bare id', { before: '1' }],
    ["another user's cursor", { before: foreign }], ['a forged cursor', { before: own.replace(/-(\d+)$/, "-1' OR 1=1") }],
    ['a cursor beyond bigint', { before: own.replace(/-\d+$/, '-99999999999999999999') }],
    ['a cursor just beyond bigint', { before: own.replace(/-\d+$/, '-9223372036854775808') }], ['a long cursor', { before: many(100000) }],
  ]) {
    await t.test(name, () => assert.rejects(list(db, 'u', options), { code: 'DB422' }));
  }
});

test('pages follow each other without gap or repetition, over personal, group and broadcast messages', async (t) => {
  const db = await open(t, { chunkSize: 8 });
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  const sent = [];
  for (let i = 0; i < 40; i++) {
    const category = i % 4 ? 'news' : 'shop';
    sent.unshift((await send(db, [toUser('u', { category }), { to_group: 'g', title: 't', category }, toAll({ category })][i % 3])).id);
  }
  for (const category of [null, 'news']) {
    const expected = sent.filter((_, i) => category === null || (39 - i) % 4);
    const got = [];
    let before = null;
    do {
      const page = await list(db, 'u', { limit: 7, before, category });
      got.push(...ids(page));
      before = page.next;
    } while (before);
    assert.deepEqual(got, expected);
  }
  assert.deepEqual((await list(db, 'u', { category: 'nowhere' })).messages, []);
  assert.equal((await call(db, 'unread', 'u', 'shop')).num, 10);
  assert.equal((await call(db, 'unread', 'u', 'nowhere')).num, 0);
  const parts = (await row(db, "SELECT doorbell.unread_by_category('u') AS parts")).parts;
  assert.deepEqual([parts.num, parts.categories], [40, { news: 30, shop: 10 }]);
});

for (const [audience, args] of [['personal', toUser('u')], ['broadcast', toAll()]]) {
  test(`the states of a ${audience} message`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    const { id } = await send(db, args);
    const steps = [
      // action, changed, num, states in which it is listed afterwards
      ['mark_read', 1, 0, ['all']], ['mark_read', 0, 0, ['all']], ['mark_unread', 1, 1, ['all', 'unread']], ['mark_unread', 0, 1, ['all', 'unread']],
      ['archive', 1, 0, ['archived']], ['archive', 0, 0, ['archived']], ['mark_read', 0, 0, ['archived']], ['mark_unread', 1, 1, ['all', 'unread']],
      ['archive', 1, 0, ['archived']], ['remove', 1, 0, []],
    ];
    let { version } = await check(db, 'u');
    for (const [action, changed, num, listed] of steps) {
      const answer = await call(db, action, 'u', id);
      assert.deepEqual([answer.changed, answer.num], [changed, num], action);
      assert.equal(answer.version > version, changed > 0, `version moves with ${action}`);
      version = answer.version;
      for (const state of ['all', 'unread', 'archived']) {
        assert.deepEqual(ids(await list(db, 'u', { state })), listed.includes(state) ? [id] : [], `${state} after ${action}`);
      }
    }
    for (const action of ['mark_read', 'mark_unread', 'archive', 'acknowledge', 'message']) {
      await assert.rejects(call(db, action, 'u', id), { code: 'DB404' });
    }
  });

  test(`a ${audience} message that was deleted is deleted again, which does nothing, while others have it`, async (t) => {
    const db = await open(t);
    for (const user of ['u', 'v']) await check(db, user);
    const written = () => rows(db, `SELECT 'inbox' AS what, xmin, state::text, 0 AS id FROM doorbell.inbox
      UNION ALL SELECT 'mark', xmin, gone::text, 0 FROM doorbell.mark
      UNION ALL SELECT 'reader', xmin, version::text, 0 FROM doorbell.reader
      UNION ALL SELECT 'ring', xmin, seq::text, id FROM doorbell.outbox ORDER BY 1, 3, 4`);
    const { id } = await send(db, { ...args, category: 'news', expires_in: 3600 });
    await send(db, args);
    const first = await call(db, 'remove', 'u', id);
    assert.deepEqual([first.changed, first.num], [1, 1]);
    const before = await written();
    for (let n = 0; n < 2; n++) assert.deepEqual(await call(db, 'remove', 'u', id), { ...first, changed: 0 });
    assert.deepEqual(await written(), before);
    const { version } = await call(db, 'mute', 'u', ['news']);
    assert.deepEqual(await call(db, 'remove', 'u', id), { ...first, version, changed: 0 }, 'it was theirs, muted now or not');
    await db.query("UPDATE doorbell.message SET expires_at = now() - interval '1 s' WHERE id = $1", [id]);
    await assert.rejects(call(db, 'remove', 'u', id), { code: 'DB404' }, 'expired');
  });

  test(`a ${audience} message that its user did not delete cannot be deleted once it is recalled or expired`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    for (const marked of [true, false]) {
      const [recalled, expired, kept] = [await send(db, args), await send(db, { ...args, expires_in: 3600 }), await send(db, args)];
      if (marked) await call(db, 'mark_read_ids', 'u', [recalled.id, expired.id]);
      await call(db, 'remove', 'u', kept.id);
      await call(db, 'recall', recalled.id);
      for (const table of ['message', 'inbox']) {
        await db.query(`UPDATE doorbell.${table} SET expires_at = now() - interval '1 s' WHERE expires_at IS NOT NULL`);
      }
      assert.equal((await call(db, 'sweep', 10)).sweep, 1);
      for (const { id } of [recalled, expired]) await assert.rejects(call(db, 'remove', 'u', id), { code: 'DB404' });
      assert.equal((await call(db, 'remove', 'u', kept.id)).changed, 0);
      await call(db, 'recall', kept.id);
      await assert.rejects(call(db, 'remove', 'u', kept.id), { code: 'DB404' }, 'deleted, and recalled since');
    }
  });

  test(`a ${audience} message that must be acknowledged`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    const { id } = await send(db, { ...args, ack: true, subject_type: 'a', subject_id: 'b' });
    const plain = await send(db, args);
    for (const action of ['mark_read', 'archive', 'remove']) {
      await assert.rejects(call(db, action, 'u', id), { code: 'DB409' });
    }
    await assert.rejects(call(db, 'acknowledge', 'u', plain.id), { code: 'DB409' });
    assert.equal((await call(db, 'mark_read_ids', 'u', [id])).changed, 0);
    assert.equal((await call(db, 'mark_read_subject', 'u', 'a', 'b')).changed, 0);
    assert.equal((await call(db, 'mark_read_upto', 'u', (await list(db, 'u')).position)).changed, 1);
    assert.equal((await call(db, 'mark_read_all', 'u')).num, 1);
    assert.equal((await call(db, 'mark_read_oldest', 'u', 5)).num, 1);
    assert.deepEqual((await call(db, 'acknowledge', 'u', id)).num, 0);
    assert.deepEqual((await call(db, 'acknowledge', 'u', id)).changed, 0);
    assert.equal((await list(db, 'u')).messages[1].ack, true);
    await assert.rejects(call(db, 'mark_unread', 'u', id), { code: 'DB409' });
    assert.equal((await call(db, 'mark_unread_all', 'u')).changed, 1);
    assert.equal((await call(db, 'archive', 'u', id)).changed, 1);
  });

  test(`a ${audience} message replaced by a newer one about its subject`, async (t) => {
    const db = await open(t);
    await check(db, 'u');
    const about = { ...args, subject_type: 'order', subject_id: '7' };
    const other = await send(db, { ...args, subject_type: 'order', subject_id: '8' });
    const first = await send(db, about);
    const second = await send(db, { ...about, replace: true });
    assert.deepEqual(ids(await list(db, 'u')), [second.id, other.id]);
    await assert.rejects(call(db, 'mark_read', 'u', first.id), { code: 'DB404' });
    await call(db, 'mark_read', 'u', second.id);
    const third = await send(db, { ...about, replace: true });
    assert.deepEqual(ids(await list(db, 'u')), [third.id, second.id, other.id], 'one that was read stays');
    assert.equal((await check(db, 'u')).num, 2);
    assert.equal((await call(db, 'mark_read_subject', 'u', 'order', '7')).changed, 1);
    assert.equal((await call(db, 'mark_read_subject', 'u', 'order', '9')).changed, 0);
    assert.equal((await check(db, 'u')).num, 1);
  });

  test(`the recall and statistics of a ${audience} message`, async (t) => {
    const db = await open(t);
    for (const user of ['u', 'v']) await check(db, user);
    const { id } = await send(db, args);
    const stat = async () => {
      await db.query("UPDATE doorbell.sent_report SET as_of = as_of - interval '61 s'");
      const { as_of, ...rest } = (await call(db, 'sent', id)).sent;
      assert.ok(Math.abs(as_of - Date.now() / 1000) < 60);
      return rest;
    };
    const recipients = args.to_all ? null : 1;
    const base = { recipients, seen: 0, read: 0, acked: null, recalled: false };
    assert.deepEqual(await stat(), base);
    await call(db, 'mark_seen', 'u', (await list(db, 'u')).position);
    assert.deepEqual(await stat(), { ...base, seen: 1 });
    await call(db, 'mark_read', 'u', id);
    assert.deepEqual(await stat(), { ...base, seen: 1, read: 1 });
    assert.deepEqual((await call(db, 'sent', id)).sent.read, 1);
    const before = await check(db, 'u');
    assert.equal((await call(db, 'recall', id)).recall, true);
    assert.equal((await call(db, 'recall', id)).recall, false);
    const after = await check(db, 'u');
    assert.ok(after.version > before.version || after.seq > before.seq);
    assert.deepEqual(ids(await list(db, 'u')), []);
    assert.deepEqual(await stat(), { ...base, seen: 1, read: 1, recalled: true });
    await assert.rejects(call(db, 'mark_unread', 'u', id), { code: 'DB404' });
  });
}

test('a message that is not the user\'s is 404 for every call, and stays as it is', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v']) await check(db, user);
  const { id } = await send(db, toUser('v'));
  const group = await send(db, { to_group: 'g', title: 't' });
  for (const action of ['message', 'mark_read', 'mark_unread', 'archive', 'remove', 'acknowledge']) {
    for (const wrong of [id, group.id, 0, -1, '9223372036854775807', null]) {
      await assert.rejects(call(db, action, 'u', wrong), { code: 'DB404' }, `${action} ${wrong}`);
    }
  }
  for (const action of ['mark_read_ids', 'mark_unread_ids']) {
    await assert.rejects(call(db, action, 'u', [id, -1, null]), { code: 'DB404' });
    for (const wrong of [[], null, Array(1001).fill(1)]) await assert.rejects(call(db, action, 'u', wrong), { code: 'DB422' });
  }
  const mine = await send(db, toUser('u'));
  assert.equal((await call(db, 'mark_read_ids', 'u', [id, mine.id, mine.id])).changed, 1);
  assert.equal((await check(db, 'v')).num, 1);
  for (const call404 of ['recall', 'sent']) await assert.rejects(call(db, call404, 999999), { code: 'DB404' });
});

test('positions that are no positions of this user are refused', async (t) => {
  const db = await open(t);
  const { id } = await send(db, { to_users: ['u', 'v'], title: 't' });
  const foreign = (await list(db, 'v')).position;
  const own = (await list(db, 'u')).position;
  for (const wrong of [null, '', String(id), foreign, `${own}-0`, own.replace('p1', 'p2'), own.replace(/-0(-[0-9a-f]{8}-)/, '-7$1'), `${own}\n`, own.replace(/-\d+-/, '--'),
    own.replace(/-\d+(-\d+-[01]-)/, '-9223372036854775808$1'), own.replace(/-\d+$/, '-9223372036854775808'), own.replace(/-\d+$/, '')]) {
    for (const action of ['mark_read_upto', 'mark_seen']) {
      await assert.rejects(call(db, action, 'u', wrong), { code: 'DB422' }, String(wrong));
    }
  }
  assert.equal((await check(db, 'u')).num, 1);
});

test('positions and cursors have room for the highest numbers of the sequence', async (t) => {
  const db = await open(t);
  await db.query("SELECT setval('doorbell.seq', 9223372036854775000)");
  for (let n = 0; n < 3; n++) await send(db, toUser('u'));
  const page = await list(db, 'u', { limit: 1 });
  assert.match(page.position, /-92233720368547750\d\d-/);
  assert.equal((await list(db, 'u', { before: page.next })).messages.length, 2);
  await call(db, 'mark_seen', 'u', page.position);
  assert.equal((await call(db, 'mark_read_upto', 'u', page.position)).changed, 3);
});

test('upto marks only what its page could show', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await send(db, toUser('u', { category: 'news' }));
  await send(db, toAll({ category: 'shop' }));
  await send(db, toAll({ category: 'news' }));
  const empty = (await list(db, 'u', { state: 'archived' })).position;
  const nowhere = (await list(db, 'u', { category: 'nowhere' })).position;
  const second = (await list(db, 'u', { limit: 1, before: (await list(db, 'u', { limit: 1 })).next })).position;
  const news = (await list(db, 'u', { category: 'news' })).position;
  assert.equal((await call(db, 'mark_read_upto', 'u', empty)).changed, 0);
  assert.equal((await call(db, 'mark_read_upto', 'u', nowhere)).changed, 0);
  assert.equal((await call(db, 'mark_read_upto', 'u', news)).changed, 2);
  assert.equal((await call(db, 'mark_unread_all', 'u')).changed, 2);
  assert.equal((await call(db, 'mark_read_upto', 'u', second)).changed, 2);
  assert.equal((await check(db, 'u')).num, 1);
});

test('oldest and subject refuse what they cannot be', async (t) => {
  const db = await open(t);
  for (const wrong of [0, -1, 1001, null]) await assert.rejects(call(db, 'mark_read_oldest', 'u', wrong), { code: 'DB422' });
  for (const wrong of [[null, 'x'], ['x', null], ['', 'x'], ['x', many(256)], ['a\nb', 'x']]) {
    await assert.rejects(call(db, 'mark_read_subject', 'u', ...wrong), { code: 'DB422' });
  }
});

test('oldest marks in the order of delivery over all audiences', async (t) => {
  const db = await open(t, { chunkSize: 8 });
  await check(db, 'u');
  const sent = [];
  for (let i = 0; i < 20; i++) sent.push((await send(db, i % 2 ? toUser('u') : toAll())).id);
  assert.equal((await call(db, 'mark_read_oldest', 'u', 13)).changed, 13);
  assert.deepEqual(ids(await list(db, 'u', { state: 'unread' })), sent.slice(13).reverse());
});

test('groups: members see what is sent while they are in', async (t) => {
  const db = await open(t);
  const toGroup = (more) => ({ to_group: 'g', title: 't', ...more });
  await check(db, 'u');
  await send(db, toGroup());
  const welcome = await send(db, toGroup({ to_new_users: true }));
  assert.equal((await call(db, 'group_join', 'g', 'u')).group_join, true);
  assert.equal((await call(db, 'group_join', 'g', 'u')).group_join, false);
  const during = await send(db, toGroup());
  assert.deepEqual(ids(await list(db, 'u')), [during.id, welcome.id]);
  const { seq } = await check(db, 'u');
  assert.equal((await call(db, 'group_leave', 'g', 'u')).group_leave, true);
  assert.equal((await call(db, 'group_leave', 'g', 'u')).group_leave, false);
  assert.deepEqual(ids(await list(db, 'u')), []);
  assert.ok((await check(db, 'u')).seq >= seq, 'seq never falls');
  await send(db, toGroup());
  await call(db, 'group_join', 'g', 'u');
  assert.deepEqual(ids(await list(db, 'u')), [welcome.id]);

  assert.deepEqual((await call(db, 'group_change', 'g', ['a', 'b', 'b', 'u'], ['x'])).group_change, { added: 2, removed: 0 });
  assert.deepEqual((await call(db, 'group_members', 'g')).group_members, { members: ['a', 'b', 'u'], next: null });
  assert.deepEqual((await call(db, 'group_members', 'g', null, 2)).group_members, { members: ['a', 'b'], next: 'b' });
  assert.deepEqual((await call(db, 'group_members', 'g', 'b', 2)).group_members, { members: ['u'], next: null });
  assert.deepEqual((await call(db, 'group_change', 'g', ['c'], ['a', 'b'])).group_change, { added: 1, removed: 2 });
  await assert.rejects(call(db, 'group_change', 'g', ['a'], ['a']), { code: 'DB422' });
  await assert.rejects(call(db, 'group_join', '*', 'u'), { code: 'DB422' });
  await assert.rejects(call(db, 'group_join', 'g', ''), { code: 'DB422' });
  await assert.rejects(call(db, 'group_join', null, 'u'), { code: 'DB422' });
  assert.deepEqual((await call(db, 'group_change', 'none', null, ['a'])).group_change, { added: 0, removed: 0 });
  await assert.rejects(call(db, 'group_members', 'none'), { code: 'DB404' });
  await assert.rejects(call(db, 'group_members', '*'), { code: 'DB404' });
  await assert.rejects(call(db, 'group_members', 'g', null, 0), { code: 'DB422' });
  await call(db, 'group_join', 'g2', 'u', 2);
  await assert.rejects(call(db, 'group_join', 'g3', 'u', 2), { code: 'DB422' });
});

test('muting hides and uncounts, unmuting brings back, critical categories stay', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  const sent = [];
  for (const category of ['news', 'alarm', null]) {
    sent.push((await send(db, toUser('u', { category }))).id, (await send(db, toAll({ category }))).id);
  }
  await call(db, 'category_set', 'alarm', true);
  await assert.rejects(call(db, 'mute', 'u', ['alarm']), { code: 'DB422' });
  await assert.rejects(call(db, 'mute', 'u', ['nowhere']), { code: 'DB422' });
  await assert.rejects(call(db, 'mute', 'u', [null]), { code: 'DB422' });
  await assert.rejects(call(db, 'mute', 'u', null), { code: 'DB422' });
  const muted = await call(db, 'mute', 'u', ['news']);
  assert.deepEqual([muted.num, muted.changed], [4, 1]);
  assert.equal((await call(db, 'mute', 'u', ['news'])).changed, 0);
  assert.deepEqual(ids(await list(db, 'u')), sent.slice(2).reverse());
  assert.deepEqual((await list(db, 'u', { category: 'news' })).messages, []);
  assert.equal((await call(db, 'unread', 'u', 'news')).num, 0);
  await assert.rejects(call(db, 'mark_read', 'u', sent[0]), { code: 'DB404' });
  await call(db, 'mark_read_all', 'u');
  assert.deepEqual((await call(db, 'preferences', 'u')).preferences, { muted: ['news'], lang: null, quiet_hours: null });
  assert.equal((await call(db, 'mute', 'u', [])).num, 2);

  await call(db, 'mute', 'u', ['news']);
  const before = await check(db, 'u');
  await call(db, 'category_set', 'news', true);
  const after = await check(db, 'u');
  assert.deepEqual([before.num, after.num], [0, 2]);
  assert.ok(after.seq > before.seq);
  assert.deepEqual((await call(db, 'categories')).categories, [
    { name: 'alarm', critical: true, ...plain }, { name: 'news', critical: true, ...plain }]);
  await assert.rejects(call(db, 'category_set', '', true), { code: 'DB422' });
  await assert.rejects(call(db, 'category_set', 'x', null), { code: 'DB422' });
});

test('a category that messages use is not removed unless they may keep it', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v']) await check(db, user);
  const uses = [
    [{ to_users: ['u'] }, (id) => call(db, 'remove', 'u', id)],
    [{ to_users: ['u', 'v'] }, (id) => call(db, 'recall', id)],
    [{ to_all: true }, (id) => call(db, 'recall', id)],
    [{ to_group: 'g' }, (id) => call(db, 'recall', id)],
    [{ to_groups: ['g', 'h'] }, (id) => call(db, 'recall', id)],
    [{ to_users: ['u'], send_at: new Date(Date.now() + 86400_000) }, (id) => call(db, 'recall', id)],
  ];
  for (const [to, end] of uses) {
    const { id } = await send(db, { title: 't', category: 'news', ...to });
    await assert.rejects(call(db, 'category_remove', 'news'), { code: 'DB409' }, JSON.stringify(to));
    await end(id);
    await call(db, 'category_remove', 'news');
    assert.deepEqual((await call(db, 'categories')).categories, []);
  }
  await send(db, { title: 't', category: 'news', to_users: ['u'] });
  await call(db, 'archive_ids', 'u', [(await list(db, 'u')).messages[0].id]);
  await assert.rejects(call(db, 'category_remove', 'news'), { code: 'DB409' }, 'archived');
  await db.query("INSERT INTO doorbell.unread_count (user_id, category, unread) SELECT 'n' || n, (SELECT id FROM doorbell.category), 0 FROM generate_series(1, 10001) n");
  await call(db, 'erase', 'u');
  await assert.rejects(call(db, 'category_remove', 'news'), { code: 'DB409' }, 'too many to look at');
  await call(db, 'category_remove', 'news', true);
});

test('a removed category is off the list, and its messages and mutes stay', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v']) await check(db, user);
  for (const name of ['nowhere', '', null]) await assert.rejects(call(db, 'category_remove', name), { code: 'DB404' });
  const { id } = await send(db, toAll({ category: 'news' }));
  await call(db, 'mute', 'u', ['news']);
  await call(db, 'category_set', 'news', true);
  assert.equal((await check(db, 'u')).num, 1);
  const before = await check(db, 'v');
  await assert.rejects(call(db, 'category_remove', 'news'), { code: 'DB409', message: /messages use this category/ });
  await call(db, 'category_remove', 'news', true);
  const removed = await check(db, 'v');
  await call(db, 'category_remove', 'news');
  assert.deepEqual(await check(db, 'v'), removed);
  assert.deepEqual((await call(db, 'categories')).categories, []);
  assert.ok((await check(db, 'v')).seq > before.seq, 'it was critical: who muted it counts otherwise');
  assert.equal((await check(db, 'u')).num, 0);
  assert.equal((await list(db, 'v')).messages[0].category, 'news');
  assert.equal((await call(db, 'unread', 'v', 'news')).num, 1);
  await assert.rejects(call(db, 'mute', 'v', ['news']), { code: 'DB422' });
  assert.equal((await call(db, 'mute', 'u', ['news'])).changed, 0, 'who muted it may go on');
  assert.equal((await call(db, 'mute', 'u', [])).num, 1);

  const again = await send(db, toAll({ category: 'news' }));
  assert.deepEqual((await call(db, 'categories')).categories, [{ name: 'news', critical: false, ...plain }]);
  assert.deepEqual(ids(await list(db, 'u', { category: 'news' })), [again.id, id]);
});

const idsOf = (found) => found.map(({ id }) => id);
const waiting = (db, { done = null, age = 60 } = {}) =>
  rows(db, 'SELECT * FROM doorbell.outbox_waiting($1, 100, $2) ORDER BY id', [done, age]);
const epochOf = async (db) => (await row(db, 'SELECT epoch::text FROM doorbell.current_epoch')).epoch;
const take = (db, claimed, online = null) => rows(db, 'SELECT * FROM doorbell.outbox_take($1, $2, 5) ORDER BY id', [claimed, online]);
const claim = async (db) => idsOf(await take(db, idsOf(await waiting(db))));
const rings = (db, claimed, ...more) => rows(db, `SELECT * FROM doorbell.outbox_rings($1${more.map((_, i) => `, $${i + 2}`).join('')})`, [claimed, ...more]);

test('rings say what a check says, once for each user and feed', async (t) => {
  const db = await open(t);
  for (const user of ['u', 'v', 'w']) await check(db, user);
  await call(db, 'group_change', 'g', ['u', 'v'], null);
  await call(db, 'outbox_done', await claim(db));
  await send(db, toUser('u'));
  const { id } = await send(db, toUser('u'));
  await call(db, 'mark_read', 'u', id);
  await send(db, toUser('never seen'));
  await send(db, { to_users: ['u', 'v'], title: 't' });
  await send(db, toAll());
  const all = await check(db, 'w');
  await send(db, { to_group: 'g', title: 't' });
  await send(db, { to_group: 'nobody', title: 't' });
  const claimed = await claim(db);
  const epoch = await epochOf(db);
  assert.equal(claimed.length, 8);
  assert.deepEqual(await claim(db), [], 'leased');
  const got = (await rings(db, claimed)).map((r) => r.ring);
  const now = await check(db, 'u');
  assert.deepEqual(got.find((r) => r.num !== undefined), { to: ['u'], version: now.version, seq: now.seq, num: now.num, hit: now.hit, id: now.latest, scope: now.scope, epoch });
  assert.deepEqual(got.filter((r) => r.all).map(({ seq, from }) => [seq, from]), [[all.seq, 0]]);
  const lists = got.filter((r) => r.to && r.num === undefined);
  assert.deepEqual(lists.map((r) => r.to).sort(), [['never seen'], ['u', 'v'], ['u', 'v']]);
  assert.equal(got.length, 5);
  assert.deepEqual(lists.find((r) => r.to.length === 1), { to: ['never seen'], epoch });
  for (const ring of lists.filter((r) => r.to.length > 1)) assert.ok(ring.seq > all.seq);

  // The list to more than one user rings everybody who asked before it was committed.
  await send(db, { to_users: ['w', 'v'], title: 't' });
  const many = (await rings(db, await claim(db)))[0].ring;
  assert.ok(many.seq > (await check(db, 'w')).seq);

  await call(db, 'outbox_retry', claimed);
  assert.deepEqual(await claim(db), claimed, 'given back');
  await call(db, 'outbox_done', claimed);
  await send(db, { to_group: 'g', title: 't' });
  const group = await claim(db);
  assert.deepEqual((await rings(db, group, 300, 1))[0].ring.all, true, 'a large group rings everybody');
  assert.deepEqual((await rings(db, group, 300, 2))[0].ring.to, ['u', 'v']);
  assert.deepEqual(await rings(db, []), []);
});

test('no event has the number of a ring for a list of users: a page that has asked about that would ignore the event', async (t) => {
  const db = await open(t);
  await check(db, 'w');
  const { id } = await send(db, toAll());
  await call(db, 'outbox_done', await claim(db));
  await send(db, { to_users: ['w', 'v'], title: 't' });
  const [{ ring }] = await rings(db, await claim(db));
  await call(db, 'recall', id);
  assert.ok((await check(db, 'w')).seq > ring.seq);
});

test('rings are taken in one call: every id leased, each ring once, and nothing twice', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await send(db, toUser('u'));
  await send(db, toUser('u'));
  await send(db, { to_group: 'empty', title: 't' });
  await send(db, toAll());
  const wait = await waiting(db);
  assert.deepEqual(wait.map(({ user_id: user }) => user), ['u', 'u', null, null]);
  const all = idsOf(wait);
  const taken = await take(db, all);
  assert.deepEqual(idsOf(taken), all);
  const { num, hit, latest, version, seq } = await check(db, 'u');
  const epoch = await epochOf(db);
  assert.deepEqual(taken.map(({ ring }) => ring), [null, { to: ['u'], version, seq, num, hit, id: latest, scope: 0, epoch }, null,
    { all: true, from: 0, seq, add: 1, category: null, critical: false, young: true, id: latest, epoch }]);
  assert.deepEqual(await waiting(db), [], 'leased');
  assert.deepEqual(await take(db, all), []);
  await call(db, 'outbox_retry', all);
  assert.deepEqual((await rows(db, 'SELECT id FROM doorbell.outbox_waiting(NULL, 2, 60)')).map(({ id }) => id), [all[3], all[2]], 'newest first');
  assert.deepEqual(idsOf(await waiting(db, { done: all.slice(0, 3) })), all.slice(3));
  await call(db, 'outbox_done', all);
  assert.equal(await counts(db, 'outbox'), 0);
  assert.equal((await row(db, 'SHOW synchronous_commit')).synchronous_commit, 'on');
});

test('an erased user is rung, once, to ask whatever their pages know, also when one of these was quicker', async (t) => {
  const db = await open(t);
  await send(db, toAll());
  for (const comeBack of [() => {}, () => check(db, 'u')]) {
    await check(db, 'u');
    await send(db, toUser('u'));
    await call(db, 'erase', 'u');
    await call(db, 'erase', 'u');
    await comeBack();
    const got = (await rings(db, await claim(db))).map(({ ring }) => ring).filter(({ to }) => to);
    assert.deepEqual(got, [{ to: ['u'], epoch: await epochOf(db) }]);
  }
});

test('rings for one user who is not online are ended, all others are taken', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  for (const user of ['u', 'v', 'u']) await send(db, toUser(user));
  await send(db, { to_users: ['v', 'w'], title: 't' });
  await send(db, toAll());
  const all = idsOf(await waiting(db));
  const taken = await take(db, all, ['u', 'x']);
  assert.deepEqual(idsOf(taken), [all[0], all[2], all[3], all[4]]);
  assert.deepEqual(taken.map(({ ring }) => ring?.to), [undefined, ['u'], ['v', 'w'], undefined]);
  assert.equal(await counts(db, 'outbox'), 4);
  await call(db, 'outbox_done', all);
  await send(db, toUser('u'));
  assert.deepEqual(await take(db, idsOf(await waiting(db)), []), []);
  assert.equal(await counts(db, 'outbox'), 0);
});

test('a list of 2,500 users is rung in three pieces', async (t) => {
  const db = await open(t);
  await send(db, { to_users: Array.from({ length: 2500 }, (_, i) => `n${i}`), title: 't' });
  const got = (await rings(db, await claim(db))).map((r) => r.ring.to.length).sort((a, b) => a - b);
  assert.deepEqual(got, [500, 1000, 1000]);
});

test('old rings, and those that are refused, become one question to all', async (t) => {
  const db = await open(t);
  for (let i = 0; i < 5; i++) await send(db, toUser('u'));
  await db.query("UPDATE doorbell.outbox SET at = now() - interval '61 s'");
  await send(db, toUser('v'));
  const [young, question] = await waiting(db);
  assert.deepEqual([young.user_id, question.user_id], ['v', null]);
  const epoch = await epochOf(db);
  assert.deepEqual((await rings(db, [question.id])).map((r) => r.ring), [{ all: true, epoch }]);
  await db.query("UPDATE doorbell.outbox SET at = now() - interval '1 d' WHERE seq IS NULL");
  assert.deepEqual(idsOf(await waiting(db)), [young.id, question.id], 'a question is never too old');

  // One that is refused joins the question that waits; a refused question goes on waiting.
  assert.deepEqual(await claim(db), [young.id, question.id]);
  await call(db, 'outbox_refused', question.id);
  await call(db, 'outbox_refused', young.id);
  assert.deepEqual(idsOf(await waiting(db)), [question.id]);
  await send(db, toAll());
  assert.deepEqual((await rings(db, await claim(db))).map((r) => r.ring), [{ all: true, epoch }], 'a page that asks anyway needs no number');
});

test('a lease that a wrong clock took ends with it', async (t) => {
  const db = await open(t);
  await send(db, toUser('u'));
  const [id] = await claim(db);
  assert.deepEqual(await waiting(db), []);
  await db.query("UPDATE doorbell.outbox SET leased_until = now() + interval '10 years'");
  assert.deepEqual(idsOf(await waiting(db)), [id]);
});

test('health tells what waits', async (t) => {
  const db = await open(t);
  await send(db, toUser('v'));
  const { health } = await call(db, 'health');
  assert.deepEqual([health.outbox.depth, health.overdue, health.drift], [1, 0, 0]);
  assert.match(health.schema, /^\d{4}_/);
});

test('purge removes by age, long after expiry and recall, and over the cap; counts stay right', async (t) => {
  const db = await open(t, { chunkSize: 8 });
  await check(db, 'u');
  const sent = [];
  for (let i = 0; i < 30; i++) sent.push((await send(db, i % 2 ? toUser('u') : toAll({ key: `k${i}` }))).id);
  await call(db, 'mark_read_oldest', 'u', 5);
  await db.query("UPDATE doorbell.message SET sent_at = now() - interval '400 d' WHERE id = ANY ($1)", [sent.slice(0, 20)]);
  await db.query("UPDATE doorbell.send_key SET at = now() - interval '400 d' WHERE message_id = ANY ($1)", [sent.slice(0, 20)]);
  const purge = async (...args) => (await call(db, 'purge', ...args)).purge;
  while (await purge(3) > 0) {
    const { num } = await check(db, 'u');
    assert.equal((await list(db, 'u', { state: 'unread' })).messages.length, num);
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  }
  assert.deepEqual(ids(await list(db, 'u')), sent.slice(20).reverse());
  assert.equal(await counts(db, 'message'), 10);
  assert.equal(await counts(db, 'send_key'), 5);
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.mark WHERE n = 0')).count, 0);
  await call(db, 'recall', sent[29]);
  await db.query("UPDATE doorbell.message SET recalled_at = now() - interval '31 d' WHERE id = $1", [sent[29]]);
  while (await purge(100) > 0);
  assert.equal(await counts(db, 'message'), 9);
  assert.equal(await purge(100, 365, 30, 2), 2);
  assert.deepEqual(ids(await list(db, 'u')), [28, 27, 26, 25, 24, 22, 20].map((i) => sent[i]));
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
});

test('export of a user who has only looked says what they have not seen', async (t) => {
  const db = await open(t);
  await call(db, 'register', 'u');
  await send(db, toAll());
  assert.deepEqual((await call(db, 'export', 'u')).export.messages.map((m) => m.seen), [false]);
});

test('erase leaves no row with the user once their pages were rung, export shows all of theirs', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await call(db, 'group_join', 'g', 'u');
  const mine = await send(db, { to_users: ['u', 'v'], title: 'mine', category: 'news' });
  const all = await send(db, toAll());
  await call(db, 'archive', 'u', all.id);
  await call(db, 'mute', 'u', ['news']);
  await call(db, 'mute', 'u', []);
  await call(db, 'mute', 'u', ['news']);
  await send(db, toUser('u', { later: true }));
  const { export: data } = await call(db, 'export', 'u');
  assert.deepEqual([data.user, data.groups, data.muted], ['u', ['g'], ['news']]);
  assert.deepEqual(data.messages.map((m) => [m.id, m.archived]), [[mine.id, false], [all.id, true]]);
  await assert.rejects(call(db, 'export', 'nobody'), { code: 'DB404' });

  assert.equal((await call(db, 'erase', 'u')).erase, true);
  assert.equal((await call(db, 'erase', 'u')).erase, false);
  await take(db, idsOf(await waiting(db)), []);
  const tables = (await rows(db, "SELECT relname FROM pg_class WHERE relnamespace = 'doorbell'::regnamespace AND relkind = 'r'")).map((r) => r.relname);
  for (const table of tables) {
    const found = await rows(db, `SELECT * FROM doorbell.${table} x WHERE to_jsonb(x) @? '$.** ? (@ == "u")'`);
    assert.deepEqual(found, [], table);
  }
  assert.equal((await call(db, 'activate')).activate, 1);
  assert.equal((await check(db, 'v')).num, 2);
  assert.equal((await check(db, 'u')).num, 1, 'as a new user, only what everybody got within the backlog');
});

test('recount reports planted drift and repairs it', async (t) => {
  const db = await open(t);
  await check(db, 'u');
  await send(db, toUser('u', { category: 'news' }));
  await send(db, toAll({ category: 'news', ack: true }));
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  const before = await check(db, 'u');
  assert.equal((await call(db, 'health')).health.drift, 0);
  await db.query('UPDATE doorbell.unread_count SET unread = 7');
  await db.query('UPDATE doorbell.reader SET groups = 3');
  await db.query('UPDATE doorbell.chunk SET live = ~live, ack = ~ack WHERE category = 0');
  await db.query("UPDATE doorbell.feed SET expires_at = 'infinity'");
  await db.query("UPDATE doorbell.message SET expires_at = to_timestamp(4e9) WHERE feed_id = 1");
  assert.equal((await call(db, 'health')).health.drift, 2);
  const found = await rows(db, 'SELECT * FROM doorbell.recount(true)');
  assert.deepEqual(found.map((f) => [f.what, f.user_id, f.stored, f.counted]),
    [['unread_count', 'u', 7, 1], ['groups', 'u', 3, 0], ['expiry', null, null, 4e9], ['chunk', null, 1023, 1]]);
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  assert.equal((await call(db, 'health')).health.drift, 0);
  const after = await check(db, 'u');
  assert.equal(after.num, 2);
  assert.ok(after.version > before.version && after.seq > before.seq);
  assert.equal((await call(db, 'mark_read_all', 'u')).num, 1);
});

// A kept answer that a planted drift made wrong must not be taken for right once it is repaired.
for (const [what, statement] of [
  ['a count', 'UPDATE doorbell.unread_count SET unread = 7'],
  ['the number of groups', 'UPDATE doorbell.reader SET groups = 0'],
  ['a chunk', 'UPDATE doorbell.chunk SET live = ~live'],
  ['the next expiry', "UPDATE doorbell.message SET expires_at = now() - interval '1 s' WHERE feed_id = 1; UPDATE doorbell.feed SET expires_at = 'infinity'"],
]) {
  test(`recount that repairs ${what} moves the state that the answer depends on`, async (t) => {
    const db = await open(t);
    await call(db, 'group_join', 'g', 'u');
    await check(db, 'u');
    await send(db, toUser('u'));
    await send(db, toAll());
    await send(db, { to_group: 'g', title: 't' });
    await db.query(statement);
    const wrong = await manyUnread(db, ['u']);
    await db.query('SELECT doorbell.recount(true)');
    const right = await manyUnread(db, ['u']);
    assert.notEqual(wrong[0].num, right[0].num);
    assert.notDeepEqual([wrong[0].version, wrong[0].seq], [right[0].version, right[0].seq]);
  });
}

test('a chunk that a repair brings back keeps its marks', async (t) => {
  const db = await open(t, { chunkSize: 8 });
  await check(db, 'u');
  const sent = [];
  for (let i = 0; i < 10; i++) sent.push((await send(db, toAll())).id);
  await call(db, 'mark_read', 'u', sent[0]);
  await db.query('UPDATE doorbell.chunk SET live = set_bit(0::doorbell.chunk_bits, 6, 1) WHERE n = 0'); // the second alone
  await call(db, 'recall', sent[1]);
  assert.equal(await counts(db, 'chunk_gone'), 1);
  await db.query('SELECT doorbell.recount(true)');
  const before = await manyUnread(db, ['u']);
  assert.equal(before[0].num, 8);
  while ((await call(db, 'purge')).purge > 0);
  const after = await manyUnread(db, ['u']);
  assert.deepEqual([after[0].version, after[0].seq, after[0].num], [before[0].version, before[0].seq, 8]);
});

test('the roles may call what they need and touch no table', async (t) => {
  const db = await open(t);
  const may = async (role, privilege) => (await row(db, `SELECT
      count(*) FILTER (WHERE has_function_privilege($1, p.oid, 'EXECUTE')) AS functions, count(*) AS all_functions
    FROM pg_proc p WHERE p.pronamespace = $2::regnamespace`, [role, privilege]));
  const app = await may('doorbell_app', 'doorbell');
  assert.equal(app.functions, app.all_functions - 1);
  for (const role of ['doorbell_app', 'doorbell_site', 'doorbell_sender', 'doorbell_user_calls', 'doorbell_service_calls']) {
    assert.equal((await may(role, 'doorbell_internal')).functions, 0);
    const tables = await rows(db, `SELECT relname FROM pg_class WHERE relnamespace = 'doorbell'::regnamespace AND relkind = 'r'
      AND has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE')`, [role]);
    assert.deepEqual(tables, []);
  }
  const readers = await rows(db, `SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname NOT LIKE 'pg\\_%'
    AND oid <> (SELECT relowner FROM pg_class WHERE oid = 'doorbell.check_state'::regclass)
    AND has_table_privilege(oid, 'doorbell.check_state', 'SELECT') ORDER BY 1`);
  assert.deepEqual(readers, [{ rolname: 'doorbell_app' }, { rolname: 'doorbell_user_calls' }]);
  await db.query('SET ROLE doorbell_app');
  await assert.rejects(call(db, 'repair_times'), { code: '42501' });
  await check(db, 'u');
  assert.equal((await rows(db, 'SELECT * FROM doorbell.check_state')).length, 1);
  await db.query('SET ROLE doorbell_site');
  const { id } = await send(db, toUser('u'));
  assert.equal((await check(db, 'u')).num, 1);
  assert.deepEqual(ids(await list(db, 'u')), [id]);
  for (const statement of ["SELECT * FROM doorbell.mark_read_all('u')", "SELECT doorbell.erase('u')", "SELECT * FROM doorbell.outbox_waiting('{}', 1, 1)",
    'SELECT * FROM doorbell.message', 'SELECT * FROM doorbell.check_state', 'DELETE FROM doorbell.outbox', 'SELECT doorbell.repair_times()', "SELECT nextval('doorbell.seq')", 'SELECT doorbell_internal.take_line()']) {
    await assert.rejects(db.query(statement), { code: '42501' }, statement);
  }
});

test('doorbell_sender sends, in a transaction of its own, and can do nothing else', async (t) => {
  const db = await open(t);
  await db.query(`CREATE ROLE shop_${process.pid} IN ROLE doorbell_sender; SET ROLE shop_${process.pid}; BEGIN`);
  await send(db, toUser('u', { key: 'k', category: 'c' }));
  await send(db, toAll());
  await sendBatch(db, [toUser('v')]);
  await send(db, { to_group: 'g', title: 't', send_at: new Date(Date.now() + 1e9) });
  await db.query('COMMIT');
  const others = await rows(db, `SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'doorbell%'
    AND has_function_privilege('doorbell_sender', oid, 'EXECUTE')`);
  assert.deepEqual(others.map(({ name }) => name.replace(/\(.*/, '')).sort(), ['doorbell.send', 'doorbell.send_batch']);
  for (const statement of ["SELECT * FROM doorbell.unread('u')", 'SELECT doorbell.recall(1)', 'SELECT doorbell.sent(1)', 'SELECT doorbell.health()',
    'SELECT * FROM doorbell.message', 'TABLE doorbell.send_key', "SELECT nextval('doorbell.seq')", 'SELECT doorbell_internal.take_line()']) {
    await assert.rejects(db.query(statement), { code: '42501' }, statement);
  }
  await db.query('RESET ROLE');
  assert.equal((await check(db, 'u')).num, 2);
  await db.query(`DROP ROLE shop_${process.pid}`);
});

test('a caller\'s own operators and tables do not reach into the functions', async (t) => {
  const db = await open(t);
  await db.query(`CREATE SCHEMA evil;
    CREATE TABLE evil.first_seen (user_id text);
    CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''reached''; END';
    CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
    CREATE TEMP TABLE reader (user_id text);
    SET search_path = evil, pg_temp, doorbell, pg_catalog`);
  await send(db, toUser('u', { category: 'c', key: 'k' }));
  assert.equal((await check(db, 'u')).num, 1);
  assert.equal((await call(db, 'mark_read_all', 'u')).changed, 1);
});

test('every table and function of the schema says what it is for', async (t) => {
  const db = await open(t);
  const silent = await rows(db, `
    SELECT 'table ' || relname AS what FROM pg_class WHERE relnamespace = 'doorbell'::regnamespace AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL
    UNION ALL
    SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'doorbell'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL`);
  assert.deepEqual(silent, []);
  const unsafe = await rows(db, `SELECT proname FROM pg_proc WHERE pronamespace = 'doorbell'::regnamespace
    AND NOT (prosecdef AND 'search_path=doorbell, doorbell_internal, pg_temp' = ANY (proconfig))`);
  assert.deepEqual(unsafe, []);
});
