// SPDX-License-Identifier: MIT
// www/php/laravel/notifications.sql by itself: its rights, rings, locks, plans and upkeep, and that it shows what Doorbell does.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { top } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { call, check, list, openDatabase, row, rows, send, startCluster, untilWaiting } from '../../harness/sql.mjs';

const file = readFileSync(path.join(top, 'www/php/laravel/notifications.sql'), 'utf8');
const model = 'App\\Models\\User';
const mine = `notifiable_type = '${model}' AND notifiable_id =`;

const cluster = await startCluster(null);
test.after(() => cluster.remove());
{
  const admin = await openDatabase({ after: test.after }, cluster);
  await (await admin.connect()).query('CREATE ROLE shop LOGIN');
}

async function install(client, settings = {}) {
  for (const [name, value] of Object.entries({ role: 'shop', schema: '', model: '', key: '', zone: '', ...settings })) {
    await client.query('SELECT set_config($1, $2, false)', [`doorbell_laravel.${name}`, value]);
  }
  await client.query(file);
}

// A database with the view: `db` is its owner's connection, `shop` the site's.
async function open(t, settings) {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  await install(db, settings);
  const connect = () => database.connect({ conn: database.conn.replace('//doorbell@', '//shop@') });
  return { database, db, connect, shop: await connect() };
}

const notify = (client, user, data = {}, { id = randomUUID(), type = 'App\\Notifications\\InvoicePaid' } = {}) =>
  client.query(`INSERT INTO notifications (id, type, data, read_at, notifiable_id, notifiable_type, updated_at, created_at)
    VALUES ($1, $2, $3, NULL, $4, $5, now(), now())`, [id, type, JSON.stringify(data), user, model]);

const sync = (client, user) => row(client, 'SELECT doorbell_laravel.sync($1)', [user]);

async function shown(client, user) {
  await sync(client, user);
  return rows(client, `SELECT * FROM notifications WHERE ${mine} $1 ORDER BY created_at DESC`, [user]);
}

async function outbox(db) {
  const found = await rows(db, 'SELECT user_ids, feed_id FROM doorbell.outbox ORDER BY id');
  await db.query('DELETE FROM doorbell.outbox');
  return found;
}

const isRefused = (code) => (error) => (assert.equal(error.code, code, error.message), true);

test('the site\'s role may use the view and give out uuids, and nothing else', async (t) => {
  const { db, shop } = await open(t);
  await notify(shop, 42);
  assert.equal((await shown(shop, 42)).length, 1);
  for (const statement of ['SELECT * FROM doorbell_laravel.notification', 'SELECT * FROM doorbell.message',
    'INSERT INTO doorbell_laravel.change VALUES (1)', "SELECT doorbell_laravel.give_ids(42)", "SELECT doorbell.send('{42}', title => 'x')",
    "SELECT doorbell_internal.mark('42', 'read', '{1}', 'any')", 'CREATE TABLE doorbell_laravel.mine ()']) {
    await assert.rejects(shop.query(statement), isRefused('42501'), statement);
  }
  await db.query('CREATE ROLE stranger LOGIN');
  await db.query('SET ROLE stranger');
  await assert.rejects(db.query('SELECT * FROM notifications'), isRefused('42501'));
  await assert.rejects(db.query('SELECT doorbell_laravel.sync(42)'), isRefused('42501'));
  await db.query('RESET ROLE');
});

test('it belongs to the owner of Doorbell, whoever installs it', async (t) => {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  await db.query(`CREATE ROLE keeper; GRANT CREATE ON DATABASE ${new URL(database.conn).pathname.slice(1)} TO keeper;
    GRANT CREATE ON SCHEMA public TO keeper; ALTER SCHEMA doorbell OWNER TO keeper; ALTER SCHEMA doorbell_internal OWNER TO keeper`);
  for (const { what, name } of await rows(db, `
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS what, oid::regclass::text AS name FROM pg_class
    WHERE relnamespace = 'doorbell'::regnamespace AND relkind IN ('r', 'v') OR oid = 'doorbell.seq'::regclass
    UNION ALL SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc WHERE pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace)`)) {
    await db.query(`ALTER ${what} ${name} OWNER TO keeper`);
  }
  await install(db);
  const owners = await rows(db, `SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class WHERE relname IN ('notifications', 'notification', 'content')
    UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'doorbell_laravel'::regnamespace`);
  assert.deepEqual(owners, [{ owner: 'keeper' }]);
  const shop = await database.connect({ conn: database.conn.replace('//doorbell@', '//shop@') });
  await notify(shop, 42);
  assert.equal((await shown(shop, 42)).length, 1);
});

