// SPDX-License-Identifier: MIT
// www/openapi.yaml against the running program: it names every route and no other, every answer is one
// that it foretells, and everything that it foretells really happens.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';

import { makeFolder, removeFolder, top } from '../../harness/folder.mjs';
import { startStack } from '../../harness/index.mjs';
import { checkAnswer, checkBody, examples, fieldsOf, operation, operations, source } from './openapi_document.mjs';

const cleanUps = [];
const seen = new Set(); // 'operation status', of all that was answered
let stack;

test.before(async () => {
  const keys = { sender: 'send', manager: 'manage' };
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false, keys, config: { 'app.user_rate': '0' } });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

// What each path's names stand for where nothing is said, and a body that is right.
const someArgs = { id: 999999999, group: 'editors', user: 'a/b%ü 中', name: 'ads/ü' };
const someBodies = {
  sendMessage: { to: 'u', title: 'Title' },
  sendBatch: { messages: [{ to: 'u', title: 'Title' }] },
  markRead: { all: true },
  markUnread: { all: true },
  archiveMany: { all: true },
  removeMany: { all: true },
  markSeen: { position: 'p1-00000000-0-0-0-0-0' },
  changePreferences: { muted: [] },
  changeMembers: { add: ['u'] },
  changeCategory: { critical: false },
  makeToken: { user: 'u' },
};

const pathOf = (op, args = {}) =>
  op.route.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(args[name] ?? someArgs[name]));

// How whoever may ask proves it.
function proof(op, on, user) {
  if (op.schemes.includes('service')) return { authorization: `Bearer ${on.sendKey}` };
  return op.schemes.includes('user') ? { authorization: `Bearer ${on.token(user)}` } : {};
}

// One call of an operation. options: {args, query, user, headers, json | body, isProven: false, on: a stack}.
// The answer has been held against the document, and counts as seen.
async function call(id, { args, query = '', user = 'u', headers = {}, isProven = true, on = stack, ...rest } = {}) {
  const op = operation(id);
  const sent = { ...(isProven ? proof(op, on, user) : {}), ...headers };
  const answer = await on.api(op.method, pathOf(op, args) + query, { headers: sent, ...rest });
  checkAnswer(op, answer);
  seen.add(`${id} ${answer.status}`);
  return answer;
}

const right = (id) => (someBodies[id] ? { json: someBodies[id] } : {});

async function expect(status, id, options) {
  const answer = await call(id, options);
  assert.equal(answer.status, status, `${id} ${JSON.stringify(options)?.slice(0, 300)}: ${answer.text}`);
  return answer.json;
}

const sendOne = async (to, more = {}) => (await expect(201, 'sendMessage', { json: { to, title: 'Title', ...more } })).id;

// The document by itself

test('the document is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(source));
  assert.ok(valid, JSON.stringify(errors, null, 2));
});

test('the document is of this version', () => {
  const [, version] = readFileSync(path.join(top, 'Makefile'), 'utf8').match(/^VERSION := (\S+)$/m);
  assert.equal(source.info.version, version);
});

test('every operation has a name of its own, a summary and a tag that is described', () => {
  assert.equal(new Set(operations.map(({ id }) => id)).size, operations.length);
  const tags = source.tags.map(({ name }) => name);
  for (const op of operations) {
    assert.ok(op.summary, op.id);
    assert.ok(op.tags.every((tag) => tags.includes(tag)), op.id);
  }
});

test('every schema, answer, parameter and header is used', () => {
  const text = JSON.stringify(source);
  for (const [kind, parts] of Object.entries(source.components)) {
    if (kind === 'securitySchemes') continue;
    for (const name of Object.keys(parts)) assert.ok(text.includes(`"#/components/${kind}/${name}"`), `${kind} ${name}`);
  }
});

for (const { what, check } of examples) test(`example ${what} is as its schema says`, check);

// The document and the routes

const routes = readFileSync(path.join(top, 'fcgi-app/endpoints/routes.c'), 'utf8')
  .match(/struct route routes\[\] = \{.*?^\};/ms)[0]
  .matchAll(/\{METHOD_(\w+), "([^"]+)", ACCESS_(\w+),[^}]*?\s(0|\w+_MAX),[^}]*\}/g);
