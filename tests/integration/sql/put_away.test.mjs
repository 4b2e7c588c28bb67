// SPDX-License-Identifier: MIT
// Archiving and deleting many: exactly what was meant, in parts of every size, and nothing that a list could not show.
import test from 'node:test';
import assert from 'node:assert/strict';
import { makeRandom } from '../../harness/random.mjs';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

async function open(t) {
  const db = await (await openDatabase(t, cluster, { chunkSize: 8 })).connect();
  await call(db, 'group_join', 'g', 'u');
  await check(db, 'u');
  return db;
}

const actions = ['archive', 'remove'];
const ids = (page) => page.messages.map((m) => m.id);
const sorted = (list) => [...list].sort((a, b) => a - b);
const audiences = [{ to_users: ['u', 'v'] }, { to_group: 'g' }, { to_all: true }];
const sendOne = async (db, n, more) => (await send(db, { ...audiences[n % 3], title: 't', ...more })).id;

/** All parts; what they changed, and the last one's state. */
async function inParts(db, action, { position = null, category = null, read = false, size = 500 } = {}) {
  let changed = 0;
  for (;;) {
    const part = await call(db, `${action}_part`, 'u', position, category, read, size);
    changed += part.changed;
    position = part.next;
    if (!position) return { ...part, changed };
  }
}

