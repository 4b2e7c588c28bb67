// SPDX-License-Identifier: MIT
// Bad input to every endpoint: a clear refusal, nothing stored, nothing leaked. Which endpoints and
// fields there are is taken from www/openapi.yaml, so that a new one cannot be forgotten here.

import assert from 'node:assert/strict';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { startStack } from '../../harness/index.mjs';
import { fieldsOf, operation, operations } from '../docs/openapi_document.mjs';

const cleanUps = [];
const MARK = 'Zq9-of-the-caller'; // in what is sent; never in an answer or a log
const INT64_MAX = '9223372036854775807';
const BEYOND = '9223372036854775808';
let stack;
let victim; // {id, position, next}: of another user
let own; // the same, of the one who asks
let fingerprint;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { config: { 'app.user_rate': '0' } });
  for (const user of ['victim', 'mallory']) {
    for (const more of [{}, { ack: true }, { category: 'news' }]) await send({ to: user, title: 'Private', ...more });
  }
  await send({ to: '*', title: 'Everybody' });
  await stack.api('PUT', '/groups/editors/members/victim', { service: true });
  await send({ group: 'editors', title: 'Editors only' });
  victim = await look('victim');
  own = await look('mallory');
  fingerprint = await makeFingerprint();
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

async function send(json) {
  const answer = await stack.api('POST', '/messages', { service: true, json });
  assert.equal(answer.status, 201, answer.text);
}

async function look(user) {
  const { json } = await stack.api('GET', '/messages?limit=1', { user });
  return { id: json.messages[0].id, position: json.position, next: json.next };
}

// Everything that is stored, as one text. The outbox empties by itself, and is left out.
async function makeFingerprint() {
  const { rows } = await stack.db.query("SELECT tablename FROM pg_tables WHERE schemaname = 'doorbell' AND tablename <> 'outbox'");
  assert.ok(rows.length > 10);
  const parts = rows.map(({ tablename: name }) =>
    `SELECT '${name}' AS name, count(*)::integer AS n, md5(string_agg(x::text, ';' ORDER BY x::text)) AS sum FROM doorbell.${name} x`);
  return async () => JSON.stringify((await stack.db.query(`${parts.join(' UNION ALL ')} ORDER BY name`)).rows);
}

const MIB = 1024 * 1024;
const CODES = { 400: 'malformed', 401: 'unauthorized', 404: 'not_found', 409: 'conflict', 413: 'too_big', 415: 'unsupported_type', 422: 'invalid',
  503: 'unavailable' };
const LEAK = /SELECT |INSERT |UPDATE |DELETE |WHERE |SQLSTATE|PL\/pgSQL|CONTEXT|relation|constraint|column|doorbell\.|doorbell_|pg_|postgres|libpq|json-c|\.c:|\.sql|\/tmp\/|0x[0-9a-f]{6}/;

