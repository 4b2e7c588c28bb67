// SPDX-License-Identifier: MIT
// The queue of webhooks: which calls a message makes due, for whom, and what becomes of them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const URL = 'https://site.example/hook';

async function open(t, { after = null, templates = null } = {}) {
  const db = await (await openDatabase(t, cluster)).connect();
  await call(db, 'category_set', 'orders', false, null, templates && JSON.stringify(templates), URL, after);
  return db;
}

const take = (db, lease = 60, language = 'en') => row(db, 'SELECT * FROM doorbell.webhook_take($1, $2)', [lease, language]);
const waiting = async (db) => (await row(db, 'SELECT count(*) FROM doorbell.webhook_call')).count;
const due = (db) => db.query('UPDATE doorbell.webhook_call SET due_at = clock_timestamp()'); // what time alone does
const order = (more) => ({ to_users: ['ann', 'bob'], title: 'Shipped', category: 'orders', ...more });
const usersOf = (taken) => taken?.call.recipients?.map(({ user }) => user);

async function takeAll(db) {
  const all = [];
  for (let taken = await take(db); taken; taken = await take(db)) {
    all.push(taken);
    await call(db, 'webhook_done', taken.id);
  }
  return all;
}

test('nothing is called for a message of another category, or of none, or after the webhook is gone', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['ann'], title: 't' });
  await send(db, order({ category: 'news' }));
  assert.equal(await waiting(db), 0);
  await send(db, order());
  assert.equal(await waiting(db), 1);
  await call(db, 'category_set', 'orders', false, null, null, '');
  assert.equal(await take(db), undefined);
  assert.equal(await waiting(db), 0);
});

test('a message to users is posted with what it says, once', async (t) => {
  const db = await open(t);
  const { id } = await send(db, order({ body: 'b', url: '/o/7', sender: 'shop', extra: { n: 7 } }));
  const taken = await take(db);
  const { created_at: at, ...message } = taken.call.message;
  assert.equal(taken.url, URL);
  assert.deepEqual(taken.call, {
    call: taken.id, attempt: 1, group: null, recipients: [{ user: 'ann' }, { user: 'bob' }], message: { ...message, created_at: at },
  });
  assert.deepEqual(message, { id, title: 'Shipped', body: 'b', url: '/o/7', category: 'orders', sender: 'shop', extra: { n: 7 } });
  assert.equal(await take(db), undefined, 'it is leased');
  await call(db, 'webhook_done', taken.id);
  assert.equal(await waiting(db), 0);
});

test('users are told of in parts of 100, members of a group too, and everybody in one call', async (t) => {
  const db = await open(t);
  const users = Array.from({ length: 250 }, (_, i) => `u${String(i).padStart(3, '0')}`);
  await send(db, order({ to_users: users }));
  assert.deepEqual((await takeAll(db)).map((taken) => usersOf(taken).length), [100, 100, 50]);

  await call(db, 'group_change', 'staff', users.slice(0, 200), []);
  await send(db, { to_group: 'staff', title: 'g', category: 'orders' });
  await call(db, 'group_change', 'staff', ['late'], []);
  const calls = await takeAll(db);
  assert.ok(calls.every(({ call: { group } }) => group === 'staff'));
  assert.deepEqual(calls.flatMap(usersOf), users.slice(0, 200), 'not those who joined later');

  await send(db, { to_all: true, title: 'all', category: 'orders' });
  const [everybody, ...more] = await takeAll(db);
  assert.deepEqual([everybody.call.group, everybody.call.recipients, more], [null, null, []]);
});

const unseen = [
  // what ann does, whether the site still hears of them
  ['nothing', () => {}, true],
  ['looks at the list', async (db) => call(db, 'mark_seen', 'ann', (await list(db, 'ann')).position), false],
  ['reads it', (db, id) => call(db, 'mark_read', 'ann', id), false],
  ['archives it', (db, id) => call(db, 'archive', 'ann', id), false],
  ['deletes it', (db, id) => call(db, 'remove', 'ann', id), false],
  ['mutes the category', (db) => call(db, 'mute', 'ann', ['orders']), false],
  ['is erased', (db) => call(db, 'erase', 'ann'), false],
];

