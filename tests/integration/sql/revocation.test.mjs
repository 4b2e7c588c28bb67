// SPDX-License-Identifier: MIT
// Revoking tokens: which generation counts, and in which order the relay learns of it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, call, untilWaiting } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const open = async (t) => (await openDatabase(t, cluster)).connect();
const generation = async (db, user) => (await call(db, 'token_generation', user)).token_generation;
const revocations = (db, after = 0, age = 3600, max = 10) => rows(db, 'SELECT * FROM doorbell.revocations($1, $2, $3)', [after, age, max]);

test('what cannot be a user has no tokens', async (t) => {
  const db = await open(t);
  for (const user of [null, '', '*', 'a\nb', 'x'.repeat(129)]) await assert.rejects(call(db, 'revoke', user), { code: 'DB422' });
  assert.deepEqual(await revocations(db), []);
});

test('each revocation starts a generation, and voids those below', async (t) => {
  const db = await open(t);
  assert.equal(await generation(db, 'u'), 0);
  await call(db, 'check_token', 'u', 0);
  const known = [0];
  for (let i = 0; i < 3; i++) {
    await call(db, 'revoke', 'u');
    known.push(await generation(db, 'u'));
    assert.ok(known.at(-1) > known.at(-2));
    for (const old of known.slice(0, -1)) await assert.rejects(call(db, 'check_token', 'u', old), { code: 'DB401' });
    await assert.rejects(call(db, 'check_token', 'u', known.at(-1) - 1), { code: 'DB401' });
    await call(db, 'check_token', 'u', known.at(-1));
  }
  await call(db, 'check_token', 'v', 0);
  assert.ok(Math.abs(known.at(-1) / 1000 - Date.now()) < 60_000, 'it is the moment, in microseconds');
});

test('a generation grows, whatever the clock does', async (t) => {
  const db = await open(t);
  await call(db, 'revoke', 'u');
  await db.query("UPDATE doorbell.revocation SET at = at + interval '1 hour'");
  const before = await generation(db, 'u');
  await call(db, 'revoke', 'u');
  assert.equal(await generation(db, 'u'), before + 1);
});

test('revocations come in their order, in parts, and not when they are old', async (t) => {
  const db = await open(t);
  for (const user of ['a', 'b', 'c', 'a']) await call(db, 'revoke', user);
  const all = await revocations(db);
  assert.deepEqual(all.map(({ revocation }) => revocation.user), ['b', 'c', 'a']);
  for (const { revocation } of all) assert.equal(revocation.at, await generation(db, revocation.user));
  assert.deepEqual(await revocations(db, 0, 3600, 2), all.slice(0, 2));
  assert.deepEqual(await revocations(db, all[0].seq), all.slice(1));
  await db.query("UPDATE doorbell.revocation SET at = at - interval '2 hours' WHERE user_id = 'c'");
  assert.deepEqual((await revocations(db)).map(({ revocation }) => revocation.user), ['b', 'a']);
});

test('nobody who has seen a number misses one that commits later', async (t) => {
  const database = await openDatabase(t, cluster);
  const [db, slow, quick] = [await database.connect(), await database.connect(), await database.connect()];
  await slow.query('BEGIN');
  await call(slow, 'revoke', 'slow');
  const done = call(quick, 'revoke', 'quick');
  await untilWaiting(db, quick.pid);
  assert.deepEqual(await revocations(db), []);
  await call(db, 'check_token', 'slow', 0); // readers wait for nobody
  await slow.query('COMMIT');
  await done;
  assert.deepEqual((await revocations(db)).map(({ revocation }) => revocation.user), ['slow', 'quick']);
});

test('a revocation outlives the erasure of its user, and goes when no token can be as old', async (t) => {
  const db = await open(t);
  await call(db, 'register', 'u', null, 7);
  for (const user of ['old', 'older', 'u']) await call(db, 'revoke', user);
  await call(db, 'erase', 'u');
  await assert.rejects(call(db, 'check_token', 'u', 0), { code: 'DB401' });
  await db.query("UPDATE doorbell.revocation SET at = at - interval '366 days' WHERE user_id <> 'u'");
  assert.equal((await call(db, 'purge')).purge, 0);
  await db.query("UPDATE doorbell.revocation SET at = at - interval '2 days' WHERE user_id <> 'u'");
  while ((await call(db, 'purge', 1)).purge > 0);
  assert.deepEqual(await rows(db, 'SELECT user_id FROM doorbell.revocation'), [{ user_id: 'u' }]);
});

test('a site that shares the database may revoke, one that only sends may not', async (t) => {
  const db = await open(t);
  await db.query('SET ROLE doorbell_site');
  await call(db, 'revoke', 'u');
  await db.query('SET ROLE doorbell_sender');
  await assert.rejects(call(db, 'revoke', 'u'), { code: '42501' });
  await db.query('RESET ROLE');
  assert.equal((await row(db, 'SELECT count(*) FROM doorbell.revocation')).count, 1);
});
