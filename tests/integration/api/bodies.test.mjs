// SPDX-License-Identifier: MIT
// The three types of bodies, through a real web server.

import assert from 'node:assert/strict';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { startStack } from '../../harness/index.mjs';

const cleanUps = [];
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

function multipart(fields, boundary = 'xYz') {
  const parts = fields.map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  return { body: `${parts.join('')}--${boundary}--\r\n`, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}

function urlencoded(body, type = 'application/x-www-form-urlencoded') {
  return { body, headers: { 'content-type': type } };
}

function send({ body, headers }) {
  const all = { authorization: `Bearer ${stack.sendKey}`, ...headers };
  return stack.api('POST', '/messages', { headers: all, body });
}

async function newest(user) {
  const { json } = await stack.api('GET', '/messages?limit=1', { user });
  return json.messages[0];
}

const text = 'Grüße & 中 = 100%\r\n+1';

for (const [what, request] of [
  ['JSON', { body: JSON.stringify({ to: ['f1', 'f2'], title: 'x', body: text, extra: { a: [1] }, to_new_users: false, expires_in: 600 }), headers: { 'content-type': 'application/json' } }],
  ['urlencoded', urlencoded(`to[]=f1&to[]=f2&title=x&body=${encodeURIComponent(text)}&extra=%7B%22a%22%3A%5B1%5D%7D&to_new_users=0&expires_in=600`)],
  ['urlencoded, with escaped brackets and numbers', urlencoded(`to%5B0%5D=f1&to%5B1%5D=f2&title=x&body=${encodeURIComponent(text)}&extra=%7B%22a%22%3A%5B1%5D%7D&to_new_users=false&expires_in=600`, 'application/x-www-form-urlencoded; charset=UTF-8')],
  ['multipart', multipart([['to[0]', 'f1'], ['to[1]', 'f2'], ['title', 'x'], ['body', text], ['extra', '{"a":[1]}'], ['to_new_users', 'false'], ['expires_in', '600']])],
]) {
  test(`${what} says the same`, async () => {
    const answer = await send(request);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json.recipients, 2);
    const message = await newest('f2');
    assert.equal(message.body, text);
    assert.deepEqual(message.extra, { a: [1] });
    assert.equal(message.id, answer.json.id);
  });
}

const gbk = '%CF%B5%CD%B3%CD%A8%D6%AA'; // 系统通知
const gbkBytes = Buffer.from(gbk.replaceAll('%', ''), 'hex');
const part = (name, value, headers = '') =>
  Buffer.concat([Buffer.from(`--xYz\r\nContent-Disposition: form-data; name="${name}"\r\n${headers}\r\n`), Buffer.from(value), Buffer.from('\r\n')]);
const parts = (type, ...all) => ({ body: Buffer.concat([...all, Buffer.from('--xYz--\r\n')]), headers: { 'content-type': `multipart/form-data; boundary=xYz${type}` } });
const inGbk = (more) => urlencoded(`to=f4&title=${gbk}&body=${gbk}${more ?? ''}`, 'application/x-www-form-urlencoded; charset=GBK');

for (const [what, request] of [
  ['urlencoded', inGbk()],
  ['urlencoded, without escapes', { ...inGbk(), body: Buffer.concat([Buffer.from('to=f4&title='), gbkBytes, Buffer.from('&body='), gbkBytes]) }],
  ['urlencoded, as a browser names it', urlencoded(`_charset_=gbk&to=f4&title=${gbk}&body=${gbk}`)],
  ['urlencoded, named at the end', urlencoded(`to=f4&title=${gbk}&body=${gbk}&_charset_=gbk`)],
  ['multipart, named in the middle', parts('', part('to', 'f4'), part('title', gbkBytes), part('_charset_', 'GBK'), part('body', gbkBytes))],
  ['multipart', parts('; charset=gb2312', part('to', 'f4'), part('title', gbkBytes), part('body', gbkBytes))],
  ['multipart, part by part', parts('', part('to', 'f4'), part('title', gbkBytes, 'Content-Type: text/plain; charset=gb18030\r\n'), part('body', '系统通知'))],
]) {
  test(`GBK is stored as the text that it is: ${what}`, async () => {
    const answer = await send(request);
    assert.equal(answer.status, 201, answer.text);
    const { title, body } = await newest('f4');
    assert.deepEqual([title, body], ['系统通知', '系统通知']);
  });
}