function assertRefused(answer, statuses) {
  assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text.slice(0, 300)}`);
  assert.deepEqual(Object.keys(answer.json ?? {}), ['error'], answer.text);
  assert.deepEqual(Object.keys(answer.json.error).filter((name) => name !== 'index'), ['code', 'message']);
  assert.equal(answer.json.error.code, CODES[answer.status]);
  assert.match(answer.json.error.message, /^[\x20-\x7e]{10,160}$/, 'the message is a sentence');
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.doesNotMatch(answer.text, LEAK);
  for (const secret of [MARK, stack.sendKey, stack.publishKey, stack.secret]) assert.ok(!answer.text.includes(secret), 'something is leaked');
}

const pathOf = (op, args = {}) => op.route.replace(/\{(\w+)\}/g, (_, name) => args[name] ?? { id: '1', group: 'editors', user: 'u', name: 'ads' }[name]);

function headersOf(op, headers) {
  const proof = op.schemes.includes('service') ? stack.sendKey : stack.token('mallory');
  return { authorization: `Bearer ${proof}`, ...headers };
}

// All of `cases`: {what, statuses, args, query, headers, json | raw (a body as it is)}.
async function refuse(op, cases) {
  const before = await fingerprint();
  for (const { what, statuses, args, query = '', headers, json, raw } of cases) {
    const isJson = raw !== undefined && !headers;
    const sent = headersOf(op, isJson ? { 'content-type': 'application/json' } : headers);
    const answer = await stack.api(op.method, pathOf(op, args) + query, { headers: sent, json, body: raw });
    try {
      assertRefused(answer, statuses);
      assert.equal(await fingerprint(), before, 'something was stored');
    } catch (error) {
      error.message = `${op.id}, ${what}: ${error.message}`;
      throw error;
    }
  }
}

// Fields. What is no JSON of its own is written as {raw}.

const raw = (text) => ({ raw: text });
const long = (n) => MARK.padEnd(n, 'x');
const controls = ['a\0b', 'a\nb', `/a\r\nSet-Cookie: a=${MARK}`, '\x07', '\x1b[31m', 'a\x7fb', 'a\u0085b'];
const badNumbers = [-1, 0, 1.5, 1e300, raw(BEYOND), raw(`-${BEYOND}`), raw('-9223372036854775809'), raw('1e5'), raw('1.0'), raw('01'), raw('NaN')];
const wrong = {
  line: (max) => [1, ...wrong.name(max)],
  name: (max) => [1.5, true, [], [MARK], {}, { a: MARK }, '', ...controls, long(max + 1), '中'.repeat(max + 1)],
  pathName: (max) => [...wrong.name(max), 'ä'.repeat(max / 2 + 1)],
  text: (max) => [1, true, [], {}, 'a\0b', 'a\x01b', 'a\x1bb', long(max + 1), '中'.repeat(max / 3 + 1)],
  int: [...badNumbers, '1', '', true, [], {}, INT64_MAX],
  bool: [0, 1, 'true', '', 'yes', [], {}, raw('TRUE')],
  ids: [1, '1', {}, true, null, [], [null], ['1'], [1.5], [[1]], [{}], [true], Array(1001).fill(1), raw(`[${BEYOND}]`), raw('[1,]')],
  users: ['1', 1, {}, true, [null], [''], ['*'], [['1']], [{}], [true], [1.5], [long(129)], ...controls.map((text) => [text]),
    Array.from({ length: 100001 }, (_, i) => i)],
  categories: ['news', 1, {}, null, [1], [null], [''], [['news']], ['nobody named it'], [long(65)], ...controls.map((text) => [text]),
    Array.from({ length: 1001 }, (_, i) => `c${i}`)],
  groups: ['g', 1, {}, true, [null], [''], ['*'], [['g']], [{}], [true], [1.5], [long(129)], ['.'], ...controls.map((text) => [text]), Array.from({ length: 17 }, (_, i) => `g${i}`)],
  url: ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\tscript:alert(1)', ' javascript:alert(1)', 'data:text/html,<script>', 'vbscript:x',
    'file:///etc/passwd', 'ftp://host/', '//host/', '/\\host/', '\\\\host\\', '/\t/host/', 'https:host', 'https://', 'http:///x', 'page', '?x', '#x',
    '/a b', '/a\r\nLocation: http://host/', 'http://host/\r\n', 'http://host/\u0000', 'https://host\\@other/'],
  extra: [1, 'x', '{}', [1], true, { a: long(16384) }, { a: 'a\0b' }, raw('{"a":1,"a":2}'), raw('{"a":1e309}'), raw('{"a":[1e-400000]}'), raw(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`)],
  audience: ['', null, {}, true, 1.5, [null], [''], ['*'], ['1', '*'], [['1']], [{}], [true], [1.5], [long(129)], long(129), ...controls,
    ...controls.map((text) => [text]), raw(BEYOND), Array.from({ length: 100001 }, (_, i) => i)],
};

