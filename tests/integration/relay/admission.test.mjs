// SPDX-License-Identifier: MIT
// Who may come: those who have proved a user have room that nobody without a token takes.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { OPEN, until } from '../../harness/index.mjs';
import { startScene } from '../socketio/raw.mjs';
import { Raw, upgradeHead } from './scene.mjs';

const POLLING = '/socket.io/?EIO=4&transport=polling';
const polling = (more = '') => `GET ${POLLING} HTTP/1.1\r\nHost: relay\r\n${more}\r\n`;

// Asks for /ws, with the cookie of `user` if there is one: the status. A socket that was let in stays until the end.
async function knock(t, scene, user, { address } = {}) {
  const cookie = user ? `Cookie: doorbell_token=${scene.token(user)}\r\nOrigin: http://relay\r\n` : '';
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead(`${cookie}${address ? `X-Forwarded-For: ${address}\r\n` : ''}`));
  const [, status] = (await raw.untilText(/^HTTP\/1\.1 (\d+)/)).match(/^HTTP\/1\.1 (\d+)/);
  return Number(status);
}

// Socket.io clients that never log in: `count` handshakes over one connection, all at once.
async function crowd(t, scene, count, { address = () => null, more = '' } = {}) {
  const raw = new Raw(t, scene.port);
  const heads = Array.from({ length: count }, (_, i) => polling(address(i) ? `X-Forwarded-For: ${address(i)}\r\n` : more));
  await raw.write(heads.join(''));
  const statuses = () => [...raw.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => Number(one[1]));
  await until(`${count} answers`, () => statuses().length === count);
  return statuses();
}

const users = (count) => Array.from({ length: count }, (_, i) => `user-${i}`);
const count = (statuses, status) => statuses.filter((one) => one === status).length;

test('handshakes without a token take nothing from those with one', async (t) => {
  const scene = await startScene(t);
  const crowds = Array.from({ length: 4 }, () => crowd(t, scene, 2000));
  const good = await Promise.all(users(100).map((user) => knock(t, scene, user)));
  assert.equal(count(good, 101), 100);
  const statuses = (await Promise.all(crowds)).flat();
  assert.ok(count(statuses, 200) <= 100, `${count(statuses, 200)} of one address were let in`);
  assert.ok(count(statuses, 429) > 7000);
});

test('from many addresses the anonymous have a rate, and a share of max_sessions', async (t) => {
  const address = (i) => `2001:db8:${(i >> 12).toString(16)}:${(i & 4095).toString(16)}::1`;
  const scene = await startScene(t, { 'relay.max_sessions': '3000', 'relay.trusted_proxies': '127.0.0.1' });
  assert.equal(count(await crowd(t, scene, 3000, { address }), 200), 300);
  assert.equal(await scene.metric('sessions'), 300);
  assert.equal(await knock(t, scene, null, { address: '192.0.2.1' }), 503);
  const good = await Promise.all(users(100).map((user) => knock(t, scene, user, { address: '192.0.2.1' })));
  assert.equal(count(good, 101), 100);
  const fast = await startScene(t, { 'relay.max_anonymous_accepts_per_second': '5', 'relay.trusted_proxies': '127.0.0.1' });
  const statuses = await crowd(t, fast, 100, { address });
  assert.ok(count(statuses, 503) >= 80, `${statuses}`);
});

test('an address, or a network of IPv6, has its own rate and number of anonymous sessions', async (t) => {
  const proxy = { 'relay.trusted_proxies': '127.0.0.1' };
  const held = await startScene(t, { ...proxy, 'relay.max_anonymous_per_address': '2', 'relay.max_anonymous_accepts_per_address': '0' });
  const one = (i) => `2001:db8::${i + 1}`;
  assert.deepEqual(await crowd(t, held, 4, { address: one }), [200, 200, 429, 429]);
  assert.deepEqual(await crowd(t, held, 1, { address: () => '2001:db8:0:1::1' }), [200]);
  assert.equal(await knock(t, held, '42', { address: one(9) }), 101);
  const fast = await startScene(t, { ...proxy, 'relay.max_anonymous_accepts_per_address': '2' });
  assert.ok(count(await crowd(t, fast, 20, { address: one }), 429) >= 10);
  assert.deepEqual(await crowd(t, fast, 1, { address: () => '192.0.2.7' }), [200]);
});

