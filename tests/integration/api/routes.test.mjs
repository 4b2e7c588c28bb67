// SPDX-License-Identifier: MIT
// Every route of doorbell-app: what it answers, and what it answers to wrong questions.

import assert from 'node:assert/strict';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { startStack } from '../../harness/index.mjs';

let stack;
const cleanUps = [];

// One stack for all of them: each test has users of its own.
test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

const send = (json) => stack.api('POST', '/messages', { service: true, json });
const sendOne = async (to, more = {}) => (await send({ to, title: 'Title', ...more })).json.id;
const check = async (user) => (await stack.api('GET', '/unread', { user })).json;

function assertError(answer, status, code, pattern = /./) {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(Object.keys(answer.json), ['error']);
  assert.equal(answer.json.error.code, code);
  assert.match(answer.json.error.message, pattern);
}

function assertPlain(answer) {
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal(Object.keys(answer.headers).filter((name) => name.startsWith('access-control')).length, 0);
}

// who, method and path of each route that takes no body, or an empty one
const userRoutes = [
  ['GET', '/unread'], ['GET', '/messages'], ['GET', '/messages/1'], ['DELETE', '/messages/1'],
  ['POST', '/messages/1/read'], ['POST', '/messages/1/unread'], ['POST', '/messages/1/archive'],
  ['POST', '/messages/1/ack'], ['POST', '/messages/read'], ['POST', '/messages/unread'], ['POST', '/messages/archive'], ['POST', '/messages/delete'], ['POST', '/seen'],
];
const serviceRoutes = [['POST', '/messages'], ['POST', '/messages/batch'], ['DELETE', '/sent'], ['GET', '/messages/1/explain'], ['POST', '/tokens']];

for (const [method, path] of [...userRoutes, ...serviceRoutes]) {
  test(`${method} ${path} without a proof is 401`, async () => {
    const answer = await stack.api(method, path);
    assertError(answer, 401, 'unauthorized');
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    assertPlain(answer);
  });
}

for (const [method, path] of userRoutes) {
  test(`${method} ${path} with the send key is 401`, async () => {
    assertError(await stack.api(method, path, { service: true }), 401, 'unauthorized');
  });
}

for (const [method, path] of serviceRoutes) {
  test(`${method} ${path} with a user's token is 401`, async () => {
    assertError(await stack.api(method, path, { user: '42', json: {} }), 401, 'unauthorized');
    assertError(await stack.api(method, path, { cookie: '42', json: {} }), 401, 'unauthorized');
  });

  test(`${method} ${path} with a wrong key is 401, whatever the body`, async () => {
    for (const key of ['x', `${stack.sendKey}x`, stack.publishKey, '']) {
      const headers = { authorization: `Bearer ${key}` };
      assertError(await stack.api(method, path, { headers, body: 'nonsense' }), 401, 'unauthorized');
    }
  });
}

for (const [method, path, allow] of [
  ['PUT', '/messages', 'GET, HEAD, POST'], ['DELETE', '/messages', 'GET, HEAD, POST'], ['POST', '/unread', 'GET, HEAD'],
  ['GET', '/messages/read', 'POST'], ['GET', '/messages/batch', 'POST'], ['GET', '/messages/1/read', 'POST'], ['POST', '/messages/1', 'GET, HEAD, DELETE'],
  ['GET', '/tokens', 'POST'], ['GET', '/seen', 'POST'], ['POST', '/health', 'GET, HEAD'], ['OPTIONS', '/unread', 'GET, HEAD'],
  ['PATCH', '/messages/1', 'GET, HEAD, DELETE'],
]) {
  test(`${method} ${path} is 405 and names what is allowed`, async () => {
    const answer = await stack.api(method, path);
    assertError(answer, 405, 'method_not_allowed');
    assert.equal(answer.headers.allow, allow);
  });
}

for (const path of ['/', '/nothing', '/unread/', '//unread', '/messages/x', '/messages/1/nothing', '/Unread', '/messages/-1', '/unread/x']) {
  test(`GET ${path} is 404`, async () => assertError(await stack.api('GET', path, { user: '42' }), 404, 'not_found'));
}

for (const uri of ['/doorbell/%zz', '/doorbell/%', '/doorbell/a%00b', '/doorbell/../x', '/doorbell/%2e%2e/unread', '/doorbell/%ff', '/doorbell/unread?a=%zz']) {
  test(`${uri} is 400`, async () => {
    assertError(await fastcgi({ path: stack.appSocket }, { REQUEST_URI: uri }), 400, 'malformed');
  });
}

test('without REQUEST_URI the path is SCRIPT_NAME and PATH_INFO, as they are', async () => {
  const where = { path: stack.appSocket };
  const ask = (params) => fastcgi(where, params);
  assert.equal((await ask({ SCRIPT_NAME: '/doorbell', PATH_INFO: '/health' })).status, 200);
  assert.equal((await ask({ SCRIPT_NAME: '/doorbell/health' })).status, 200);
  assert.equal((await ask({ REQUEST_URI: '', SCRIPT_NAME: '/doorbell/health' })).status, 200);
  assert.equal((await ask({ SCRIPT_NAME: '/doorbell/%68ealth' })).status, 404);
  assert.equal((await ask({ REQUEST_URI: '/doorbell/%68ealth' })).status, 200);
  assert.equal((await ask({ REQUEST_URI: 'http://host/doorbell/health?x=1' })).status, 200);
  assert.equal((await ask({})).status, 404);
});

