// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import WebSocket from 'ws';

import { Raw, startScene } from './scene.mjs';

// The HTTP status that refuses an upgrade, or 101.
function knock(scene, { headers = {}, protocols = ['doorbell.v1'] } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(scene.relayUrl, protocols, { headers });
    socket.on('unexpected-response', (_, res) => {
      resolve(res.statusCode);
      socket.terminate();
    });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('error', reject);
  });
}

test('a token in the first frame makes a session of its user', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  assert.deepEqual(bell.frames, [{ type: 'welcome', user: '42' }]);
  const { json } = await scene.call('GET', '/online?user=42&user=43');
  assert.deepEqual(json, { online: { 42: 1, 43: 0 } });
});

test('a token in the cookie needs an origin on the list', async (t) => {
  const scene = await startScene(t, { 'auth.origins': 'https://a.example http://b.example:*' });
  const cookie = `doorbell_token=${scene.token('42')}`;
  assert.equal(await knock(scene, { headers: { cookie } }), 403);
  assert.equal(await knock(scene, { headers: { cookie, origin: 'https://evil.example' } }), 403);
  assert.equal(await knock(scene, { headers: { cookie, origin: 'http://a.example' } }), 403);
  assert.equal(await knock(scene, { headers: { cookie, origin: scene.origin } }), 403);
  const bell = scene.bell({ cookie: '42', headers: { origin: 'http://b.example:8443' } });
  assert.deepEqual(await bell.next('welcome'), { type: 'welcome', user: '42' });
});

test('a cookie that is empty, or there with two values, is a bad one, as for the app', async (t) => {
  const scene = await startScene(t);
  for (const cookie of ['doorbell_token=', `doorbell_token=${scene.token('42')}; doorbell_token=${scene.token('43')}`]) {
    assert.equal(await knock(scene, { headers: { cookie } }), 403);
    const bell = scene.bell({ headers: { cookie, origin: scene.origin } });
    assert.equal((await bell.untilClosed()).code, 4401);
  }
});

test('an empty list of origins stands for the own host', async (t) => {
  const scene = await startScene(t);
  assert.equal(await knock(scene, { headers: { origin: 'https://evil.example' } }), 403);
  assert.equal(await knock(scene, { headers: { origin: 'null' } }), 403);
  assert.equal(await knock(scene, { headers: { origin: scene.origin } }), 101);
  assert.equal(await knock(scene), 101);
  const bell = scene.bell({ cookie: '42', headers: { origin: scene.origin } });
  await bell.next('welcome');
});

test('only the subprotocol doorbell.v1 is spoken', async (t) => {
  const scene = await startScene(t);
  assert.equal(await knock(scene, { protocols: ['chat'] }), 400);
  assert.equal(await knock(scene, { protocols: ['chat', 'doorbell.v1'] }), 101);
  const silent = new WebSocket(scene.relayUrl);
  await new Promise((resolve, reject) => {
    silent.on('open', resolve).on('error', reject);
  });
  assert.equal(silent.protocol, '');
  silent.terminate();
});