test('a login makes room for the next one without', async (t) => {
  const scene = await startScene(t, { 'relay.max_anonymous_per_address': '1' });
  for (const user of users(5)) await scene.connect(user);
  assert.equal(await knock(t, scene), 101);
  assert.equal(await knock(t, scene), 429);
  assert.equal(await knock(t, scene, '42'), 101);
});

test('one user in a hurry takes nothing from the others', async (t) => {
  const scene = await startScene(t, { 'relay.max_accepts_per_user': '3' });
  const hasty = await Promise.all(Array.from({ length: 20 }, () => knock(t, scene, '42')));
  assert.ok(count(hasty, 429) >= 10, `${hasty}`);
  assert.equal(await knock(t, scene, '43'), 101);
});

const get = (scene, target, { method = 'GET', body } = {}) =>
  new Promise((resolve, reject) => {
    const req = http.request(`${scene.origin}${target}`, { method }, (res) => {
      let text = '';
      res.on('data', (data) => { text += data; }).on('end', () => resolve({ status: res.statusCode, text }));
    });
    req.on('error', reject).end(body);
  });

// A page of socket.io 4 that connects, answers each ping, and never logs in; until the relay ends it, or `untilPings` of them.
async function answerPings(scene, untilPings = Infinity) {
  const { sid } = JSON.parse((await get(scene, POLLING)).text.slice(1));
  const target = `${POLLING}&sid=${sid}`;
  const said = [];
  await get(scene, target, { method: 'POST', body: '40' });
  for (let pings = 0; pings < untilPings; ) {
    const { status, text } = await get(scene, target);
    if (status !== 200) break;
    const packets = text.split('\x1e');
    said.push(...packets);
    if (packets.includes('41')) break;
    if (!packets.includes('2')) continue;
    pings++;
    await get(scene, target, { method: 'POST', body: '3' });
  }
  return said;
}

test('a socket.io page that answers pings and never logs in is ended for good', async (t) => {
  const quick = { 'relay.login_timeout': '3s', 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '9s' };
  const scene = await startScene(t, quick);
  const said = await answerPings(scene);
  assert.ok(said.includes('2'), `${said}`);
  assert.equal(said.at(-1), '41');
  await until('the session to be counted', async () => (await scene.metric('closed_total', { reason: 'no login in time' })) === 1);
  const legacy = await startScene(t, { ...quick, 'relay.legacy_anonymous': 'yes' });
  const heard = await answerPings(legacy, 5);
  assert.equal(heard.filter((one) => one === '2').length, 5);
  assert.equal(await legacy.metric('sessions'), 1);
});

test('who may stay without a login takes the room of those without, whatever token is in the cookie', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.max_sessions': '100', 'relay.max_accepts_per_user': '0' });
  const unvouched = await crowd(t, scene, 100, { more: `Cookie: doorbell_token=${scene.token('42')}\r\n` });
  assert.equal(count(unvouched, 200), 10);
  assert.equal(await knock(t, scene, '43'), 101);
});

test('a broadcast takes no time for sessions that it tells nothing', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'relay.pace': '10', 'relay.login_timeout': '1h' });
  assert.equal(count(await crowd(t, scene, 2000), 200), 2000);
  const bell = await scene.connect('42');
  const start = performance.now();
  await scene.ring({ all: true, seq: 7 });
  await bell.next('ring');
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 5, `${seconds} s, where a pace of 10 a second would take 200`);
});
