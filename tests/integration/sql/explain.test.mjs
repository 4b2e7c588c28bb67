// SPDX-License-Identifier: MIT
// doorbell.explain(): each reason, and that it says what the list does.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const toUser = (user, more) => ({ to_users: [user], title: 't', ...more });
const toAll = (more) => ({ to_all: true, title: 't', ...more });
const toGroup = (group, more) => ({ to_group: group, title: 't', ...more });
const about = { subject_type: 'order', subject_id: '7' };
const explain = async (db, user, id) => (await call(db, 'explain', user, id)).explain;
const tomorrow = new Date(Math.floor(Date.now() / 1000) * 1000 + 86400_000);

/** A database in which "u" has appeared. */
async function open(t) {
  const db = await (await openDatabase(t, cluster)).connect();
  await check(db, 'u');
  return db;
}

/** Sends, and does that to the message as "u". */
async function sendAnd(db, args, ...doings) {
  const { id } = await send(db, args);
  for (const [name, ...more] of doings) await call(db, name, ...(name === 'recall' ? [id] : ['u', id]), ...more);
  return id;
}

// What is past, as if its time had come.
const expire = async (db, id) => {
  await db.query("UPDATE doorbell.message SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1", [id]);
  await db.query("UPDATE doorbell.inbox SET expires_at = clock_timestamp() - interval '1 s' WHERE message_id = $1", [id]);
  await db.query("UPDATE doorbell.feed SET expires_at = '-infinity'");
  return id;
};

