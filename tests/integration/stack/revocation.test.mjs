// SPDX-License-Identifier: MIT
// Revocation is data: what /users/{user}/revoke makes void stays void in both programs, whatever is restarted, and
// what is made afterwards works at once.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { Bell, freePort, startApp, startRelay, startStack, until, writeSettings } from '../../harness/index.mjs';

const now = () => Math.floor(Date.now() / 1000);

const revoke = async (stack, user) => {
  const answer = await stack.api('POST', `/users/${user}/revoke`, { service: true });
  assert.deepEqual([answer.status, answer.json], [200, { revoked: true }]);
};

const mint = async (stack, user) => (await stack.api('POST', '/tokens', { service: true, json: { user } })).json.token;

const check = (stack, token, method = 'GET', call = '/unread', options = {}) =>
  stack.api(method, call, { headers: { authorization: `Bearer ${token}` }, ...options });

async function assertRevoked(stack, token, ...call) {
  const answer = await check(stack, token, ...call);
  assert.deepEqual([answer.status, answer.json.error.code], [401, 'revoked'], call.join(' '));
}

// How the relay takes a login: 'welcome', or the code it closes with.
async function logIn(stack, token, url = `${stack.relayUrl}/ws`) {
  const bell = new Bell(url, { token });
  stack.bells.push(bell);
  const outcome = await bell.next('welcome').then(() => 'welcome', async () => (await bell.untilClosed()).code);
  bell.close();
  return outcome;
}

const untilRelayRefuses = (stack, token, url) => until('the relay to refuse the token', async () => (await logIn(stack, token, url)) === 4403);

test('after a revocation old tokens are void, and one made at once works', async (t) => {
  const stack = await startStack(t);
  let token = await mint(stack, '42');
  for (let i = 0; i < 5; i++) {
    const old = token;
    assert.equal((await check(stack, old)).status, 200);
    await revoke(stack, '42');
    token = await mint(stack, '42');
    await assertRevoked(stack, old);
    assert.equal((await check(stack, token)).status, 200);
    assert.equal(await logIn(stack, token), 'welcome');
    await untilRelayRefuses(stack, old);
    assert.equal(await logIn(stack, token), 'welcome');
  }
  await assertRevoked(stack, stack.token('42', { iat: now() - 60 }));
  assert.equal((await check(stack, await mint(stack, '43'))).status, 200, 'another user');
  for (let i = 0; i < 2; i++) assert.equal((await check(stack, stack.token('43', { iat: undefined }))).status, 200, 'without iat');
  const { json } = await check(stack, stack.token('42', { iat: now() + 2 }));
  assert.equal(json.user, '42', 'signed by the site, later');
});

test('a token made right after a kick works at once', async (t) => {
  const stack = await startStack(t);
  for (let i = 0; i < 5; i++) {
    const old = await mint(stack, '42');
    assert.equal((await stack.publish('POST', '/kick', { json: { user: '42' } })).status, 200);
    assert.equal(await logIn(stack, await mint(stack, '42')), 'welcome');
    assert.equal(await logIn(stack, old), 4403);
  }
});