test('an upgrade is understood as clients and proxies spell it', async (t) => {
  const scene = await startScene(t);
  const fields = ['Host: relay', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  const origin = 'Origin: http://relay';
  const rows = [
    ['/ws', ['Connection: keep-alive', 'Connection: Upgrade'], 101],
    ['/ws', ['Connection: keep-alive', 'Connection: x'], 400],
    ['/ws', ['Connection: Upgrade', 'Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol: doorbell.v1'], 101],
    ['/ws', ['Connection: Upgrade', 'Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol: x'], 400],
    ['/ws', ['Connection: Upgrade', 'Upgrade: websocket'], 400],
    ['http://other/ws', ['Connection: Upgrade'], 101],
    // Its host is the own one then.
    ['http://other/ws', ['Connection: Upgrade', origin], 403],
    ['http://relay/ws', ['Connection: Upgrade', origin], 101],
  ];
  for (const [target, more, status] of rows) {
    const raw = new Raw(t, scene.port);
    await raw.write(`\r\nGET ${target} HTTP/1.1\r\n${[...fields, ...more].join('\r\n')}\r\n\r\n`);
    const text = await raw.untilText(/\r\n\r\n/);
    assert.equal(Number(text.slice(9, 12)), status, JSON.stringify([target, more]));
    if (more.some((one) => one.includes('doorbell.v1'))) assert.match(text, /Sec-WebSocket-Protocol: doorbell\.v1\r\n/i);
  }
});

test('what is not a valid token closes with 4401', async (t) => {
  const scene = await startScene(t);
  const now = Math.floor(Date.now() / 1000);
  const bad = [
    'x',
    '',
    scene.token('42', { exp: now - 31 }),
    scene.token('42', { exp: undefined }),
    scene.token('42', { aud: 'other' }),
    scene.token('*'),
    `${scene.token('42')}x`,
  ];
  for (const token of bad) {
    const bell = scene.bell();
    bell.socket.on('open', () => bell.send({ type: 'login', token }));
    assert.equal((await bell.untilClosed()).code, 4401);
  }
  const bell = scene.bell({ headers: { cookie: 'doorbell_token=x', origin: scene.origin } });
  assert.equal((await bell.untilClosed()).code, 4401);
});

test('a session that logs in again and again between two pings is closed', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '25s' });
  const bell = await scene.connect('42');
  const login = { type: 'login', token: scene.token('42') };
  for (let i = 0; i < 16; i++) bell.send(login);
  for (let i = 0; i < 100; i++) bell.send({ type: 'login', online: true });
  await bell.next('online');
  assert.equal(bell.closed, null);
  bell.send(login);
  assert.equal((await bell.untilClosed()).code, 1008);
  const patient = await startScene(t, { 'relay.ping_interval': '1s' });
  const other = await patient.connect('42');
  for (let i = 0; i < 3; i++) {
    const from = other.frames.length;
    for (let n = 0; n < 8; n++) other.send({ type: 'login', token: patient.token('42') });
    await other.next('ping', { from });
  }
  assert.equal(other.closed, null);
});

test('a later login extends the session, that of another user ends it', async (t) => {
  const scene = await startScene(t);
  const now = Math.floor(Date.now() / 1000);
  const short = await scene.connect('42', { claims: { exp: now - 27 } });
  const extended = await scene.connect('42', { claims: { exp: now - 27 } });
  extended.send({ type: 'login', token: scene.token('42') });
  assert.deepEqual(await short.untilClosed(), { code: 4401, reason: 'token expired' });
  assert.equal(extended.closed, null);
  extended.send({ type: 'login', token: scene.token('43') });
  assert.equal((await extended.untilClosed()).code, 4403);
});

test('no login in time closes with 4408', async (t) => {
  const scene = await startScene(t, { 'relay.login_timeout': '200ms' });
  const bell = scene.bell();
  assert.deepEqual(await bell.untilClosed(), { code: 4408, reason: 'no login in time' });
});

test('more sessions than allowed close the oldest of the user with 4429', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions_per_user': '2' });
  const bells = [];
  for (let i = 0; i < 3; i++) bells.push(await scene.connect('42'));
  const other = await scene.connect('43');
  assert.equal((await bells[0].untilClosed()).code, 4429);
  assert.deepEqual([bells[1].closed, bells[2].closed, other.closed], [null, null, null]);
});

test('over max_sessions the upgrade is answered 503 with Retry-After', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions': '1' });
  const first = await scene.connect('42');
  assert.equal(await knock(scene), 503);
  first.socket.close();
  await first.untilClosed();
  await scene.connect('42');
});

test('a kick closes with 4403 and refuses the tokens issued until then', async (t) => {
  const scene = await startScene(t);
  const old = scene.token('42', { iat: Math.floor(Date.now() / 1000) - 10 });
  const bells = [await scene.connect('42'), await scene.connect('42')];
  const other = await scene.connect('43');
  assert.deepEqual((await scene.call('POST', '/kick', { json: { user: '42' } })).json, { sessions: 2 });
  for (const bell of bells) assert.deepEqual(await bell.untilClosed(), { code: 4403, reason: 'kicked' });
  const back = scene.bell({ token: old });
  assert.equal((await back.untilClosed()).code, 4403);
  await scene.connect('42', { claims: { iat: Math.floor(Date.now() / 1000) + 5 } });
  assert.equal(other.closed, null);
});

test('the number of users and pages is told to who asks, when it changes', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42', { online: true });
  const silent = await scene.connect('43');
  assert.deepEqual(await bell.next('online'), { type: 'online', users: 1, pages: 1 });
  await bell.next((one) => one.type === 'online' && one.users === 2 && one.pages === 2);
  silent.socket.close();
  await bell.next((one) => one.users === 1, { from: 2 });
  assert.equal(silent.frames.some((one) => one.type === 'online'), false);
});
