// SPDX-License-Identifier: MIT
// A dump of a database has neither roles nor, where those are missing, grants in it: whatever became of them at
// a restore, doorbell-migrate ends with the rights of a fresh install, or says what an administrator has to do.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../../harness/cluster.mjs';

const roles = 'doorbell_app, doorbell_user_calls, doorbell_service_calls, doorbell_site, doorbell_sender';
const program = fileURLToPath(new URL('../../../sql/doorbell-migrate', import.meta.url));

const run = (file, args) => new Promise((resolve) => {
  execFile(file, args, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
});

async function query(conn, ...texts) {
  const client = new pg.Client({ connectionString: conn });
  await client.connect();
  try {
    let result = await client.query("SET search_path = ''"); // so that every name has its schema
    for (const text of texts) result = await client.query(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

/** Every right in the two schemas, and who is a member of the roles; the owner goes by that name. */
async function rights(conn) {
  const found = await query(conn, `
    WITH object AS (
      SELECT 'schema ' || nspname AS name, nspowner AS owner, coalesce(nspacl, acldefault('n', nspowner)) AS acl FROM pg_namespace
      WHERE nspname LIKE 'doorbell%'
      UNION ALL
      SELECT 'relation ' || oid::regclass, relowner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
      FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'doorbell%' AND relkind IN ('r', 'S', 'v')
      UNION ALL
      SELECT 'function ' || oid::regprocedure, proowner, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
      WHERE pronamespace::regnamespace::text LIKE 'doorbell%'
    )
    SELECT o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'owner' ELSE a.grantee::regrole::text END AS grantee,
      CASE a.grantor WHEN o.owner THEN 'owner' ELSE a.grantor::regrole::text END AS grantor, a.privilege_type, a.is_grantable
    FROM object o CROSS JOIN LATERAL aclexplode(o.acl) a
    UNION ALL
    SELECT 'role ' || roleid::regrole, member::regrole::text, '', 'MEMBER', admin_option FROM pg_auth_members
    WHERE roleid::regrole::text LIKE 'doorbell%'
    ORDER BY 1, 2, 4`);
  return found.map((right) => Object.values(right).join(' '));
}

const source = await startCluster();
test.after(() => source.remove());
const original = await source.createDatabase();
const fresh = await rights(original);
const dump = join(source.dir, 'dump');
await query(original, "SELECT doorbell.send(to_users => '{42}', title => 'kept')", "SELECT doorbell.register('42')");
assert.equal((await run('pg_dump', ['-Fc', '-f', dump, '-d', original])).code, 0);

/** A server of its own without any role of ours, a database named `site` in it, and the dump restored there. */
async function restored(t, { user = 'doorbell', options = [] } = {}) {
  const cluster = await startCluster(t);
  const template = cluster.connString('doorbell_template');
  await query(template, `DROP OWNED BY ${roles}`);
  await query(cluster.connString(), `DROP ROLE ${roles}`, 'CREATE ROLE other LOGIN', 'CREATE DATABASE site',
    'GRANT CREATE ON DATABASE site TO other');
  const conn = cluster.connString('site').replace('doorbell@', `${user}@`);
  const { stderr } = await run('pg_restore', [...options, '-d', conn, dump]);
  return { cluster, conn, stderr, admin: cluster.connString('site') };
}

const isOpenToAll = "SELECT has_function_privilege('other', 'doorbell_internal.lock_readers(text[])', 'EXECUTE') AS it";

test('a restore on a server without the roles loses the grants; one run makes them again', async (t) => {
  const { conn, stderr } = await restored(t);
  assert.match(stderr, /role "doorbell_app" does not exist/);
  assert.notDeepEqual(await rights(conn), fresh);

  const { code, stdout, stderr: said } = await run(program, [conn]);
  assert.deepEqual([code, stdout, said], [0, '', '']);
  assert.deepEqual(await rights(conn), fresh);
  assert.equal((await query(conn, "SELECT num FROM doorbell.unread('42')"))[0].num, '1');
});

test('a restore without privileges leaves functions open to everybody; one run closes them', async (t) => {
  const { conn } = await restored(t, { options: ['--no-privileges'] });
  assert.deepEqual(await query(conn, isOpenToAll), [{ it: true }]);
  assert.equal((await run(program, [conn])).code, 0);
  assert.deepEqual(await query(conn, isOpenToAll), [{ it: false }]);
  assert.deepEqual(await rights(conn), fresh);
});

test('an owner who may not create roles is told the statements for an administrator', async (t) => {
  const { conn, admin } = await restored(t, { user: 'other', options: ['--no-owner'] });
  const first = await run(program, [conn]);
  assert.deepEqual([first.code, first.stdout], [4, ''], first.stderr);
  assert.deepEqual((await rights(conn)).filter((right) => /^function .* PUBLIC/.test(right)), [], 'what can be done is done');

  const statements = first.stderr.match(/^ {4}.*;$/gm);
  assert.equal(statements.length, 7, first.stderr); // five roles, two of them granted
  await query(admin, ...statements);
  const second = await run(program, [conn]);
  assert.deepEqual([second.code, second.stderr], [0, '']);
  assert.deepEqual(await rights(conn), fresh);
});

test('an administrator who runs it for another owner leaves the schema to that owner', async (t) => {
  const { conn, admin } = await restored(t, { user: 'other', options: ['--no-owner'] });
  await query(admin, 'DROP FUNCTION doorbell.health()', "DELETE FROM doorbell.migration WHERE name = 'functions'");
  const { code, stdout, stderr } = await run(program, [admin]);
  assert.deepEqual([code, stdout], [0, 'applying functions\n'], stderr);
  assert.deepEqual(await query(conn, "SELECT DISTINCT proowner::regrole::text AS owner FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'doorbell%'"),
    [{ owner: 'other' }]);
});

test('grants to other roles stay as they are', async () => {
  const conn = await source.createDatabase();
  await query(conn, 'CREATE ROLE reporting', 'GRANT USAGE ON SCHEMA doorbell TO reporting', 'GRANT EXECUTE ON FUNCTION doorbell.sent TO reporting');
  const before = await rights(conn);
  assert.equal((await run(program, [conn])).code, 0);
  assert.deepEqual(await rights(conn), before);
});
