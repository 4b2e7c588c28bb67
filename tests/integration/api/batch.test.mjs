// SPDX-License-Identifier: MIT
// POST /messages/batch: many messages in one call, all or none, or each by itself.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack, until, within } from '../../harness/index.mjs';

const cleanUps = [];
const keys = { groups: 'send:group', forum: 'send:group\ngroup = staff', all: 'send manage' };
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { keys, config: { 'app.user_rate': '0' } });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

const batch = (json, key = 'all') => stack.api('POST', '/messages/batch', { key, json });
const send = (json) => stack.api('POST', '/messages', { key: 'all', json });
const num = async (user) => (await stack.api('GET', '/unread', { user })).json.num;
const titles = async (user) => (await stack.api('GET', '/messages?limit=100', { user })).json.messages.map(({ title }) => title);
const hello = (to, more = {}) => ({ to, title: 'Hello', ...more });
const count = async (table) => Number((await stack.db.query(`SELECT count(*) FROM doorbell.${table}`)).rows[0].count);

async function results(json) {
  const answer = await batch(json);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.json), ['results']);
  assert.equal(answer.json.results.length, json.messages.length);
  return answer.json.results;
}

async function assertRefused(json, status, code, index, pattern = /./, key = 'all') {
  const before = await count('message');
  const answer = await batch(json, key);
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.error.code, code);
  assert.equal(answer.json.error.index, index);
  assert.match(answer.json.error.message, pattern);
  assert.equal(await count('message'), before, 'nothing is sent');
}

test('one message is sent as by POST /messages', async () => {
  const [sent] = await results({ messages: [hello('one', { body: 'B', url: '/x', category: 'news', extra: { a: ['ü', 1, null] }, sender: 'Shop', ack: true })] });
  assert.deepEqual({ ...sent, id: typeof sent.id }, { id: 'number', recipients: 1, duplicate: false });
  const { json } = await stack.api('GET', `/messages/${sent.id}`, { user: 'one' });
  assert.deepEqual({ ...json, id: 0, created_at: 0 }, {
    id: 0, title: 'Hello', body: 'B', url: '/x', category: 'news', sender: 'Shop', extra: { a: ['ü', 1, null] },
    created_at: 0, seen: false, read: false, archived: false, ack: false, group_key: null,
  });
});

test('1,000 messages are sent in their order, and 1,001 are not', async () => {
  const messages = Array.from({ length: 1000 }, (_, i) => hello(i % 10 === 0 ? 'often' : `many${i}`, { title: `T${i}` }));
  const sent = await results({ messages });
  assert.equal(new Set(sent.map(({ id }) => id)).size, 1000);
  assert.equal(await num('often'), 100);
  assert.deepEqual(await titles('often'), Array.from({ length: 100 }, (_, i) => `T${990 - 10 * i}`));
  assert.equal(await num('many999'), 1);
  const shown = await stack.api('GET', `/messages/${sent[999].id}`, { user: 'many999' });
  assert.equal(shown.json.title, 'T999');
  await assertRefused({ messages: [...messages, hello('u')] }, 422, 'invalid', undefined, /more than 1000 items.*max_batch/);
});

test('max_batch says how many', async (t) => {
  const small = await startStack(t, { relay: false, config: { 'app.max_batch': '2' } });
  const ask = (n) => small.api('POST', '/messages/batch', { service: true, json: { messages: Array(n).fill(hello('u')) } });
  assert.equal((await ask(2)).status, 200);
  assert.equal((await ask(3)).status, 422);
});

test('defaults are what a message does not say otherwise', async () => {
  const defaults = { title: 'Points', url: '/points', extra: { points: 0 }, to: 'd0', body: 'B' };
  const sent = await results({ defaults, messages: [{}, { to: 'd1', extra: { points: 7 } }, { to: ['d1', 'd2'], title: 'Own', body: null }, { group: 'of defaults' }] });
  assert.deepEqual(sent.map(({ recipients }) => recipients), [1, 1, 2, null]);
  const { json } = await stack.api('GET', '/messages', { user: 'd1' });
  assert.deepEqual(json.messages.map(({ title, body, url, extra }) => [title, body, url, extra]), [['Own', '', '/points', { points: 0 }], ['Points', 'B', '/points', { points: 7 }]]);
  const toGroups = { title: 'Groups', group: 'of defaults', except: ['d4'], except_groups: ['d'], known_before: 2_000_000_000 };
  await results({ defaults: toGroups, messages: [{}, { to: 'd4' }, { groups: ['d5', 'd6'] }, { known_before: null }] });
  for (const empty of [{}, [], null]) await results({ defaults: empty, messages: [hello('d3')] });
  await assertRefused({ defaults: { key: 'k' }, messages: [hello('d3')] }, 422, 'invalid', undefined, /"key" cannot be among the defaults/);
  await assertRefused({ defaults: { colour: 1 }, messages: [hello('d3')] }, 422, 'invalid', 0, /"colour" is unknown/);
});