test('what a web server has sent to another doorbell-app before is 503, unless it only reads', async () => {
  const ask = (method, uri, more) =>
    fastcgi({ path: stack.appSocket }, { REQUEST_METHOD: method, REQUEST_URI: uri, DOORBELL_SENT: '1', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`, ...more });
  const { rows: before } = await stack.db.query('SELECT count(*) FROM doorbell.message');
  for (const method of ['POST', 'PUT', 'DELETE']) {
    // Its body has been used up, whatever was announced.
    const answer = await ask(method, '/doorbell/messages', { CONTENT_LENGTH: '100' });
    assertError(answer, 503, 'unavailable', /^another doorbell-app ended while it had this request/);
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
  assert.deepEqual((await stack.db.query('SELECT count(*) FROM doorbell.message')).rows, before);
  for (const method of ['GET', 'HEAD']) assert.equal((await ask(method, '/doorbell/health')).status, 200);
});

test('HEAD is GET without the body', async () => {
  const got = await stack.api('GET', '/unread', { user: 'head' });
  const head = await stack.api('HEAD', '/unread', { user: 'head' });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  assert.equal(head.headers.etag, got.headers.etag);
  assert.equal(head.headers['content-length'], String(got.text.length));
});

// Sending

for (const [what, json, status, code, pattern] of [
  ['no audience', { title: 'x' }, 400, 'malformed', /exactly one/],
  ['two audiences', { to: '1', group: 'g', title: 'x' }, 400, 'malformed', /exactly one/],
  ['both null', { to: null, group: null, title: 'x' }, 400, 'malformed', /exactly one/],
  ['an empty user', { to: '', title: 'x' }, 400, 'malformed', /"to"/],
  ['a null user', { to: null, title: 'x' }, 400, 'malformed', /empty/],
  ['an empty group', { group: '', title: 'x' }, 400, 'malformed', /./],
  ['everybody in a list', { to: ['1', '*'], title: 'x' }, 400, 'malformed', /"to"/],
  ['an empty one in a list', { to: ['1', ''], title: 'x' }, 400, 'malformed', /"to"/],
  ['null in a list', { to: [null], title: 'x' }, 400, 'malformed', /"to"/],
  ['a list in a list', { to: [['1']], title: 'x' }, 400, 'malformed', /"to"/],
  ['an object', { to: { a: 1 }, title: 'x' }, 400, 'malformed', /"to"/],
  ['a float', { to: 1.5, title: 'x' }, 400, 'malformed', /"to"/],
  ['a user id of 129 bytes', { to: 'x'.repeat(129), title: 'x' }, 400, 'malformed', /"to"/],
  ['a user id with a control character', { to: 'a\nb', title: 'x' }, 400, 'malformed', /"to"/],
  ['no title', { to: '1' }, 422, 'invalid', /title/],
  ['an empty title', { to: '1', title: '' }, 422, 'invalid', /title/],
  ['a title that is a number', { to: '1', title: 5 }, 422, 'invalid', /"title" must be text/],
  ['a title of 256 characters', { to: '1', title: 'ä'.repeat(256) }, 422, 'invalid', /"title"/],
  ['a title with a line end', { to: '1', title: 'a\nb' }, 422, 'invalid', /"title"/],
  ['a body over 64 KiB', { to: '1', title: 'x', body: 'b'.repeat(65537) }, 422, 'invalid', /"body"/],
  ['NUL in a body', { to: '1', title: 'x', body: 'a\0b' }, 422, 'invalid', /"body"/],
  ['a url with javascript', { to: '1', title: 'x', url: 'javascript:alert(1)' }, 422, 'invalid', /url/],
  ['a url without a scheme', { to: '1', title: 'x', url: '//evil.example' }, 422, 'invalid', /url/],
  ['a relative url', { to: '1', title: 'x', url: 'page' }, 422, 'invalid', /url/],
  ['extra that is a list', { to: '1', title: 'x', extra: [1] }, 422, 'invalid', /"extra"/],
  ['extra over 16 KiB', { to: '1', title: 'x', extra: { a: 'b'.repeat(16384) } }, 422, 'invalid', /"extra"/],
  ['extra with NUL', { to: '1', title: 'x', extra: { a: '\0' } }, 422, 'invalid', /"extra"/],
  ['expires_in 0', { to: '1', title: 'x', expires_in: 0 }, 422, 'invalid', /expires_in/],
  ['expires_in as text', { to: '1', title: 'x', expires_in: '60' }, 422, 'invalid', /expires_in/],
  ['send_at in the far future', { to: '1', title: 'x', send_at: 253402300799 }, 422, 'invalid', /send_at/],
  ['a subject without id', { to: '1', title: 'x', subject_type: 'order' }, 422, 'invalid', /subject/],
  ['replace without a subject', { to: '1', title: 'x', replace: true }, 422, 'invalid', /replace/],
  ['replace that is a number', { to: '1', title: 'x', replace: 1 }, 422, 'invalid', /"replace"/],
  ['an unknown field', { to: '1', title: 'x', titel: 'y' }, 422, 'invalid', /"titel" is unknown/],
  ['100,001 users', { to: Array.from({ length: 100001 }, (_, i) => i), title: 'x' }, 422, 'invalid', /"to"/],
]) {
  test(`sending with ${what} is ${status}`, async () => assertError(await send(json), status, code, pattern));
}

test('sending nothing to nobody stores nothing', async () => {
  const answer = await send({ to: [], title: 'x' });
  assert.equal(answer.status, 201);
  assert.equal(answer.json.recipients, 0);
});

test('sending to one, to many, to everybody and to a group', async () => {
  assert.deepEqual((({ recipients, duplicate }) => ({ recipients, duplicate }))((await send({ to: 's1', title: 'x' })).json), { recipients: 1, duplicate: false });
  assert.equal((await send({ to: 77, title: 'x' })).json.recipients, 1);
  assert.equal((await send({ to: [77, '77', 's2', 's2'], title: 'x' })).json.recipients, 2);
  assert.equal((await check('77')).num, 2);
  const everybody = await send({ to: '*', title: 'x' });
  assert.equal(everybody.status, 201);
  assert.equal(everybody.json.recipients, null);
  assert.equal((await send({ group: 'g', title: 'x' })).json.recipients, null);
});

test('what was sent is listed as it was written', async () => {
  const message = {
    title: 'Zeile "1" <b>', body: 'a\n\tb \\ é中🔔', url: '/orders/7?x=1', category: 'orders', sender: 'Shop',
    extra: { a: [1, 'zwei', null], 'ü': { b: true } },
  };
  const id = await sendOne('written', message);
  const { json } = await stack.api('GET', `/messages/${id}`, { user: 'written' });
  for (const [name, value] of Object.entries(message)) assert.deepEqual(json[name], value, name);
  assert.equal(json.id, id);
  assert.ok(Number.isInteger(json.created_at));
  for (const name of ['seen', 'read', 'archived']) assert.equal(json[name], false);
});

test('the same key answers the first id, another content 409', async () => {
  const first = await send({ to: 'k', title: 'x', key: 'order-1' });
  assert.equal(first.status, 201);
  const again = await send({ to: 'k', title: 'x', key: 'order-1' });
  assert.equal(again.status, 200);
  assert.deepEqual(again.json, { ...first.json, duplicate: true });
  assertError(await send({ to: 'k', title: 'y', key: 'order-1' }), 409, 'conflict');
  assert.equal((await check('k')).num, (await check('nobody else')).num + 1);
});

test('100,000 users in one send', async () => {
  const to = Array.from({ length: 100000 }, (_, i) => `bulk-${i}`);
  const answer = await send({ to, title: 'x' });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.json.recipients, 100000);
  assert.ok((await check('bulk-99999')).num >= 1);
});

// The check

test('the check has its keys in order, an ETag over its bytes, and 304', async () => {
  await sendOne('c1');
  const answer = await stack.api('GET', '/unread', { user: 'c1' });
  assertPlain(answer);
  assert.match(answer.text, /^\{"num":\d+,"hit":1,"latest":\d+,"version":\d+,"seq":\d+,"scope":0,"groups":0,"muted":\[\],"epoch":"\d+","user":"c1"\}$/);
  const ask = (tag) => stack.api('GET', '/unread', { user: 'c1', headers: { 'if-none-match': tag } });
  const { etag } = answer.headers;
  assert.match(etag, /^"[0-9a-f]{16}"$/);
  for (const tag of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
    const same = await ask(tag);
    assert.equal(same.status, 304, tag);
    assert.equal(same.text, '');
    assert.equal(same.headers.etag, etag);
  }
  for (const tag of ['"a"', etag.slice(1, -1)]) assert.equal((await ask(tag)).status, 200, tag);
  await sendOne('c1');
  assert.equal((await ask(etag)).status, 200);
});

test('a user sees nothing that was sent to everybody before `since`', async () => {
  await sendOne('*');
  const ask = async (user, since) => {
    const headers = { authorization: `Bearer ${stack.token(user, { since })}` };
    return (await stack.api('GET', '/unread', { headers })).json;
  };
  const now = Math.floor(Date.now() / 1000);
  const { num, hit } = await ask('registered later', now + 60);
  assert.deepEqual({ num, hit }, { num: 0, hit: 0 });
  assert.ok((await ask('registered before', now - 60)).num >= 1);
});

test('the check by category', async () => {
  await sendOne('c2', { category: 'orders' });
  await sendOne('c2', { category: 'orders' });
  await sendOne('c2', { category: 'news' });
  assert.equal((await stack.api('GET', '/unread?category=news', { user: 'c2' })).json.num, 1);
  assert.equal((await stack.api('GET', '/unread?category=none', { user: 'c2' })).json.num, 0);
  const { json } = await stack.api('GET', '/unread?by=category', { user: 'c2' });
  assert.deepEqual(json.categories, { news: 1, orders: 2 });
  assertError(await stack.api('GET', '/unread?by=colour', { user: 'c2' }), 422, 'invalid');
  assertError(await stack.api('GET', '/unread?category=a&category=b', { user: 'c2' }), 422, 'invalid');
  assert.equal((await stack.api('GET', '/unread?_=1234&category=', { user: 'c2' })).status, 200);
});

// Pages

test('pages go through the whole inbox once, newest first', async () => {
  for (let i = 0; i < 25; i++) await sendOne('p1', { title: `Message ${i}` });
  const titles = [];
  let before = '';
  do {
    const { json, status } = await stack.api('GET', `/messages?limit=10${before}`, { user: 'p1' });
    assert.equal(status, 200);
    titles.push(...json.messages.map((message) => message.title));
    before = json.next && `&before=${encodeURIComponent(json.next)}`;
  } while (before);
  const mine = titles.filter((title) => title.startsWith('Message'));
  assert.deepEqual(mine, Array.from({ length: 25 }, (_, i) => `Message ${24 - i}`));
});

for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'state=other', 'before=x', 'before=12', 'limit=1&limit=2']) {
  test(`GET /messages?${query} is 422`, async () => {
    assertError(await stack.api('GET', `/messages?${query}`, { user: '42' }), 422, 'invalid');
  });
}

test('another user\'s cursor and position are refused', async () => {
  for (let i = 0; i < 3; i++) await sendOne('p2');
  const { json } = await stack.api('GET', '/messages?limit=1', { user: 'p2' });
  assert.equal((await stack.api('GET', `/messages?before=${json.next}`, { user: 'p2' })).status, 200);
  assertError(await stack.api('GET', `/messages?before=${json.next}`, { user: 'p3' }), 422, 'invalid');
  assertError(await stack.api('POST', '/messages/read', { user: 'p3', json: { upto: json.position } }), 422, 'invalid');
});

// One message

for (const [method, suffix] of [['GET', ''], ['DELETE', ''], ['POST', '/read'], ['POST', '/unread'], ['POST', '/archive'], ['POST', '/ack']]) {
  test(`${method} /messages/{id}${suffix} of another's message, or of none, is 404`, async () => {
    const id = await sendOne('owner');
    for (const wrong of [id, 999999999, '99999999999999999999999', 0]) {
      assertError(await stack.api(method, `/messages/${wrong}${suffix}`, { user: 'thief' }), 404, 'not_found');
    }
    assert.equal((await stack.api('GET', `/messages/${id}`, { user: 'owner' })).json.read, false);
  });
}

test('read, unread, archive and delete change one message and answer the new state', async () => {
  const id = await sendOne('m1');
  await stack.api('POST', '/messages/read', { user: 'm1', json: { all: true } });
  const act = async (method, suffix) => {
    const answer = await stack.api(method, `/messages/${id}${suffix}`, { user: 'm1' });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(Object.keys(answer.json), ['num', 'version', 'seq', 'epoch', 'user']);
    const state = await check('m1');
    assert.deepEqual(answer.json, { num: state.num, version: state.version, seq: state.seq, epoch: state.epoch, user: state.user });
    return answer.json.num;
  };
  assert.equal(await act('POST', '/unread'), 1);
  assert.equal(await act('POST', '/read'), 0);
  assert.equal(await act('POST', '/read'), 0);
  assert.equal(await act('POST', '/unread'), 1);
  assert.equal(await act('POST', '/archive'), 0);
  const archived = await stack.api('GET', '/messages?state=archived', { user: 'm1' });
  assert.deepEqual(archived.json.messages.map((message) => message.id), [id]);
  assert.equal(await act('DELETE', ''), 0);
  assertError(await stack.api('GET', `/messages/${id}`, { user: 'm1' }), 404, 'not_found');
});

test('a message to be acknowledged is marked by its /ack alone', async () => {
  const id = await sendOne('m2', { ack: true });
  const before = await check('m2');
  assertError(await stack.api('POST', `/messages/${id}/archive`, { user: 'm2' }), 409, 'conflict');
  assertError(await stack.api('DELETE', `/messages/${id}`, { user: 'm2' }), 409, 'conflict');
  await stack.api('POST', '/messages/read', { user: 'm2', json: { all: true } });
  assert.equal((await check('m2')).num, 1);
  const answer = await stack.api('POST', `/messages/${id}/ack`, { user: 'm2' });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.num, 0);
  assert.ok(before.num >= 1);
});