// The values that each field must refuse, and what comes with it.
const title = { to: 'victim', title: 'Title' };
const subject = { ...title, subject_type: 'order', subject_id: '7' };
const putAway = {
  ids: [wrong.ids, {}],
  all: [[...wrong.bool, false, null], {}],
  category: [['', null, ...wrong.pathName(64)], {}],
  read: [[...wrong.bool, false, null], {}],
  group_key: [[null, ...wrong.name(255)], {}],
  upto: [[1, '', null, true, [], {}, 'x', INT64_MAX, "p1-'; --", long(256)], { all: true }],
};
const fields = {
  sendMessage: {
    to: [wrong.audience, { title: 'Title' }],
    group: [['', null, '*', ...wrong.pathName(128)], { title: 'Title' }],
    title: [[null, ...wrong.line(255)], title],
    body: [wrong.text(65536), title],
    sender: [wrong.name(255), title],
    url: [[...wrong.line(2048), ...wrong.url], title],
    category: [wrong.pathName(64), title],
    key: [wrong.name(255), title],
    subject_type: [wrong.name(64), subject],
    subject_id: [wrong.name(255), subject],
    expires_in: [[...wrong.int, 315360001], title],
    send_at: [[...wrong.int, 253402300799, 253402300800], title],
    replace: [[...wrong.bool, true], title],
    ack: [wrong.bool, title],
    to_new_users: [wrong.bool, title],
    group_key: [wrong.name(255), title],
    extra: [wrong.extra, title],
    groups: [[...wrong.groups, []], { title: 'Title' }],
    except: [[...wrong.users, Array.from({ length: 101 }, (_, i) => i)], { to: '*', title: 'Title' }],
    except_groups: [wrong.groups, { to: '*', title: 'Title' }],
    known_before: [wrong.int, { to: '*', title: 'Title' }],
  },
  markRead: {
    ids: [wrong.ids, {}],
    upto: [[1, '', null, true, [], {}, 'x', INT64_MAX, "p1-'; --", long(256)], {}],
    oldest: [[...wrong.int, 1001, null], {}],
    all: [[...wrong.bool, false, null], {}],
    subject_type: [wrong.name(64), { subject_id: '7' }],
    subject_id: [wrong.name(255), { subject_type: 'order' }],
    group_key: [[null, ...wrong.name(255)], {}],
  },
  markUnread: { ids: [wrong.ids, {}], all: [[...wrong.bool, false, null], {}] },
  archiveMany: putAway,
  removeMany: putAway,
  markSeen: { position: [[1, '', null, true, [], {}, 'x', INT64_MAX, long(256)], {}], wrong: [[...wrong.bool, false, null], {}] },
  changePreferences: { muted: [wrong.categories, {}], lang: [[...wrong.line(35).filter(Boolean), 'e', 'en US', 'en_US', '-en', 'en-'], {}],
    quiet_hours: [[1, 'x', true, [], [1], {}, ...['from', 'to', 'timezone'].flatMap((field) => [...wrong.line(64), null, MARK, '..', '/etc/passwd', "UTC'; --", '7:00', '99:99'].map(
      (value) => ({ from: '22:00', to: '07:00', timezone: 'UTC', [field]: value }))), { from: '22:00', to: '07:00', timezone: 'UTC', days: MARK }], {}],
  },
  changeMembers: { add: [wrong.users, {}], remove: [wrong.users, {}] },
  changeCategory: {
    critical: [[...wrong.bool, null], {}],
    strict: [wrong.bool, { critical: false }],
    templates: [[1, 'x', true, [1], { e: { title: 't' } }, { en: 't' }, { en: {} }, { en: { title: '{' } }, { en: { title: 'a\0b' } },
      { en: { title: long(256) } }, { en: { title: 't', body: long(65537) } }, { en: { title: 't', text: 't' } }, { en: { title: '{name}' } }],
    { critical: false }],
    webhook: [[...wrong.line(2048).filter(Boolean), 'https://host/'], { critical: false }],
    only_unseen_after: [[...wrong.int.filter((value) => value !== 0), 604801], { critical: false }],
  },
  makeToken: {
    user: [['', null, '*', true, 1.5, [], {}, long(129), 'a\0b', 'a\nb', 'a\x7fb', raw(BEYOND)], {}],
    ttl: [[...wrong.int, 86401], { user: 'u' }],
  },
};
// Each wrong value of a field in a message that comes after a right one; {raw} is spliced into the list as text.
const wrongMessages = Object.entries(fields.sendMessage).flatMap(([name, [values, base]]) =>
  values.map((value) => raw(`[${JSON.stringify(title)},${bodyWith(base, name, value)}]`)));