const cases = [
  ['personal, unread', 'unread', (db) => sendAnd(db, toUser('u'))],
  ['personal, to be acknowledged', 'unread', (db) => sendAnd(db, toUser('u', { ack: true }))],
  ['to all, unread', 'unread', (db) => sendAnd(db, toAll())],
  ['to a group, unread', 'unread', async (db) => (await call(db, 'group_join', 'g', 'u'), sendAnd(db, toGroup('g', { category: 'news' }))), { group: 'g', category: 'news' }],
  ['personal, read', 'read', (db) => sendAnd(db, toUser('u'), ['mark_read'])],
  ['to all, read', 'read', (db) => sendAnd(db, toAll(), ['mark_read'])],
  ['to all, read before it was replaced', 'read', async (db) => {
    const id = await sendAnd(db, toAll(about), ['mark_read']);
    await send(db, toAll({ ...about, replace: true }));
    return id;
  }],
  ['personal, archived', 'archived', (db) => sendAnd(db, toUser('u'), ['archive'])],
  ['to all, archived', 'archived', (db) => sendAnd(db, toAll(), ['archive'])],
  ['to all, for those who come later', 'unread', async (db) => {
    const { id } = await send(db, toAll({ to_new_users: true }));
    await call(db, 'erase', 'u');
    await call(db, 'register', 'u', new Date(Date.now() + 1000));
    return id;
  }],
  ['no such message', 'unknown', () => 999999999, { at: null }],
  ['purged', 'unknown', async (db) => {
    const id = await sendAnd(db, toUser('u'));
    while ((await call(db, 'purge', 100, 0)).purge > 0);
    return id;
  }, { at: null }],
  ['to somebody else', 'not_addressed', (db) => sendAnd(db, toUser('v'))],
  ['scheduled, to somebody else', 'not_addressed', (db) => sendAnd(db, toUser('v', { send_at: tomorrow })), { at: null }],
  ['purged from the inbox alone', 'not_addressed', async (db) => {
    const id = await sendAnd(db, toUser('u'));
    await sendAnd(db, toUser('u'));
    while ((await call(db, 'purge', 100, 365, 30, 1)).purge > 0);
    return id;
  }],
  ['to a group of others', 'not_a_member', async (db) => (await call(db, 'group_join', 'g', 'v'), sendAnd(db, toGroup('g'))), { group: 'g' }],
  ['to a group that was left', 'not_a_member', async (db) => {
    await call(db, 'group_join', 'g', 'u');
    const id = await sendAnd(db, toGroup('g'));
    await call(db, 'group_leave', 'g', 'u');
    return id;
  }, { group: 'g' }],
  ['to a group, before joining', 'joined_later', async (db) => {
    const id = await sendAnd(db, toGroup('g'));
    await call(db, 'group_join', 'g', 'u');
    return id;
  }, { group: 'g' }],
  ['personal, to one who never came', 'no_first_contact', (db) => sendAnd(db, toUser('new')), {}, 'new'],
  ['to all, for one who never came', 'no_first_contact', (db) => sendAnd(db, toAll()), {}, 'new'],
  ['to all, before they appeared', 'appeared_later', async (db) => {
    const id = await sendAnd(db, toAll());
    await call(db, 'register', 'new', new Date(Date.now() + 1000));
    return id;
  }, {}, 'new'],
  ['scheduled, personal', 'scheduled', (db) => sendAnd(db, toUser('u', { send_at: tomorrow })), { at: tomorrow / 1000 }],
  ['scheduled, to all', 'scheduled', (db) => sendAnd(db, toAll({ send_at: tomorrow })), { at: tomorrow / 1000 }],
  ['to be delivered in a moment', 'scheduled', (db) => sendAnd(db, toUser('u', { later: true })), { at: null }],
  ['recalled, personal', 'recalled', (db) => sendAnd(db, toUser('u'), ['recall'])],
  ['recalled after it was read', 'recalled', (db) => sendAnd(db, toUser('u'), ['mark_read'], ['recall'])],
  ['recalled, to all', 'recalled', (db) => sendAnd(db, toAll(), ['recall'])],
  ['recalled before delivery', 'recalled', (db) => sendAnd(db, toUser('u', { send_at: tomorrow }), ['recall'])],
  ['expired, personal', 'expired', async (db) => expire(db, await sendAnd(db, toUser('u', { expires_in: 60 })))],
  ['expired, to all', 'expired', async (db) => expire(db, await sendAnd(db, toAll({ expires_in: 60 })))],
  ['expired and swept, personal', 'expired', async (db) => {
    const id = await expire(db, await sendAnd(db, toUser('u', { expires_in: 60 })));
    return (await call(db, 'sweep')).sweep > 0 && id;
  }],
  ['expired and swept, to all', 'expired', async (db) => {
    const id = await expire(db, await sendAnd(db, toAll({ expires_in: 60 })));
    return (await call(db, 'sweep')).sweep > 0 && id;
  }],
  ['replaced, personal', 'replaced', async (db) => {
    const id = await sendAnd(db, toUser('u', about));
    await send(db, toUser('u', { ...about, replace: true }));
    return id;
  }],
  ['replaced, to all', 'replaced', async (db) => {
    const id = await sendAnd(db, toAll(about));
    await send(db, toAll({ ...about, replace: true }));
    return id;
  }],
  ['deleted, personal', 'deleted', (db) => sendAnd(db, toUser('u'), ['remove'])],
  ['deleted, to all', 'deleted', (db) => sendAnd(db, toAll(), ['remove'])],
  ['muted, personal', 'muted', async (db) => {
    const id = await sendAnd(db, toUser('u', { category: 'ads' }));
    await call(db, 'mute', 'u', ['ads']);
    return id;
  }, { category: 'ads' }],
  ['muted, to all', 'muted', async (db) => {
    const id = await sendAnd(db, toAll({ category: 'ads' }));
    await call(db, 'mute', 'u', ['ads']);
    return id;
  }, { category: 'ads' }],
  ['muted, but critical by now', 'unread', async (db) => {
    const id = await sendAnd(db, toAll({ category: 'ads' }));
    await call(db, 'mute', 'u', ['ads']);
    await call(db, 'category_set', 'ads', true);
    return id;
  }, { category: 'ads' }],
];

for (const [name, reason, prepare, facts = {}, user = 'u'] of cases) {
  test(`explain: ${name}`, async (t) => {
    const db = await open(t);
    const id = await prepare(db);
    const told = await explain(db, user, id);
    const isVisible = ['unread', 'read', 'archived'].includes(reason);
    const { message, at, ...rest } = told;
    assert.deepEqual(rest, { visible: isVisible, reason, category: null, group: null, ...(({ at: _, ...more }) => more)(facts) });
    assert.match(message, /^[^.]+: .+[^.]$/);
    if ('at' in facts) assert.equal(at, facts.at);
    else assert.ok(Math.abs(at - Date.now() / 1000) < 600, `at ${at}`);
    if (reason === 'no_first_contact') return;
    const pages = await Promise.all(['all', 'archived'].map((state) => list(db, user, { state })));
    assert.equal(pages.some(({ messages }) => messages.some((m) => m.id === id)), isVisible);
  });
}

test('explain refuses what can be nobody, and changes nothing', async (t) => {
  const db = await open(t);
  for (const user of ['', '*', 'x'.repeat(129), 'a\nb', null]) await assert.rejects(explain(db, user, 1), { code: 'DB422' });
  const { id } = await send(db, toAll());
  const before = await row(db, "SELECT count(*) FROM doorbell.first_seen");
  await explain(db, 'nobody', id);
  assert.deepEqual(await row(db, 'SELECT count(*) FROM doorbell.first_seen'), before);
});
