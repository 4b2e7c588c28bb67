// SPDX-License-Identifier: MIT
// doorbell-migrate: refuses what it must, applies once, and is safe to run twice and by two at once.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../../harness/cluster.mjs';

const program = fileURLToPath(new URL('../../../sql/doorbell-migrate', import.meta.url));
const sql = fileURLToPath(new URL('../../../sql', import.meta.url));
const cluster = await startCluster();
test.after(() => cluster.remove());

const migrate = (...args) => new Promise((resolve) => {
  execFile(program, args, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
});

async function query(db, ...texts) {
  const client = new pg.Client({ connectionString: cluster.connString(db) });
  await client.connect();
  try {
    let result;
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
  const dir = await folder(t);
  await writeFile(join(dir, "migrations/0100_x'; DROP TABLE y; --.sql"), 'SELECT 1;');
  assert.equal((await migrate('--sql', dir, 'dbname=a')).code, 65);
});

test('a database with another encoding is refused and left alone', async () => {
  const conn = await emptyDatabase('ascii', "ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
  const result = await migrate(conn);
  assert.equal(result.code, 3);
  assert.match(result.stderr, /UTF8/);
  assert.deepEqual(await query('ascii', schemas), []);
});

test('a second run applies nothing', async () => {
  const conn = await emptyDatabase('twice');
  const first = await migrate(conn);
  assert.equal(first.code, 0, first.stderr);
  const before = await query('twice', recorded);
  assert.ok(before.length > 5);
  assert.equal(first.stdout.trim().split('\n').length, before.length);
  const second = await migrate(conn);
  assert.deepEqual([second.code, second.stdout], [0, '']);
  assert.deepEqual(await query('twice', recorded), before);
});

test('four at once on one database, and on four of one cluster', async () => {
  const together = await emptyDatabase('together');
  const one = await Promise.all(Array.from({ length: 4 }, () => migrate(together)));
  assert.deepEqual(one.map((r) => r.code), [0, 0, 0, 0], one.map((r) => r.stderr).join());
  // Who has the lock applies the next file: each is applied once, by one or another.
  const applied = one.flatMap((r) => r.stdout.split('\n')).filter(Boolean).sort();
  assert.deepEqual(applied, (await query('together', recorded)).map((r) => `applying ${r.name}`));

  // Roles belong to the cluster: all four databases want to make them.
  for (const { datname } of await query('postgres', "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template_'")) {
    await query(datname, 'DROP OWNED BY doorbell_app, doorbell_site');
  }
  await query('postgres', 'DROP ROLE doorbell_app, doorbell_site');
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
  await appendFile(join(dir, 'migrations/0002_reading.sql'), '-- an afterthought\n');
  const changed = await migrate('--sql', dir, conn);
  assert.equal(changed.code, 3);
  assert.match(changed.stderr, /0002_reading was changed/);

  await query('changed', "INSERT INTO doorbell.migration VALUES ('9999_future', 'x')");
  const newer = await migrate(conn);
  assert.equal(newer.code, 3);
  assert.match(newer.stderr, /newer release/);
});

test('a migration that fails leaves nothing of itself, and what came before it', async (t) => {
  const dir = await folder(t);
  const conn = await emptyDatabase('failing');
  await writeFile(join(dir, 'migrations/0090_half.sql'), 'CREATE TABLE doorbell.half (id integer);\nSELECT 1 / 0;\n');
  await writeFile(join(dir, 'migrations/0091_never.sql'), 'CREATE TABLE doorbell.never (id integer);\n');
  assert.equal((await migrate('--sql', dir, conn)).code, 3);
  assert.deepEqual(await query('failing', "SELECT to_regclass('doorbell.half') AS half, to_regclass('doorbell.never') AS never"), [{ half: null, never: null }]);
  await writeFile(join(dir, 'migrations/0090_half.sql'), 'CREATE TABLE doorbell.half (id integer);\n');
  const again = await migrate('--sql', dir, conn);
  assert.deepEqual([again.code, again.stdout], [0, 'applying 0090_half\napplying 0091_never\n']);
});

test('a user who may not create roles gets a whole schema, and the statements that are left', async () => {
  await emptyDatabase('plain');
  await query('plain', 'DROP ROLE IF EXISTS plain_owner', 'CREATE ROLE plain_owner LOGIN', 'GRANT CREATE ON DATABASE plain TO plain_owner');
  for (const { datname } of await query('postgres', "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template_'")) {
    await query(datname, "DO $$ BEGIN DROP OWNED BY doorbell_app, doorbell_site; EXCEPTION WHEN undefined_object THEN NULL; END $$");
  }
  await query('postgres', 'DROP ROLE IF EXISTS doorbell_app, doorbell_site');
  const conn = cluster.connString('plain').replace('doorbell@', 'plain_owner@');
  const result = await migrate(conn);
  assert.equal(result.code, 4, result.stderr);
  assert.match(result.stderr, /^ {4}CREATE ROLE doorbell_app NOLOGIN;$/m);
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
