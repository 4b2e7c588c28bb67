// SPDX-License-Identifier: MIT
// doorbell-import-notifynder with dumps of MySQL: what a real mariadb-dump writes of nasty rows, with several sets of options, comes in
// row by row as it was; dumps that other programs write, that are cut off, or that are broken at random; and what cannot be imported.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startMariadb } from '../../harness/mariadb.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { startCluster, openDatabase, row, rows } from '../../harness/sql.mjs';

const program = fileURLToPath(new URL('../../../sql/doorbell-import-notifynder', import.meta.url));
const reader = fileURLToPath(new URL('../../../sql/notifynder/mysqldump.pl', import.meta.url));
const cluster = await startCluster();
test.after(() => cluster.remove());
const suite = { after: (done) => test.after(done) };
const socket = await startMariadb(suite);

function run(command, args, { input = '', env = {} } = {}) {
  return new Promise((resolve) => {
    const options = { encoding: 'buffer', maxBuffer: 1 << 28, env: { ...process.env, ...env } };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout: stdout.toString(), stderr: stderr.toString(), bytes: stdout });
    });
    child.stdin.on('error', () => {}); // it may end before it has read all
    child.stdin.end(input);
  });
}

async function mysql(database, text) {
  const result = await run('mariadb', ['--no-defaults', `--socket=${socket}`, '--user=root', '--default-character-set=utf8mb4', database], { input: text });
  assert.equal(result.code, 0, result.stderr);
}

async function dump(options, ...names) {
  const result = await run('mariadb-dump', ['--no-defaults', `--socket=${socket}`, '--user=root', ...options, ...names]);
  assert.equal(result.code, 0, result.stderr);
  return result.bytes;
}

