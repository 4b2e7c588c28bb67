// SPDX-License-Identifier: MIT
// doorbell-purge: its command line, and that it deletes until nothing old is left.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startCluster, openDatabase, row, rows, send, check } from '../../harness/sql.mjs';

const program = fileURLToPath(new URL('../../../sql/doorbell-purge', import.meta.url));
const cluster = await startCluster();
test.after(() => cluster.remove());

function purge(...args) {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

for (const [name, args, code] of [
  ['no argument', [], 64],
  ['an empty connection string', [''], 64],
  ['two connection strings', ['dbname=a', 'dbname=b'], 64],
  ['an unknown option', ['--force', '1', 'dbname=a'], 64],
  ['an option without its number', ['--age'], 64],
  ['age 0', ['--age', '0', 'dbname=a'], 64],
  ['a negative age', ['--age', '-1', 'dbname=a'], 64],
  ['an age that is a statement', ['--age', '1); DROP TABLE x; --', 'dbname=a'], 64],
  ['a cap of seven digits', ['--cap', '1000000', 'dbname=a'], 64],
  ['an empty batch', ['--batch', '', 'dbname=a'], 64],
  ['a server that is not there', ['host=/nowhere dbname=a'], 2],
]) {
  test(`${name} is refused`, async () => {
    const result = await purge(...args);
    assert.equal(result.code, code, result.stderr);
    assert.notEqual(result.stderr, '');
  });
}

test('a database without the schema is refused', async () => {
  assert.equal((await purge(cluster.connString('postgres'))).code, 3);
});

test('what is old goes in small batches, by age, long after expiry and over the cap', async (t) => {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  for (const user of ['u', 'v', 'w']) await check(db, user);
  const sent = [];
  for (let i = 0; i < 12; i++) {
    const to = i % 3 ? { to_users: ['u', 'v'] } : { to_all: true };
    sent.push((await send(db, { ...to, title: 't', expires_in: i === 9 || i === 10 ? 3600 : null, key: `k${i}` })).id);
  }
  const age = (table, days, ids) => db.query(`UPDATE doorbell.${table} SET ${days} WHERE ${table === 'message' ? 'id' : 'message_id'} = ANY ($1)`, [ids]);
  await age('message', "sent_at = now() - interval '100 d'", sent.slice(0, 5));
  await age('send_key', "at = now() - interval '100 d'", sent.slice(0, 5));
  await age('message', "expires_at = now() - interval '8 d'", sent.slice(9, 11));

  assert.deepEqual(await purge('--age', '101', database.conn), { code: 0, stdout: '0 rows\n', stderr: '' });
  const result = await purge('--age', '99', '--gone', '7', '--batch', '2', database.conn);
  assert.deepEqual([result.code, result.stderr], [0, '']);
  assert.ok(parseInt(result.stdout, 10) >= 5 + 2 + 5, result.stdout);
  const left = async (table, column) => (await rows(db, `SELECT ${column} AS id FROM doorbell.${table} ORDER BY 1`)).map((r) => r.id);
  assert.deepEqual(await left('message', 'id'), [...sent.slice(5, 9), sent[11]]);
  assert.deepEqual(await left('send_key', 'message_id'), sent.slice(5));
  assert.deepEqual([(await check(db, 'u')).num, (await check(db, 'w')).num], [5, 1]);

  // A cap that takes more than a batch from one user.
  assert.equal((await purge('--cap', '1', '--batch', '2', database.conn)).code, 0);
  assert.deepEqual([(await check(db, 'u')).num, (await check(db, 'v')).num, (await check(db, 'w')).num], [2, 2, 1]);
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
  assert.equal((await row(db, 'SELECT user_id AS id FROM doorbell.purge_cursor')).id, '');
});

test('nothing is deleted while the clock looks wrong, unless it is said to be right', async (t) => {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  await send(db, { to_users: ['u'], title: 't' });
  const age = (days) => db.query(`UPDATE doorbell.purge_cursor SET ran_at = now() - interval '${days} d'`);
  const run = async (...args) => {
    const { code, stdout, stderr } = await purge(...args, database.conn);
    return [code, stdout || stderr.match(/ERROR:.*/)[0]];
  };
  assert.deepEqual(await run(), [0, '0 rows\n'], 'the first one');
  await age(40);
  assert.deepEqual(await run(), [0, '0 rows\n']);
  await db.query("UPDATE doorbell.message SET sent_at = now() - interval '10 years'");
  await age(3650);
  for (let i = 0; i < 2; i++) assert.deepEqual(await run(), [3, 'ERROR:  the last purge was 3650 days ago by the clock of the database, which may be wrong']);
  await age(-3650);
  await db.query('UPDATE doorbell.message SET sent_at = now()');
  assert.deepEqual(await run(), [0, '0 rows\n'], 'once it is right again');
  await db.query("UPDATE doorbell.message SET sent_at = now() - interval '10 years'");
  await age(3650);
  assert.deepEqual(await run('--clock-is-right'), [0, '2 rows\n']);
  assert.equal((await row(db, 'SELECT count(*)::integer AS n FROM doorbell.message')).n, 0);
});

test('the role of the program may purge', async (t) => {
  const database = await openDatabase(t, cluster);
  const db = await database.connect();
  await db.query('DROP ROLE IF EXISTS purger; CREATE ROLE purger LOGIN IN ROLE doorbell_app');
  assert.deepEqual(await purge(database.conn.replace('doorbell@', 'purger@')), { code: 0, stdout: '0 rows\n', stderr: '' });
});