const json = (fields, method = 'POST', path = '/messages') => stack.api(method, path, { service: true, json: fields });

test('an empty array of PHP is an empty object, a number a name, a list with gaps a list', async () => {
  const about = { subject_type: 'order', subject_id: 7, key: 7001, category: 12, sender: 3 };
  const answer = await json({ to: { 0: 'f5', 2: 'f6', 9: 57 }, title: 'x', extra: [], ...about });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.json.recipients, 3);
  const message = await newest('57');
  assert.deepEqual([message.extra, message.category, message.sender], [{}, '12', '3']);
  const again = await json({ to: ['f5', 'f6', '57'], title: 'x', extra: {}, ...about, subject_id: '7', key: '7001' });
  assert.equal(again.json.duplicate, true, again.text);
  const read = await stack.api('POST', '/messages/read', { user: 'f5', json: { subject_type: 'order', subject_id: 7 } });
  assert.equal(read.json.changed, 1, read.text);
  const unread = await stack.api('POST', '/messages/unread', { user: 'f5', json: { ids: { 3: answer.json.id } } });
  assert.equal(unread.json.changed, 1, unread.text);
  const muted = await stack.api('PUT', '/preferences', { user: 'f5', json: { muted: { 1: 12 } } });
  assert.deepEqual([muted.status, muted.json.num], [200, 0], muted.text);
  const members = await json({ add: { 0: 'f5', 4: 'f6' }, remove: { 5: 'f7' } }, 'POST', '/groups/gaps/members');
  assert.deepEqual(members.json, { added: 2, removed: 0 });
});

test('short texts have as many characters as openapi.yaml says, whatever their bytes', async () => {
  for (const [name, max] of [['title', 255], ['sender', 255], ['key', 255], ['subject_id', 255], ['subject_type', 64], ['group_key', 255], ['url', 2048]]) {
    const of = (n) => ({ to: 'f8', title: 'x', subject_type: 'order', subject_id: '7', [name]: `/${'中'.repeat(n - 1)}` });
    const fits = await json(of(max));
    assert.equal(fits.status, 201, `${name}: ${fits.text}`);
    const { status, text } = await json(of(max + 1));
    assert.equal(status, 422, name);
    assert.match(text, new RegExp(`${name}.*${max} characters`));
  }
});

test('the limits hold for what a text has become', async () => {
  const longest = (n) => urlencoded(`to=f4&title=x&body=${'%D6%D0'.repeat(n)}`, 'application/x-www-form-urlencoded; charset=GBK');
  assert.equal((await send(longest(21845))).status, 201); // 65,535 bytes
  const { status, json } = await send(longest(21846));
  assert.equal(status, 422);
  assert.match(json.error.message, /"body" is longer than 65536 bytes/);
});

test('an empty optional field of a form is absent', async () => {
  const answer = await send(urlencoded('to=f3&title=x&sender=&url=&expires_in=&extra=&key='));
  assert.equal(answer.status, 201, answer.text);
  const message = await newest('f3');
  assert.equal(message.sender, null);
  assert.equal(message.url, null);
  assert.equal(message.extra, null);
});

test('a star in a form is everybody as a scalar only', async () => {
  assert.equal((await send(urlencoded('to=*&title=x'))).json.recipients, null);
  assert.equal((await send(urlencoded('to[]=*&title=x'))).status, 400);
});

