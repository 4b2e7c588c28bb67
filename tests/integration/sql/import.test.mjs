// SPDX-License-Identifier: MIT
// doorbell-import-notifynder: its command line, what becomes of each column, what is bad and where, and
// that a second run imports nothing twice.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const program = fileURLToPath(new URL('../../../sql/doorbell-import-notifynder', import.meta.url));
const cluster = await startCluster();
test.after(() => cluster.remove());

function run(...args) {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

const categories = ['id,name,text', '1,order,"Order {extra.order.number} has shipped"', '2,comment,{from.id} commented', '3,plain,Hello'].join('\n');
const header = 'id,from_id,from_type,to_id,to_type,category_id,url,extra,read,expire_time,created_at,updated_at';

const quoted = (value) => (value === null ? '' : `"${String(value).replaceAll('"', '""')}"`);

// A line of notifications.csv; what is not said is as of a plain one to u.
function line(fields) {
  const all = { id: 1, from_id: null, from_type: null, to_id: 'u', to_type: null, category_id: 3, url: null, extra: null, read: 0,
    expire_time: null, created_at: '2015-03-01 09:30:00', updated_at: '2015-03-01 09:30:00', ...fields };
  return header.split(',').map((name) => quoted(all[name])).join(',');
}

async function open(t) {
  const database = await openDatabase(t, cluster);
  const dir = await mkdtemp(join(tmpdir(), 'doorbell-import-'));
  t.after(() => rm(dir, { recursive: true }));
  const db = await database.connect();
  const paths = [join(dir, 'categories.csv'), join(dir, 'it\'s "$(n)".csv')];
  await writeFile(paths[0], categories);
  return {
    db,
    conn: database.conn,
    paths,
    async import(lines, options = [], text = [header, ...lines].join('\n')) {
      await writeFile(paths[1], text);
      return run(...options, database.conn, ...paths);
    },
  };
}

const told = (imported, there = 0, expired = 0, other = 0, bad = 0) =>
  `${imported} imported, ${there} there already, ${expired} expired, ${other} of other types, ${bad} bad\n`;

test('the texts of categories become templates, where they have none and Doorbell can say it', async (t) => {
  const place = await open(t);
  await writeFile(place.paths[0], ['id,name,text', '1,order,"Order { extra.order.number } has shipped to {to.id}"', '2,comment,{from.id} commented { on {url}',
    '3,plain,Hello', '4,name,"{from.name} is here"', `5,long,"${'x'.repeat(256)}"`, '6,known,other', '7,none,'].join('\n'));
  await call(place.db, 'category_set', 'known', true, null, JSON.stringify({ zh: { title: 'its own' } }));
  const afresh = async (position) => (await row(place.db, "SELECT doorbell.list_after('u', $1) AS told", [position])).told.reset;
  await check(place.db, 'u');
  const { position } = await list(place.db, 'u');
  const result = await place.import([line({ extra: '{"order":{"number":"A-7"}}', category_id: 1 })], ['--templates', 'en']);
  assert.equal(result.stdout, `${told(1)}5 of 6 texts are templates\n`);
  assert.match(result.stderr, /categories\.csv: name: templates: the title of "en": there is no \{from\.name\}/);
  const of = Object.fromEntries((await row(place.db, 'SELECT doorbell.categories() AS all')).all.map(({ name, templates }) => [name, templates]));
  const en = (title, body = '') => ({ en: { title, body } });
  assert.deepEqual(of, {
    order: en('Order {extra.order.number} has shipped to {user}'), comment: en('{sender} commented {{ on {url}'), plain: en('Hello'),
    long: en('long', 'x'.repeat(256)), known: { zh: { title: 'its own', body: '' } },
  });
  await send(place.db, { to_users: ['u'], category: 'order', extra: { order: { number: 'B-8' } } });
  assert.deepEqual((await list(place.db, 'u')).messages.map(({ title }) => title), ['Order B-8 has shipped to u', 'Order A-7 has shipped to u']);
  assert.equal(await afresh(position), true);
  const later = (await list(place.db, 'u')).position;
  assert.equal((await place.import([], ['--templates', 'en'])).stdout, `${told(0)}5 of 6 texts are templates\n`);
  assert.equal((await place.import([], ['--templates', 'en US'])).stdout, `${told(0)}0 of 6 texts are templates\n`);
  assert.equal(await afresh(later), false);
});

async function assertExact(db) {
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

for (const [name, args, code] of [
  ['no argument', [], 64],
  ['one argument', ['dbname=a'], 64],
  ['an empty connection string', ['', program, program], 64],
  ['an unknown option', ['--force', 'dbname=a', 'b', 'c'], 64],
  ['--type without a type', ['--type'], 64],
  ['--prefix with CSV files', ['--prefix', 'a_', 'dbname=a', program, program], 64],
  ['a file that is not there', ['dbname=a', '/nowhere', '/nowhere'], 66],
  ['a file that is no table', ['dbname=a', program, program], 65],
]) {
  test(`${name} is refused`, async () => {
    const result = await run(...args);
    assert.equal(result.code, code, result.stderr);
    assert.notEqual(result.stderr, '');
  });
}

for (const [name, text, says] of [
  ['a column that is missing', 'id,to_id,category_id,read', /no column created_at/],
  ['a column that is there twice', `${header},id`, /id is there twice/],
  ['a column that is a statement', `${header},"x"") text; DROP"`, /does not name the columns/],
]) {
  test(`${name} is refused`, async (t) => {
    const place = await open(t);
    const { code, stderr } = await place.import([], [], text);
    assert.equal(code, 65);
    assert.match(stderr, says);
  });
}

test('a server that is not there, a database without the schema, and a user who is not the owner are refused', async (t) => {
  const place = await open(t);
  await place.import([]);
  assert.equal((await run('host=/nowhere dbname=a', ...place.paths)).code, 2);
  assert.equal((await run(cluster.connString('postgres'), ...place.paths)).code, 3);
  await place.db.query('DROP ROLE IF EXISTS importer; CREATE ROLE importer LOGIN IN ROLE doorbell_app');
  const { code, stderr } = await run(place.conn.replace('doorbell@', 'importer@'), ...place.paths);
  assert.deepEqual([code, /permission denied/.test(stderr)], [3, true]);
});

test('rows become messages', async (t) => {
  const { db, ...place } = await open(t);
  const result = await place.import([
    line({ id: 10, category_id: 1, url: '/orders/7', extra: '{"order":{"number":"A-7 <b>"}}', read: 1 }),
    line({ id: 11, from_id: 42, from_type: 'App\\User', to_type: 'App\\User', category_id: 2, created_at: '2015-03-01 09:30:01' }),
    line({ id: 12, from_id: 7, from_type: 'App\\Shop', to_type: 'App\\User', category_id: 2, created_at: '2015-03-01 09:30:02', extra: '[]' }),
    line({ id: 13, to_id: 'v', category_id: 3, expire_time: '2100-01-01 00:00:00' }),
    line({ id: 14, to_id: 'v', category_id: 3, expire_time: '2015-03-02 00:00:00' }),
    line({ id: 15, to_id: 'v', category_id: 1, expire_time: '0000-00-00 00:00:00', created_at: '2015-03-03 00:00:00' }),
  ]);
  assert.deepEqual(result, { code: 0, stdout: told(5, 0, 1), stderr: '' });
  const { messages, num } = await list(db, 'u');
  const at = Date.UTC(2015, 2, 1, 9, 30) / 1000;
  const plain = { body: '', url: null, extra: null, seen: false, read: false, archived: false, ack: null, group_key: null };
  assert.deepEqual(messages.map(({ id, ...rest }) => rest), [
    { ...plain, title: '7 commented', category: 'comment', sender: 'App\\Shop:7', created_at: at + 2 },
    { ...plain, title: '42 commented', category: 'comment', sender: '42', created_at: at + 1 },
    { ...plain, title: 'Order A-7 <b> has shipped', category: 'order', sender: null, created_at: at, url: '/orders/7',
      extra: { order: { number: 'A-7 <b>' } }, seen: true, read: true },
  ]);
  assert.equal(num, 2);
  const { messages: others } = await list(db, 'v');
  assert.deepEqual(others.map(({ title }) => title), ['Order has shipped', 'Hello']);
  assert.deepEqual((({ num: n, hit }) => ({ n, hit }))(await check(db, 'v')), { n: 2, hit: 0 });
  assert.deepEqual(await rows(db, 'SELECT FROM doorbell.outbox'), [], 'nobody is rung');
  await assertExact(db);
  assert.equal((await call(db, 'mark_read', 'u', messages[0].id)).num, 1);
  assert.equal((await row(db, 'SELECT doorbell.recall($1) AS done', [messages[1].id])).done, true);
  assert.equal((await check(db, 'u')).num, 0);
  await assertExact(db);
});

test('a second run imports nothing twice, and what is new', async (t) => {
  const { db, ...place } = await open(t);
  const first = [line({ id: 1 }), line({ id: 2, to_id: 'v' })];
  assert.equal((await place.import(first)).stdout, told(2));
  await call(db, 'mark_read_all', 'u');
  const before = await check(db, 'u');
  assert.equal((await place.import(first)).stdout, told(0, 2));
  assert.deepEqual(await check(db, 'u'), before);
  assert.equal((await place.import([...first, line({ id: 3, read: 1 }), line({ id: 4 })])).stdout, told(2, 2));
  const after = await check(db, 'u');
  assert.equal(after.num, 1);
  assert.ok(after.version > before.version, 'pages that ask again must see that it changed');
  await assertExact(db);
});

test('counts stay exact beside messages sent, muted categories and a broadcast', async (t) => {
  const { db, ...place } = await open(t);
  await check(db, 'u');
  await send(db, { to_users: ['u', 'v'], title: 't', category: 'order' });
  await send(db, { to_all: true, title: 'all' });
  await call(db, 'mute', 'u', ['order']);
  await place.import([line({ id: 1, category_id: 1 }), line({ id: 2 }), line({ id: 3, to_id: 'v', category_id: 1 })]);
  assert.equal((await check(db, 'u')).num, 2);
  assert.equal((await call(db, 'mute', 'u', [])).num, 4);
  await assertExact(db);
});

const faults = [
  ['id', { id: 'x' }, /id is a number/],
  ['to_id', { to_id: '*' }, /user id/],
  ['to_id', { to_id: null }, /user id/],
  ['category_id', { category_id: 9 }, /no such category: 9/],
  ['category_id', { category_id: null }, /title/],
  ['url', { url: 'javascript:alert(1)' }, /url is/],
  ['extra', { extra: '{"cut": "of' }, /json/],
  ['extra', { extra: '[1]' }, /extra is/],
  ['read', { read: 'maybe' }, /boolean/],
  ['created_at', { created_at: 'yesterday night' }, /timestamp/],
  ['created_at', { created_at: null }, /time/],
  ['created_at', { created_at: '2999-01-01' }, /future/],
  ['expire_time', { expire_time: '2015-02-31' }, /out of range/],
];

test('bad rows are told with their lines, and nothing is imported, or all but them', async (t) => {
  const { db, ...place } = await open(t);
  // Two lines in one value: those that come behind are further down.
  const lines = [line({ id: 1, extra: '{\n"a":1}' }), ...faults.map(([, fields], i) => line({ id: 100 + i, ...fields })), line({ id: 2 }), line({ id: 2 })];
  const refused = await place.import(lines);
  assert.deepEqual([refused.code, refused.stdout], [3, '']);
  const said = refused.stderr.split('\n');
  for (const [i, [name, , says]] of faults.entries()) {
    assert.ok(said[i].startsWith(`${place.paths[1]}:${4 + i}: `), `${name}: ${said[i]}`);
    assert.match(said[i], says);
  }
  assert.match(said[faults.length], new RegExp(`:${5 + faults.length}: id 2: the id is there twice`));
  assert.equal(said[faults.length + 1], `rows that cannot become messages: ${faults.length + 1}`);
  assert.match(refused.stderr, /nothing is imported/);
  assert.deepEqual(await rows(db, 'SELECT FROM doorbell.message'), []);
  assert.deepEqual(await rows(db, 'SELECT FROM doorbell.send_key'), []);

  const skipped = await place.import(lines, ['--skip-bad']);
  assert.deepEqual([skipped.code, skipped.stdout], [0, told(2, 0, 0, 0, faults.length + 1)]);
  assert.equal(skipped.stderr, `${said.slice(0, -3).join('\n')}\n`);
  assert.equal((await check(db, 'u')).num, 2);
  await assertExact(db);
});

test('a file that is no CSV further down is told with its line', async (t) => {
  const place = await open(t);
  const { code, stderr } = await place.import([line({}), '1,2,3']);
  assert.equal(code, 3);
  assert.match(stderr, /line 3/);
});

test('where there are several types, one must be named', async (t) => {
  const { db, ...place } = await open(t);
  const lines = [line({ id: 1, to_type: 'App\\User' }), line({ id: 2, to_type: 'App\\Shop' }), line({ id: 3, to_type: 'App\\Shop', url: 'bad' })];
  const refused = await place.import(lines);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /App\\Shop, App\\User.*--type/);
  assert.equal((await place.import(lines, ['--type', 'App\\User'])).stdout, told(1, 0, 0, 2));
  assert.equal((await check(db, 'u')).num, 1);
  const strange = await place.import(lines, ['--type', "'; DROP SCHEMA doorbell CASCADE; --"]);
  assert.equal(strange.stdout, told(0, 0, 0, 3));
});

test('the columns of 4.3, what exports write for no value, and times by PGTZ', async (t) => {
  const { db, ...place } = await open(t);
  const text = ['\ufeff"id","to_id","category_id","read","created_at","expires_at","stack_id","from_id","url"',
    '1,u,3,f,2015-03-01 09:30:00,NULL,5,\\N,NULL', '2,u,3,t,2015-03-01 09:30:00+02,2015-03-02,5,,'].join('\r\n');
  const { code, stdout, stderr } = await place.import([], [], `${text}\r\n`);
  assert.deepEqual([code, stdout], [0, told(1, 0, 1)]);
  assert.equal(stderr, `${place.paths[1]}: 2 notifications belong to 1 stacks (stack_id): each is a message of its own, to be recalled by its own id\n`);
  const { messages: [message] } = await list(db, 'u');
  assert.deepEqual([message.sender, message.url, message.created_at], [null, null, Date.UTC(2015, 2, 1, 9, 30) / 1000]);
  await place.import([line({ id: 9 })], ['--timezone', '+08:00']);
  assert.equal((await list(db, 'u')).messages[0].created_at, Date.UTC(2015, 2, 1, 1, 30) / 1000);
});

test('a text of many characters or lines is the body, and its beginning the title', async (t) => {
  const { db, ...place } = await open(t);
  await writeFile(place.paths[0], `id,name,text\n3,plain,{extra.text}\n`);
  const long = '茶😀'.repeat(128);
  const texts = [long, long.slice(1), 'two\nlines', 'x'.repeat(255), '{not} a {placeholder', '{{extra.text}}'];
  await place.import(texts.map((text, i) => line({ id: i + 1, extra: JSON.stringify({ text }), created_at: `2015-03-01 09:30:0${9 - i}` })));
  const { messages } = await list(db, 'u');
  assert.deepEqual(messages.map(({ title, body }) => [title, body]), [
    [`${'茶😀'.repeat(127)}…`, long],
    [long.slice(1), ''],
    ['two lines', 'two\nlines'],
    ['x'.repeat(255), ''],
    ['{not} a {placeholder', ''],
    ['{{extra.text}}', ''],
  ]);
});

test('more than a batch comes in whole, in order', async (t) => {
  const { db, ...place } = await open(t);
  const many = Array.from({ length: 10_050 }, (_, i) => line({ id: i + 1, to_id: i % 2 ? 'v' : `u${i % 50}`, read: i % 3 ? 1 : 0, extra: `{"n":${i}}` }));
  assert.equal((await place.import(many)).stdout, told(10_050));
  const { messages, num } = await list(db, 'v', { limit: 3 });
  assert.deepEqual(messages.map(({ extra }) => extra.n), [10_049, 10_047, 10_045]);
  assert.equal(num, 1675);
  await assertExact(db);
});
