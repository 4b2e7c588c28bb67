// SPDX-License-Identifier: MIT
// The epoch: the same for as long as nothing that a client was told can have been lost, another one as soon as something can.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCluster, openDatabase, call, row, rows, send } from '../../harness/sql.mjs';

const run = promisify(execFile);
const cluster = await startCluster();
test.after(() => cluster.remove());

const current = async (db) => (await row(db, 'SELECT epoch FROM doorbell.current_epoch'))?.epoch;
const keep = async (db) => (await call(db, 'keep_epoch')).keep_epoch;
const questions = async (db) => (await rows(db, 'SELECT FROM doorbell.outbox WHERE seq IS NULL')).length;

async function open(t) {
  const database = await openDatabase(t, cluster);
  return { database, db: await database.connect() };
}

test('it stays: through calls, many questions, a stop and a start', async (t) => {
  const { database, db } = await open(t);
  const epoch = await current(db);
  assert.ok(Number.isSafeInteger(epoch) && epoch > 0);
  assert.equal(await keep(db), epoch);
  await send(db, { to_users: ['u'], title: 't' });
  await db.query('VACUUM (FREEZE) doorbell.incarnation');
  await cluster.stop();
  await cluster.start();
  const again = await database.connect();
  assert.deepEqual([await current(again), await keep(again)], [epoch, epoch]);
  assert.equal(await questions(again), 0);
});

test('a command begins a new one, and has every page ask, once', async (t) => {
  const { db } = await open(t);
  const epoch = await current(db);
  const made = (await call(db, 'new_epoch')).new_epoch;
  assert.notEqual(made, epoch);
  assert.equal(await current(db), made);
  await call(db, 'new_epoch');
  assert.equal(await questions(db), 1);
});

test('standbys are told: by a new one, and by keep_epoch() of a database from before they could be', async (t) => {
  const { database, db } = await open(t);
  const copy = async () => (await row(db, 'SELECT epoch FROM doorbell.epoch_copy'))?.epoch;
  assert.equal(await copy(), await current(db));
  await call(db, 'new_epoch');
  assert.equal(await copy(), await current(db));
  for (const spoil of ['DELETE FROM doorbell.epoch_copy', 'UPDATE doorbell.epoch_copy SET epoch = epoch + 1']) {
    const epoch = await current(db);
    await db.query(spoil);
    const others = await Promise.all([database.connect(), database.connect()]);
    assert.deepEqual(await Promise.all([db, ...others].map(keep)), [epoch, epoch, epoch]);
    assert.equal(await copy(), epoch);
  }
  await db.query('SET default_transaction_read_only = on');
  assert.equal(await keep(db), await current(db), 'and is only read where nothing is to be told');
});

test('a crash ends it, and whoever empties the outbox begins the next', async (t) => {
  const { database, db } = await open(t);
  const epoch = await current(db);
  await cluster.kill();
  await cluster.start();
  const again = await database.connect();
  assert.equal(await current(again), undefined);
  await call(again, 'outbox_waiting', [], 10, 60);
  const next = await current(again);
  assert.ok(next && next !== epoch);
  assert.equal(await questions(again), 1);
  assert.equal(await keep(again), next);
});

test('a restored dump is another history, in the same database too', async (t) => {
  const { database, db } = await open(t);
  const epoch = await current(db);
  const dump = join(cluster.dir, 'epoch.dump');
  await run('pg_dump', ['-Fc', '-f', dump, '-d', database.conn]);
  await run('pg_restore', ['--clean', '--if-exists', '-d', database.conn, dump]);
  assert.deepEqual(await rows(db, 'SELECT epoch FROM doorbell.incarnation'), [{ epoch }], 'the row is back');
  assert.equal(await current(db), undefined, 'and does not count');
  assert.notEqual(await keep(db), epoch);
});

test('a copy of a database is another one', async (t) => {
  const { database, db } = await open(t);
  const epoch = await current(db);
  await db.end();
  const admin = await (await openDatabase(t, cluster)).connect();
  const name = `copy_${Date.now()}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${new URL(database.conn).pathname.slice(1)}`);
  const copy = await database.connect({ conn: cluster.connString(name) });
  assert.equal(await current(copy), undefined);
  assert.notEqual(await keep(copy), epoch);
  await copy.end();
  await admin.query(`DROP DATABASE ${name}`);
});

test('ids of the outbox that are from before it name nothing in the next', async (t) => {
  const { db } = await open(t);
  await send(db, { to_users: ['u'], title: 't' });
  const [{ id }] = await rows(db, 'SELECT id FROM doorbell.outbox');
  await db.query('DELETE FROM doorbell.incarnation');
  await call(db, 'outbox_waiting', [id], 10, 60);
  assert.equal((await rows(db, 'SELECT FROM doorbell.outbox WHERE id = $1', [id])).length, 1, 'a ring of the same number');
  const [question] = await rows(db, 'SELECT id FROM doorbell.outbox WHERE seq IS NULL');
  assert.ok(question.id > id + 2 ** 32);
  await call(db, 'outbox_waiting', [id, id + 1, id + 1000], 10, 60);
  assert.equal(await questions(db), 1);
});

test('two that find none make one', async (t) => {
  const { database, db } = await open(t);
  const other = await database.connect();
  await db.query('DELETE FROM doorbell.incarnation');
  assert.equal(new Set(await Promise.all([keep(db), keep(other), keep(db), keep(other)])).size, 1);
  assert.equal(await questions(db), 1);
});