test('a statement rings each of its users once, in its own transaction', async (t) => {
  const { db, shop } = await open(t);
  await outbox(db);
  await shop.query('BEGIN');
  for (const user of [1, 1, 1, 2]) await notify(shop, user);
  await shop.query('ROLLBACK');
  assert.deepEqual(await outbox(db), []);
  for (const user of [1, 1, 1, 2]) await notify(shop, user);
  assert.equal((await outbox(db)).length, 4);
  for (const [statement, count] of [
    ['UPDATE notifications SET read_at = now(), updated_at = now() WHERE read_at IS NULL', 4],
    ['UPDATE notifications SET read_at = now() WHERE read_at IS NULL', 0],
    ['UPDATE notifications SET read_at = NULL', 4],
    ['DELETE FROM notifications', 4],
  ]) {
    assert.equal((await shop.query(statement)).rowCount, count, statement);
    assert.deepEqual(await outbox(db), count ? [{ user_ids: ['1'], feed_id: null }, { user_ids: ['2'], feed_id: null }] : [], statement);
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell_laravel.change'), []);
  }
});

test('everybody is one row and one ring', async (t) => {
  const { db, shop } = await open(t);
  await outbox(db);
  await shop.query("INSERT INTO notifications (id, type, data, notifiable_type) VALUES ($1, 'x', '{\"title\":\"All\"}', 'Doorbell\\Laravel\\Everybody')", [randomUUID()]);
  assert.deepEqual(await outbox(db), [{ user_ids: null, feed_id: 1 }]);
  assert.equal((await row(db, 'SELECT count(*) AS n FROM doorbell.message')).n, 1);
  for (const user of [1, 2]) assert.deepEqual((await shown(shop, user)).map(({ data }) => data), [{ title: 'All' }]);
  await assert.rejects(shop.query("INSERT INTO notifications (id, type, data) VALUES ($1, 'x', '{}')", [randomUUID()]), /are not in Doorbell/);
  await assert.rejects(notify(shop, null), isRefused('DB422'));
});

test('what Doorbell does not show is not there', async (t) => {
  const { db, shop } = await open(t);
  const own = (args) => send(db, { to_users: ['42'], title: 'x', ...args });
  const recalled = await own();
  const muted = await own({ category: 'news' });
  const archived = await own();
  const gone = await own();
  const due = await own({ ack: true });
  assert.equal((await shown(shop, 42)).length, 5);
  await call(db, 'recall', recalled.id);
  await call(db, 'mute', '42', ['news']);
  await call(db, 'archive', '42', archived.id);
  await call(db, 'remove', '42', gone.id);
  const left = await shown(shop, 42);
  assert.equal(left.length, 1);
  // What is to be acknowledged is neither read nor removed by Laravel.
  await shop.query('UPDATE notifications SET read_at = now() WHERE id = $1', [left[0].id]);
  await shop.query('DELETE FROM notifications WHERE id = $1', [left[0].id]);
  assert.equal((await shown(shop, 42))[0].read_at, null);
  await call(db, 'acknowledge', '42', due.id);
  assert.notEqual((await shown(shop, 42))[0].read_at, null);
  await call(db, 'mute', '42', []);
  await call(db, 'mark_unread', '42', archived.id);
  assert.equal((await shown(shop, 42)).length, 3, 'unmuted, and back from the archive');
  assert.ok(muted.id);
});

test('what is erased or purged leaves nothing behind', async (t) => {
  const { db, shop } = await open(t);
  await notify(shop, 1);
  await notify(shop, 2);
  await send(db, { to_all: true, title: 'All' });
  for (const user of [1, 2]) assert.equal((await shown(shop, user)).length, 2);
  await call(db, 'erase', '1');
  assert.deepEqual(await rows(db, 'SELECT id FROM doorbell_laravel.notifiable'), [{ id: 2 }]);
  assert.equal((await row(db, 'SELECT count(*) AS n FROM doorbell_laravel.notification')).n, 2);
  await db.query("UPDATE doorbell.message SET sent_at = now() - interval '2 years'");
  while ((await row(db, 'SELECT doorbell.purge() AS n')).n > 0);
  for (const table of ['notification', 'content']) assert.deepEqual(await rows(db, `SELECT * FROM doorbell_laravel.${table}`), [], table);
  assert.deepEqual(await shown(shop, 2), []);
});