test('no call of a user is served for a void token, and none changes anything', async (t) => {
  const stack = await startStack(t);
  const { id } = (await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'Tea' } })).json;
  const old = await mint(stack, '42');
  const stranger = await mint(stack, '44'); // whom the database does not know
  await check(stack, old);
  await revoke(stack, '42');
  await revoke(stack, '44');
  const token = await mint(stack, '42');
  for (const json of ['{"all":true}', `{"ids":[${id}]}`]) {
    await assertRevoked(stack, old, 'POST', '/messages/read', { json: JSON.parse(json) });
    for (const how of ['unread', 'archive', 'delete']) await assertRevoked(stack, old, 'POST', `/messages/${how}`, { json: JSON.parse(json) });
  }
  const { position } = (await check(stack, token, 'GET', '/messages')).json;
  await assertRevoked(stack, old, 'POST', '/seen', { json: { position } });
  await assertRevoked(stack, old, 'PUT', '/preferences', { json: { muted: ['x'] } });
  for (const call of ['/unread', '/unread?by=category', '/unread?category=x', '/messages', `/messages/${id}`, '/preferences'])
    await assertRevoked(stack, old, 'GET', call);
  for (const mark of ['read', 'unread', 'archive', 'ack']) await assertRevoked(stack, old, 'POST', `/messages/${id}/${mark}`);
  await assertRevoked(stack, old, 'DELETE', `/messages/${id}`);
  await assertRevoked(stack, stranger);
  assert.equal((await stack.db.query("SELECT FROM doorbell.first_seen WHERE user_id = '44'")).rowCount, 0);
  const { json } = await check(stack, token, 'GET', '/messages');
  assert.deepEqual([json.num, json.messages[0].read, json.messages[0].seen], [1, false, false]);
  assert.match(stack.app.log, /user=42: refused, the token was issued before the user's tokens were revoked/);
});

test('an open page is closed, unless it came by a newer token', async (t) => {
  const stack = await startStack(t);
  const old = await stack.connect('42', { token: await mint(stack, '42') });
  const extended = await stack.connect('42', { token: await mint(stack, '42') });
  const other = await stack.connect('43');
  await stack.relay.signal('SIGSTOP');
  await revoke(stack, '42');
  extended.send({ type: 'login', token: await mint(stack, '42') });
  const young = stack.connectRaw({ token: await mint(stack, '42') });
  stack.relay.signal('SIGCONT');
  await young.next('welcome');
  assert.deepEqual(await old.untilClosed(), { code: 4403, reason: 'tokens revoked' });
  await stack.api('POST', '/messages', { service: true, json: { to: ['42', '43'], title: 'Tea' } });
  await Promise.all([young.next('ring'), other.next('ring')]);
  assert.equal(young.closed, null);
});

test('revocations outlive a restart of each program, and of the database', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const old = await mint(stack, '42');
  await revoke(stack, '42');
  const token = await mint(stack, '42');
  await untilRelayRefuses(stack, old);

  await stack.relay.restart();
  await untilRelayRefuses(stack, old);
  assert.equal(await logIn(stack, token), 'welcome');

  await stack.app.restart();
  await assertRevoked(stack, old);
  assert.equal((await check(stack, token)).status, 200);

  await stack.db.end();
  await stack.cluster.stop();
  await stack.relay.restart();
  await stack.cluster.start();
  stack.db = await stack.connectDatabase();
  await until('the app to have its database', async () => (await check(stack, token)).status === 200);
  await assertRevoked(stack, old);
  await untilRelayRefuses(stack, old);
  assert.equal(await logIn(stack, token), 'welcome');

  await Promise.all([stack.relay.kill(), stack.app.kill()]);
  await stack.relay.start();
  await stack.app.start();
  await assertRevoked(stack, old);
  await untilRelayRefuses(stack, old);
});

test('a revocation waits for a relay that is unreachable, and no ring for it', async (t) => {
  const stack = await startStack(t);
  const old = await mint(stack, '42');
  await stack.relay.kill();
  await revoke(stack, '42');
  await stack.app.waitLog(/revocations wait, and old pages stay connected: the relay is unreachable/);
  await stack.relay.start();
  await untilRelayRefuses(stack, old);
  assert.equal(await logIn(stack, await mint(stack, '42')), 'welcome');
});

// A second pair of programs on the same database.
async function startSecondPair(t, stack) {
  const [relayPort, publishPort] = [await freePort(), await freePort()];
  const settings = {
    ...stack.settings, 'app.listen': `unix:${path.join(stack.dir, 'second.sock')}`, 'app.relay_url': `http://127.0.0.1:${publishPort}`,
    'relay.listen': `127.0.0.1:${relayPort}`, 'relay.publish_listen': `127.0.0.1:${publishPort}`,
  };
  const confPath = path.join(stack.dir, 'second.conf');
  writeSettings(confPath, settings);
  await startRelay(t, { confPath, listens: [settings['relay.listen'], settings['relay.publish_listen']] });
  await startApp(t, { confPath, listens: [settings['app.listen']] });
  return { url: `ws://127.0.0.1:${relayPort}/ws`, socket: { path: path.join(stack.dir, 'second.sock') } };
}