// Routes without fields

const urlencodedType = { 'content-type': 'application/x-www-form-urlencoded' };
const emptyBodies = [
  ['an empty object', { json: {} }],
  ['an empty object of 1 KiB', { body: `{${' '.repeat(1022)}}`, headers: { 'content-type': 'application/json' } }],
  ['an empty form', { body: '', headers: urlencodedType }],
  ['an empty multipart form', { body: '--b--\r\n', headers: { 'content-type': 'multipart/form-data; boundary=b' } }],
  ['no bytes of a type that is not taken', { body: '', headers: { 'content-type': 'text/plain' } }],
];
const refusedBodies = [
  ['a field', { json: { colour: 1 } }, 422, 'invalid', /"colour" is unknown/],
  ['a field of a form', { body: 'colour=1', headers: urlencodedType }, 422, 'invalid', /"colour" is unknown/],
  ['what is no object', { json: [] }, 400, 'malformed', /object/],
  ['another type', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_type', /./],
  ['more than 1 KiB', { body: `{${' '.repeat(1023)}}`, headers: { 'content-type': 'application/json' } }, 413, 'too_big', /./],
];

// Who, method and path; each may be asked any number of times.
const writesWithoutFields = (id) => [
  ['user', 'POST', `/messages/${id}/read`], ['user', 'POST', `/messages/${id}/unread`], ['user', 'POST', `/messages/${id}/archive`],
  ['user', 'DELETE', `/messages/${id}`], ['service', 'PUT', '/groups/empty/members/u'], ['service', 'DELETE', '/groups/empty/members/u'],
  ['service', 'DELETE', '/users/empty'],
];

test('a second PUT or DELETE, as a web server repeats one by itself, changes nothing', async () => {
  const user = 'twice';
  const id = await sendOne(user, { title: 'x' });
  const recalled = await sendOne(user, { title: 'y' });
  const { num } = await check(user);
  // The reply to the second is that to the first, but for `then`; and the user's state is that from in between. A user
  // who was erased would come back by a look at it.
  const twice = async (method, path, proof, expected, then = {}, look = () => check(user)) => {
    const first = await stack.api(method, path, proof);
    assert.equal(first.status, 200, `${path}: ${first.text}`);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(first.json[name], value, `${path}: ${first.text}`);
    const state = await look();
    const second = await stack.api(method, path, proof);
    assert.deepEqual([second.status, second.json], [200, { ...first.json, ...then }], path);
    assert.deepEqual(await look(), state, path);
  };
  const service = { service: true };
  const member = `/groups/twice/members/${user}`;
  await twice('DELETE', `/messages/${id}`, { user }, { num: num - 1 });
  await twice('DELETE', `/sent/${recalled}`, service, { recalled: true });
  await twice('PUT', '/categories/twice', { ...service, json: { critical: false } }, {});
  await twice('PUT', '/preferences', { user, json: { muted: ['twice'] } }, { num: num - 2 });
  await twice('DELETE', '/categories/twice', service, { removed: true });
  // These say what the call itself has done.
  await twice('PUT', member, service, { added: 1, removed: 0 }, { added: 0 });
  await twice('DELETE', member, service, { added: 0, removed: 1 }, { removed: 0 });
  for (const path of [`/users/${user}`, `/users?user=${user}`]) {
    await check(user);
    await twice('DELETE', path, service, { erased: true }, { erased: false }, () => null);
  }
});

async function write([who, method, path], { headers, ...request }) {
  const proof = who === 'user' ? { authorization: `Bearer ${stack.token('m3')}` } : { authorization: `Bearer ${stack.sendKey}` };
  return stack.api(method, path, { ...request, headers: { ...proof, ...headers } });
}

for (const [what, request] of emptyBodies) {
  test(`where there are no fields, ${what} is taken`, async () => {
    for (const one of writesWithoutFields(await sendOne('m3'))) {
      const answer = await write(one, request);
      assert.equal(answer.status, 200, `${one}: ${answer.text}`);
    }
    const ack = ['user', 'POST', `/messages/${await sendOne('m3', { ack: true })}/ack`];
    assert.equal((await write(ack, request)).status, 200);
    const recall = ['service', 'DELETE', `/sent/${await sendOne('m3')}`];
    assert.equal((await write(recall, request)).status, 200);
  });
}

for (const [what, request, ...expected] of refusedBodies) {
  test(`where there are no fields, ${what} is ${expected[0]} and changes nothing`, async () => {
    const id = await sendOne('m3');
    const before = await check('m3');
    for (const one of [...writesWithoutFields(id), ['user', 'POST', `/messages/${id}/ack`], ['service', 'DELETE', `/sent/${id}`]]) {
      assertError(await write(one, request), ...expected);
    }
    assert.deepEqual(await check('m3'), before);
  });
}

test('a GET takes no body', async () => {
  for (const [options, path] of [[{ user: 'm3' }, '/unread'], [{ user: 'm3' }, '/messages'], [{ service: true }, '/categories'], [{ service: true }, '/metrics'], [{}, '/health']]) {
    assertError(await stack.api('GET', path, { ...options, json: {} }), 413, 'too_big');
  }
});

// Many messages

for (const [what, json, pattern] of [
  ['nothing', {}, /exactly one/],
  ['two ways', { all: true, ids: [1] }, /exactly one/],
  ['all that is false', { all: false }, /"all" must be true/],
  ['all that is a number', { all: 1 }, /"all"/],
  ['ids that are no list', { ids: 1 }, /"ids"/],
  ['ids of text', { ids: ['1'] }, /"ids"/],
  ['a bare id as position', { upto: 5 }, /"upto"/],
  ['a bare id in text as position', { upto: '5' }, /./],
  ['an empty position', { upto: '' }, /./],
  ['null as position', { upto: null }, /"upto"/],
  ['oldest 0', { oldest: 0 }, /"oldest"/],
  ['oldest that is null', { oldest: null }, /"oldest"/],
  ['half a subject', { subject_type: 'x' }, /together/],
  ['a group and all', { group_key: 'x', all: true }, /exactly one/],
  ['an empty group', { group_key: '' }, /"group_key"/],
  ['an unknown field', { al: true }, /"al" is unknown/],
]) {
  test(`POST /messages/read with ${what} is 422`, async () => {
    assertError(await stack.api('POST', '/messages/read', { user: 'many', json }), 422, 'invalid', pattern);
  });
}

for (const [path, json] of [['/messages/archive', {}], ['/messages/delete', { all: false }], ['/messages/delete', { read: true, all: true }], ['/messages/archive', { upto: 'x' }], ['/messages/unread', {}], ['/messages/unread', { all: true, ids: [1] }], ['/seen', {}], ['/seen', { position: 5 }], ['/seen', { position: 'x' }]]) {
  test(`POST ${path} with ${JSON.stringify(json)} is 422`, async () => {
    assertError(await stack.api('POST', path, { user: 'many', json }), 422, 'invalid');
  });
}

test('ids that are not theirs: 404 if none is, else those that are', async () => {
  const mine = await sendOne('ids1');
  const other = await sendOne('ids2');
  assertError(await stack.api('POST', '/messages/read', { user: 'ids1', json: { ids: [other, 999999999] } }), 404, 'not_found');
  const answer = await stack.api('POST', '/messages/read', { user: 'ids1', json: { ids: [mine, other] } });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.changed, 1);
  assert.equal((await stack.api('GET', `/messages/${other}`, { user: 'ids2' })).json.read, false);
});