for (const audience of ['users', 'group']) {
  for (const [what, act, isTold] of unseen) {
    test(`only_unseen_after, to ${audience}: one who ${what} is ${isTold ? '' : 'not '}told of`, async (t) => {
      const db = await open(t, { after: 600 });
      for (const user of ['ann', 'bob']) await check(db, user);
      await call(db, 'group_change', 'g', ['ann', 'bob'], []);
      const { id } = await send(db, audience === 'users' ? order() : { to_group: 'g', title: 't', category: 'orders' });
      assert.equal(await take(db), undefined, 'not yet');
      await act(db, id);
      await due(db);
      assert.deepEqual(usersOf(await take(db)), isTold ? ['ann', 'bob'] : ['bob']);
    });
  }
}

test('users whom a message to everybody leaves out are not told of', async (t) => {
  const db = await open(t);
  for (const user of ['ann', 'bob', 'cat']) await check(db, user);
  await call(db, 'group_join', 'staff', 'cat');
  for (const [out, rest] of [[{ except_users: ['ann'] }, ['bob', 'cat']], [{ except_groups: ['staff'] }, ['ann', 'bob', 'new']]]) {
    await send(db, order({ to_users: null, to_all: true, ...out }));
    await call(db, 'register', 'new', new Date(Date.now() + 1000));
    assert.deepEqual((await takeAll(db)).map(usersOf), [rest]);
  }
});

test('a call whose users have all seen the message, or whose message is gone, is never made', async (t) => {
  const db = await open(t, { after: 600 });
  const seen = await send(db, order());
  for (const user of ['ann', 'bob']) await call(db, 'mark_read', user, seen.id);
  const recalled = [await send(db, order()), await send(db, { to_all: true, title: 't', category: 'orders' })];
  for (const { id } of recalled) await call(db, 'recall', id);
  await send(db, order({ expires_in: 1 }));
  await db.query("UPDATE doorbell.message SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL");
  await due(db);
  assert.equal(await take(db), undefined);
  assert.equal(await waiting(db), 0);
});

test('without only_unseen_after those who have read it are told of, and who mutes it is not, unless it is critical', async (t) => {
  const db = await open(t);
  await call(db, 'mute', 'bob', ['orders']);
  const { id } = await send(db, order());
  await call(db, 'mark_read', 'ann', id);
  assert.deepEqual((await takeAll(db)).flatMap(usersOf), ['ann']);
  await call(db, 'category_set', 'orders', true);
  await send(db, order());
  assert.deepEqual((await takeAll(db)).flatMap(usersOf), ['ann', 'bob']);
});

test('each recipient has the text of a template in their language', async (t) => {
  const db = await open(t, { templates: { en: { title: '{user}: {extra.n}' }, zh: { title: '{user}：{extra.n}' } } });
  await call(db, 'set_preferences', 'bob', null, 'zh');
  await send(db, order({ title: undefined, extra: { n: 7 } }));
  const { recipients, message } = (await takeAll(db))[0].call;
  assert.deepEqual(recipients, [{ user: 'ann', title: 'ann: 7', body: '' }, { user: 'bob', title: 'bob：7', body: '' }]);
  assert.deepEqual([message.title, message.body], [null, null]);
  await send(db, { to_all: true, category: 'orders', extra: { n: 8 } });
  assert.equal((await takeAll(db))[0].call.message.title, ': 8');
});