test('each relay learns it from its own app, also by plain SQL', async (t) => {
  const stack = await startStack(t);
  const second = await startSecondPair(t, stack);
  const old = await mint(stack, '42');
  await stack.db.query("SELECT doorbell.revoke('42')");
  await assertRevoked(stack, old);
  const answer = await fastcgi(second.socket, { REQUEST_URI: '/doorbell/unread', HTTP_AUTHORIZATION: `Bearer ${old}` });
  assert.equal(answer.status, 401);
  await Promise.all([untilRelayRefuses(stack, old), untilRelayRefuses(stack, old, second.url)]);
  const token = await mint(stack, '42');
  for (const url of [`${stack.relayUrl}/ws`, second.url]) assert.equal(await logIn(stack, token, url), 'welcome');
});

test('more revocations than one call holds reach the relay, and reach it again', async (t) => {
  const stack = await startStack(t);
  await stack.db.query("SELECT count(doorbell.revoke(n::text)) FROM generate_series(1, 2500) n");
  for (let i = 0; i < 2; i++) {
    await untilRelayRefuses(stack, stack.token('2500', { iat: now() - 10 }));
    assert.equal(await logIn(stack, stack.token('1', { iat: now() - 10 })), 4403);
    await stack.relay.restart();
  }
});

test('no clock has a say in tokens of ours', async (t) => {
  const stack = await startStack(t);
  await revoke(stack, '42');
  await stack.db.query("UPDATE doorbell.revocation SET at = at + interval '1 hour'"); // as if the database were ahead
  await stack.app.restart();
  await untilRelayRefuses(stack, stack.token('42'));
  await assertRevoked(stack, stack.token('42'));
  for (let i = 0; i < 2; i++) {
    const token = await mint(stack, '42');
    assert.equal((await check(stack, token)).status, 200);
    assert.equal(await logIn(stack, token), 'welcome');
    await revoke(stack, '42');
    await assertRevoked(stack, token);
    await untilRelayRefuses(stack, token);
  }
});

test('a token that lives longer than token_ttl_max is refused by both', async (t) => {
  const stack = await startStack(t, { config: { 'auth.token_ttl_max': '1h' } });
  for (const [life, status, login] of [[3600, 200, 'welcome'], [3700, 401, 4401], [315_360_000, 401, 4401]]) {
    const token = stack.token('42', { exp: now() + life });
    const answer = await check(stack, token);
    assert.equal(answer.status, status);
    if (status === 401) assert.match(answer.json.error.message, /expires further away than token_ttl_max/);
    assert.equal(await logIn(stack, token), login);
  }
});

test('whom the web server has proven is no token to revoke', async (t) => {
  const stack = await startStack(t, { server: null, config: { 'auth.trust_remote_user': 'yes' } });
  await stack.db.query("SELECT doorbell.revoke('42')");
  for (const call of ['/doorbell/unread', '/doorbell/unread', '/doorbell/messages']) {
    const { status } = await fastcgi({ path: stack.appSocket }, { REQUEST_URI: call, REMOTE_USER: '42' });
    assert.equal(status, 200);
  }
});

test('users whom no path can name are revoked by the query', async (t) => {
  const stack = await startStack(t);
  const old = stack.token('..');
  assert.equal((await check(stack, old)).status, 200);
  assert.equal((await stack.api('POST', '/revoke?user=..', { service: true })).status, 200);
  await assertRevoked(stack, old);
  assert.equal((await stack.api('POST', '/revoke', { service: true })).status, 422);
  assert.equal((await stack.api('POST', '/users/42/revoke', { user: '42' })).status, 401);
});