test('read by ids, position, subject, oldest and all; and back', async () => {
  const user = 'bulk';
  const read = async (json, path = '/messages/read') => {
    const answer = await stack.api('POST', path, { user, json });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(Object.keys(answer.json), ['num', 'version', 'seq', 'changed', 'epoch', 'user']);
    return answer.json;
  };
  await read({ all: true });
  const ids = [];
  for (let i = 0; i < 6; i++) ids.push(await sendOne(user, i === 5 ? { subject_type: 'order', subject_id: '7' } : {}));
  assert.equal((await read({ subject_type: 'order', subject_id: '7' })).changed, 1);
  assert.equal((await read({ ids: [ids[4], ids[4]] })).changed, 1);
  assert.equal((await read({ oldest: 1 })).changed, 1);
  assert.equal((await stack.api('GET', `/messages/${ids[0]}`, { user })).json.read, true);
  const { json: page } = await stack.api('GET', '/messages', { user });
  await sendOne(user);
  assert.equal((await read({ upto: page.position })).num, 1);
  assert.deepEqual((({ num, changed }) => ({ num, changed }))(await read({ all: true })), { num: 0, changed: 1 });
  assert.equal((await read({ ids: [ids[2]] }, '/messages/unread')).num, 1);
  assert.ok((await read({ all: true }, '/messages/unread')).num >= 7);
});