test('what PHP makes of its arrays is understood', async () => {
  assert.equal((await batch({ messages: { 0: hello('p'), 2: hello(7) } })).json.results.length, 2);
});

for (const [what, json, pattern] of [
  ['no messages', {}, /"messages" must be a list/], ['an empty list', { messages: [] }, /"messages" is empty/], ['a text', { messages: 'x' }, /must be a list/],
  ['an unknown field', { messages: [hello('u')], to: 'u' }, /"to" is unknown/], ['atomic that is no boolean', { messages: [hello('u')], atomic: 1 }, /"atomic" must be/],
]) {
  test(`${what} is 422`, () => assertRefused(json, 422, 'invalid', undefined, pattern));
}

test('a form is refused, since it has no list of objects', async () => {
  const { status, json } = await stack.api('POST', '/messages/batch', { key: 'all', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'messages[]=1' });
  assert.deepEqual([status, json.error.code], [422, 'invalid']);
  assert.match(json.error.message, /a batch is JSON/);
});

for (const [what, message, status, code, pattern] of [
  ['no object', 7, 422, 'invalid', /must be an object/],
  ['an unknown field', hello('w', { colour: 1 }), 422, 'invalid', /"colour" is unknown/],
  ['a wrong type', hello('w', { ack: 'yes' }), 422, 'invalid', /"ack" must be true or false/],
  ['no title', { to: 'w' }, 422, 'invalid', /title is missing/],
  ['a url that the schema refuses', hello('w', { url: 'javascript:x' }), 422, 'invalid', /url is/],
  ['nobody to send to', { title: 'x' }, 400, 'malformed', /exactly one of "to", "group" and "groups"/],
  ['an id that can be nobody\'s', hello(['w', '*']), 400, 'malformed', /no user id/],
]) {
  test(`${what}: all are refused, and the index is told`, async () => {
    await assertRefused({ messages: [hello('w0', { key: `${what} 1`, category: what.slice(0, 20) }), hello('w1'), message, hello('w2')] }, status, code, 2, pattern);
    assert.deepEqual([await num('w0'), await num('w1'), await num('w2')], [0, 0, 0]);
    const [again] = await results({ messages: [hello('w9', { key: `${what} 1` })] });
    assert.equal(again.duplicate, false, 'the key of a refused batch is free');
  });
}

test('with "atomic": false each is by itself', async () => {
  await send(hello('s0', { key: 'separate' }));
  const messages = [hello('s1'), { to: 's1' }, hello('s0', { key: 'separate' }), hello('s1', { key: 'separate' }), hello('s2', { colour: 1 }), hello('s2', { url: '//x' }), { title: 'x' }, 5,
    hello([]), hello('s1', { title: 'Last' })];
  const found = await results({ atomic: false, messages });
  assert.deepEqual(found.map((one) => one.error?.code ?? 'sent'), ['sent', 'invalid', 'sent', 'conflict', 'invalid', 'invalid', 'malformed', 'invalid', 'sent', 'sent']);
  assert.deepEqual(found.map((one) => one.duplicate), [false, undefined, true, undefined, undefined, undefined, undefined, undefined, false, false]);
  assert.match(found[1].error.message, /title is missing/);
  assert.match(found[3].error.message, /this key was used for another content/);
  assert.deepEqual([found[8].id, found[8].recipients], [null, 0]);
  assert.deepEqual(await titles('s1'), ['Last', 'Hello']);
  assert.deepEqual([await num('s0'), await num('s2')], [1, 0]);
  const none = await results({ atomic: false, messages: [{}, { to: 'x', colour: 1 }] });
  assert.deepEqual(none.map(({ error }) => error.code), ['malformed', 'invalid']);
});