// A database of Doorbell's, and a file to import from.
async function open(t) {
  const database = await openDatabase(t, cluster);
  const dir = await mkdtemp(join(tmpdir(), 'doorbell-import-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'dump.sql');
  return {
    db: await database.connect(),
    conn: database.conn,
    file,
    async import(bytes, options = [], env = {}) {
      await writeFile(file, bytes);
      return run(program, [...options, database.conn, file], { env });
    },
  };
}

const told = (imported, { there = 0, expired = 0, other = 0, bad = 0 } = {}) =>
  `${imported} imported, ${there} there already, ${expired} expired, ${other} of other types, ${bad} bad\n`;

const hex = (text) => (text === null ? 'NULL' : text === '' ? "''" : `X'${Buffer.from(text).toString('hex')}'`);

// The tables as the migrations of version 3 make them, but that texts may be long.
const schema = `
CREATE TABLE notification_categories (id int unsigned NOT NULL AUTO_INCREMENT, name varchar(255) NOT NULL, text longtext NOT NULL,
  PRIMARY KEY (id), UNIQUE KEY notification_categories_name_unique (name));
CREATE TABLE notifications (id int unsigned NOT NULL AUTO_INCREMENT, from_id bigint unsigned DEFAULT NULL, from_type varchar(255) DEFAULT NULL
  COMMENT 'it''s, (odd)', to_id bigint unsigned NOT NULL, to_type varchar(255) DEFAULT NULL, category_id int unsigned NOT NULL,
  url varchar(255) DEFAULT NULL, extra longblob, \`read\` tinyint NOT NULL DEFAULT 0, created_at timestamp NULL, updated_at timestamp NULL,
  expire_time timestamp NULL, stack_id int unsigned DEFAULT NULL,
  \`two
lines\` double NOT NULL DEFAULT -1.5e-300, PRIMARY KEY (id), KEY to_id (to_id));
CREATE TABLE notification_groups (id int unsigned NOT NULL AUTO_INCREMENT, name varchar(50) NOT NULL, PRIMARY KEY (id));
CREATE TABLE notifications_categories_in_groups (id int unsigned NOT NULL AUTO_INCREMENT, category_id int unsigned NOT NULL,
  group_id int unsigned NOT NULL, PRIMARY KEY (id));
CREATE TABLE audit (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, said longtext, raw longblob);
`;

const nasty = ["it's", '"quoted"', 'back\\slash \\', "\\'", "''", '\\"', "a'),(9,9,'", "'); DROP TABLE notifications; --", 'tab\there', 'two\nlines\r\n',
  'sub\x1astitute', '%_ \\% \\_', '-- no comment', '/* nor */ this', '# or this', '`ticked`', '通知 已发送', '🔔🚀', 'Grüße – €', '$1 \\1 \\N', '\\.', 'NULL', ' edges '];

// Texts of what a dump has to write otherwise.
const marks = ["'", '"', '\\', '\n', '\r', '\t', '\x1a', ',', '(', ')', ';', '--', ' ', '/*', '*/', '#', '%', '_', '0', 'N', 'Z', 'b', 'é', '类', '🔔'];
const draw = makeRandom(20150301);
const mixed = () => `m${Array.from({ length: 1 + draw(40) }, () => marks[draw(marks.length)]).join('')}`;

const categories = [
  { id: 1, name: 'echo', text: '{extra.text}' },
  { id: 2, name: 'it\'s "a" \\ 类别 🔔', text: 'from {from.id} to {to.id}' },
  { id: 3, name: 'raw', text: nasty.join(' | ') },
  { id: 5, name: 'mixed', text: Array.from({ length: 300 }, () => mixed()).join('') },
  { id: 4, name: 'long', text: "\\'\"\n🔔é".repeat(6500) },
];

const rowsOf = () => [
  ...Array.from({ length: 200 }, () => ({ extra: JSON.stringify({ text: mixed() }, null, '\t') })),
  ...nasty.map((text) => ({ extra: JSON.stringify({ text }) })),
  ...nasty.map((text) => ({ extra: JSON.stringify({ list: [text], text: 'x' }, null, '\n\t') })),
  ...nasty.filter((text) => !/[\n\t\r\x1a]/.test(text)).map((text) => ({ category_id: 2, from_id: 7, from_type: text })),
  { category_id: 3 }, { category_id: 4 }, { category_id: 5 },
  { extra: JSON.stringify({ text: "'\\\"".repeat(1800) }) },
  { category_id: 2, url: "/it's?a=\"b\"&c=%5C#'", from_id: 18446744073709551615n, read: 1 },
  { category_id: 2, extra: '[]', expire_time: '2037-12-31 23:59:59', stack_id: 4 },
  { category_id: 2, extra: '', url: '', from_type: '', stack_id: 4 },
].map((fields, i) => ({ id: i + 1, from_id: null, from_type: null, to_id: i % 2, to_type: null, category_id: 1, url: null, extra: null, read: 0,
  created_at: `2015-03-01 09:30:${String(i % 60).padStart(2, '0')}`, updated_at: null, expire_time: null, stack_id: null, ...fields }));

const insertOf = (table, all) => `INSERT INTO ${table} (${Object.keys(all[0]).map((n) => `\`${n}\``).join()}) VALUES ${all.map((one) =>
  `(${Object.values(one).map((v) => (typeof v === 'string' || v === null ? hex(v) : v)).join()})`).join(',\n')};\n`;

// What has to come of a row.
function expected(n) {
  const category = categories.find(({ id }) => id === n.category_id);
  const extra = n.extra ? JSON.parse(n.extra) : null;
  const filled = category.text.replace('{extra.text}', () => extra?.text ?? '').replace('{from.id}', n.from_id ?? '').replace('{to.id}', n.to_id);
  const line = filled.replace(/[\s\x01-\x1f\x7f-\x9f]+/g, ' ').replace(/^ +| +$/g, '');
  const chars = [...line];
  const title = chars.length <= 255 ? line : `${chars.slice(0, 254).join('')}…`;
  return { key: `notifynder:${n.id}`, user: String(n.to_id), title, body: title === filled ? '' : filled, category: category.name, extra: Array.isArray(extra) ? null : extra,
    sender: n.from_id === null ? null : `${n.from_type ? `${n.from_type}:` : ''}${n.from_id}`, url: n.url || null, state: n.read ? 'read' : 'unread',
    sent: Date.parse(`${n.created_at.replace(' ', 'T')}Z`) / 1000, expires: n.expire_time ? Date.parse(`${n.expire_time.replace(' ', 'T')}Z`) / 1000 : null };
}

const imported = (db) => rows(db, `SELECT k.key, i.user_id AS user, m.title, m.body, c.name AS category, m.extra, m.sender, m.url, i.state::text,
    extract(epoch FROM m.sent_at)::bigint AS sent, extract(epoch FROM m.expires_at)::bigint AS expires
  FROM doorbell.send_key k JOIN doorbell.message m ON m.id = k.message_id JOIN doorbell.inbox i ON i.message_id = m.id
  JOIN doorbell.category c ON c.id = m.category ORDER BY substr(k.key, 12)::bigint`);

const source = rowsOf().map((n) => ({ ...n, to_type: n.from_type === null ? null : 'user' }));
await mysql('site', `SET time_zone = '+00:00'; SET SESSION sql_mode = '';${schema}
${insertOf('notification_categories', categories)}${insertOf('notifications', source)}
INSERT INTO notification_groups VALUES (1, 'shop''s'), (2, 'empty');
INSERT INTO notifications_categories_in_groups VALUES (1, 1, 1), (2, 3, 1);
${insertOf('audit', nasty.map((said, i) => ({ id: i + 1, said: `${said}\nINSERT INTO \`notifications\` VALUES (1);\n`, raw: `${said}\0;` })))}
DELIMITER //
CREATE TRIGGER heard AFTER INSERT ON audit FOR EACH ROW BEGIN
  -- it's a trigger; not a statement
  INSERT INTO notifications VALUES (1, 2, 'three; //''', NULL);