// From so many minutes from now to so many, by the database's clock.
async function quiet(db, user, from, to) {
  const at = (n) => `to_char(now() AT TIME ZONE 'UTC' + make_interval(mins => ${n}), 'HH24:MI')`;
  await db.query(`SELECT doorbell.set_preferences($1, quiet_hours => jsonb_build_object('from', ${at(from)}, 'to', ${at(to)}, 'timezone', 'UTC'))`, [user]);
}
const queue = (db) => rows(db, `SELECT w.id, w.user_ids AS users, w.attempts, w.since = w.due_at AS is_new,
  w.due_at = (SELECT min(doorbell_internal.quiet_until(r.quiet_hours, now())) FROM doorbell.reader r WHERE r.user_id = ANY (w.user_ids)) AS is_at_end
  FROM doorbell.webhook_call w ORDER BY w.id`);

for (const audience of [{ to_users: ['ann', 'bob', 'cat', 'dan'] }, { to_group: 'staff' }]) {
  test(`${Object.keys(audience)[0]}: users in quiet hours are told of when these end, the others at once`, async (t) => {
    const db = await open(t);
    await call(db, 'group_change', 'staff', ['ann', 'bob', 'cat', 'dan'], []);
    await quiet(db, 'bob', -60, 60);
    await quiet(db, 'cat', -60, 120);
    await quiet(db, 'dan', 60, 120);
    await send(db, { ...audience, title: 't', category: 'orders' });
    assert.deepEqual((await takeAll(db)).map(usersOf), [['ann', 'dan']]);
    const [{ id, ...put }] = await queue(db);
    assert.deepEqual(put, { users: ['bob', 'cat'], attempts: 0, is_new: true, is_at_end: true });

    await quiet(db, 'bob', -60, -1); // as time does
    await due(db);
    assert.deepEqual((await takeAll(db)).map(usersOf), [['bob']]);
    await quiet(db, 'cat', 60, 120);
    await due(db);
    assert.deepEqual((await takeAll(db)).map(usersOf), [['cat']]);
    assert.equal(await waiting(db), 0);
  });
}

test('where all of its users are in quiet hours the call itself waits, with its number and what was tried', async (t) => {
  const db = await open(t);
  await send(db, order());
  const { id } = await take(db);
  await call(db, 'webhook_failed', id, 'HTTP status 500', false, false);
  for (const user of ['ann', 'bob']) await quiet(db, user, -60, 60);
  await db.query("UPDATE doorbell.webhook_call SET since = since - interval '1 hour'");
  await due(db);
  assert.equal(await take(db), undefined);
  assert.deepEqual(await queue(db), [{ id, users: ['ann', 'bob'], attempts: 1, is_new: false, is_at_end: true }]);
  await db.query('UPDATE doorbell.reader SET quiet_hours = NULL');
  await due(db);
  assert.deepEqual([(await take(db)).call.attempt, await waiting(db)], [2, 1]);
});

test('quiet hours put off neither what is critical nor what goes to everybody', async (t) => {
  const db = await open(t);
  await quiet(db, 'bob', -60, 60);
  await send(db, { to_all: true, title: 'all', category: 'orders' });
  assert.deepEqual((await takeAll(db)).map(usersOf), [undefined]);
  await call(db, 'category_set', 'orders', true);
  await send(db, order());
  assert.deepEqual((await takeAll(db)).map(usersOf), [['ann', 'bob']]);
});

test('one who has seen the message by the end of their quiet hours is not told of, where that counts', async (t) => {
  const db = await open(t, { after: 600 });
  await quiet(db, 'bob', -60, 60);
  const { id } = await send(db, order({ to_users: ['bob'] }));
  await due(db);
  assert.equal(await take(db), undefined);
  await call(db, 'mark_read', 'bob', id);
  await quiet(db, 'bob', 60, 120);
  await due(db);
  assert.equal(await take(db), undefined);
  assert.equal(await waiting(db), 0);
});

test('a scheduled message is told of when it is delivered', async (t) => {
  const db = await open(t);
  await send(db, order({ send_at: new Date(Date.now() + 3_600_000) }));
  await send(db, order({ later: true }));
  assert.equal(await waiting(db), 0);
  await call(db, 'activate');
  assert.equal((await takeAll(db)).length, 1);
});