fields.sendBatch = {
  messages: [[null, 1, '', 'x', true, {}, [], [null], [1], ['x'], [[]], [title, {}], [title, { colour: 1 }], Array(1001).fill(title), { 0: title, x: title }, ...wrongMessages], {}],
  defaults: [[1, 'x', true, [1], { key: 'k' }, { colour: 1 }, { to: '' }, { title: 1 }], { messages: [{}] }],
  atomic: [wrong.bool, { messages: [title] }],
};
const withBody = operations.filter(({ media }) => media.length > 0);

function bodyWith(base, name, value) {
  if (value === null || typeof value !== 'object' || !('raw' in value)) return JSON.stringify({ ...base, [name]: value });
  return JSON.stringify({ ...base, [name]: MARK }).replace(`"${MARK}"`, value.raw);
}

// What a body needs beside what it has, or must not have beside it.
const incomplete = {
  sendMessage: [{ to: 'victim' }, { group: 'editors' }, { title: 'Title' }, { body: MARK }, { ...title, group: 'editors' }, { title: 'Title', to: [], group: 'editors' },
    { ...title, subject_type: 'order' }, { ...title, subject_id: '7' }, { ...title, subject_type: 'order', replace: true },
    { title: 'Title', to: '*', group_key: 'k' }, { title: 'Title', group: 'editors', group_key: 'k' }, { ...title, group_key: 'k', ack: true }],
  sendBatch: [{ atomic: true }, { defaults: title }, { messages: [title, { to: 'victim' }] }, { messages: [title, { ...title, group: 'editors' }] }, { messages: [{}], defaults: { ...title, group: 'editors' } }],
  markRead: [{ subject_type: 'order' }, { subject_id: '7' }, { all: true, oldest: 1 }, { ids: [1], all: true }, { oldest: 1, upto: 'x' }, { group_key: 'k', all: true },
    { group_key: 'k', upto: 'x' }, { group_key: 'k', upto: '' }],
  markUnread: [{ ids: [1], all: true }],
  archiveMany: [{ ids: [1], all: true }, { all: true, read: true }, { category: 'news', read: true }, { upto: 'x' }, { group_key: 'k', category: 'news' }],
  removeMany: [{ ids: [1], all: true }, { all: true, category: 'news' }, { ids: [1], upto: 'x' }, { group_key: 'k', upto: 'x' }],
  changeMembers: [{ add: ['u'], remove: ['u'] }],
  makeToken: [{ ttl: 60 }],
};
for (const [id, bodies] of Object.entries(incomplete)) {
  test(`${id} refuses a body with too little or too much`, () =>
    refuse(operation(id), bodies.map((json) => ({ what: JSON.stringify(json), statuses: [400, 422], json }))));
}

test('every field of every body is tried', () => {
  for (const op of withBody) assert.deepEqual(Object.keys(fields[op.id] ?? {}).sort(), Object.keys(fieldsOf(op)).sort(), op.id);
});

for (const [id, table] of Object.entries(fields)) {
  for (const [name, [values, base]] of Object.entries(table)) {
    test(`${id} refuses wrong values of ${name}`, () =>
      refuse(operation(id), values.map((value) => (
        { what: `${JSON.stringify(value)?.slice(0, 80)}`, statuses: [400, 422], raw: bodyWith(base, name, value) }))));
  }
}

// Whole bodies