async function assertExact(db) {
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

for (const action of actions) {
  test(`${action}: the wrong calls`, async (t) => {
    const db = await open(t);
    for (const list of [null, [], Array.from({ length: 1001 }, (_, i) => i)]) await assert.rejects(call(db, `${action}_ids`, 'u', list), { code: 'DB422' });
    const theirs = (await send(db, { to_users: ['v'], title: 't' })).id;
    await assert.rejects(call(db, `${action}_ids`, 'u', [theirs, 999999]), { code: 'DB404' });
    for (const size of [0, 10001, null]) await assert.rejects(inParts(db, action, { size }), { code: 'DB422' });
    const { position } = await list(db, 'v');
    for (const wrong of ['x', '', position]) await assert.rejects(inParts(db, action, { position: wrong }), { code: 'DB422' });
  });

  test(`${action}: by ids, whatever the state, and twice`, async (t) => {
    const db = await open(t);
    const sent = [];
    for (let i = 0; i < 9; i++) sent.push(await sendOne(db, i, i > 5 ? { ack: true } : {}));
    await call(db, 'mark_read_ids', 'u', sent.slice(0, 3));
    for (const id of sent.slice(3, 6)) await call(db, 'archive', 'u', id);
    await call(db, 'acknowledge', 'u', sent[6]);
    const expected = action === 'archive' ? 4 : 7;
    const { changed, num, version } = await call(db, `${action}_ids`, 'u', [...sent, sent[0], 999999]);
    assert.deepEqual([changed, num], [expected, 2]);
    assert.deepEqual(sorted(ids(await list(db, 'u'))), sent.slice(7));
    assert.deepEqual(sorted(ids(await list(db, 'u', { state: 'archived' }))), action === 'archive' ? sent.slice(0, 7) : []);
    const again = await call(db, `${action}_ids`, 'u', sent);
    assert.deepEqual([again.changed, again.version], [0, version]);
    if (action === 'remove') assert.equal((await call(db, 'remove_ids', 'u', sent.slice(0, 3))).changed, 0, 'a web server repeats it');
    await assertExact(db);
  });

  test(`${action}: nothing but what the list with that position could show`, async (t) => {
    const db = await open(t);
    const old = [];
    for (let i = 0; i < 6; i++) old.push(await sendOne(db, i, { category: i < 3 ? 'news' : undefined }));
    const hidden = await sendOne(db, 0, { category: 'ads' });
    const hiddenToAll = await sendOne(db, 2, { category: 'ads' });
    const early = (await send(db, { to_group: 'later', title: 't', to_new_users: true })).id;
    await call(db, 'mute', 'u', ['ads']);
    const all = await list(db, 'u');
    const news = await list(db, 'u', { category: 'news' });
    const archived = await list(db, 'u', { state: 'archived' });
    const late = [];
    for (let i = 0; i < 3; i++) late.push(await sendOne(db, i, { category: 'news' }));
    await call(db, 'mute', 'u', []);
    await call(db, 'group_join', 'later', 'u');
    assert.equal((await inParts(db, action, { position: archived.position })).changed, 0);
    assert.equal((await inParts(db, action, { position: news.position, category: 'ads' })).changed, 0);
    assert.equal((await inParts(db, action, { position: news.position, read: true })).changed, 0);
    assert.equal((await inParts(db, action, { position: news.position })).changed, 3);
    await call(db, 'mark_read', 'u', old[3]);
    assert.equal((await inParts(db, action, { position: all.position, read: true, size: 1 })).changed, 1);
    assert.equal((await inParts(db, action, { position: all.position, category: 'news' })).changed, 0);
    assert.equal((await inParts(db, action, { position: all.position, size: 2 })).changed, 2);
    assert.deepEqual(sorted(ids(await list(db, 'u'))), sorted([hidden, hiddenToAll, early, ...late]));
    assert.equal((await inParts(db, action, { category: 'never' })).changed, 0);
    assert.equal((await inParts(db, action, { category: 'ads' })).changed, 2);
    await assertExact(db);
  });

  test(`${action}: muted ones stay where there is no position`, async (t) => {
    const db = await open(t);
    const muted = [];
    for (let i = 0; i < 3; i++) muted.push(await sendOne(db, i, { category: 'ads' }));
    for (let i = 0; i < 3; i++) await sendOne(db, i);
    await call(db, 'mute', 'u', ['ads']);
    assert.equal((await inParts(db, action)).changed, 3);
    assert.equal((await inParts(db, action, { category: 'ads' })).changed, 0);
    await call(db, 'mute', 'u', []);
    assert.deepEqual(sorted(ids(await list(db, 'u'))), muted);
  });
}

// Works out from the earlier lists which messages should go, and what the lists should be afterwards.
test('whatever a user has, what is meant goes and nothing else', async (t) => {
  const db = await open(t);
  const seed = Date.now() % 1e9;
  const random = makeRandom(seed);
  const chance = (percent) => random(100) < percent;
  for (const category of ['news', 'ads']) await call(db, 'category_set', category, false);
  for (let round = 0; round < 25; round++) {
    await db.query('BEGIN');
    for (let i = 0, n = 5 + random(25); i < n; i++) {
      const id = await sendOne(db, random(3), { ack: chance(20), category: chance(50) ? ['news', 'ads'][random(2)] : undefined });
      for (const [percent, act] of [[40, 'mark_read'], [20, 'archive'], [40, 'acknowledge'], [10, 'remove']]) {
        if (!chance(percent)) continue;
        await db.query('SAVEPOINT s');
        await call(db, act, 'u', id).catch(() => db.query('ROLLBACK TO s'));
      }
    }
    if (chance(30)) await call(db, 'mute', 'u', ['ads']);
    const action = actions[random(2)];
    const which = [{}, { read: true }, { category: 'news' }, { category: 'ads' }, { category: 'news', read: true }][random(5)];
    const [shown, archived] = [await list(db, 'u'), await list(db, 'u', { state: 'archived' })];
    const isMeant = (m) => (!which.read || m.read) && (!which.category || m.category === which.category) && m.ack !== false;
    const meant = ids({ messages: shown.messages.filter(isMeant) });
    const what = `seed ${seed}, round ${round}: ${action} ${JSON.stringify(which)}`;
    const state = await inParts(db, action, { ...which, position: chance(50) ? shown.position : null, size: 1 + random(6) });
    assert.equal(state.changed, meant.length, what);
    const rest = await list(db, 'u');
    assert.deepEqual(ids(rest), ids(shown).filter((id) => !meant.includes(id)), what);
    assert.deepEqual([rest.num, rest.version, rest.seq], [state.num, state.version, state.seq], what);
    assert.equal(rest.num, rest.messages.filter(({ read }) => !read).length, what);
    assert.deepEqual(sorted(ids(await list(db, 'u', { state: 'archived' }))), sorted([...ids(archived), ...(action === 'archive' ? meant : [])]), what);
    assert.equal(state.changed > 0, state.version > shown.version, what);
    await assertExact(db);
    await db.query('ROLLBACK');
  }
});

test('the user is rung by each part that changes something, and others are not', async (t) => {
  const db = await open(t);
  for (let i = 0; i < 3; i++) await sendOne(db, 0);
  await db.query('DELETE FROM doorbell.outbox');
  await inParts(db, 'archive', { size: 2 });
  await inParts(db, 'remove');
  assert.deepEqual(await rows(db, 'SELECT user_ids FROM doorbell.outbox'), [{ user_ids: ['u'] }, { user_ids: ['u'] }]);
  assert.equal((await check(db, 'v')).num, 3);
  assert.equal((await row(db, "SELECT count(*) FROM doorbell.inbox WHERE user_id = 'u' AND state = 'archived'")).count, 3);
});