test('a call that fails is tried again, later and later, and given up after a day', async (t) => {
  const db = await open(t);
  await send(db, order());
  const fail = async ({ id }, final = false) => (await call(db, 'webhook_failed', id, 'HTTP status 500', final, false)).webhook_failed;
  let last = 0;
  for (let attempt = 1; attempt <= 12; attempt++) {
    const taken = await take(db);
    assert.equal(taken.call.attempt, attempt);
    assert.equal(await fail(taken), false);
    const { s } = await row(db, 'SELECT extract(epoch FROM due_at - clock_timestamp())::float AS s FROM doorbell.webhook_call');
    const most = Math.min(3600, 10 * 2 ** (attempt - 1));
    assert.ok(s > most / 2 - 1 && s <= most, `attempt ${attempt}: ${s} s`);
    last = s;
    await due(db);
  }
  assert.ok(last > 1700);
  await db.query("UPDATE doorbell.webhook_call SET since = since - interval '1 day'");
  const { id } = await take(db);
  assert.equal(await fail({ id }), true);
  await due(db);
  assert.equal(await take(db), undefined, 'never by itself');

  const { calls, next } = (await call(db, 'webhook_calls')).webhook_calls;
  assert.equal(next, null);
  assert.deepEqual(calls.map(({ failed_at: at, message, ...one }) => [typeof at, typeof message, one]),
    [['number', 'number', { call: id, category: 'orders', users: ['ann', 'bob'], attempts: 13, fault: 'HTTP status 500' }]]);
  await call(db, 'webhook_retry', id);
  await assert.rejects(call(db, 'webhook_retry', id), { code: 'DB404' });
  assert.equal((await take(db)).call.attempt, 1);
  assert.equal(await fail({ id }, true), true, 'at once where it is of no use');
  await call(db, 'purge', 1000, 365, 30);
  assert.equal(await waiting(db), 1);
  await call(db, 'purge', 1000, 365, 0);
  assert.equal(await waiting(db), 0);
});

test('calls that nobody makes are given up by the purge, and deleted like others', async (t) => {
  const db = await open(t);
  await send(db, order());
  await send(db, order());
  await db.query("UPDATE doorbell.webhook_call SET since = now() - interval '25 hours', due_at = now() - interval '25 hours' WHERE id = 1");
  await call(db, 'purge');
  const { calls } = (await call(db, 'webhook_calls')).webhook_calls;
  assert.deepEqual(calls.map((one) => [one.call, one.attempts]), [[1, 0]]);
  assert.match(calls[0].fault, /webhook_secret_file/);
  await db.query("UPDATE doorbell.webhook_call SET failed_at = now() - interval '31 days' WHERE id = 1");
  await call(db, 'purge');
  assert.equal(await waiting(db), 1, 'the one that is not overdue');
});

test('a site that does not answer is asked less and less often, and those of other categories meanwhile', async (t) => {
  const db = await open(t);
  await call(db, 'category_set', 'other', false, null, null, 'https://other.example/');
  for (let i = 0; i < 3; i++) await send(db, order());
  const fall = async (silent) => call(db, 'webhook_failed', (await take(db)).id, 'Timeout was reached', false, silent);
  const pause = async () => (await row(db, `SELECT extract(epoch FROM greatest(paused_until, now()) - now())::float AS s
    FROM doorbell.category WHERE name = 'orders'`)).s;
  await fall(false);
  assert.equal(await pause(), 0, 'one that says no has answered');
  for (const most of [10, 20, 40]) {
    await fall(true);
    const s = await pause();
    assert.ok(s > most / 2 - 1 && s <= most, `${s} of ${most} s`);
    await due(db);
    const { id } = await send(db, order({ category: 'other' }));
    assert.equal((await take(db)).call.message.id, id);
    assert.equal(await take(db), undefined);
    await db.query("UPDATE doorbell.category SET paused_until = '-infinity'");
    await due(db);
    await db.query("DELETE FROM doorbell.webhook_call w USING doorbell.message m WHERE m.id = w.message_id AND m.id = $1", [id]);
  }
  await call(db, 'webhook_done', (await take(db)).id);
  await fall(true);
  assert.ok((await pause()) <= 10, 'once it answers, all begins anew');
  await call(db, 'category_set', 'orders', false, null, null, 'https://site.example/mended');
  assert.equal(await pause(), 0);
});