END//
DELIMITER ;
`);

const groupsSaid = (file) => [`${file}: 2 groups of categories`, "  empty: (none)", "  shop's: echo, raw", `${file}: 2 notifications belong to 1 stacks`];

for (const options of [
  [], ['--skip-opt'], ['--complete-insert', '--skip-extended-insert'], ['--compact'], ['--hex-blob'], ['--skip-quick', '--no-create-info', '--complete-insert'],
  ['--compatible=ansi', '--default-character-set=utf8mb4'], ['--replace', '--skip-comments'], ['--insert-ignore', '--order-by-primary'], ['--single-transaction', '--routines', '--flush-privileges'],
  ['--databases'], ['--net-buffer-length=16777216'], ['--default-character-set=utf8mb4', '--skip-set-charset'],
]) {
  test(`mariadb-dump ${options.join(' ') || 'without options'}`, async (t) => {
    const place = await open(t);
    const bytes = await dump(options, 'site');
    const result = await place.import(bytes, options.includes('--compact') ? ['--timezone', '+00:00'] : []);
    assert.deepEqual([result.code, result.stdout], [0, told(source.length)], result.stderr);
    const said = result.stderr.trimEnd().split('\n');
    for (const [i, text] of groupsSaid(place.file).entries()) assert.ok(said[i]?.startsWith(text), result.stderr);
    assert.deepEqual(await imported(place.db), source.map(expected));
    assert.deepEqual(await rows(place.db, 'SELECT * FROM doorbell.recount()'), []);
    const again = await run(program, [place.conn, '-'], { input: bytes });
    assert.deepEqual([again.code, again.stdout], [0, told(0, { there: source.length })], again.stderr);
  });
}

// Small dumps, as text.

const heads = `CREATE TABLE \`notification_categories\` (\`id\` int, \`name\` varchar(255), \`text\` varchar(255));
INSERT INTO \`notification_categories\` VALUES (1,'echo','{extra.text}'),(2,'plain','Hello');
`;
const columns = '`id`,`to_id`,`category_id`,`read`,`created_at`,`extra`';
const insert = (...values) => `INSERT INTO \`notifications\` (${columns}) VALUES ${values.join(',')};\n`;
const one = (id, extra = 'NULL', at = "'2015-03-01 09:30:00'", category = 2) => `(${id},7,${category},0,${at},${extra})`;
const zone = "/*!40103 SET TIME_ZONE='+00:00' */;\n";
const titles = async (db) => (await imported(db)).map(({ title }) => title);
const times = async (db) => (await imported(db)).map(({ sent }) => new Date(sent * 1000).toISOString().slice(0, 16));