const deep = (open, close, n = 10_000) => open.repeat(n) + close.repeat(n);
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const notJson = [
  '{', '}', '[]', '"x"', '1', 'true', 'null', ' ', '{"a":1}}', '{"a":1,}', "{'a':1}", '{a:1}', '{"a":1}//x', '{"a":1,"a":1}', '{"a":NaN}', '\ufeff{}',
  '{"a":"\\ud800"}', '{"a":"\\x"}', '{"a":"\n"}', `{"a":${BEYOND}}`, '\0', deep('[', ']'), deep('{"a":', '}'), `{"a":${deep('[', ']')}}`, '['.repeat(60_000),
  bytes('{"a":"', [0xff, 0xfe], '"}'), bytes('{"', [0xc0, 0x80], '":1}'), bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'), bytes('{"a":"', [0xe4, 0xb8], '"}'),
];
const urlencodedType = { 'content-type': 'application/x-www-form-urlencoded' };
const badForms = [
  ['%', [400]], ['a=%zz', [400]], ['a=%ff', [400, 422]], ['a=%00', [400, 422]], ['a[b]=1', [422]], ['a[b][c]=1', [422]], ['to[][]=1', [422]], ['a[=1', [422]],
  ['[]=1', [422]], ['=1', [422]], ['a=1&a=2', [422]], [`${'x'.repeat(5000)}=1`, [422]], ['a[]='.concat('&a[]='.repeat(9000)), [422]],
  ['ids[]=1&'.repeat(8000), [422]], ['to[1]=1&to=2', [422]], ['{"all":true}', [422]],
];
const part = (head, value) => `--b\r\n${head}\r\n\r\n${value}\r\n`;
const multipartType = { 'content-type': 'multipart/form-data; boundary=b' };
const badMultiparts = [
  ['', multipartType, [400, 422]], ['--b', multipartType, [400]], ['--b--', multipartType, [400, 422]], [part('Content-Disposition: form-data; name="a"', MARK), multipartType, [400]],
  [`${part('Content-Disposition: form-data', MARK)}--b--`, multipartType, [400, 422]], [`${part('X: y', MARK)}--b--`, multipartType, [400, 422]],
  [`${part('Content-Disposition: form-data; name="a', MARK)}--b--`, multipartType, [400]],
  [`${part(`Content-Disposition: form-data; name="a"\r\nX: ${'y'.repeat(5000)}`, MARK)}--b--`, multipartType, [400, 413]],
  [`${part('Content-Disposition: form-data; name="a[b]"', MARK)}--b--`, multipartType, [422]],
  [part('Content-Disposition: form-data; name="a"', MARK), { 'content-type': 'multipart/form-data' }, [400, 415]],
  [part('Content-Disposition: form-data; name="a"', MARK), { 'content-type': `multipart/form-data; boundary=${'b'.repeat(71)}` }, [400, 415]],
];
const badTypes = ['text/plain', 'text/xml', 'application/octet-stream', 'application/jsonx', 'multipart/mixed; boundary=b', MARK, '/'];

for (const op of withBody) {
  test(`${op.id} refuses what is no JSON object, and what is nested too deeply`, () =>
    refuse(op, notJson.map((body) => ({ what: `${body.subarray ? [...body] : body}`.slice(0, 60), statuses: [400], raw: body }))));

  test(`${op.id} refuses an empty body, an empty object and unknown fields`, () =>
    refuse(op, [
      { what: 'nothing', statuses: [400, 422] },
      { what: 'an empty object', statuses: [400, 422], json: {} },
      { what: 'an unknown field', statuses: [422], json: { [MARK.padEnd(70, 'x')]: 1 } },
      { what: 'a field that is part of every object', statuses: [422], raw: '{"__proto__":{"all":true}}' },
      { what: 'an empty name', statuses: [422], json: { '': MARK } },
      { what: 'many fields', statuses: [413, 422], json: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i])) },
    ]));

  test(`${op.id} refuses malformed forms`, () =>
    refuse(op, [
      ...badForms.map(([body, statuses]) => ({ what: body.slice(0, 60), statuses, raw: body, headers: urlencodedType })),
      ...badMultiparts.map(([body, headers, statuses]) => ({ what: `${headers['content-type']} ${body}`.slice(0, 120), statuses, raw: body, headers })),
    ]));

  test(`${op.id} refuses other types of bodies`, () =>
    refuse(op, badTypes.map((type) => ({ what: type, statuses: [415], raw: '{}', headers: { 'content-type': type } }))));
}

