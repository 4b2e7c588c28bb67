// SPDX-License-Identifier: MIT
// Who is asking: the order of the proofs, and that a wrong one is never made good by the next.
// Straight to doorbell-app, with the parameters that a web server would pass.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { signToken, startStack } from '../../harness/index.mjs';

const now = () => Math.floor(Date.now() / 1000);
const bearer = (token) => ({ HTTP_AUTHORIZATION: `Bearer ${token}` });
const cookie = (token) => ({ HTTP_COOKIE: `a=b; doorbell_token=${token}; c=d` });
const own = { HTTP_HOST: 'site.example', REQUEST_SCHEME: 'https' };

const cleanUps = [];
let strict;
let trusting;

test.before(async () => {
  const context = { after: (step) => cleanUps.push(step) };
  const bare = { server: null, relay: false };
  strict = await startStack(context, { ...bare, config: { 'auth.origins': 'https://shop.example http://localhost:*' } });
  trusting = await startStack(context, { ...bare, config: { 'auth.origins': null, 'auth.trust_remote_user': 'yes' } });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

function read(stack, params) {
  return fastcgi({ path: stack.appSocket }, { REQUEST_URI: '/doorbell/unread', ...params });
}

function write(stack, params) {
  const all = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages/read', CONTENT_TYPE: 'application/json', ...params };
  return fastcgi({ path: stack.appSocket }, all, '{"all":true}');
}

// Which user the answer is about shows in what they were sent.
async function assertUser(stack, params, user) {
  const where = { path: stack.appSocket };
  const title = `to ${user} ${Math.random()}`;
  const sent = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', CONTENT_TYPE: 'application/json', ...bearer(stack.sendKey) };
  assert.equal((await fastcgi(where, sent, JSON.stringify({ to: user, title }))).status, 201);
  const page = await fastcgi(where, { REQUEST_URI: '/doorbell/messages?limit=1', ...params });
  assert.equal(page.json.messages[0].title, title);
}

test('a good token in Authorization or in the cookie', async () => {
  await assertUser(strict, bearer(strict.token('alice')), 'alice');
  await assertUser(strict, { HTTP_AUTHORIZATION: `bearer ${strict.token('alice')}` }, 'alice');
  await assertUser(strict, cookie(strict.token('alice')), 'alice');
  await assertUser(strict, bearer(strict.token(42)), '42');
  await assertUser(strict, bearer(strict.token('a/b%ü 中')), 'a/b%ü 中');
});

test('Bearer before cookie before REMOTE_USER', async () => {
  const [alice, bob] = [trusting.token('alice'), trusting.token('bob')];
  await assertUser(trusting, { ...bearer(alice), ...cookie(bob), REMOTE_USER: 'carol' }, 'alice');
  await assertUser(trusting, { ...cookie(bob), REMOTE_USER: 'carol' }, 'bob');
  await assertUser(trusting, { REMOTE_USER: 'carol' }, 'carol');
  await assertUser(trusting, { REMOTE_USER: 'carol', HTTP_AUTHORIZATION: 'Basic Y2Fyb2w6eA==' }, 'carol');
});

const wrongTokens = (stack) => ({
  'no token': '',
  nonsense: 'x',
  'of another secret': signToken('x'.repeat(43), 'alice'),
  expired: stack.token('alice', { exp: now() - 60 }),
  'without exp': stack.token('alice', { exp: undefined }),
  'without sub': stack.token('alice', { sub: undefined }),
  'for everybody': stack.token('*'),
  'for a user with a control character': stack.token('a\nb'),
  'for an audience': stack.token('alice', { aud: 'x' }),
  'not valid yet': stack.token('alice', { nbf: now() + 600 }),
  'of alg none': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'alice', exp: now() + 60 })).toString('base64url')}.`,
  'of another alg': stack.token('alice', {}, { alg: 'HS512' }),
  'with crit': stack.token('alice', {}, { crit: ['exp'] }),
  'over 4 KiB': stack.token('alice', { x: 'y'.repeat(4096) }),
  'the send key': stack.sendKey,
});

test('a wrong Bearer is 401, whatever else is right', async () => {
  const right = { ...cookie(trusting.token('alice')), REMOTE_USER: 'alice' };
  for (const [what, token] of Object.entries(wrongTokens(trusting))) {
    assert.equal((await read(trusting, { ...bearer(token), ...right })).status, 401, what);
  }
});

test('a wrong cookie is 401, whatever REMOTE_USER says', async () => {
  for (const [what, token] of Object.entries(wrongTokens(trusting))) {
    assert.equal((await read(trusting, { ...cookie(token), REMOTE_USER: 'alice' })).status, 401, what);
  }
});

test('two cookies that differ are 401', async () => {
  const token = strict.token('alice');
  for (const text of [`doorbell_token=${token}; doorbell_token=x`, `doorbell_token=x; doorbell_token=${token}`]) {
    assert.equal((await read(strict, { HTTP_COOKIE: text })).status, 401);
  }
  assert.equal((await read(strict, { HTTP_COOKIE: `doorbell_token=${token}; doorbell_token=${token}` })).status, 200);
});

test('REMOTE_USER counts only when it is trusted, and must be a user id', async () => {
  assert.equal((await read(strict, { REMOTE_USER: 'alice' })).status, 401);
  for (const name of ['', '*', 'x'.repeat(129), 'a\x01']) {
    assert.equal((await read(trusting, { REMOTE_USER: name })).status, 401);
  }
  assert.equal((await read(trusting, { REMOTE_USER: 'x'.repeat(128) })).status, 200);
});

test('neither a query parameter nor a body nor a basic password is a proof', async () => {
  const token = strict.token('alice');
  for (const uri of [`token=${token}`, `access_token=${token}`, `doorbell_token=${token}`, 'user=alice']) {
    assert.equal((await read(strict, { REQUEST_URI: `/doorbell/unread?${uri}` })).status, 401);
  }
  assert.equal((await read(strict, { HTTP_AUTHORIZATION: `Basic ${Buffer.from(`alice:${token}`).toString('base64')}` })).status, 401);
  assert.equal((await read(strict, { HTTP_AUTHORIZATION: token })).status, 401);
});

for (const [what, origin, status] of [
  ['no Origin', undefined, 403], ['an empty one', '', 403], ['null', 'null', 403], ['a foreign page', 'https://evil.example', 403],
  ['the other scheme', 'http://shop.example', 403], ['another port', 'https://shop.example:444', 403],
  ['a longer name', 'https://shop.example.evil', 403], ['the own host, not listed', 'https://site.example', 403],
  ['a listed one', 'https://shop.example', 200], ['a listed one with its port', 'https://shop.example:443', 200],
  ['any port of a listed host', 'http://localhost:8123', 200],
]) {
  test(`a write by cookie from ${what} is ${status} with a list of origins`, async () => {
    const params = { ...own, HTTP_ORIGIN: origin };
    const answer = await write(strict, { ...cookie(strict.token('alice')), ...params });
    assert.equal(answer.status, status);
    if (status === 403) assert.equal(answer.json.error.code, 'forbidden');
    assert.equal((await read(strict, { ...cookie(strict.token('alice')), ...params })).status, 200);
    assert.equal((await write(strict, { ...bearer(strict.token('alice')), ...params })).status, 200);
  });
}

for (const [what, params, status] of [
  ['no Origin', {}, 403], ['a foreign page', { HTTP_ORIGIN: 'https://evil.example' }, 403], ['null', { HTTP_ORIGIN: 'null' }, 403],
  ['the other scheme', { HTTP_ORIGIN: 'http://site.example' }, 403], ['no host', { HTTP_ORIGIN: 'https://site.example', HTTP_HOST: '' }, 403],
  ['the own page', { HTTP_ORIGIN: 'https://site.example' }, 200],
  ['the own page, by HTTPS', { HTTP_ORIGIN: 'https://site.example', REQUEST_SCHEME: undefined, HTTPS: 'on' }, 200],
  ['the own page, plain', { HTTP_ORIGIN: 'http://site.example', REQUEST_SCHEME: undefined }, 200],
]) {
  test(`a write by cookie or REMOTE_USER from ${what} is ${status} without a list`, async () => {
    const all = { ...own, ...params };
    assert.equal((await write(trusting, { ...cookie(trusting.token('alice')), ...all })).status, status);
    assert.equal((await write(trusting, { REMOTE_USER: 'alice', ...all })).status, status);
  });
}

test('answers about a user\'s state name the user', async () => {
  const user = 'a/b"%ü 中';
  const params = bearer(strict.token(user));
  const ask = (method, path, body) =>
    fastcgi({ path: strict.appSocket }, { REQUEST_METHOD: method, REQUEST_URI: `/doorbell${path}`, CONTENT_TYPE: 'application/json', ...params }, body);
  const service = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', CONTENT_TYPE: 'application/json', ...bearer(strict.sendKey) };
  const { id } = (await fastcgi({ path: strict.appSocket }, service, JSON.stringify({ to: user, title: 'One', ack: true }))).json;
  for (const [method, path, body] of [
    ['GET', '/unread'], ['GET', '/unread?by=category'], ['GET', '/messages'], ['GET', '/messages?limit=1&state=archived'],
    ['POST', '/messages/read', '{"all":true}'], ['POST', '/messages/unread', '{"all":true}'], ['POST', `/messages/${id}/ack`],
    ['POST', `/messages/${id}/read`], ['POST', `/messages/${id}/archive`], ['DELETE', `/messages/${id}`], ['PUT', '/preferences', '{"muted":[]}'],
  ]) {
    const answer = await ask(method, path, body);
    assert.equal(answer.status, 200, `${method} ${path} ${answer.text}`);
    assert.equal(answer.json.user, user, `${method} ${path}`);
  }
});

for (const [what, sent, status, code] of [
  ['the proven user', 'alice', 200], ['that one, percent-encoded', '%61lice', 200], ['nobody', '', 200],
  ['another user', 'bob', 409, 'another_user'], ['part of the name', 'alic', 409, 'another_user'], ['a longer name', 'alice2', 409, 'another_user'],
  ['a name that is too long', 'a'.repeat(1000), 409, 'another_user'], ['a NUL after it', 'alice%00', 409, 'another_user'],
  ['a bad escape', '%6', 400, 'malformed'],
]) {
  test(`a request meant for ${what} is ${status}, by each proof`, async () => {
    const page = { ...own, HTTP_ORIGIN: 'https://site.example', HTTP_DOORBELL_USER: sent };
    const proofs = [bearer(trusting.token('alice')), cookie(trusting.token('alice')), { REMOTE_USER: 'alice' }];
    for (const proof of proofs) {
      for (const answer of [await write(trusting, { ...proof, ...page }), await read(trusting, { ...proof, ...page })]) {
        assert.equal(answer.status, status, answer.text);
        assert.equal(answer.json.error?.code, code);
      }
    }
  });
}

test('a request meant for another user changes nothing', async () => {
  await assertUser(trusting, bearer(trusting.token('dora')), 'dora');
  const page = { ...own, HTTP_ORIGIN: 'https://site.example', HTTP_DOORBELL_USER: 'alice' };
  assert.equal((await write(trusting, { ...cookie(trusting.token('dora')), ...page })).status, 409);
  assert.equal((await read(trusting, bearer(trusting.token('dora')))).json.num, 1);
});

test('whom a request is meant for is no proof', async () => {
  assert.equal((await read(trusting, { HTTP_DOORBELL_USER: 'alice' })).status, 401);
  const foreign = { ...own, ...cookie(trusting.token('alice')), HTTP_ORIGIN: 'https://evil.example' };
  for (const user of ['alice', 'bob']) assert.equal((await write(trusting, { ...foreign, HTTP_DOORBELL_USER: user })).status, 403);
});

test('a forged write by a wrong cookie is 401, not 403', async () => {
  assert.equal((await write(strict, { ...cookie('x'), HTTP_ORIGIN: 'https://evil.example' })).status, 401);
});

test('the second line of a key file is accepted, a third is a fault', async () => {
  const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];
  const file = `${strict.dir}/send.key`;
  writeFileSync(file, `${first}\n${second}\n`);
  const from = strict.app.log.length;
  strict.app.signal('SIGHUP');
  await strict.app.waitLog(/reloaded/, { from });
  const params = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/tokens', CONTENT_TYPE: 'application/json' };
  const ask = (key) => fastcgi({ path: strict.appSocket }, { ...params, ...bearer(key) }, '{"user":"1"}');
  assert.equal((await ask(first)).status, 200);
  assert.equal((await ask(second)).status, 200);
  assert.equal((await ask(strict.sendKey)).status, 401);
  writeFileSync(file, `${first}\n${second}\n${'c'.repeat(40)}\n`);
  const again = strict.app.log.length;
  strict.app.signal('SIGHUP');
  await strict.app.waitLog(/send\.key[^]*old ones stay/, { from: again });
  assert.equal((await ask(first)).status, 200);
});