test('keys: a batch again sends nothing, a single send is the same as one of a batch', async () => {
  const all = { subject_type: 'order', subject_id: 7, replace: true, expires_in: 600, send_at: 1700000000, category: 'c', extra: { b: 1, a: [2] }, url: '/x', body: '', ack: true };
  const messages = [hello('k1', { key: 'k-2' }), hello(['k2', 'k1'], { key: 'k-1', ...all }), { group: 'k', title: 'x', key: 'k-3', to_new_users: true },
    hello('k1', { key: 'k-5', group_key: 7, sender: 'Ann' })];
  const first = await results({ messages });
  const again = await results({ messages });
  assert.deepEqual(again, first.map((one) => ({ ...one, duplicate: true })));
  for (const [i, json] of messages.entries()) assert.deepEqual((await send(json)).json, again[i], json.key);
  const later = hello('k3', { key: 'k-4', send_at: Math.floor(Date.now() / 1000) + 3600, extra: {} });
  const { json } = await send(later);
  assert.deepEqual(await results({ messages: [later] }), [{ ...json, duplicate: true }]);
  assert.equal((await send(hello('k1', { key: 'k-5', sender: 'Ann' }))).status, 409, 'without its group_key it is another');
  assert.deepEqual([await num('k1'), await num('k2'), await num('k3')], [3, 1, 0]);
});

test('the same key twice in a batch: the second is a duplicate, or a conflict', async () => {
  const [one, two, three] = await results({ messages: [hello('t', { key: 'twice' }), hello('t'), hello('t', { key: 'twice' })] });
  assert.deepEqual([one.duplicate, two.duplicate, three.duplicate], [false, false, true]);
  assert.equal(one.id, three.id);
  assert.equal(await num('t'), 2);
  await assertRefused({ messages: [hello('t', { key: 'other' }), hello('t2', { key: 'other' })] }, 409, 'conflict', 1);
  const apart = await results({ atomic: false, messages: [hello('t', { key: 'third' }), hello('t2', { key: 'third' }), hello('t', { key: 'third' })] });
  assert.deepEqual(apart.map((each) => each.error?.code ?? each.duplicate), [false, 'conflict', true]);
});

test('each message needs a key that may send it', async () => {
  const toGroup = (group) => ({ group, title: 'x' });
  assert.equal((await batch({ messages: [toGroup('a'), toGroup('b')] }, 'groups')).status, 200);
  await assertRefused({ messages: [toGroup('a'), hello('u')] }, 403, 'forbidden', 1, /"groups" lacks "send"/, 'groups');
  await assertRefused({ messages: [toGroup('staff'), toGroup('other')] }, 403, 'forbidden', 1, /"forum" sends to one group/, 'forum');
  await assertRefused({ defaults: { to: '*' }, messages: [{ title: 'x' }] }, 403, 'forbidden', 0, /lacks "send"/, 'forum');
  const { json } = await batch({ atomic: false, messages: [toGroup('other'), toGroup('staff'), hello('u')] }, 'forum');
  assert.deepEqual(json.results.map(({ error }) => error?.code), ['forbidden', undefined, 'forbidden']);
});

test('to groups and to everybody, between messages to users', async () => {
  await stack.api('PUT', '/groups/b1/members/g1', { key: 'all' });
  const before = await num('g2');
  const found = await results({ messages: [hello('g1', { title: '1' }), { group: 'b1', title: '2' }, hello('*', { title: '3' }), hello('g1', { title: '4' })] });
  assert.deepEqual(found.map(({ recipients }) => recipients), [1, null, null, 1]);
  assert.deepEqual((await titles('g1')).filter((title) => /^[1-4]$/.test(title)), ['4', '3', '2', '1']);
  assert.equal(await num('g2'), before + 1);
});

test('replace within a batch supersedes what is before it', async () => {
  const about = { subject_type: 'order', subject_id: '1', replace: true };
  await results({ messages: [hello('r', { title: 'old', ...about }), hello('r', { title: 'new', ...about })] });
  assert.deepEqual((await titles('r')).filter((title) => ['old', 'new'].includes(title)), ['new']);
});