const access = {
  USER: ['user', 'cookie'], CAPABILITY: ['capability'], PUBLIC: ['service', 'metrics'], SEND: ['service', 'send', 'send:group'], MANAGE: ['service', 'manage'],
  STATISTICS: ['service', 'statistics'], METRICS: ['service', 'metrics'],
};

test('every route of the program is documented, with who may ask, and no other', () => {
  const line = (method, route, schemes, hasBody) => `${method} ${route} ${schemes.join()} ${hasBody ? 'body' : ''}`;
  const inProgram = [...routes].map(([, method, route, who, max]) => line(method, route, access[who], max !== '0'));
  assert.ok(inProgram.length > 10);
  const inDocument = operations.map((op) => line(op.method, op.route, [...op.schemes, ...op.purposes], op.media.length > 0));
  assert.deepEqual(inDocument.sort(), inProgram.sort());
});

for (const route of Object.keys(source.paths)) {
  test(`${route} has the methods that are documented, and no other`, async () => {
    const answer = await stack.api('PATCH', pathOf({ route }));
    assert.equal(answer.status, 405, answer.text);
    const methods = operations.filter((op) => op.route === route).map(({ method }) => method);
    const expected = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    assert.deepEqual(answer.headers.allow.split(', ').sort(), expected.sort());
    assert.equal(answer.json.error.code, 'method_not_allowed');
  });
}

