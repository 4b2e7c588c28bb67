// SPDX-License-Identifier: MIT
// Upgrades: a database of every layout that ever landed becomes, by one run of doorbell-migrate, what a fresh install
// is, and its users find what they had. layouts/record.mjs adds a layout.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { startCluster, openDatabase, call, row, rows, send, check } from '../../harness/sql.mjs';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('layouts', import.meta.url));
const sql = fileURLToPath(new URL('../../../sql', import.meta.url));
const cluster = await startCluster();
test.after(() => cluster.remove());

// The statements of a schema, in any order of columns: those that an upgrade adds are last.
async function schemaOf(conn) {
  const { stdout } = await run('pg_dump', ['-s', '-d', conn]);
  return stdout.split('\n').map((line) => line.replace(/,$/, '')).filter((line) => !/^\\(un)?restrict /.test(line)).sort();
}

const names = (await readdir(folder)).filter((name) => /^[0-9].*\.sql$/.test(name));
test('the newest schema file has its layout recorded', async () => {
  const files = (await readdir(join(sql, 'schema'))).sort();
  assert.ok(names.includes(files.at(-1)), 'run tests/integration/sql/layouts/record.mjs and commit what it writes');
});

for (const name of names) {
  test(`a database of layout ${name} is upgraded`, async (t) => {
    const fresh = await cluster.createDatabase();
    const empty = `layout_${name.slice(0, 4)}`;
    const admin = await openDatabase(t, cluster);
    await (await admin.connect()).query(`CREATE DATABASE ${empty}`);
    const conn = cluster.connString(empty);
    const text = await readFile(join(folder, name), 'utf8');
    await run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', conn, '-f', join(folder, name)]);
    await run(join(sql, 'doorbell-migrate'), [conn]);

    assert.deepEqual(await schemaOf(conn), await schemaOf(fresh));
    const db = await admin.connect({ conn });
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
    for (const [user, answer] of Object.entries(JSON.parse(text.match(/^-- (\{.*\})$/m)[1]))) {
      const { num, latest, version, seq } = await check(db, user);
      assert.deepEqual([num, latest, version, seq], answer, user);
    }
    // And life goes on.
    const before = await check(db, 'cem');
    await send(db, { to_users: ['cem'], title: 'to one' });
    await send(db, { to_all: true, title: 'to all' });
    assert.equal((await check(db, 'cem')).num, before.num + 2);
    assert.equal((await send(db, { to_users: ['ann', 'bob'], title: 'to two', category: 'news', key: 'first', extra: { a: 1 } })).duplicate, true);
    assert.equal((await call(db, 'mark_read_all', 'cem')).num, 0);
    assert.equal((await row(db, 'SELECT count(*) FROM doorbell.pending')).count, 1);
    assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  });
}