test('a batch that is too big is 413: in bytes, in users, with its defaults', async () => {
  const long = 'x'.repeat(60_000);
  const answer = await stack.api('POST', '/messages/batch', { key: 'all', body: ' '.repeat(8 * 1024 * 1024 + 1), headers: { 'content-type': 'application/json' } });
  assert.equal(answer.status, 413);
  const users = Array.from({ length: 60_000 }, (_, i) => i);
  await assertRefused({ messages: [hello(users), hello(users)] }, 413, 'too_big', undefined, /more than 100000 users in all/);
  await assertRefused({ defaults: { body: long }, messages: Array(1000).fill(hello('u')) }, 413, 'too_big', undefined, /longer than 32 MiB/);
});

test('open pages are rung', async () => {
  for (const user of ['p1', 'p2']) await num(user);
  const bells = { p1: await stack.connect('p1'), p2: await stack.connect('p2') };
  const [one, two] = await results({ messages: [hello('p1'), hello('p2')] });
  assert.equal((await within(bells.p1.next('ring'), 'the ring of p1')).id, one.id);
  assert.equal((await within(bells.p2.next('ring'), 'the ring of p2')).id, two.id);
  const from = bells.p1.frames.length;
  const [everybody] = await results({ messages: [hello('*')] });
  assert.equal((await within(bells.p1.next('ring', { from }), 'the ring for everybody')).id, everybody.id);
});

test('a batch with a message to everybody waits for the broadcast lock in the queue, another one does not', async (t) => {
  const alone = await startStack(t, { relay: false });
  const ask = (...to) => alone.api('POST', '/messages/batch', { service: true, json: { messages: to.map((one) => hello(one)) } });
  await alone.db.query('BEGIN; SELECT FROM doorbell.feed WHERE id = 1 FOR UPDATE');
  const waiting = [ask('u', '*'), ask('*', 'u'), ask('*')];
  await until('one to wait', async () => (await alone.db.query('SELECT FROM pg_locks WHERE NOT granted')).rows.length > 0);
  assert.equal((await within(ask('v', 'w'), 'a batch to users')).status, 200);
  assert.equal((await alone.db.query('SELECT FROM pg_locks WHERE NOT granted')).rows.length, 1, 'the others are in the queue');
  await alone.db.query('COMMIT');
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200, answer.text);
});

for (const atomic of [true, false]) {
  test(`a batch that meets the site in a deadlock gives way, and is run again, all of it${atomic ? '' : ', not atomic too'}`, async (t) => {
    const alone = await startStack(t, { relay: false });
    const json = { atomic, messages: [hello('u2'), hello('u1', { key: 'again' }), { group: 'g', title: 'x' }] };
    for (const user of ['u1', 'u2']) await alone.api('GET', '/unread', { user });
    await alone.api('POST', '/messages', { service: true, json: hello('u2') });
    await alone.db.query("SET deadlock_timeout = '1min'"); // so that it is not the site that gives way
    await alone.db.query('BEGIN');
    await alone.db.query("SELECT FROM doorbell.reader WHERE user_id = 'u2' FOR UPDATE");
    const sent = alone.api('POST', '/messages/batch', { service: true, json });
    await until('the batch to wait', async () => (await alone.db.query('SELECT FROM pg_locks WHERE NOT granted')).rows.length > 0);
    await alone.db.query("SELECT FROM doorbell.reader WHERE user_id = 'u1' FOR UPDATE");
    await alone.db.query('COMMIT');
    const { status, text, json: answer } = await sent;
    assert.equal(status, 200, text);
    assert.deepEqual(answer.results.map(({ duplicate }) => duplicate), [false, false, false]);
    const { rows } = await alone.db.query('SELECT user_id, unread FROM doorbell.unread_count ORDER BY 1');
    assert.deepEqual(rows.map(({ user_id: user, unread }) => [user, Number(unread)]), [['u1', 1], ['u2', 2]]);
  });
}

test('while the database is down it is 503', async (t) => {
  const alone = await startStack(t, { relay: false, ownCluster: true });
  const ask = (messages) => alone.api('POST', '/messages/batch', { service: true, json: { messages } });
  await alone.db.end();
  await alone.cluster.stop();
  for (const messages of [[hello('u', { key: 'a' })], [hello('u', { key: 'a' }), hello('u')]]) {
    const { status, json } = await ask(messages);
    assert.deepEqual([status, json.error.code], [503, 'unavailable']);
  }
});

test('counts are what the lists say', async () => {
  assert.deepEqual((await stack.db.query('SELECT * FROM doorbell.recount()')).rows, []);
});