for (const id of ['sendMessage', 'changeMembers']) {
  test(`${id} refuses more fields than a list may have`, () => {
    const name = id === 'sendMessage' ? 'to' : 'add';
    const list = (n) => `${name}[]=1&`.repeat(n);
    return refuse(operation(id), [
      { what: 'one too many', statuses: [422], raw: `title=x&${list(100_001)}`, headers: urlencodedType },
      { what: 'far too many', statuses: [413], raw: `title=x&${list(500_000)}`, headers: urlencodedType },
      { what: 'fields without anything', statuses: [400, 413, 422], raw: '&'.repeat(8_000_000), headers: urlencodedType },
      { what: 'a name for each', statuses: [413, 422], raw: Array.from({ length: 200_000 }, (_, i) => `f${i}=1`).join('&'), headers: urlencodedType },
    ]);
  });
}

for (const op of operations.filter(({ responses }) => responses[413])) {
  test(`${op.id} refuses a body that is too big`, () => {
    const max = { sendMessage: 8 * MIB, sendBatch: 8 * MIB, changeMembers: 8 * MIB, changeCategory: MIB }[op.id] ?? MIB / 16;
    return refuse(op, [{ what: 'one byte more', statuses: [413], raw: ' '.repeat(op.media.length > 0 ? max + 1 : 1025) }]);
  });
}

// Paths

const badIds = [
  ['0', [404]], ['-1', [404]], [BEYOND, [404]], ['99999999999999999999999999', [404]], ['1.5', [404]], ['0x1', [404]], ['1e3', [404]], ['+1', [404]], ['%201', [404]],
  ['%EF%BC%91', [404]], ["1'--", [404]], ['1%2F2', [404]], ['', [404]], ['%FF', [400]], ['x'.repeat(3000), [404]], [MARK, [404]],
];
const rightQuery = (op) => (['/users', '/revoke', '/messages/{id}/explain'].includes(op.route) ? '?user=u' : '');
const rightBodies = { changeMembers: { add: ['u'] }, changeCategory: { critical: true } };
const badNames = [
  ['', [404]], ['*', [404]], ['%0A', [404]], ['%7F', [404]], ['a%0D%0AX:%20y', [404]], ['%FF', [400]], ['%C0%80', [400]], ['%ED%A0%80', [400]], ['x'.repeat(129), [404]],
  ['%E4%B8%AD'.repeat(43), [404]],
];