for (const [name, text, wanted] of [
  ['every value quoted, and null in small letters', `${heads}${zone}INSERT INTO notifications(${columns}) values ('1', '7', '2', '0', '2015-03-01 09:30:00', null);`, ['Hello']],
  ['texts in double quotes', `${heads}${zone}${insert(one(1, '"{\\"text\\":\\"it\'s ""so""\\"}"'.replaceAll('""so""', '\\\\""so\\\\""'), undefined, 1))}`, ['it\'s "so"']],
  ['NO_BACKSLASH_ESCAPES', `${heads}${zone}/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='ANSI,NO_BACKSLASH_ESCAPES' */;\n${
    insert(one(1, String.raw`'{"text":"a \\ ''b'' \""}'`, undefined, 1))}/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n${insert(one(2, String.raw`'{\"text\":\"c \'d\'\"}'`, undefined, 1))}`, ["a \\ 'b' \"", "c 'd'"]],
  ['a mode that a trigger has and the rows have not', `${heads}${zone}/*!50003 SET @saved_sql_mode = @@sql_mode */ ;\n/*!50003 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */ ;\nDELIMITER ;;\n
    /*!50003 CREATE*/ /*!50003 TRIGGER x BEGIN INSERT INTO notifications VALUES (1); SET @a = '\\'; END */;;\nDELIMITER ;\n/*!50003 SET sql_mode = @saved_sql_mode */ ;\n${
    insert(one(1, String.raw`'{\"text\":\"\\\\\"}'`, undefined, 1))}`, ['\\']],
  ['a warning on top, and variables that nobody has set', `mysqldump: [Warning] Using a password on the command line\n${heads}${zone}SET @said = 'it\\'s; INSERT', NAMES = 1;SET NAMES utf8mb4;\n/*!40101 SET character_set_client = @saved_cs_client */;
    ${insert(one(1, `'{"text":"é"}'`, undefined, 1))}`.replace('CREATE', '/*!40101 SET @a=1 */;\nCREATE'), ['é']],
  ['comments of all kinds', `# it's\n-- it's\n--\n/* it's ; */ ${heads}${zone}INSERT /* a */ INTO notifications (${columns}) VALUES /* ' */ ${one(1)}, -- it's\n${one(2)} # '\n;`, ['Hello', 'Hello']],
  ['other tables, views and columns with odd names', `CREATE TABLE \`a;b\` (\`c'd\` text COMMENT 'e''f;');\nINSERT INTO \`a;b\` VALUES ('g\\';',"h';",\`i\`);\n${heads}${zone}
    INSERT INTO notifications_archive VALUES (1);INSERT INTO \`Notifications2\` VALUES ('x');${insert(one(1))}`, ['Hello']],
  ['ON DUPLICATE KEY and REPLACE', `${heads}${zone}${insert(one(1)).replace(';', ' ON DUPLICATE KEY UPDATE `read` = VALUES(`read`);')}${insert(one(2)).replace('INSERT', 'REPLACE')}`, ['Hello', 'Hello']],
  ['values in hexadecimal digits', `${heads}${zone}${insert(one(1, '0x7b2274657874223a22c3a9227d', undefined, 1), one(2, "x'7b7d'", "_utf8mb4 '2015-03-01 09:30:00'"))}`, ['é', 'Hello']],
  ['a database by name', `${heads.replaceAll('`notification_categories`', '`my``db`.`notification_categories`')}USE \`my\`\`db\`;\n${zone}${insert(one(1))}`, ['Hello']],
  ['Windows line ends and a byte order mark', `\ufeff${`${heads}${zone}${insert(one(1))}`.replaceAll('\n', '\r\n')}`, ['Hello']],
]) {
  test(`a dump with ${name}`, async (t) => {
    const place = await open(t);
    const result = await place.import(text);
    assert.deepEqual(result, { ...result, code: 0, stdout: told(wanted.length), stderr: '' });
    assert.deepEqual(await titles(place.db), wanted);
  });
}