test('a group is one row of the grouped list, and is marked by one call', async () => {
  const user = 'groups';
  const get = async (query) => (await stack.api('GET', `/messages?${query}`, { user })).json;
  const post = async (how, json) => (await stack.api('POST', `/messages/${how}`, { user, json })).json;
  const [first] = [await sendOne(user, { group_key: 'like:7', sender: 'Ann' }), await sendOne(user)];
  const second = await sendOne(user, { group_key: 'like:7', sender: 'Bob' });
  const page = await get('grouped=1');
  assert.deepEqual(page.messages[0].group, { key: 'like:7', count: 2, unread: 2, senders: ['Bob', 'Ann'], others: 0 });
  assert.ok(page.messages.slice(1).every(({ group }) => group === null));
  assert.deepEqual((await get('group_key=like:7')).messages.map(({ id }) => id), [second, first]);
  assert.deepEqual((await get('limit=3')).messages.map(({ group_key: key }) => key), ['like:7', null, 'like:7']);
  const late = await sendOne(user, { group_key: 'like:7', sender: 'Cy' });
  assert.equal((await post('read', { group_key: 'like:7', upto: page.position })).changed, 2);
  assert.deepEqual((await get('group_key=like:7&state=unread')).messages.map(({ id }) => id), [late]);
  assert.equal((await post('archive', { group_key: 'like:7', upto: page.position })).changed, 2);
  assert.equal((await get('grouped=1&state=archived')).messages[0].group.count, 2);
  assert.equal((await post('delete', { group_key: 'like:7' })).changed, 1);
  assert.ok((await get('grouped=1')).messages.every(({ group }) => group === null));
  const { json } = await stack.api('GET', `/users/${user}`, { service: true });
  assert.equal(json.messages.filter(({ group_key: key }) => key === 'like:7').length, 2);
});