test('a look waits half a second at most for another transaction, and not at all where nothing is new', async (t) => {
  const { db, shop, connect } = await open(t);
  await send(db, { to_users: ['42'], title: 'One' });
  const other = await connect();
  await other.query('BEGIN');
  assert.equal((await shown(other, 42)).length, 1);
  const looking = shown(shop, 42);
  await untilWaiting(db, shop.pid);
  assert.deepEqual(await looking, []);
  await other.query('COMMIT');
  assert.equal((await shown(shop, 42)).length, 1);
  await db.query('BEGIN; LOCK TABLE doorbell_laravel.notification IN SHARE MODE; LOCK TABLE doorbell_laravel.notifiable IN SHARE MODE');
  assert.equal((await shown(shop, 42)).length, 1);
  await db.query('COMMIT');
  await shop.query('BEGIN READ ONLY');
  assert.deepEqual(await shown(shop, 7), []);
  await shop.query('COMMIT');
});

test('it is installed again over itself, and keys and zones are the site\'s', async (t) => {
  const { db, shop } = await open(t);
  await notify(shop, 42);
  const [before] = await shown(shop, 42);
  await install(db, { zone: 'Asia/Shanghai' });
  assert.deepEqual(await shown(shop, 42), [before]);
  await send(db, { to_users: ['42'], title: 'In Shanghai' });
  const ahead = await row(shop, `SELECT extract(epoch FROM max(created_at) - min(created_at)) AS s FROM notifications`);
  await sync(shop, 42);
  const { s } = await row(shop, `SELECT extract(epoch FROM max(created_at) - min(created_at)) AS s FROM notifications`);
  assert.equal(Number(ahead.s), 0);
  assert.ok(Math.abs(s - 8 * 3600) < 600, s);
  for (const [key, user] of [['uuid', randomUUID()], ['text', 'Ada'], ['character(26)', '01ARZ3NDEKTSV4RRFFQ69G5FAV']]) {
    const site = await open(t, { key });
    await notify(site.shop, user);
    await send(site.db, { to_users: [user], title: 'x' });
    assert.deepEqual((await shown(site.shop, user)).map(({ notifiable_id: id }) => id), [user, user], key);
  }
  await assert.rejects(install(db, { schema: 'pg_catalog' }), isRefused('42501'));
});

test('without Doorbell, and beside a table, it says what to do', async (t) => {
  const { db, shop } = await open(t);
  await db.query('DROP VIEW notifications; CREATE TABLE public.notifications (id integer)');
  await assert.rejects(install(db), /there is a table public.notifications already: rename it/);
  await assert.rejects(install(shop), isRefused('42501'));
  await db.query('DROP SCHEMA doorbell CASCADE');
  await assert.rejects(install(db), /run doorbell-migrate first/);
});

// The same users by both ways: after any step the view has what the list has.
test('list, count and recount agree whatever both sides do', async (t) => {
  const { db, shop } = await open(t);
  const random = makeRandom(Number(process.env.DOORBELL_PROPERTY_SEED ?? 7));
  const users = [1, 2, 3];
  const pick = (items) => items[random(items.length)];
  const anyOf = async (user) => pick((await list(db, `${user}`)).messages)?.id;
  const steps = {
    insert: (user, n) => notify(shop, user, { title: `${n}` }),
    send: (user, n) => send(db, { to_users: [`${user}`, '1'], title: `${n}` }),
    broadcast: (user, n) => send(db, { to_all: true, title: `${n}`, category: pick(['news', 'shop']) }),
    group: async (user, n) => (await call(db, 'group_join', 'g', `${user}`), send(db, { to_group: 'g', title: `${n}` })),
    read: async (user) => (await anyOf(user)) && call(db, 'mark_read', `${user}`, await anyOf(user)),
    archive: async (user) => (await anyOf(user)) && call(db, 'archive', `${user}`, await anyOf(user)),
    recall: async (user) => (await anyOf(user)) && call(db, 'recall', await anyOf(user)),
    mute: (user) => call(db, 'mute', `${user}`, pick([[], ['news'], ['shop']])),
    markAll: (user) => shop.query(`UPDATE notifications SET read_at = now() WHERE ${mine} $1 AND read_at IS NULL`, [user]),
    unmarkSome: (user) => shop.query(`UPDATE notifications SET read_at = NULL WHERE id IN (SELECT id FROM notifications WHERE ${mine} $1 LIMIT 2)`, [user]),
    deleteOne: (user) => shop.query(`DELETE FROM notifications WHERE id = (SELECT id FROM notifications WHERE ${mine} $1 LIMIT 1)`, [user]),
  };
  for (let n = 0; n < 150; n++) {
    const [name, step] = pick(Object.entries(steps));
    await step(pick(users), n);
    for (const user of users) {
      const expected = (await list(db, `${user}`)).messages.map(({ title, read }) => `${title} ${read}`).sort();
      const got = (await shown(shop, user)).map(({ data, read_at: readAt }) => `${data.title} ${readAt !== null}`).sort();
      assert.deepEqual(got, expected, `step ${n}, ${name}, user ${user}`);
      const { n: unread } = await row(shop, `SELECT count(*) AS n FROM notifications WHERE ${mine} $1 AND read_at IS NULL`, [user]);
      assert.equal(unread, (await check(db, `${user}`)).num);
    }
  }
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
});