for (const op of operations.filter(({ route }) => route.includes('{'))) {
  const names = [...op.route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  test(`${op.id} refuses wrong ids and names in its path`, () =>
    refuse(op, names.flatMap((name) => (name === 'id' ? badIds : badNames).map(([text, statuses]) => (
      { what: `${name} ${text.slice(0, 60)}`, statuses, args: { [name]: text }, query: rightQuery(op), json: rightBodies[op.id] }))
      .filter(({ args }) => op.id !== 'explainMessage' || args.id !== '0')))); // which explains that there is none
}

for (const op of operations.filter(({ route, schemes }) => route.startsWith('/messages/{id}') && schemes.includes('user'))) {
  test(`${op.id} knows no message of another user`, async () => {
    const { rows } = await stack.db.query('SELECT id FROM doorbell.message');
    const { rows: mine } = await stack.db.query("SELECT message_id FROM doorbell.inbox WHERE user_id = 'mallory'");
    const { rows: all } = await stack.db.query('SELECT id FROM doorbell.message WHERE feed_id = 1');
    const visible = new Set([...mine.map((row) => row.message_id), ...all.map((row) => row.id)]);
    const foreign = rows.map(({ id }) => id).filter((id) => !visible.has(id));
    assert.equal(foreign.length, 4);
    await refuse(op, foreign.map((id) => ({ what: `message ${id}`, statuses: [404], args: { id: String(id) } })));
  });
}

test('a path that is malformed is refused by the program itself', async () => {
  const before = await fingerprint();
  for (const uri of ['%', '%0', '%zz', '%00', '..', '.', '%2e%2e', '%ff', '%c0%ae%c0%ae', `${'a/'.repeat(5)}..`]) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      assertRefused(await fastcgi({ path: stack.appSocket }, { REQUEST_METHOD: method, REQUEST_URI: `/doorbell/users/${uri}`, HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` }), [400]);
    }
  }
  assert.equal(await fingerprint(), before);
});

// Queries

const manyParameters = `?${'a[]=&'.repeat(1000)}`;
const badLimits = ['0', '-1', '1e9', '1000000000', '1.5', 'x', INT64_MAX, BEYOND, '+1', '0x10', '%201', '%EF%BC%91', '1&limit=2', 'NaN'];
const badQueries = {
  checkUnread: ['?by=x', '?by=category&by=category', '?by=category&category=x', '?category=a&category=b'],
  listMessages: [...badLimits.map((limit) => `?limit=${limit}`), '?state=ALL', '?state=read', "?state='", '?state=all&state=all', `?state=${MARK}`,
    '?grouped=2', '?grouped=yes', '?grouped=1&grouped=1', '?grouped=1&group_key=k', `?group_key=${long(256)}`, '?group_key=a&group_key=b',
    '?after=813', "?after='", `?after=${MARK}`, `?after=p1-00000000-${INT64_MAX}-0-0-0-0`, `?after=${long(2000)}`, '?after=a&after=b'],
  listMembers: [...badLimits.map((limit) => `?limit=${limit}`), '?limit=10001', '?after=a&after=b'],
};
const malformedQueries = ['?a=%', '?a=%zz', '?a=%ff', '?a=%00', '?category=%0d%0aX:y', '?%01=1', manyParameters];

for (const op of operations) {
  test(`${op.id} refuses a malformed query`, () =>
    refuse(op, malformedQueries.map((query) => ({ what: query.slice(0, 60), statuses: [400], query }))));
}
for (const [id, queries] of Object.entries(badQueries)) {
  test(`${id} refuses wrong parameters`, () => refuse(operation(id), queries.map((query) => ({ what: query, statuses: [422], query }))));
}

// Capabilities

test('the text of a message to everybody is closed to forged capabilities', async () => {
  const [{ id }] = (await stack.db.query('SELECT id FROM doorbell.message WHERE feed_id = 1')).rows;
  const [, c] = (await stack.broadcastPath(id)).split('c=');
  const [epoch, mac] = c.split('.');
  const other = (await stack.broadcastPath(victim.id)).split('c=')[1];
  const forged = ['', '.', '..', mac, `.${mac}`, `${epoch}.`, `+${c}`, `-${c}`, `%20${c}`, `${c}%20`, `${c}%3D%3D`, `0${c}`, `${epoch}1.${mac}`, `${BEYOND}.${mac}`,
    `${epoch}.${mac.toUpperCase()}`, `${epoch}..${mac}`, `${epoch}.${'A'.repeat(22)}`, `${c}&c=${c}`, `[]=${c}`, other, MARK, long(7000), '%F0%9F%94%94', "';%20--"];
  await refuse(operation('showBroadcast'), forged.map((text) => ({ what: text.slice(0, 60), statuses: [404], args: { id: String(id) }, query: `?c=${text}` })));
  await refuse(operation('showBroadcast'), [{ what: 'a personal message', statuses: [404], args: { id: String(victim.id) }, query: `?c=${other}` }]);
});

// Cursors and positions that are another's, forged, or of the other kind

test('the list refuses foreign and forged cursors', () => {
  const [, tag, number] = own.next.split('-');
  const forged = [victim.next, own.position, `c1-00000000-${number}`, `c2-${tag}-${number}`, `c1-${tag}--1`, `c1-${tag}-${BEYOND}`, `c1-${tag}-`,
    `c1-${tag}-${number}-1`, `c1-${tag.toUpperCase()}x-${number}`, `C1-${tag}-${number}`, `${own.next}'`, ` ${own.next}`, '1', '-1', INT64_MAX, "'; --", long(300)];
  return refuse(operation('listMessages'), forged.map((before) => ({ what: before, statuses: [422], query: `?before=${encodeURIComponent(before)}` })));
});

test('marking refuses foreign and forged positions', async () => {
  const p = own.position.split('-');
  const swap = (at, value) => p.map((item, i) => (i === at ? value : item)).join('-');
  const forged = [victim.position, own.next, swap(0, 'p2'), swap(1, '00000000'), swap(2, '-1'), swap(2, BEYOND), swap(3, BEYOND), swap(4, ''), swap(5, '9'.repeat(10)),
    swap(6, '3'), `${own.position}-0`, ` ${own.position}`, `${own.position}\n`, own.position.toUpperCase(), '1', INT64_MAX];
  await refuse(operation('markRead'), forged.map((upto) => ({ what: upto, statuses: [422], json: { upto } })));
  for (const id of ['archiveMany', 'removeMany']) await refuse(operation(id), forged.map((upto) => ({ what: upto, statuses: [422], json: { all: true, upto } })));
  await refuse(operation('markSeen'), forged.map((position) => ({ what: position, statuses: [422], json: { position } })));
});

test('ids that are nobody\'s or another\'s mark nothing', async () => {
  for (const id of ['markRead', 'markUnread', 'archiveMany', 'removeMany']) {
    await refuse(operation(id), [[victim.id], [0], [-1], [999999999], raw(`[${INT64_MAX}]`), raw('[-9223372036854775808]')].map((ids) => (
      { what: JSON.stringify(ids), statuses: [404], raw: bodyWith({}, 'ids', ids) })));
  }
});

// What comes before a body: its length, as a web server tells it

test('a length that is none, or not that of the body, is refused', async () => {
  const before = await fingerprint();
  const params = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`, CONTENT_TYPE: 'application/json' };
  const body = JSON.stringify({ to: 'victim', title: 'Title' });
  for (const [length, statuses] of [
    ['-1', [400]], ['x', [400]], ['1e3', [400]], ['0x10', [400]], [BEYOND, [400]], [INT64_MAX, [413]], [String(body.length + 1), [400]], [String(body.length - 1), [400]],
    ['0', [400]],
  ]) {
    assertRefused(await fastcgi({ path: stack.appSocket }, { ...params, CONTENT_LENGTH: length }, body), statuses);
  }
  assert.equal(await fingerprint(), before);
});

// Proofs

test('what proves nothing is refused, and not repeated', async () => {
  const before = await fingerprint();
  const none = stack.token('victim', {}, { alg: 'none' }).replace(/[^.]*$/, '');
  for (const op of operations) {
    for (const proof of ['', ' ', 'x', MARK, '.', '..', '....', none, stack.token('victim', { exp: 1 }), stack.token('*'), stack.token('a\nb'), long(5000), '%00', '\xff']) {
      const answer = await stack.api(op.method, pathOf(op), { headers: { authorization: `Bearer ${proof}` } });
      assertRefused(answer, [op.schemes.includes('capability') ? 404 : 401]);
    }
  }
  assert.equal(await fingerprint(), before);
});

test('without the database nothing is told about it', async (t) => {
  const alone = await startStack(t, { relay: false, ownCluster: true });
  const [, c] = (await alone.broadcastPath(1)).match(/(\?.*)/);
  await alone.db.end();
  await alone.cluster.stop();
  for (const op of operations.filter(({ id, responses }) => responses[503] && id !== 'showHealth')) {
    const proof = op.schemes.includes('service') ? alone.sendKey : alone.token('mallory');
    const json = { sendMessage: title, sendBatch: { messages: [title] }, changePreferences: { muted: [] }, ...rightBodies, markSeen: { position: 'x' } }[op.id] ?? { all: true };
    const query = op.schemes.includes('capability') ? c : rightQuery(op);
    const answer = await alone.api(op.method, pathOf(op) + query, { headers: { authorization: `Bearer ${proof}` }, ...(op.media.length > 0 ? { json } : {}) });
    assertRefused(answer, [503]);
    assert.ok(!answer.text.includes(alone.cluster.dir));
  }
});

test('after all that the program is the same and well, and its log tells nothing', async () => {
  assert.deepEqual(await look('victim'), victim);
  assert.equal((await stack.api('GET', '/health')).status, 200);
  assert.ok(stack.app.isRunning);
  assert.ok(!stack.app.log.includes(MARK), 'the log repeats what callers sent');
});