test('what changed since a position is told, in the language of the reader', async () => {
  const user = 'changes';
  const get = async (query) => (await stack.api('GET', `/messages?${query}`, { user, headers: { 'Accept-Language': 'de' } })).json;
  await stack.api('PUT', '/categories/told', { service: true, json: { critical: false, templates: { en: { title: 'hello' }, de: { title: 'hallo' } } } });
  const old = await sendOne(user);
  const { position } = await get('');
  const added = (await stack.api('POST', '/messages', { service: true, json: { to: user, category: 'told' } })).json.id;
  await stack.api('POST', `/messages/${old}/archive`, { user });
  const told = await get(`after=${position}`);
  assert.deepEqual([told.reset, told.messages.map(({ id, title }) => [id, title]), told.gone, told.next, told.user], [false, [[added, 'hallo']], [old], null, user]);
  assert.deepEqual([(await get(`after=${told.position}`)).messages, (await get(`after=${told.position}&category=told`)).reset], [[], true]);
  const many = await get(`after=${position}&limit=1&state=all`);
  assert.deepEqual([many.reset, many.messages.length], [false, 1]);
  await sendOne(user);
  assert.deepEqual([(await get(`after=${position}&limit=1`)).reset, (await get(`after=${position}`)).reset], [true, false]);
});

for (const query of ['after=813', 'after=p1-00000000-1-1-1-0-0', 'after=a&before=b', 'after=a&grouped=1', 'after=a&group_key=k', 'grouped=2', 'grouped=true', 'grouped=1&grouped=1', 'grouped=1&group_key=k', `group_key=${'x'.repeat(256)}`]) {
  test(`GET /messages?${query.slice(0, 30)} is 422`, async () => assertError(await stack.api('GET', `/messages?${query}`, { user: 'groups' }), 422, 'invalid'));
}

test('seen is not read', async () => {
  await sendOne('seen1');
  const { json: page } = await stack.api('GET', '/messages', { user: 'seen1' });
  assert.equal(page.messages[0].seen, false);
  const answer = await stack.api('POST', '/seen', { user: 'seen1', json: { position: page.position } });
  assert.equal(answer.status, 200, answer.text);
  const { json: after } = await stack.api('GET', '/messages', { user: 'seen1' });
  assert.equal(after.messages[0].seen, true);
  assert.equal(after.messages[0].read, false);
  assert.equal(after.num, page.num);
});

// Tokens and health

for (const [what, json] of [
  ['no user', {}], ['an empty user', { user: '' }], ['everybody', { user: '*' }], ['ttl 0', { user: '1', ttl: 0 }],
  ['ttl over the limit', { user: '1', ttl: 86401 }], ['ttl in text', { user: '1', ttl: '60' }], ['an unknown field', { user: '1', sub: '2' }],
]) {
  test(`POST /tokens with ${what} is 422`, async () => {
    assertError(await stack.api('POST', '/tokens', { service: true, json }), 422, 'invalid');
  });
}

test('a token that was made lets its user in, whatever the id', async () => {
  for (const user of ['42', 42, 'a/b%ü 中', '"\\']) {
    const now = Math.floor(Date.now() / 1000);
    const { status, json } = await stack.api('POST', '/tokens', { service: true, json: { user, ttl: 60 } });
    assert.equal(status, 200);
    assert.ok(json.expires_at >= now + 60 && json.expires_at <= now + 65);
    const claims = JSON.parse(Buffer.from(json.token.split('.')[1], 'base64url'));
    assert.equal(claims.sub, String(user));
    const answer = await stack.api('GET', '/unread', { headers: { authorization: `Bearer ${json.token}` } });
    assert.equal(answer.status, 200);
  }
});

test('health tells strangers one bit, the key\'s holder more', async () => {
  const bare = await stack.api('GET', '/health');
  assert.equal(bare.text, '{"ok":true}');
  const full = await stack.api('GET', '/health', { service: true });
  assert.deepEqual([full.json.ok, full.json.writable], [true, true]);
  assert.match(full.json.database.schema, /^\d{4}_/);
  assert.equal((await stack.api('GET', '/health', { headers: { authorization: 'Bearer x' } })).status, 401);
  assert.equal((await stack.api('GET', '/health', { user: '42' })).status, 401);
});

// Preferences, what was sent, groups, users

test('muting hides and uncounts, unmuting brings back', async () => {
  await sendOne('mute1', { category: 'loud' });
  await sendOne('mute1', { category: 'quiet' });
  const before = (await check('mute1')).num;
  const put = (json) => stack.api('PUT', '/preferences', { user: 'mute1', json });
  assert.deepEqual((await stack.api('GET', '/preferences', { user: 'mute1' })).json, { muted: [], lang: null, quiet_hours: null });
  const muted = await put({ muted: ['loud'] });
  assert.equal(muted.status, 200, muted.text);
  assert.equal(muted.json.num, before - 1);
  assert.deepEqual((await stack.api('GET', '/preferences', { user: 'mute1' })).json, { muted: ['loud'], lang: null, quiet_hours: null });
  assert.equal((await put({ muted: [] })).json.num, before);
});

const night = { from: '22:00', to: '07:00', timezone: 'Asia/Shanghai' };

// From an hour ago to an hour from now.
function hoursNow() {
  const at = (ms) => new Date(Date.now() + ms).toISOString().slice(11, 16);
  return { from: at(-3_600_000), to: at(3_600_000), timezone: 'UTC' };
}