test('a body is JSON, urlencoded or multipart, wherever there is one, but a batch is JSON', () => {
  assert.deepEqual(operation('sendBatch').media, ['application/json']);
  for (const op of operations.filter(({ id, media }) => media.length > 0 && id !== 'sendBatch')) {
    assert.deepEqual(op.media, ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'], op.id);
  }
});

// What every operation refuses

// How many bytes a body may have, as its description says.
function bodyMax(op) {
  if (op.media.length === 0) return 1024;
  const [, n, unit] = op.requestBody.description.match(/^At most (\d+) ([KM])iB/);
  return Number(n) * { K: 1024, M: 1024 * 1024 }[unit];
}

for (const op of operations) {
  const isWrite = op.method !== 'GET';

  test(`${op.id}: a query that is malformed is 400`, () => expect(400, op.id, { query: '?a=%zz', ...right(op.id) }));

  const unproven = op.schemes.includes('capability') ? 404 : 401; // which tells nobody what exists
  test(`${op.id}: a wrong proof is ${unproven}`, () =>
    expect(unproven, op.id, { isProven: false, query: '?c=wrong', headers: { authorization: 'Bearer wrong' }, ...right(op.id) }));

  if (op.id !== 'showHealth') {
    test(`${op.id}: no proof is ${unproven}`, () => expect(unproven, op.id, { isProven: false, ...right(op.id) }));
  }
  if (op.schemes.includes('service')) {
    test(`${op.id}: a service key for something else is 403`, async () => {
      const key = stack.keys[op.purposes.includes('manage') ? 'sender' : 'manager'];
      const refused = await expect(403, op.id, { isProven: false, headers: { authorization: `Bearer ${key}` }, ...right(op.id) });
      assert.match(refused.error.message, new RegExp(`lacks "${op.purposes[0]}"`));
    });
  }
  if (op.schemes.includes('cookie')) {
    test(`${op.id}: a cookie from another site's page is ${isWrite ? '403' : 'enough'}`, async () => {
      const headers = { cookie: `doorbell_token=${stack.token('u')}`, origin: 'http://other.example' };
      const answer = await call(op.id, { isProven: false, headers, ...right(op.id) });
      assert.equal(answer.status === 403, isWrite, answer.text);
    });
    test(`${op.id}: meant for another user it is 409`, async () => {
      const refused = await expect(409, op.id, { headers: { 'doorbell-user': 'other' }, ...right(op.id) });
      assert.equal(refused.error.code, 'another_user');
    });
  }
  if (isWrite) {
    test(`${op.id}: a body may have ${bodyMax(op)} bytes, and more is 413`, async () => {
      await expect(413, op.id, { body: ' '.repeat(bodyMax(op) + 1) });
      assert.notEqual((await call(op.id, { body: ' '.repeat(bodyMax(op)), headers: { 'content-type': 'application/json' } })).status, 413);
    });
    test(`${op.id}: a body of another type is 415`, () =>
      expect(415, op.id, { body: '<a/>', headers: { 'content-type': 'text/xml' } }));
    test(`${op.id}: a body that is no JSON is 400`, () =>
      expect(400, op.id, { body: '{', headers: { 'content-type': 'application/json' } }));
    test(`${op.id}: an unknown field is 422`, () => expect(422, op.id, { json: { ...someBodies[op.id], colour: 1 } }));
  }
}

for (const id of ['showMessage', 'removeMessage', 'markMessageRead', 'markMessageUnread', 'archiveMessage', 'acknowledgeMessage']) {
  test(`${id}: another's message is 404`, async () => {
    const theirs = await sendOne('somebody');
    await expect(404, id, { args: { id: theirs } });
  });
}

test('what is not there is 404', async () => {
  await expect(404, 'showSent');
  await expect(404, 'recallSent');
  await expect(404, 'recallMany', { query: '?category=nobody+has+named+it' });
  await expect(404, 'listMembers', { args: { group: 'nobody has named it' } });
  await expect(404, 'markRead', { json: { ids: [999999999] } });
  for (const id of ['markUnread', 'archiveMany', 'removeMany']) await expect(404, id, { json: { ids: [999999999] } });
  await expect(404, 'exportUser', { args: { user: 'nobody has met them' } });
});

test('users whom no path can name are named in the query', async () => {
  for (const user of ['.', '..']) {
    const query = `?user=${user}`;
    await sendOne(user);
    assert.equal((await expect(200, 'exportNamedUser', { query })).user, user);
    assert.deepEqual(await expect(200, 'eraseNamedUser', { query }), { erased: true });
    await expect(404, 'exportNamedUser', { query });
  }
  for (const id of ['exportNamedUser', 'eraseNamedUser', 'revokeNamedUser', 'explainMessage']) {
    for (const query of ['', '?user=', '?user=a&user=b']) await expect(422, id, { query });
    for (const query of ['?user=*', `?user=${'x'.repeat(129)}`]) await expect(404, id, { query });
  }
});

test('a name that can be nobody\'s is 404', async () => {
  const tooLong = 'x'.repeat(129);
  for (const id of ['exportUser', 'eraseUser', 'revokeUser']) await expect(404, id, { args: { user: tooLong } });
  for (const id of ['addMember', 'removeMember']) await expect(404, id, { args: { user: tooLong } });
  await expect(404, 'changeCategory', { args: { name: tooLong }, json: { critical: true } });
  await expect(404, 'changeMembers', { args: { group: tooLong }, json: { add: ['u'] } });
});

for (const [id, query] of [
  ['checkUnread', '?by=colour'], ['checkUnread', '?by=category&category=a'], ['listMessages', '?limit=0'], ['listMessages', '?limit=101'],
  ['listMessages', '?state=new'], ['listMessages', '?before=12'], ['listMembers', '?limit=0'], ['listMembers', '?limit=10001'],
]) {
  test(`${id} with ${query} is 422`, async () => {
    await expect(200, 'addMember', { args: { user: 'u' } });
    await expect(422, id, { query });
  });
}

test('a user who is in as many groups as may be is 422', async (t) => {
  const small = await startStack(t, { relay: false, config: { 'app.max_groups': '1' } });
  await expect(200, 'addMember', { on: small, args: { group: 'one' } });
  await expect(422, 'addMember', { on: small, args: { group: 'two' } });
});

test('what contradicts the state is 409', async () => {
  const id = await sendOne('ack', { ack: true });
  const args = { id };
  for (const call409 of ['markMessageRead', 'archiveMessage', 'removeMessage']) await expect(409, call409, { user: 'ack', args });
  await expect(200, 'acknowledgeMessage', { user: 'ack', args });
  await expect(409, 'markMessageUnread', { user: 'ack', args });
  await expect(409, 'acknowledgeMessage', { user: 'ack', args: { id: await sendOne('ack') } });
  await sendOne('ack', { key: 'taken' });
  await expect(409, 'sendMessage', { json: { to: 'ack', title: 'Another', key: 'taken' } });
  const { error } = await expect(409, 'sendBatch', { json: { messages: [{ to: 'ack', title: 'x' }, { to: 'ack', title: 'Another', key: 'taken' }] } });
  assert.equal(error.index, 1);
});

test('where tokens are signed elsewhere, making one is 409', async (t) => {
  const folder = makeFolder();
  t.after(() => removeFolder(folder));
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' } });
  writeFileSync(path.join(folder, 'public.pem'), publicKey);
  const config = { 'auth.algorithm': 'ES256', 'auth.public_key_file': path.join(folder, 'public.pem'), 'auth.secret_file': undefined };
  const elsewhere = await startStack(t, { relay: false, config });
  await expect(409, 'makeToken', { on: elsewhere, json: { user: 'u' } });
});

// Limits that the document names: the last value is taken, the next one is not.

const oneMore = {
  maxLength: (n, ok) => [ok.padEnd(n, 'x'), ok.padEnd(n + 1, 'x')],
  maximum: (n) => [n, n + 1],
  minimum: (n) => [n, n - 1],
  minLength: (n) => ['x'.repeat(n), ''],
};
const companions = { // what comes with the field that is tried
  sendMessage: (name) => (name === 'group' ? { title: 'x' } : { to: name === 'known_before' ? '*' : 'u', title: 'x' }),
  markRead: () => ({}),
  makeToken: () => ({ user: 'u' }),
};
const otherHalf = { subject_type: { subject_id: 'x' }, subject_id: { subject_type: 'x' } };

function limitsOf(id) {
  return Object.entries(fieldsOf(operation(id))).flatMap(([name, schema]) =>
    Object.entries(oneMore).filter(([limit]) => limit in schema).map(([limit, make]) => {
      const [ok, bad] = make(schema[limit], name === 'url' ? '/' : 'x');
      const base = { ...companions[id](name), ...otherHalf[name] };
      return { name, limit, ok: { ...base, [name]: ok }, bad: { ...base, [name]: bad } };
    }));
}

for (const id of Object.keys(companions)) {
  for (const { name, limit, ok, bad } of limitsOf(id)) {
    if (name === 'upto') continue; // any text of that length is no position
    test(`${id}: ${name} has the ${limit} that is documented`, async () => {
      checkBody(operation(id), 'application/json', ok);
      assert.throws(() => checkBody(operation(id), 'application/json', bad));
      const taken = await call(id, { json: ok });
      assert.ok(taken.status < 300, `${JSON.stringify(ok).slice(0, 200)}: ${taken.text}`);
      const refused = await call(id, { json: bad });
      assert.ok([400, 422].includes(refused.status), `${JSON.stringify(bad).slice(0, 200)}: ${refused.text}`);
    });
  }
}

// What is taken, in all three types

const multipart = async (fields) => {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  const encoded = new Response(form);
  return { body: Buffer.from(await encoded.arrayBuffer()), headers: { 'content-type': encoded.headers.get('content-type') } };
};
const urlencoded = (fields) => ({
  body: fields.map((pair) => pair.map(encodeURIComponent).join('=')).join('&'),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});

// A form's texts as the values that they stand for, as the schema describes them.
const BOOLEANS = new Set(['all', 'read', 'critical', 'strict', 'ack', 'replace', 'to_new_users']);
const NUMBERS = new Set(['oldest', 'ttl', 'expires_in', 'send_at', 'known_before', 'ids[]']);

function typed(fields) {
  const values = {};
  for (const [name, text] of fields) {
    const key = name.replace(/\[\d*\]$/, '[]');
    let value = text;
    if (BOOLEANS.has(key)) value = ['1', 'true'].includes(text);
    if (NUMBERS.has(key)) value = Number(text);
    values[key] = key.endsWith('[]') ? [...(values[key] ?? []), value] : value;
  }
  return values;
}

// The same as JSON and as both kinds of form; each of them is as the document says.
async function inEveryType(status, id, { json, form, ...rest }) {
  const op = operation(id);
  checkBody(op, 'application/json', json);
  await expect(status, id, { ...rest, json });
  checkBody(op, 'application/x-www-form-urlencoded', typed(form));
  await expect(status, id, { ...rest, ...urlencoded(form) });
  checkBody(op, 'multipart/form-data', typed(form));
  await expect(status, id, { ...rest, ...(await multipart(form)) });
}

test('sending a batch', async () => {
  const messages = [{ to: 1, title: 'T', extra: { a: 1 } }, { to: ['2', 3], title: 'T', url: null }, { group: 'g', body: 'B', subject_type: 'order', subject_id: 7 }, { to: '*' }, { to: [] }];
  for (const json of [{ messages: messages.slice(0, 2) }, { messages, defaults: { title: 'D', expires_in: 60, to: 'u' } }, { messages: [...messages, { to: 'u', url: 'page' }], atomic: false }]) {
    checkBody(operation('sendBatch'), 'application/json', json);
    const { results } = await expect(200, 'sendBatch', { json });
    assert.equal(results.length, json.messages.length);
  }
});

test('sending', async () => {
  await inEveryType(201, 'sendMessage', {
    json: { to: [1, '2'], title: 'T', body: 'B', sender: 'S', url: '/x', category: 'news', extra: { a: 1 }, expires_in: 60, send_at: 1,
      subject_type: 'order', subject_id: '7', replace: true, ack: false, to_new_users: false, group_key: 'like:7' },
    form: [['to[]', '1'], ['to[]', '2'], ['title', 'T'], ['body', 'B'], ['sender', 'S'], ['url', '/x'], ['category', 'news'], ['extra', '{"a":1}'],
      ['expires_in', '60'], ['send_at', '1'], ['subject_type', 'order'], ['subject_id', '7'], ['replace', '1'], ['ack', '0'], ['to_new_users', 'false'], ['group_key', 'like:7']],
  });
  await inEveryType(201, 'sendMessage', { json: { to: '*', title: 'T' }, form: [['to', '*'], ['title', 'T']] });
  await inEveryType(201, 'sendMessage', { json: { group: 'g', title: 'T' }, form: [['group', 'g'], ['title', 'T']] });
  await inEveryType(201, 'sendMessage', {
    json: { groups: ['g', 'h'], except: [1, '2'], except_groups: ['i'], known_before: 2_000_000_000, title: 'T' },
    form: [['groups[]', 'g'], ['groups[]', 'h'], ['except[]', '1'], ['except[]', '2'], ['except_groups[]', 'i'], ['known_before', '2000000000'], ['title', 'T']],
  });
  await expect(201, 'sendMessage', { json: { to: [], title: 'T' } });
  await sendOne('1', { key: 'once' });
  const again = await expect(200, 'sendMessage', { json: { to: '1', title: 'Title', key: 'once' } });
  assert.equal(again.duplicate, true);
});

test('checking', async () => {
  await sendOne('checks', { category: 'news' });
  await expect(200, 'checkUnread', { user: 'checks', query: '?category=news' });
  const parts = await expect(200, 'checkUnread', { user: 'checks', query: '?by=category' });
  assert.equal(parts.categories.news, 1);
  const { headers } = await call('checkUnread', { user: 'checks' });
  await expect(304, 'checkUnread', { user: 'checks', headers: { 'if-none-match': headers.etag } });
  await expect(200, 'checkUnread', { user: 'has nothing at all' });
});

test('listing and showing', async () => {
  for (let i = 0; i < 3; i++) await sendOne('lists', { category: 'news', extra: { i }, ack: i === 2 });
  const first = await expect(200, 'listMessages', { user: 'lists', query: '?limit=1&state=unread&category=news' });
  assert.ok(first.next);
  await expect(200, 'listMessages', { user: 'lists', query: `?limit=100&before=${first.next}` });
  await expect(200, 'listMessages', { user: 'lists', query: '?state=archived' });
  await expect(200, 'showMessage', { user: 'lists', args: { id: first.messages[0].id } });
  for (let i = 0; i < 3; i++) await sendOne('lists', { group_key: 7, sender: 'Ann' });
  const grouped = await expect(200, 'listMessages', { user: 'lists', query: '?grouped=1' });
  assert.deepEqual(grouped.messages[0].group, { key: '7', count: 3, unread: 3, senders: ['Ann'], others: 0 });
  assert.equal((await expect(200, 'listMessages', { user: 'lists', query: '?grouped=0&group_key=7' })).messages.length, 3);
  const told = await expect(200, 'listMessages', { user: 'lists', query: `?state=unread&category=news&after=${first.position}` });
  assert.deepEqual([told.reset, told.messages, told.gone], [false, [], []]);
  assert.equal((await expect(200, 'listMessages', { user: 'lists', query: `?after=${first.position}` })).reset, true);
  for (const query of ['?grouped=yes', '?grouped=1&group_key=7', '?after=813', `?after=${grouped.position}&grouped=1`]) await expect(422, 'listMessages', { user: 'lists', query });
});

test('a message to everybody', async () => {
  const id = await sendOne('*', { category: 'news', extra: { i: 1 } });
  const [, query] = (await stack.broadcastPath(id)).split('?');
  assert.equal((await expect(200, 'showBroadcast', { args: { id }, query: `?${query}&seq=17` })).id, id);
});

test('marking one', async () => {
  const args = { id: await sendOne('marks') };
  for (const id of ['markMessageRead', 'markMessageUnread', 'archiveMessage', 'removeMessage']) await expect(200, id, { user: 'marks', args });
});

test('marking many', async () => {
  const user = 'marks many';
  const ids = [await sendOne(user), await sendOne(user)];
  const { position } = await expect(200, 'listMessages', { user });
  const form = ids.map((id) => ['ids[]', String(id)]);
  await inEveryType(200, 'markRead', { user, json: { ids }, form });
  await inEveryType(200, 'markUnread', { user, json: { ids }, form });
  for (const [json, fields] of [
    [{ upto: position }, [['upto', position]]], [{ oldest: 2 }, [['oldest', '2']]], [{ all: true }, [['all', '1']]],
    [{ subject_type: 'order', subject_id: '7' }, [['subject_type', 'order'], ['subject_id', '7']]],
    [{ group_key: 'k' }, [['group_key', 'k']]], [{ group_key: 7, upto: position }, [['group_key', '7'], ['upto', position]]],
  ]) {
    await inEveryType(200, 'markRead', { user, json, form: fields });
  }
  await inEveryType(200, 'markUnread', { user, json: { all: true }, form: [['all', 'true']] });
  await inEveryType(200, 'markSeen', { user, json: { position }, form: [['position', position]] });
});

test('putting many away', async () => {
  const user = 'puts away';
  const ids = [await sendOne(user), await sendOne(user)];
  const { position } = await expect(200, 'listMessages', { user });
  for (const id of ['archiveMany', 'removeMany']) {
    await inEveryType(200, id, { user, json: { ids }, form: ids.map((one) => ['ids[]', String(one)]) });
    await inEveryType(200, id, { user, json: { all: true, upto: position }, form: [['all', '1'], ['upto', position]] });
    await inEveryType(200, id, { user, json: { category: 'news' }, form: [['category', 'news']] });
    await inEveryType(200, id, { user, json: { read: true }, form: [['read', 'true']] });
    await inEveryType(200, id, { user, json: { group_key: 'k', upto: position }, form: [['group_key', 'k'], ['upto', position]] });
  }
});

test('muting', async () => {
  await sendOne('mutes', { category: 'ads' });
  const user = 'mutes';
  await inEveryType(200, 'changePreferences', { user, json: { muted: ['ads'] }, form: [['muted[]', 'ads']] });
  assert.deepEqual(await expect(200, 'showPreferences', { user }), { muted: ['ads'], lang: null, quiet_hours: null });
  await expect(200, 'changePreferences', { user, json: { muted: [] } });
  await inEveryType(200, 'changePreferences', { user, json: { lang: 'zh-Hant' }, form: [['lang', 'zh-Hant']] });
  await inEveryType(200, 'changePreferences', { user, json: { lang: null }, form: [['lang', '']] });
  const night = { from: '22:00', to: '07:00', timezone: 'Asia/Shanghai' };
  await inEveryType(200, 'changePreferences', { user, json: { quiet_hours: night }, form: [['quiet_hours', JSON.stringify(night)]] });
  assert.deepEqual(await expect(200, 'showPreferences', { user }), { muted: [], lang: null, quiet_hours: night });
  await expect(200, 'checkUnread', { user });
  await inEveryType(200, 'changePreferences', { user, json: { quiet_hours: null }, form: [['quiet_hours', '']] });
  assert.deepEqual(await expect(200, 'showPreferences', { user }), { muted: [], lang: null, quiet_hours: null });
});

test('categories', async () => {
  const args = { name: 'alarm/ü' };
  await inEveryType(200, 'changeCategory', { args, json: { critical: true }, form: [['critical', '1']] });
  const templates = { en: { title: '{sender}', body: '{{' }, 'zh-Hant': { title: '{extra.n|a|b}', body: '' } };
  const change = { critical: true, strict: false, templates, webhook: null, only_unseen_after: null };
  await inEveryType(200, 'changeCategory', { args, json: change, form: [['critical', '1'], ['strict', '0'], ['templates', JSON.stringify(templates)],
    ['webhook', ''], ['only_unseen_after', '']] });
  await inEveryType(201, 'sendMessage', { json: { to: '1', category: args.name }, form: [['to', '1'], ['category', args.name]] });
  const { categories } = await expect(200, 'listCategories');
  assert.deepEqual(categories.find(({ name }) => name === args.name), { ...args, ...change });
  await expect(409, 'removeCategory', { args });
  await expect(200, 'removeCategory', { args, query: '?messages=keep' });
  await expect(200, 'removeCategory', { args });
  await expect(422, 'removeCategory', { args, query: '?messages=move' });
  await expect(404, 'removeCategory', { args: { name: 'nobody has named it' } });
});

test('calls of webhooks that were given up', async () => {
  const { rows: [{ id }] } = await stack.db.query(`INSERT INTO doorbell.webhook_call (message_id, user_ids, since, due_at, failed_at, fault)
    VALUES ($1, '{1}', now(), now(), now(), 'HTTP status 500') RETURNING id::integer`, [await sendOne('1', { category: 'news' })]);
  const { calls } = await expect(200, 'listWebhookCalls');
  assert.deepEqual(calls.map(({ call }) => call), [id]);
  await expect(422, 'listWebhookCalls', { query: '?limit=0' });
  await expect(200, 'retryWebhookCall', { args: { id } });
  await expect(404, 'retryWebhookCall', { args: { id } });
});

test('what became of a message, and recall', async () => {
  const args = { id: await sendOne(['1', '2'], { ack: true }) };
  const report = await expect(200, 'showSent', { args });
  assert.deepEqual([report.recipients, report.acked], [2, 0]);
  await expect(200, 'showSent', { args: { id: await sendOne('*') } });
  await expect(200, 'recallSent', { args });
  await expect(200, 'recallSent', { args });
});

test('recall of many', async () => {
  for (let i = 0; i < 3; i++) await sendOne(i ? ['1', '2'] : '*', { sender: 'Mallory', category: 'news', subject_type: 'post', subject_id: '7' });
  const query = '?sender=Mallory&category=news&subject_type=post&subject_id=7&since=1&limit=1';
  const first = await expect(200, 'recallMany', { query });
  assert.equal(first.recalled, 1);
  const second = await expect(200, 'recallMany', { query: `${query}&before=${first.next}` });
  assert.deepEqual(await expect(200, 'recallMany', { query: `${query}&before=${second.next}` }), { recalled: 1, next: null });
});

test('why a user sees a message, or does not', async () => {
  const args = { id: await sendOne('asks', { category: 'news' }) };
  const explain = (user, more) => expect(200, 'explainMessage', { args, query: `?user=${encodeURIComponent(user)}`, ...more });
  assert.equal((await explain('asks')).reason, 'no_first_contact');
  await expect(200, 'checkUnread', { user: 'asks' });
  const { message, at, ...rest } = await explain('asks');
  assert.deepEqual(rest, { visible: true, reason: 'unread', category: 'news', group: null });
  assert.deepEqual([(await explain('a/b%ü 中')).reason, (await explain('asks', { args: {} })).reason], ['not_addressed', 'unknown']);
});

test('groups', async () => {
  const args = { group: 'Redaktion/中 %' };
  await inEveryType(200, 'changeMembers', {
    args, json: { add: [1, '2'], remove: ['3'] }, form: [['add[]', '1'], ['add[1]', '2'], ['remove[]', '3']],
  });
  assert.deepEqual(await expect(200, 'addMember', { args: { ...args, user: 'a/b' } }), { added: 1, removed: 0 });
  const page = await expect(200, 'listMembers', { args, query: '?limit=2' });
  assert.deepEqual(page.members, ['1', '2']);
  const rest = await expect(200, 'listMembers', { args, query: `?limit=2&after=${encodeURIComponent(page.next)}` });
  assert.deepEqual(rest, { members: ['a/b'], next: null });
  assert.deepEqual(await expect(200, 'removeMember', { args: { ...args, user: 'a/b' } }), { added: 0, removed: 1 });
});

test('a user\'s export and end', async () => {
  const args = { user: 'leaves' };
  await sendOne('leaves', { category: 'news' });
  const before = await expect(200, 'exportUser', { args });
  assert.equal(before.first_contact, null);
  await expect(200, 'checkUnread', { user: 'leaves' });
  const after = await expect(200, 'exportUser', { args });
  assert.ok(after.first_contact > 0);
  assert.equal(after.messages.length > 0, true);
  assert.deepEqual(await expect(200, 'eraseUser', { args }), { erased: true });
  assert.deepEqual(await expect(200, 'eraseUser', { args }), { erased: false });
});

test('the export of a user who has only looked', async () => {
  const user = 'only looks';
  await expect(200, 'checkUnread', { user });
  await sendOne('*');
  const { messages } = await expect(200, 'exportUser', { args: { user } });
  assert.equal(messages.at(-1).seen, false);
});

test('making tokens', async () => {
  await inEveryType(200, 'makeToken', { json: { user: 42, ttl: 60 }, form: [['user', '42'], ['ttl', '60']] });
});

test('revoking tokens', async () => {
  const user = 'was robbed';
  const { token } = await expect(200, 'makeToken', { json: { user } });
  const headers = { authorization: `Bearer ${token}` };
  await expect(200, 'checkUnread', { isProven: false, headers });
  assert.deepEqual(await expect(200, 'revokeUser', { args: { user } }), { revoked: true });
  assert.deepEqual(await expect(200, 'revokeNamedUser', { query: `?user=${encodeURIComponent(user)}` }), { revoked: true });
  assert.equal((await expect(401, 'checkUnread', { isProven: false, headers })).error.code, 'revoked');
});

test('health', async () => {
  assert.deepEqual(await expect(200, 'showHealth', { isProven: false }), { ok: true });
  assert.ok((await expect(200, 'showHealth')).database.schema);
});

test('metrics', () => expect(200, 'showMetrics'));

test('without the database all that needs it is 503, and nothing else', async (t) => {
  const alone = await startStack(t, { relay: false, ownCluster: true });
  const [, c] = (await alone.broadcastPath(someArgs.id)).match(/(\?.*)/);
  await alone.db.end();
  await alone.cluster.stop();
  for (const op of operations) {
    const query = /^\/(users|revoke|messages\/{id}\/explain)$/.test(op.route) ? '?user=u' : op.schemes.includes('capability') ? c : '';
    const answer = await call(op.id, { on: alone, query, ...right(op.id) });
    assert.equal(answer.status, op.responses[503] ? 503 : 200, `${op.id}: ${answer.text}`);
    assert.doesNotMatch(answer.text, /"num"/);
  }
});

test('a user who asks too much at once is 429, whatever it is', async (t) => {
  const config = { 'app.user_rate': '1', 'app.user_burst': '1' };
  const strict = await startStack(t, { relay: false, config });
  for (const op of operations.filter(({ schemes }) => schemes.includes('user'))) {
    const ask = () => call(op.id, { on: strict, user: op.id, ...right(op.id) });
    const answers = [await ask(), await ask(), await ask()];
    assert.ok(answers.some(({ status }) => status === 429), op.id);
  }
});

test('everything that is documented has happened', () => {
  const documented = operations.flatMap((op) => Object.keys(op.responses).map((status) => `${op.id} ${status}`));
  assert.deepEqual(documented.filter((one) => !seen.has(one)), []);
});