test('characters are what the dump says, wherever the texts were', async (t) => {
  await mysql('site', `CREATE DATABASE latin CHARACTER SET latin1; USE latin; ${schema.replaceAll('longblob', 'longtext')}
    INSERT INTO notification_categories VALUES (1, 'Größe', '{extra.text}');
    INSERT INTO notifications (id, to_id, category_id, extra, created_at) VALUES (1, 1, 1, '{"text":"Grüße – €"}', '2015-03-01 09:30:00');
    CREATE DATABASE twice CHARACTER SET latin1; USE twice; ${schema.replaceAll('longblob', 'longtext')}
    SET NAMES latin1;
    INSERT INTO notification_categories VALUES (1, '类', '{extra.text}');
    INSERT INTO notifications (id, to_id, category_id, extra, created_at) VALUES (1, 1, 1, '{"text":"通知 🔔"}', '2015-03-01 09:30:00');`);
  for (const [options, from, title, category] of [
    [[], 'latin', 'Grüße – €', 'Größe'],
    [['--default-character-set=latin1'], 'latin', 'Grüße – €', 'Größe'],
    [['--default-character-set=latin1', '--skip-set-charset'], 'twice', '通知 🔔', '类'],
  ]) {
    const place = await open(t);
    const result = await place.import(await dump(options, from));
    assert.deepEqual([result.code, result.stdout, result.stderr], [0, told(1), ''], options.join(' '));
    assert.deepEqual((await imported(place.db)).map((n) => [n.title, n.category]), [[title, category]]);
  }
  const place = await open(t);
  const refused = await place.import(await dump(['--default-character-set=gbk'], 'latin'));
  assert.deepEqual([refused.code, /in gbk: dump with --default-character-set=utf8mb4/.test(refused.stderr)], [65, true], refused.stderr);
  const narrow = await place.import(await dump(['--default-character-set=utf8mb3'], 'site'), ['--skip-bad']);
  assert.match(narrow.stderr, /which has no emoji/);
});

test('a time is in the zone that the dump says, or that --timezone says where it does not', async (t) => {
  const at = "'2015-03-01 09:30:00'";
  const typed = (type) => `${heads}CREATE TABLE notifications (id int, to_id int, category_id int, \`read\` int, created_at ${type} DEFAULT '0000-00-00 00:00:00', extra text);\n`;
  for (const [text, options, env, wanted, notes] of [
    [typed('timestamp') + zone, [], {}, '09:30', false],
    [typed('timestamp') + zone, ['--timezone', 'Asia/Shanghai'], {}, '09:30', false],
    [typed('timestamp') + zone.replace('+00', '+08'), [], {}, '01:30', false],
    [typed('timestamp') + zone.replace('+00:00', 'Asia/Shanghai'), [], {}, '01:30', false],
    [typed('timestamp') + zone.replace('+00:00', 'SYSTEM'), ['--timezone', 'Asia/Shanghai'], {}, '01:30', false],
    [typed('timestamp(3)'), ['--timezone', '+08:00'], {}, '01:30', false],
    [typed('timestamp'), ['--timezone', '-3'], {}, '12:30', false],
    [typed('datetime') + zone, ['--timezone', '+08:00'], {}, '01:30', false],
    [typed('datetime') + zone, [], { PGTZ: 'Asia/Shanghai' }, '01:30', false],
    [typed('datetime') + zone, [], {}, '09:30', true],
    [typed('timestamp'), [], {}, '09:30', true],
    [`${typed('timestamp')}SET @OLD_TIME_ZONE=@@TIME_ZONE;\n${zone}SET TIME_ZONE=@OLD_TIME_ZONE;\n`, [], {}, '09:30', true],
  ]) {
    const place = await open(t);
    const result = await place.import(text + insert(one(1, 'NULL', at)), options, env);
    assert.deepEqual([result.code, await times(place.db), /zone.*--timezone says another/.test(result.stderr)], [0, [`2015-03-01T${wanted}`], notes], `${text}\n${result.stderr}`);
  }
  const place = await open(t);
  const wrong = await place.import(heads + zone + insert(one(1)), ['--timezone', 'Mars/Olympus']);
  assert.deepEqual([wrong.code, /TimeZone.*Mars/.test(wrong.stderr)], [3, true], wrong.stderr);
});