test('quiet hours come with the preferences, a check and an export, until they are ended or the user is erased', async () => {
  const user = 'quiet1';
  const put = (json) => stack.api('PUT', '/preferences', { user, json });
  const hours = async () => (await stack.api('GET', '/preferences', { user })).json.quiet_hours;
  assert.equal((await put({ quiet_hours: night })).status, 200);
  assert.deepEqual(await hours(), night);
  assert.equal((await put({ muted: [], lang: 'en' })).status, 200);
  assert.deepEqual(await hours(), night);
  assert.deepEqual((await stack.api('GET', `/users/${user}`, { service: true })).json.quiet_hours, night);
  const [start, end] = (await check(user)).quiet;
  assert.equal(end - start, 9 * 3600);
  assert.equal(end % 86_400, 23 * 3600, 'seven in the morning in Shanghai');
  assert.deepEqual((await stack.api('GET', '/unread?category=quiet', { user })).json.quiet, [start, end]);
  assert.equal((await put({ quiet_hours: null })).status, 200);
  assert.equal(await hours(), null);
  assert.ok(!('quiet' in (await check(user))));
  await put({ quiet_hours: night });
  assert.equal((await stack.api('DELETE', `/users/${user}`, { service: true })).status, 200);
  assert.equal(await hours(), null);
});

test('in quiet hours a message is counted and is no hit, unless its category is critical', async () => {
  const user = 'quiet2';
  await stack.api('PUT', '/categories/quiet%2Falarm', { service: true, json: { critical: true } });
  await sendOne(user);
  const before = await check(user);
  assert.equal(before.hit, 1);
  await stack.api('PUT', '/preferences', { user, json: { quiet_hours: hoursNow() } });
  assert.equal((await check(user)).hit, 0);
  await sendOne(user);
  const { num, hit } = await check(user);
  assert.deepEqual([num, hit], [before.num + 1, 0]);
  await sendOne(user, { category: 'quiet/alarm' });
  assert.equal((await check(user)).hit, 1);
});

for (const quiet of [{}, [], [night], 'x', 1, true, { ...night, from: '7:00' }, { ...night, to: '22:00' }, { ...night, timezone: 'CST' }, { ...night, timezone: '+08:00' },
  { ...night, days: [] }, { ...night, timezone: 'x'.repeat(300) }]) {
  test(`quiet hours ${JSON.stringify(quiet)} are 422`, async () => {
    assertError(await stack.api('PUT', '/preferences', { user: 'quiet3', json: { quiet_hours: quiet } }), 422, 'invalid');
  });
}

for (const json of [{}, { muted: 'loud' }, { muted: [5] }, { muted: ['never heard of'] }, { muted: ['a\nb'] }, { mutes: [] },
  { muted: null, lang: 'en' }, { muted: [], lang: 'en US' }, { lang: 5 }, { lang: 'x'.repeat(36) }]) {
  test(`PUT /preferences with ${JSON.stringify(json)} is 422`, async () => {
    assertError(await stack.api('PUT', '/preferences', { user: 'mute2', json }), 422, 'invalid');
  });
}

// Categories

const plain = { strict: false, templates: {}, webhook: null, only_unseen_after: null };
const setCategory = (name, json) => stack.api('PUT', `/categories/${encodeURIComponent(name)}`, { service: true, json });
const categories = async () => (await stack.api('GET', '/categories', { service: true })).json.categories;

test('a critical category cannot be muted, and is shown to those who had', async () => {
  await sendOne('cat', { category: 'Störung/1' });
  await stack.api('PUT', '/preferences', { user: 'cat', json: { muted: ['Störung/1'] } });
  const before = (await check('cat')).num;
  const answer = await setCategory('Störung/1', { critical: true });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { name: 'Störung/1', critical: true, ...plain });
  assert.ok((await categories()).some(({ name, critical }) => name === 'Störung/1' && critical));
  assert.equal((await check('cat')).num, before + 1);
  assertError(await stack.api('PUT', '/preferences', { user: 'cat', json: { muted: ['Störung/1'] } }), 422, 'invalid');
  assert.deepEqual((await setCategory('Störung/1', { critical: false })).json, { name: 'Störung/1', critical: false, ...plain });
  assert.equal((await stack.api('PUT', '/preferences', { user: 'cat', json: { muted: ['Störung/1'] } })).status, 200);
});

test('a category is made by naming it, were it with a quote', async () => {
  assert.equal((await setCategory('of "quotes"', { critical: false })).json.name, 'of "quotes"');
  assert.ok((await categories()).some(({ name }) => name === 'of "quotes"'));
});