test('calls that were given up are listed page by page', async (t) => {
  const db = await open(t);
  for (let i = 0; i < 5; i++) await send(db, order());
  for (let taken = await take(db); taken; taken = await take(db)) await call(db, 'webhook_failed', taken.id, 'no', true, false);
  const seen = [];
  for (let after = 0; after !== null;) {
    const page = (await call(db, 'webhook_calls', after, 2)).webhook_calls;
    seen.push(page.calls.length);
    after = page.next;
  }
  assert.deepEqual(seen, [2, 2, 1]);
  for (const limit of [0, 1001, null]) await assert.rejects(call(db, 'webhook_calls', 0, limit), { code: 'DB422' });
});

test('where 100 have ended without being made, the next are asked for at once', async (t) => {
  const db = await open(t, { after: 600 });
  for (let i = 0; i < 150; i++) await send(db, order({ to_users: ['ann'] }));
  await call(db, 'mark_read_all', 'ann');
  await due(db);
  assert.deepEqual(await take(db), { id: null, url: null, call: null });
  assert.equal(await waiting(db), 50);
  assert.equal(await take(db), undefined);
  assert.equal(await waiting(db), 0);
});

test('a call whose lease is over is made again, by whoever comes first', async (t) => {
  const database = await openDatabase(t, cluster);
  const [one, other] = [await database.connect(), await database.connect()];
  await call(one, 'category_set', 'orders', false, null, null, URL);
  await send(one, order());
  await one.query('BEGIN');
  const { id } = await take(one, 0);
  assert.equal(await take(other), undefined, 'a row that another takes is passed by');
  await one.query('COMMIT');
  const again = await take(other);
  assert.deepEqual([again.id, again.call.attempt], [id, 2]);
});

const wrong = ['https://b\u00fccher.example/', 'https://a%40host/', 'https://a%2fhost/', 'https://host:port/', 'https://host:1:2/', 'https://[::1%25eth0]/', 'https://host/\u0001',
  'ftp://host/', 'https://', 'https://user:secret@host/', 'https://host/a b', 'host/path', 'javascript:alert(1)', `https://host/${'x'.repeat(2048)}`];
const right = ['https://host', 'http://127.0.0.1:8080/a', 'https://[2001:db8::1]:8443/a?b#c', 'https://xn--bcher-kva.example/', 'https://HOST.example?a=b', 'https://my_host/\u00e9'];
test('a webhook that is a URL is taken', async (t) => {
  const db = await open(t);
  for (const url of right) assert.equal((await call(db, 'category_set', 'orders', false, null, null, url)).category_set.webhook, url);
});

test('a webhook that is no URL is refused', async (t) => {
  const db = await open(t);
  for (const url of wrong) await assert.rejects(call(db, 'category_set', 'orders', false, null, null, url), { code: 'DB422' }, url);
  for (const after of [-1, 604801]) await assert.rejects(call(db, 'category_set', 'orders', false, null, null, URL, after), { code: 'DB422' });
  const [one] = (await call(db, 'categories')).categories;
  assert.deepEqual([one.webhook, one.only_unseen_after], [URL, null]);
  await call(db, 'category_set', 'orders', false, null, null, null, 60);
  await call(db, 'category_set', 'orders', true);
  assert.deepEqual((await rows(db, 'SELECT webhook, only_unseen_after FROM doorbell.category'))[0], { webhook: URL, only_unseen_after: 60 });
  await call(db, 'category_set', 'orders', false, null, null, null, 0);
  assert.equal((await rows(db, 'SELECT only_unseen_after AS s FROM doorbell.category'))[0].s, null);
});