test('a server in another zone, dumped with and without --tz-utc', async (t) => {
  await mysql('site', `SET GLOBAL time_zone = '+05:30'; SET time_zone = '+05:30'; CREATE DATABASE east; USE east; ${schema}
    INSERT INTO notification_categories VALUES (1, 'plain', 'Hello');
    INSERT INTO notifications (id, to_id, category_id, created_at) VALUES (1, 1, 1, '2015-03-01 09:30:00');`);
  for (const [options, zoneOption] of [[[], []], [['--skip-tz-utc'], ['--timezone', '+05:30']]]) {
    const place = await open(t);
    const result = await place.import(await dump(options, 'east'), zoneOption);
    assert.deepEqual([result.code, result.stderr, await times(place.db)], [0, '', ['2015-03-01T04:00']], options.join());
  }
  await mysql('site', "SET GLOBAL time_zone = 'SYSTEM'");
});

test('--prefix says which tables are Notifynder\'s', async (t) => {
  await mysql('site', `CREATE DATABASE prefixed; USE prefixed; ${schema.replaceAll(/CREATE TABLE (?=not)/g, 'CREATE TABLE app_')}
    CREATE TABLE notifications (id char(36) PRIMARY KEY, type varchar(255), notifiable_id int, data text, created_at timestamp NULL);
    INSERT INTO notifications VALUES ('a', 'b', 1, '{}', '2015-03-01 09:30:00');
    INSERT INTO app_notification_categories VALUES (1, 'plain', 'Hello');
    INSERT INTO app_notifications (id, to_id, category_id, created_at) VALUES (1, 1, 1, '2015-03-01 09:30:00');`);
  const place = await open(t);
  const bytes = await dump([], 'prefixed');
  assert.deepEqual(await place.import(bytes, ['--prefix', 'app_']).then(({ code, stdout, stderr }) => [code, stdout, stderr]), [0, told(1), '']);
  const laravel = await place.import(bytes);
  assert.deepEqual([laravel.code, /notifications has no column to_id, so it is not Notifynder's/.test(laravel.stderr)], [65, true], laravel.stderr);
  const none = await place.import(await dump([], 'prefixed', 'app_notifications', 'app_notification_categories'));
  assert.deepEqual([none.code, /no table notification_categories in it, but there is app_notification_categories: give --prefix 'app_'/.test(none.stderr)], [65, true], none.stderr);
});

test('rows that cannot become messages are told with line, byte, id and reason, and counted by reason', async (t) => {
  const place = await open(t);
  const rest = [[`'{"text":"\\0"}'`, 'extra has a NUL'], ['0xff', 'extra is not UTF-8'], [`'{"cut": "of'`, 'json'], [`'${'x'.repeat(1 << 20)}y'`, 'extra is more than']];
  const many = Array.from({ length: 150 }, (_, i) => one(1000 + i, 'NULL', undefined, 40 + i));
  const text = `${heads}${zone}${insert(one(1))}${insert(...rest.map(([extra], i) => one(10 + i, extra)))}${insert(one(2, "'{}'"), ...many)}`;
  const refused = await place.import(text);
  assert.deepEqual([refused.code, refused.stdout], [3, '']);
  const said = refused.stderr.trimEnd().split('\n');
  for (const [i, [extra, reason]] of rest.entries()) {
    const byte = Buffer.byteLength(text.slice(0, text.indexOf(one(10 + i, extra))));
    assert.ok(said[i].startsWith(`${place.file}:5 (byte ${byte}): id ${10 + i}: `), said[i]);
    assert.ok(said[i].includes(reason), said[i]);
  }
  assert.match(said[99], /:6 \(byte \d+\): id 1095: there is no such category: 135$/);
  assert.deepEqual(said.slice(100, 102), ['rows that cannot become messages: 154', '     150: there is no such category']);
  assert.match(said.at(-2), /nothing is imported: mend these rows, or leave them out with --skip-bad/);
  assert.ok(refused.stderr.length < 20_000);
  assert.deepEqual(await rows(place.db, 'SELECT FROM doorbell.message'), []);
  const skipped = await place.import(text, ['--skip-bad']);
  assert.deepEqual([skipped.code, skipped.stdout], [0, told(2, { bad: 154 })]);
});

test('a category that cannot be read, or is there twice', async (t) => {
  const place = await open(t);
  const nul = await place.import(`${heads.replace("'Hello'", "'Hel\\0lo'")}${zone}${insert(one(1))}`);
  assert.match(nul.stderr, /id 1: its category cannot be read: text has a NUL/);
  const twice = await place.import(`${heads}${heads}${zone}${insert(one(1))}`);
  assert.deepEqual([twice.code, /category 1 is there twice/.test(twice.stderr)], [3, true], twice.stderr);
});

for (const [name, bytes, says] of [
  ['nothing', '', /there is no table notification_categories in it: dump it too/],
  ['categories alone', heads, /there is no table notifications in it/],
  ['a gzip file', Buffer.from('1f8b0800', 'hex'), /it is compressed: zcat/],
  ['UTF-16', Buffer.from('\ufeffINSERT', 'utf16le'), /UTF-16.*--result-file/],
  ['XML', '<?xml version="1.0"?>', /without --xml/],
  ['no column names', `${heads}INSERT INTO notifications VALUES ${one(1)};`, /does not name the columns: dump with CREATE TABLE/],
  ['fewer values than columns', `${heads}${insert('(1,2)')}`, /2 values for 6 columns/],
  ['two databases', `USE a;\n${heads}USE b;\n${insert(one(1))}`, /two databases, a and b: dump one of them/],
  ['a value that is no value', `${heads}${insert(one(1, 'now()'))}`, /:3 \(byte \d+\): cannot read this row/],
  ['a select', `${heads}INSERT INTO notifications SELECT * FROM x;`, /cannot read this INSERT/],
  ['a time zone that is none', `${heads}SET TIME_ZONE='a
b';${insert(one(1))}`, /cannot read the time zone a\?b: dump with --tz-utc/],
  ['rows with nothing between', `${heads}${insert(one(1)).replace(');', `) ${one(2)};`)}`, /cannot read on after this row/],
]) {
  test(`a dump with ${name} is refused`, async (t) => {
    const place = await open(t);
    const result = await place.import(bytes);
    assert.deepEqual([result.code, result.stdout], [65, ''], result.stderr);
    assert.match(result.stderr, says);
  });
}

test('what cannot be opened, and a server that is not there', async (t) => {
  const place = await open(t);
  assert.equal((await run(program, [place.conn, '/nowhere.sql'])).code, 66);
  assert.equal((await run(program, [place.conn, tmpdir()])).code, 66);
  await place.import(heads + zone + insert(one(1)));
  assert.equal((await run(program, ['host=/nowhere dbname=a', place.file])).code, 2);
  assert.equal((await run(program, [cluster.connString('postgres'), place.file])).code, 3);
  for (const option of ['--prefix', '--timezone']) assert.equal((await run(program, [option])).code, 64);
});

const readDump = (input, prefix = '') => run('perl', [reader, 'dump.sql', prefix, 'UTC'], { input });

test('a dump that is cut off anywhere is refused, and nothing of it is imported', async (t) => {
  const place = await open(t);
  const bytes = await dump([], 'site');
  const last = bytes.lastIndexOf('-- Dump completed');
  const draws = makeRandom(7);
  for (let i = 0; i < 40; i++) {
    const end = i === 0 ? last : 1000 + draws(last - 1000);
    const { code, stderr } = await readDump(bytes.subarray(0, end));
    assert.equal(code, 65, `${end}: ${stderr}`);
    assert.match(stderr, /^doorbell-import-notifynder: dump\.sql:\d+ \(byte \d+\): .*cut off/, String(end));
  }
  const middle = bytes.indexOf('INSERT INTO `notifications`') + 5000;
  const result = await place.import(bytes.subarray(0, middle), ['--skip-bad']);
  assert.deepEqual([result.code, result.stdout], [65, '']);
  assert.match(result.stderr, new RegExp(`dump\\.sql:\\d+ \\(byte \\d+\\): the dump is cut off within a row`));
  assert.deepEqual(await rows(place.db, 'SELECT FROM doorbell.message'), []);
  assert.deepEqual(await rows(place.db, 'SELECT FROM doorbell.category'), []);
});

// What the reader writes is COPY blocks, or the beginning of some if it fails; in UTF-8, without a NUL, each row as wide as its head says.
function assertBlocks(bytes, isWhole, seed) {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  assert.ok(!text.includes('\0'), seed);
  let width = 0;
  for (const line of text.split('\n').slice(0, isWhole ? undefined : -1)) {
    if (width === 0) {
      if (line === '') continue;
      assert.match(line, /^COPY (notification|category|category_group|category_in_group) \(("\w+", )+line, byte, fault\) FROM STDIN;$/, seed);
      width = line.split(',').length;
    } else if (line === '\\.') {
      width = 0;
    } else {
      assert.equal(line.split('\t').length, width, seed);
    }
  }
  assert.ok(!isWhole || width === 0, seed);
}

test('dumps broken at random end with a reason, or are read', async (t) => {
  const place = await open(t);
  const small = `${heads}CREATE TABLE notifications (id int, to_id int, category_id int, \`read\` int, created_at datetime, extra text) ENGINE=InnoDB;
/*!40101 SET NAMES utf8mb4 */;\n${zone}INSERT INTO \`audit\` VALUES (1,'it\\'s',0x00,_binary 'a\\0;',"b");\n${insert(...nasty.slice(0, 12).map((text, i) =>
    one(i + 1, `'${JSON.stringify({ text }).replace(/['"\\]/g, '\\$&')}'`, undefined, 1)))}INSERT INTO notification_groups (id, name) VALUES (1,'g');\n-- end\n`;
  const whole = Buffer.from(small);
  const parts = ["'", '"', '\\', '`', ';', '(', ')', ',', '/*', '*/', '--', '\n', '\0', '\xff', 'NULL', '0x', '_latin1', 'SET NAMES latin1;', 'DELIMITER //\n', 'SET SQL_MODE=\'NO_BACKSLASH_ESCAPES\';', '\u00e9'];
  for (let seed = 1; seed <= 150; seed++) {
    const draws = makeRandom(seed);
    let bytes = whole;
    for (let n = 1 + draws(3); n > 0; n--) {
      const at = draws(bytes.length);
      const part = Buffer.from(parts[draws(parts.length)], draws(2) ? 'latin1' : 'utf8');
      const gone = [0, 1, draws(30)][draws(3)];
      bytes = Buffer.concat([bytes.subarray(0, at), draws(4) ? part : Buffer.from([draws(256)]), bytes.subarray(at + gone)]);
    }
    const result = await readDump(bytes);
    assert.ok(result.code === 0 || result.code === 65, `${seed}: ${result.code} ${result.stderr}`);
    assert.doesNotMatch(result.stderr, / at \S+mysqldump\.pl line /, `${seed}`);
    assert.equal(/^doorbell-import-notifynder: dump\.sql:\d+ \(byte \d+\): \S/m.test(result.stderr), result.code === 65, `${seed}: ${result.stderr}`);
    assertBlocks(result.bytes, result.code === 0, `${seed}`);
    if (seed % 10 === 0) {
      const code = (await place.import(bytes, ['--skip-bad'])).code;
      assert.ok(code === result.code || (result.code === 0 && code === 3), `${seed}: ${code}`);
    }
  }
  assert.deepEqual(await rows(place.db, 'SELECT * FROM doorbell.recount()'), []);
});

test('a row is bounded, and so is what is held of a dump', async () => {
  const long = `${heads}${insert(one(1, `'${'x'.repeat(1 << 24)}'`))}`;
  const refused = await readDump(long);
  assert.deepEqual([refused.code, /more than 16777216 bytes: leave it out of the dump, with --where/.test(refused.stderr)], [65, true], refused.stderr);
  // Of the other tables nothing is held, were it one text of 50 MB.
  const other = Buffer.alloc(5e7, "\\'x;");
  const text = Buffer.concat([Buffer.from("INSERT INTO audit VALUES ('"), other, Buffer.from(`');${heads}${insert(one(1))}`)]);
  const limited = await run('sh', ['-c', `LC_ALL=C && export LC_ALL && ulimit -v 40000 && exec perl "$0" dump.sql '' UTC`, reader], { input: text });
  assert.equal(limited.code, 0, limited.stderr);
});
