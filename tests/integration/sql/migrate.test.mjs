// SPDX-License-Identifier: MIT
// doorbell-migrate: refuses what it must, applies once, and is safe to run twice and by two at once.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../../harness/cluster.mjs';

const roles = 'doorbell_app, doorbell_user_calls, doorbell_service_calls, doorbell_site, doorbell_sender';
const program = fileURLToPath(new URL('../../../sql/doorbell-migrate', import.meta.url));
const sql = fileURLToPath(new URL('../../../sql', import.meta.url));
const schemaFiles = (await readdir(join(sql, 'schema'))).sort().map((name) => name.replace(/\.sql$/, ''));
const cluster = await startCluster();
test.after(() => cluster.remove());

const migrate = (...args) => new Promise((resolve) => {
  execFile(program, args, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
});

async function query(db, ...texts) {
  const client = new pg.Client({ connectionString: cluster.connString(db) });
  await client.connect();
  try {
    let result = await client.query("SET search_path = ''");
    for (const text of texts) result = await client.query(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

async function emptyDatabase(name, options = '') {
  await query('postgres', `CREATE DATABASE ${name} ${options}`);
  return cluster.connString(name);
}

async function folder(t) {
  const dir = await mkdtemp(join(tmpdir(), 'doorbell-sql-'));
  t.after(() => rm(dir, { recursive: true }));
  await cp(sql, dir, { recursive: true });
  return dir;
}

const schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'doorbell%' ORDER BY 1";
const recorded = 'SELECT name, applied_at FROM doorbell.migration ORDER BY name';

for (const [name, args, code] of [
  ['no argument', [], 64],
  ['an empty connection string', [''], 64],
  ['two connection strings', ['dbname=a', 'dbname=b'], 64],
  ['an unknown option', ['--force', 'dbname=a'], 64],
  ['--sql without a folder', ['--sql'], 64],
  ['a folder that is not there', ['--sql', '/nowhere', 'dbname=a'], 66],
  ['a folder without SQL files', ['--sql', tmpdir(), 'dbname=a'], 66],
  ['a server that is not there', ['host=/nowhere dbname=a'], 2],
]) {
  test(`${name} is refused`, async () => {
    const result = await migrate(...args);
    assert.equal(result.code, code, result.stderr);
    assert.notEqual(result.stderr, '');
  });
}

test('a file whose name could be taken for a statement is refused', async (t) => {
  for (const name of ['schema/0100_x', 'functions/upkeep/x']) {
    const dir = await folder(t);
    await writeFile(join(dir, `${name}'; DROP TABLE y; --.sql`), 'SELECT 1;');
    assert.equal((await migrate('--sql', dir, 'dbname=a')).code, 65, name);
  }
});

test('a database with another encoding is refused and left alone', async () => {
  const conn = await emptyDatabase('ascii', "ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
  const result = await migrate(conn);
  assert.equal(result.code, 3);
  assert.match(result.stderr, /UTF8/);
  assert.deepEqual(await query('ascii', schemas), []);
});

test('a check says what a run would do, and does nothing', async () => {
  const conn = await emptyDatabase('checked');
  const first = await migrate('--check', conn);
  assert.equal(first.code, 1, first.stderr);
  assert.match(first.stdout, /^applying 0001_chunk\n(.*\n)*applying functions\ngranting and revoking [0-9]+ rights\n$/);
  assert.deepEqual(await query('checked', schemas), []);
  assert.equal((await migrate(conn)).code, 0);
  assert.deepEqual(await migrate('--check', conn), { code: 0, stdout: '', stderr: '' });
  await query('checked', 'GRANT EXECUTE ON FUNCTION doorbell.erase TO doorbell_user_calls', 'REVOKE SELECT ON doorbell.check_state FROM doorbell_user_calls');
  const again = await migrate('--check', conn);
  assert.deepEqual([again.code, again.stdout], [1, 'granting and revoking 2 rights\n']);
  assert.equal((await migrate(conn)).code, 0);
  assert.equal((await migrate('--check', conn)).code, 0);
});

test('a transaction that has a table holds up the migration, and the migration nobody', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('held_up');
  assert.equal((await migrate(conn)).code, 0);
  await writeFile(join(dir, 'schema/9999_next.sql'), 'ALTER TABLE doorbell.outbox ADD COLUMN next integer;\n');
  const holder = new pg.Client({ connectionString: conn });
  await holder.connect();
  await holder.query('BEGIN; SELECT FROM doorbell.message');
  let isDone = false;
  const migrated = migrate('--sql', dir, conn).finally(() => { isDone = true; });
  const waiting = "SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'";
  for (let waits = 0; waits < 5; ) {
    assert.ok(!isDone, 'it waits');
    if ((await query('held_up', waiting)).length === 0) continue;
    waits++;
    await query('held_up', "SET lock_timeout = '1s'", "SELECT doorbell.send(ARRAY['42'], title => 'x')", "SELECT doorbell.unread('42')");
  }
  await holder.query('COMMIT');
  await holder.end();
  assert.equal((await migrated).code, 0);
  assert.equal((await query('held_up', 'SELECT count(*)::integer AS stored FROM doorbell.message'))[0].stored, 5);
});

test('a second run applies nothing', async () => {
  const conn = await emptyDatabase('twice');
  const first = await migrate(conn);
  assert.equal(first.code, 0, first.stderr);
  const before = await query('twice', recorded);
  assert.deepEqual(before.map((file) => file.name), [...schemaFiles, 'functions']);
  assert.equal(first.stdout.trim().split('\n').length, before.length);
  const second = await migrate(conn);
  assert.deepEqual([second.code, second.stdout], [0, '']);
  assert.deepEqual(await query('twice', recorded), before);
});

test('four at once on one database, and on four of one cluster', async () => {
  const together = await emptyDatabase('together');
  const one = await Promise.all(Array.from({ length: 4 }, () => migrate(together)));
  assert.deepEqual(one.map((r) => r.code), [0, 0, 0, 0], one.map((r) => r.stderr).join());
  const applied = one.flatMap((r) => r.stdout.split('\n')).filter(Boolean).sort();
  assert.deepEqual(applied, (await query('together', recorded)).map((r) => `applying ${r.name}`));

  // Roles belong to the cluster: all four databases want to make them.
  for (const { datname } of await query('postgres', "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template_'")) {
    await query(datname, `DROP OWNED BY ${roles}`);
  }
  await query('postgres', `DROP ROLE ${roles}`);
  const each = await Promise.all(['w', 'x', 'y', 'z'].map(async (name) => migrate(await emptyDatabase(name))));
  assert.deepEqual(each.map((r) => r.code), [0, 0, 0, 0], each.map((r) => r.stderr).join());
  for (const name of ['w', 'x', 'y', 'z']) {
    assert.deepEqual(await query(name, "SELECT has_function_privilege('doorbell_app', 'doorbell.health()', 'EXECUTE') AS may"), [{ may: true }]);
  }
});

test('a changed, and a newer, migration are refused', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('changed');
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  await appendFile(join(dir, 'schema/0002_tables.sql'), '-- an afterthought\n');
  const changed = await migrate('--sql', dir, conn);
  assert.equal(changed.code, 3);
  assert.match(changed.stderr, /0002_tables was changed/);

  await query('changed', "INSERT INTO doorbell.migration VALUES ('9999_future', 'x')");
  const newer = await migrate(conn);
  assert.equal(newer.code, 3);
  assert.match(newer.stderr, /newer release/);
});

test('a file that fails leaves nothing, not even of those before it', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('failing');
  await writeFile(join(dir, 'schema/0090_whole.sql'), 'CREATE TABLE doorbell.whole (id integer);\n');
  await writeFile(join(dir, 'schema/0091_half.sql'), 'CREATE TABLE doorbell.half (id integer);\nSELECT 1 / 0;\n');
  assert.equal((await migrate('--sql', dir, conn)).code, 3);
  assert.deepEqual(await query('failing', schemas), []);
  await writeFile(join(dir, 'schema/0091_half.sql'), 'CREATE TABLE doorbell.half (id integer);\n');
  const again = await migrate('--sql', dir, conn);
  assert.deepEqual([again.code, again.stdout], [0, [...schemaFiles, '0090_whole', '0091_half', 'functions'].map((name) => `applying ${name}\n`).join('')]);
});

// Everything that functions are made of. Names have their schemas in it, since search_path is empty.
const routines = `SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS definition, p.proconfig AS config,
    ARRAY(SELECT a::text FROM unnest(p.proacl) a ORDER BY 1) AS acl, obj_description(p.oid) AS comment
  FROM pg_proc p WHERE p.pronamespace::regnamespace::text LIKE 'doorbell%' ORDER BY 1`;

test('functions written twice are the same, all have their attributes, and those that have left the folder are dropped', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('rewritten');
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  const before = await query('rewritten', routines);
  const settings = ['enable_bitmapscan=off', 'enable_seqscan=off', 'jit=off', 'plan_cache_mode=force_generic_plan', 'search_path=doorbell, doorbell_internal, pg_temp'];
  const settingsOf = (name) => {
    if (/^doorbell\.(recount|repair_times)\(/.test(name)) return settings.slice(4);
    return /^doorbell\.(list|mark_(un)?read_(all|upto|part)|(archive|remove)_part)\(/.test(name) ? settings : settings.slice(1);
  };
  for (const { name, config, definition } of before) {
    if (!name.startsWith('doorbell.')) assert.equal(config, null, name);
    else assert.deepEqual([...config].sort(), settingsOf(name), name);
    assert.equal(definition.includes('SECURITY DEFINER'), name.startsWith('doorbell.'), name);
  }

  const extra = join(dir, 'functions/upkeep/extra.sql');
  await writeFile(extra, `CREATE FUNCTION doorbell.extra() RETURNS integer LANGUAGE sql STABLE AS 'SELECT doorbell_internal.helper()';
    CREATE FUNCTION doorbell_internal.helper() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n`);
  const more = await migrate('--sql', dir, conn);
  assert.deepEqual([more.code, more.stdout], [0, 'applying functions\n'], more.stderr);
  const added = (await query('rewritten', routines)).filter(({ name }) => !before.some((routine) => routine.name === name));
  assert.deepEqual(added.map(({ name, acl }) => [name, acl]), [
    ['doorbell.extra()', ['doorbell=X/doorbell', 'doorbell_app=X/doorbell']], ['doorbell_internal.helper()', ['doorbell=X/doorbell']]]);

  await rm(extra);
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  assert.deepEqual(await query('rewritten', routines), before);
});

const views = `SELECT c.oid::regclass::text AS name, pg_get_viewdef(c.oid) AS definition, c.relacl::text AS acl, obj_description(c.oid) AS comment
  FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text LIKE 'doorbell%' ORDER BY 1`;

test('views are written again with the functions, and dropped with their files', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('viewed');
  const extra = join(dir, 'functions/upkeep/extra.sql');
  await writeFile(extra, `CREATE OR REPLACE FUNCTION doorbell_internal.one() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
    CREATE OR REPLACE VIEW doorbell.extra AS SELECT doorbell_internal.one() AS one;\n`);
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  await query('viewed', 'CREATE OR REPLACE VIEW doorbell.extra AS SELECT 2 AS one', 'CREATE OR REPLACE VIEW doorbell.check_state AS '
    + "SELECT a.user_id, a.joined_pos, 0::bigint AS version, 0::bigint AS seq, 0::bigint AS epoch FROM doorbell.first_seen a",
    'CREATE OR REPLACE VIEW doorbell.standby_state AS SELECT c.user_id, c.joined_pos, c.version, c.seq, c.epoch FROM doorbell.check_state c',
    'CREATE OR REPLACE VIEW doorbell.current_epoch AS SELECT 1::bigint AS epoch',
    'CREATE OR REPLACE VIEW doorbell.token_state AS SELECT r.user_id, 0::bigint AS generation FROM doorbell.revocation r');
  const changed = await query('viewed', views);
  await appendFile(extra, '-- an afterthought\n');
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  const written = await query('viewed', views);
  assert.deepEqual(written.map(({ name }) => name), changed.map(({ name }) => name));
  for (const [i, { name, definition }] of written.entries()) assert.notEqual(definition, changed[i].definition, name);

  await rm(extra);
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  assert.deepEqual(await query('viewed', views), written.filter(({ name }) => name !== 'doorbell.extra'));
});

test('a function that could not run is refused, and all stay as they were', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('wrong');
  assert.equal((await migrate('--sql', dir, conn)).code, 0);
  const before = await query('wrong', routines);
  await writeFile(join(dir, 'functions/upkeep/wrong.sql'), "CREATE FUNCTION doorbell.wrong() RETURNS integer LANGUAGE sql AS 'SELECT doorbell.nothing()';\n");
  const result = await migrate('--sql', dir, conn);
  assert.deepEqual([result.code, /doorbell.nothing/.test(result.stderr)], [3, true], result.stderr);
  assert.deepEqual(await query('wrong', routines), before);
});

test('a database of the layout from before 0.1.0 is refused in a sentence', async () => {
  const conn = await emptyDatabase('unreleased');
  await query('unreleased', 'CREATE SCHEMA doorbell', 'CREATE TABLE doorbell.migration (name text PRIMARY KEY, checksum text)',
    "INSERT INTO doorbell.migration VALUES ('0001_tables', 'x'), ('0002_reading', 'y')");
  const { code, stdout, stderr } = await migrate(conn);
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(stderr, /before 0\.1\.0 and cannot be upgraded: save what you need of it, then start with a new database/);
});

test('a user who may not create roles gets a whole schema, and the statements that are left', async () => {
  await emptyDatabase('plain');
  await query('plain', 'DROP ROLE IF EXISTS plain_owner', 'CREATE ROLE plain_owner LOGIN', 'GRANT CREATE ON DATABASE plain TO plain_owner');
  for (const { datname } of await query('postgres', "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template_'")) {
    await query(datname, `DO $$ BEGIN DROP OWNED BY ${roles}; EXCEPTION WHEN undefined_object THEN NULL; END $$`);
  }
  await query('postgres', `DROP ROLE IF EXISTS ${roles}`);
  const conn = cluster.connString('plain').replace('doorbell@', 'plain_owner@');
  const result = await migrate(conn);
  assert.equal(result.code, 4, result.stderr);
  assert.match(result.stderr, /^ {4}CREATE ROLE doorbell_app NOLOGIN;$/m);
  assert.match(result.stderr, /^ {4}GRANT doorbell_user_calls TO doorbell_app;$/m);
  assert.equal((await query('plain', 'SELECT doorbell.health() AS h'))[0].h.overdue, 0);
});

test('the installed layout is found', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'doorbell-installed-'));
  t.after(() => rm(dir, { recursive: true }));
  await cp(program, join(dir, 'sbin/doorbell-migrate'));
  await cp(sql, join(dir, 'share/doorbell/sql'), { recursive: true });
  const conn = await emptyDatabase('installed');
  const code = await new Promise((resolve) => execFile(join(dir, 'sbin/doorbell-migrate'), [conn], (error) => resolve(error?.code ?? 0)));
  assert.equal(code, 0);
});
