// SPDX-License-Identifier: MIT
// doorbell-app takes a role for each kind of call. What a role may execute, by pg_proc, is what the statements of
// that kind call, as fcgi-app/store declares them: nothing is missing, and nothing is there that no call needs.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster, openDatabase, row, rows } from '../../harness/sql.mjs';

const store = fileURLToPath(new URL('../../../fcgi-app/store', import.meta.url));
const roles = { AS_USER: 'doorbell_user_calls', AS_SERVICE: 'doorbell_service_calls', AS_SELF: 'doorbell_app' };
const cluster = await startCluster();
test.after(() => cluster.remove());

const statements = readdirSync(store).filter((name) => name.endsWith('.c')).flatMap((name) =>
  [...readFileSync(join(store, name), 'utf8')
    .replaceAll(/(COUNTS|PART) "/g, 'EPOCH "SELECT … doorbell.')
    .replaceAll(/AT_STANDBY\(("[^"]*")\)/g, '$1 FROM doorbell.standby_state c')
    .matchAll(/^STATEMENT\((\w+), (AS_\w+),(.*?)\);$/gms)]
    .map(([, id, role, rest]) => ({
      id, role,
      functions: [...rest.matchAll(/doorbell\.(\w+)\(/g)].map((match) => match[1]),
      views: [...rest.matchAll(/FROM doorbell\.(\w+) [ck]\b/g)].map((match) => match[1]),
      tellsEpoch: rest.includes('EPOCH'),
    })));

test('the statements are found, and each calls one function or reads one view, and the state of tokens or of a standby with it', () => {
  const count = readdirSync(store).filter((name) => name.endsWith('.c'))
    .map((name) => readFileSync(join(store, name), 'utf8').match(/^STATEMENT\(/gm)?.length ?? 0).reduce((a, b) => a + b);
  assert.equal(statements.length, count);
  assert.ok(count > 30);
  for (const { id, functions, views } of statements) {
    const others = views.filter((name) => name !== 'token_state' && name !== 'standby_state');
    assert.equal(functions.length + others.length, id === 'ping' ? 0 : 1, id);
  }
});

test('a call that needs what another role has would not do: all but health is of one kind', () => {
  const any = statements.filter(({ role }) => role === 'AS_ANY');
  assert.deepEqual(any.flatMap(({ functions }) => functions), ['health']);
  const kinds = new Map();
  for (const { role, functions } of statements.filter(({ functions }) => functions.length > 0)) kinds.set(functions[0], new Set([...(kinds.get(functions[0]) ?? []), role]));
  for (const [name, of] of kinds) assert.equal(of.size, 1, name);
});

// What programs before this one call, which may still run while an upgrade goes on.
const earlier = { AS_USER: ['mute'], AS_SERVICE: [] };

for (const kind of ['AS_USER', 'AS_SERVICE']) {
  test(`${roles[kind]} may execute what its statements call, and nothing else`, async (t) => {
    const db = await (await openDatabase(t, cluster)).connect();
    const needed = statements.filter(({ role }) => role === kind || role === 'AS_ANY');
    const may = await rows(db, `SELECT pronamespace::regnamespace || '.' || proname AS name FROM pg_proc
      WHERE pronamespace::regnamespace::text LIKE 'doorbell%' AND has_function_privilege($1, oid, 'EXECUTE')`, [roles[kind]]);
    const calls = new Set([...needed.flatMap(({ functions }) => functions), ...earlier[kind]].map((name) => `doorbell.${name}`));
    assert.deepEqual(may.map(({ name }) => name).sort(), [...calls].sort());
    const reads = await rows(db, `SELECT relname AS name FROM pg_class WHERE relnamespace = 'doorbell'::regnamespace
      AND relkind IN ('r', 'v', 'm') AND has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY 1`, [roles[kind]]);
    const views = needed.flatMap((one) => [...one.views, ...(one.tellsEpoch ? ['current_epoch'] : [])]);
    assert.deepEqual(reads.map(({ name }) => name), [...new Set(views)].sort());
    const members = await rows(db, `SELECT roleid::regrole::text AS of FROM pg_auth_members WHERE member = to_regrole($1)`, [roles[kind]]);
    assert.deepEqual(members, [], 'and gets nothing by another role');
    const { can } = await row(db, 'SELECT rolcanlogin OR rolsuper OR rolcreaterole AS can FROM pg_roles WHERE rolname = $1', [roles[kind]]);
    assert.equal(can, false);
  });
}

test('a right too many is taken back by the next run', async (t) => {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  await db.query(`GRANT EXECUTE ON FUNCTION doorbell.erase TO doorbell_user_calls;
    REVOKE EXECUTE ON FUNCTION doorbell.unread FROM doorbell_user_calls; REVOKE doorbell_user_calls FROM doorbell_app`);
  execFileSync(join(store, '../../sql/doorbell-migrate'), [database.conn]);
  assert.deepEqual(await row(db, `SELECT has_function_privilege('doorbell_user_calls', 'doorbell.erase(text)', 'EXECUTE') AS erase,
    has_function_privilege('doorbell_user_calls', 'doorbell.unread(text, text, integer)', 'EXECUTE') AS unread,
    pg_has_role('doorbell_app', 'doorbell_user_calls', 'MEMBER') AS member`), { erase: false, unread: true, member: true });
});