for (const [json, pattern] of [
  [{}, /"critical" is needed/], [{ critical: null }, /"critical" is needed/], [{ critical: 1 }, /"critical"/], [{ critical: 'yes' }, /"critical"/],
  [{ critical: true, strict: 'maybe' }, /"strict"/], [{ critical: true, templates: 'x' }, /"templates"/],
  [{ critical: true, templates: { en: { title: '{name}' } } }, /no \{name\}; known are \{extra/],
  [{ critical: true, webhook: 'https://x' }, /no webhooks: set \[auth\] webhook_secret_file/], [{ critical: true, only_unseen_after: -1 }, /only_unseen_after/],
]) {
  test(`PUT /categories/{name} with ${JSON.stringify(json)} is 422`, async () => {
    assertError(await setCategory('never made', json), 422, 'invalid', pattern);
    assert.ok((await categories()).every(({ name }) => name !== 'never made'));
  });
}

test('a category is taken off the list, and comes back when it is named', async () => {
  const remove = () => stack.api('DELETE', '/categories/gone%2Fsoon', { service: true });
  const isListed = async () => (await categories()).some(({ name }) => name === 'gone/soon');
  assertError(await remove(), 404, 'not_found', /no such category/);
  await setCategory('gone/soon', { critical: true });
  assert.ok(await isListed());
  assert.deepEqual((await remove()).json, { removed: true });
  assert.ok(!(await isListed()));
  assert.deepEqual((await remove()).json, { removed: true });
  assertError(await stack.api('PUT', '/preferences', { user: 'cat2', json: { muted: ['gone/soon'] } }), 422, 'invalid');
  await sendOne('cat2', { category: 'gone/soon' });
  assertError(await remove(), 409, 'conflict', /messages=keep/);
  assertError(await stack.api('DELETE', '/categories/gone%2Fsoon?messages=move', { service: true }), 422, 'invalid', /"keep"/);
  assert.deepEqual((await stack.api('DELETE', '/categories/gone%2Fsoon?messages=keep', { service: true })).json, { removed: true });
  await sendOne('cat2', { category: 'gone/soon' });
  assert.deepEqual((await categories()).find(({ name }) => name === 'gone/soon'), { name: 'gone/soon', critical: false, ...plain });
});

test('a name that no category can have is refused', async () => {
  assertError(await setCategory('x'.repeat(65), { critical: true }), 422, 'invalid', /category/);
  assertError(await setCategory('*', { critical: true }), 404, 'not_found');
  assertError(await setCategory('a\nb', { critical: true }), 404, 'not_found');
});

test('a message is followed, and recalled from every inbox', async () => {
  const id = await sendOne(['r1', 'r2'], { title: 'recalled' });
  const before = (await check('r1')).num;
  await stack.api('POST', `/messages/${id}/read`, { user: 'r2' });
  const sent = () => stack.api('GET', `/sent/${id}`, { service: true });
  const { json } = await sent();
  assert.deepEqual(Object.keys(json), ['recipients', 'seen', 'read', 'acked', 'recalled', 'as_of']);
  assert.equal(json.recipients, 2);
  assert.equal(json.read, 1);
  assert.equal(json.recalled, false);
  for (let i = 0; i < 2; i++) {
    const recalled = await stack.api('DELETE', `/sent/${id}`, { service: true });
    assert.equal(recalled.status, 200);
    assert.deepEqual(recalled.json, { recalled: true });
  }
  assert.equal((await check('r1')).num, before - 1);
  assertError(await stack.api('GET', `/messages/${id}`, { user: 'r1' }), 404, 'not_found');
  for (const method of ['GET', 'DELETE']) {
    assertError(await stack.api(method, '/sent/999999999', { service: true }), 404, 'not_found');
    assertError(await stack.api(method, `/sent/${id}`, { user: 'r1' }), 401, 'unauthorized');
  }
});

test('who joins a group hears what comes after, who leaves nothing more', async () => {
  const service = { service: true };
  const member = `/groups/staff%20%2F%C3%BC/members/${encodeURIComponent('a/b%ü 中')}`;
  assert.equal((await stack.api('PUT', member, service)).status, 200);
  assert.deepEqual((await stack.api('PUT', member, service)).json, { added: 0, removed: 0 });
  const before = (await check('a/b%ü 中')).num;
  await send({ group: 'staff /ü', title: 'to members' });
  assert.equal((await check('a/b%ü 中')).num, before + 1);
  const members = await stack.api('GET', '/groups/staff%20%2F%C3%BC/members', service);
  assert.deepEqual(members.json.members, ['a/b%ü 中']);
  assert.deepEqual((await stack.api('DELETE', member, service)).json, { added: 0, removed: 1 });
  assert.equal((await check('a/b%ü 中')).num, before);
});

test('members in bulk, and page by page', async () => {
  const post = (json) => stack.api('POST', '/groups/big/members', { service: true, json });
  const add = Array.from({ length: 25 }, (_, i) => `m${String(i).padStart(2, '0')}`);
  assert.deepEqual((await post({ add })).json, { added: 25, removed: 0 });
  assert.deepEqual((await post({ add: ['new', 5], remove: ['m00', 'stranger'] })).json, { added: 2, removed: 1 });
  const first = await stack.api('GET', '/groups/big/members?limit=20', { service: true });
  assert.equal(first.json.members.length, 20);
  const second = await stack.api('GET', `/groups/big/members?limit=20&after=${first.json.next}`, { service: true });
  assert.equal(second.json.members.length, 6);
  assert.equal(second.json.next, null);
  for (const [json, status, code] of [
    [{}, 422, 'invalid'], [{ add: 'x' }, 422, 'invalid'], [{ add: [''] }, 400, 'malformed'], [{ remove: ['*'] }, 400, 'malformed'], [{ plus: [] }, 422, 'invalid'],
  ]) assertError(await post(json), status, code);
  assertError(await stack.api('GET', '/groups/big/members?limit=0', { service: true }), 422, 'invalid');
  assertError(await stack.api('GET', '/groups/nowhere/members', { service: true }), 404, 'not_found');
  assertError(await stack.api('PUT', '/groups/big/members/*', { service: true }), 404, 'not_found');
});

for (const [method, path] of [
  ['GET', '/preferences'], ['PUT', '/preferences'], ['GET', '/sent/1'], ['DELETE', '/sent/1'], ['GET', '/groups/g/members'],
  ['POST', '/groups/g/members'], ['PUT', '/groups/g/members/u'], ['DELETE', '/groups/g/members/u'], ['GET', '/users/u'], ['DELETE', '/users/u'],
  ['GET', '/users?user=u'], ['DELETE', '/users?user=u'],
  ['GET', '/categories'], ['PUT', '/categories/c'], ['DELETE', '/categories/c'], ['GET', '/metrics'],
]) {
  test(`${method} ${path} without a proof, or with the wrong one, is 401`, async () => {
    assertError(await stack.api(method, path), 401, 'unauthorized');
    const wrong = path === '/preferences' ? { service: true } : { user: 'u' };
    assertError(await stack.api(method, path, wrong), 401, 'unauthorized');
  });
}

test('a user is exported and erased', async () => {
  const user = 'gone/ü';
  const path = `/users/${encodeURIComponent(user)}`;
  await sendOne(user, { title: 'about me' });
  await check(user);
  const exported = await stack.api('GET', path, { service: true });
  assert.equal(exported.status, 200, exported.text);
  assert.equal(exported.json.user, user);
  assert.ok(exported.text.includes('about me'));
  assert.deepEqual((await stack.api('DELETE', path, { service: true })).json, { erased: true });
  assert.deepEqual((await stack.api('DELETE', path, { service: true })).json, { erased: false });
  assertError(await stack.api('GET', path, { service: true }), 404, 'not_found');
  assertError(await stack.api('GET', '/users/*', { service: true }), 404, 'not_found');
});