for (const [what, request, status, pattern] of [
  ['a nested name', urlencoded('to=1&title=x&extra[a]=1'), 422, /bracket/],
  ['a nested list', urlencoded('to[a][]=1&title=x'), 422, /bracket/],
  ['an open bracket', urlencoded('to[=1&title=x'), 422, /bracket/],
  ['a name given twice', urlencoded('to=1&title=x&title=y'), 422, /"title" is given twice/],
  ['a scalar and a list', urlencoded('to=1&to[]=2&title=x'), 422, /"to" is given twice/],
  ['a list for a text', urlencoded('to=1&title[]=x'), 422, /"title"/],
  ['a boolean that is none', urlencoded('to=1&title=x&ack=yes'), 422, /"ack"/],
  ['a number that is none', urlencoded('to=1&title=x&expires_in=1h'), 422, /"expires_in"/],
  ['extra that is no JSON', urlencoded('to=1&title=x&extra=%7B'), 422, /"extra"/],
  ['extra that is no object', urlencoded('to=1&title=x&extra=5'), 422, /"extra"/],
  ['an unknown field', urlencoded('to=1&title=x&foo=1'), 422, /"foo" is unknown/],
  ['an empty list item', urlencoded('to[]=&title=x'), 400, /"to"/],
  ['no audience', urlencoded('title=x'), 400, /exactly one/],
  ['an empty audience', urlencoded('to=&title=x'), 400, /./],
  ['a bad escape', urlencoded('to=1&title=%zz'), 400, /malformed/],
  ['bytes that are not UTF-8', urlencoded('to=1&title=%ff'), 400, /UTF-8/],
  ['NUL', urlencoded('to=1&title=a%00b'), 422, /"title"/],
  ['multipart without boundary', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }, 400, /malformed/],
  ['multipart that ends early', { body: '--a\r\nContent-Disposition: form-data; name="to"\r\n\r\n1', headers: { 'content-type': 'multipart/form-data; boundary=a' } }, 400, /malformed/],
  ['an unknown charset', urlencoded('to=1&title=x', 'application/x-www-form-urlencoded; charset=utf-7'), 415, /send UTF-8, or one of gb18030/],
  ['half a character of GBK', inGbk('&sender=%D6'), 422, /"sender" has bytes that its charset does not have/],
  ['two charsets', urlencoded('to=1&_charset_=gbk&title=x&_charset_=big5'), 422, /"_charset_" is given twice/],
  ['JSON in another charset', { body: '{"to":"1","title":"x"}', headers: { 'content-type': 'application/json; charset=gbk' } }, 415, /JSON is UTF-8/],
  ['another type', { body: 'to=1', headers: { 'content-type': 'text/plain' } }, 415, /JSON/],
  ['JSON that is a list', { body: '[]', headers: { 'content-type': 'application/json' } }, 400, /object/],
  ['JSON that is broken', { body: '{"to":', headers: { 'content-type': 'application/json' } }, 400, /JSON/],
  ['JSON with a trailing comma', { body: '{"to":"1","title":"x",}', headers: { 'content-type': 'application/json' } }, 400, /JSON/],
  ['JSON nested too deep', { body: `{"to":"1","title":"x","extra":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`, headers: { 'content-type': 'application/json' } }, 400, /deep/],
  ['nothing', { body: '', headers: { 'content-type': 'application/json' } }, 400, /exactly one/],
]) {
  test(`${what} is ${status}`, async () => {
    const answer = await send(request);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.json.error.message, pattern);
  });
}

// Lengths, as a web server could get them wrong.

const post = (params, body) => fastcgi({ path: stack.appSocket }, {
  REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', CONTENT_TYPE: 'application/json',
  HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`, ...params,
}, body);
const message = '{"to":"length","title":"x"}';

for (const [length, status] of [['x', 400], ['-1', 400], ['1.5', 400], ['99999999999999999999', 400], [' 27', 400], ['28', 400], ['26', 400], ['8388609', 413], ['27', 201], ['', 201], [undefined, 201]]) {
  test(`CONTENT_LENGTH ${length} for a body of ${message.length} bytes is ${status}`, async () => {
    assert.equal((await post({ CONTENT_LENGTH: length }, message)).status, status);
  });
}

test('a body at the limit is read, one byte more is not', async () => {
  const fill = (size) => `${message}${' '.repeat(size - message.length)}`;
  assert.equal((await post({}, fill(8 * 1024 * 1024))).status, 201);
  assert.equal((await post({}, fill(8 * 1024 * 1024 + 1))).status, 413);
  assert.equal((await post({ CONTENT_LENGTH: '' }, fill(8 * 1024 * 1024 + 1))).status, 413);
});

test('the small bodies have a smaller limit', async () => {
  const headers = { authorization: `Bearer ${stack.token('1')}`, 'content-type': 'application/json' };
  const answer = await stack.api('POST', '/messages/read', { headers, body: `{"all":true}${' '.repeat(65536)}` });
  assert.equal(answer.status, 413);
});