function* nodes(plan) {
  yield plan;
  for (const inner of plan.Plans ?? []) yield* nodes(inner);
}

test('one user\'s queries read that user\'s rows', async (t) => {
  const { db, shop } = await open(t);
  await db.query(`
    INSERT INTO doorbell.message (id, seq, live, recipients, sent_at, title)
    SELECT i, i, true, 1, now(), 'stored' FROM generate_series(1, 200000) i;
    SELECT setval('doorbell.seq', 200000);
    INSERT INTO doorbell.inbox (message_id, user_id, seq, state) SELECT i, i / 10, i, 'unread' FROM generate_series(1, 200000) i;
    INSERT INTO doorbell.unread_count SELECT user_id, 0, count(*) FROM doorbell.inbox GROUP BY 1;
    INSERT INTO doorbell.reader (user_id, version) SELECT user_id, max(seq) FROM doorbell.inbox GROUP BY 1;
    INSERT INTO doorbell.first_seen (user_id, joined_pos) SELECT user_id, -1 FROM doorbell.reader;
    INSERT INTO doorbell_laravel.notifiable (id) SELECT user_id::bigint FROM doorbell.reader;
    INSERT INTO doorbell_laravel.notification (id, notifiable_id, message_id, created_at)
    SELECT gen_random_uuid(), user_id::bigint, message_id, now() FROM doorbell.inbox;
    INSERT INTO doorbell_laravel.content SELECT i, 'x', '{}' FROM generate_series(1, 200000) i;
    CREATE TABLE public.users AS SELECT id FROM doorbell_laravel.notifiable; ALTER TABLE public.users ADD PRIMARY KEY (id); GRANT SELECT ON public.users TO shop`);
  const [{ id }] = await shown(shop, 7);
  for (const when of ['before ANALYZE', 'after ANALYZE']) {
    if (when === 'after ANALYZE') await db.query('ANALYZE');
    for (const query of [
      `SELECT * FROM notifications WHERE ${mine} 7 AND notifiable_id IS NOT NULL ORDER BY created_at DESC LIMIT 5`,
      `SELECT count(*) FROM notifications WHERE ${mine} 7 AND read_at IS NULL`,
      `SELECT * FROM notifications WHERE id = '${id}' LIMIT 1`,
      `SELECT *, (SELECT count(*) FROM notifications WHERE users.id = notifiable_id AND notifiable_type = '${model}' AND read_at IS NULL)
        FROM users WHERE id IN (7, 8)`,
      `UPDATE notifications SET read_at = now(), updated_at = now() WHERE id = '${id}'`,
      `UPDATE notifications SET read_at = NULL WHERE ${mine} 7 AND read_at IS NOT NULL`,
    ]) {
      const [{ 'QUERY PLAN': [{ Plan: plan }] }] = await rows(shop, `EXPLAIN (ANALYZE, FORMAT json) ${query}`);
      let read = 0;
      for (const node of nodes(plan)) {
        assert.notEqual(node['Node Type'], 'Seq Scan', `${when}: ${query}`);
        if (node['Relation Name']) read += (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
      }
      assert.ok(read < 60, `${when}: ${read} rows for ${query}`);
    }
  }
  assert.deepEqual(await rows(db, "SELECT * FROM doorbell.recount() WHERE what = 'unread_count'"), []);
});
