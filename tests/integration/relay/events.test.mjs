// SPDX-License-Identifier: MIT
// /events: the messages of /ws as Server-Sent Events.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Events, startStack, until } from '../../harness/index.mjs';
import { Raw, startScene } from './scene.mjs';

async function refusal(scene, user, options) {
  const events = scene.events(user, options);
  const { status } = await events.opened;
  await events.untilClosed();
  assert.deepEqual(events.frames, []);
  return status;
}

test('a stream greets its user, and says the rings as they are said to /ws', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const events = await scene.openEvents('42');
  const { status, headers } = await events.opened;
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/event-stream');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-accel-buffering'], 'no');
  const personal = { to: ['42'], version: 5, seq: 9, num: 2, hit: 1, id: 7 };
  await scene.ring(personal, { to: ['42', '43'], seq: 10 });
  await scene.ring({ all: true, seq: 11 });
  await events.next((one) => one.seq === 11);
  await bell.next((one) => one.seq === 11);
  assert.deepEqual(events.frames, bell.frames);
  assert.deepEqual(events.frames.map((one) => one.seq), [undefined, 9, 10, 11]);
});

test('who it is comes by the cookie alone, from our own pages alone', async (t) => {
  const scene = await startScene(t, { 'auth.origins': 'https://a.example' });
  const bearer = { authorization: `Bearer ${scene.token('42')}` };
  assert.equal(await refusal(scene, null), 401);
  assert.equal(await refusal(scene, null, { headers: bearer }), 401);
  assert.equal(await refusal(scene, null, { query: `?token=${scene.token('42')}` }), 401);
  assert.equal(await refusal(scene, null, { headers: { cookie: 'doorbell_token=forged' } }), 401);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': '' },
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': undefined, referer: 'https://evil.example/https://a.example/' },
    { origin: 'null', 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  ]) {
    assert.equal(await refusal(scene, '42', { headers }), 403, JSON.stringify(headers));
  }
  for (const headers of [
    { 'sec-fetch-site': 'none' },
    { origin: 'https://a.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': undefined, referer: 'https://a.example/inbox' },
  ]) {
    await scene.openEvents('42', { headers });
  }
});

test('other methods, bodies and paths are refused', async (t) => {
  const scene = await startScene(t);
  for (const [head, status] of [
    ['POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', 405],
    ['POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 413],
    ['GET /events/ HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ]) {
    const raw = new Raw(t, scene.port);
    await raw.write(head);
    assert.match(await raw.untilEnd(), new RegExp(`^HTTP/1.1 ${status} `));
  }
});

test('the limits on sessions hold for streams too', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions': '3', 'relay.max_sessions_per_user': '2' });
  const oldest = await scene.openEvents('42');
  await scene.connect('42');
  await scene.openEvents('42');
  assert.deepEqual(await oldest.next('error'), { type: 'error', code: 'too_many' });
  await oldest.untilClosed();
  await scene.openEvents('1');
  assert.equal(await refusal(scene, '2'), 503);
});

test('online numbers are told to a stream that asks for them', async (t) => {
  const scene = await startScene(t);
  const events = await scene.openEvents('42', { query: '?online=1' });
  assert.deepEqual(await events.next('online'), { type: 'online', users: 1, pages: 1 });
  await scene.openEvents('43', { query: '?t=1' });
  await events.next((one) => one.type === 'online' && one.users === 2 && one.pages === 2);
  assert.deepEqual((await scene.call('GET', '/online?user=42&user=43')).json, { online: { 42: 1, 43: 1 } });
});

test('a stream that ends says why', async (t) => {
  const scene = await startScene(t);
  const kicked = await scene.openEvents('42');
  await scene.call('POST', '/kick', { json: { user: '42' } });
  assert.deepEqual(await kicked.next('error'), { type: 'error', code: 'kicked' });
  await kicked.untilClosed();
  assert.equal(await refusal(scene, '42'), 403);

  const left = await scene.openEvents('1');
  left.close();
  await until('it to be gone', async () => (await scene.metric('sessions')) === 0);

  const last = await scene.openEvents('43');
  scene.relay.signal('SIGTERM');
  assert.equal((await last.next('bye')).type, 'bye');
  assert.deepEqual(await last.next('error'), { type: 'error', code: 'restart' });
  await last.untilClosed();
});

test('a stream ends when its token has expired, and is pinged until then', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const exp = Math.floor(Date.now() / 1000) - 26; // 30 s of grace
  const cookie = `doorbell_token=${scene.token('42', { exp })}`;
  const events = scene.events(null, { headers: { cookie } });
  assert.deepEqual(await events.next('ping'), { type: 'ping' });
  assert.deepEqual(await events.next('error'), { type: 'error', code: 'token' });
  await events.untilClosed();
});

test('a stream that stops reading costs a constant, and is closed', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const raw = new Raw(t, scene.port);
  await raw.write(`GET /events HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nCookie: doorbell_token=${scene.token('42')}\r\n\r\n`);
  await raw.untilText(/"welcome"/);
  raw.socket.pause();
  let version = 0;
  await until('it to be gone', async () => {
    const rings = Array.from({ length: 1000 }, () => ({ to: ['42'], version: ++version, seq: 7, num: 1, id: version }));
    await scene.ring(...rings);
    return (await scene.metric('sessions')) === 0;
  }, { timeoutMs: 60_000 });
  if (scene.isMeasurable) assert.ok(scene.residentKiB < 64 * 1024, `${scene.residentKiB} KiB`);
});

test('a stalled stream that reads again has the last ring of each kind, whole', async (t) => {
  const scene = await startScene(t);
  const events = await scene.openEvents('42');
  const { socket } = events.request;
  socket.pause();
  let version = 0;
  await until('messages to be merged', async () => {
    const rings = Array.from({ length: 1000 }, () => ({ to: ['42'], version: ++version, seq: 7, num: 1, id: version }));
    await scene.ring(...rings);
    return (await scene.metric('merged_total')) > 5000;
  }, { timeoutMs: 60_000 });
  await scene.ring({ to: ['42', '43'], seq: 8 });
  socket.resume();
  await events.next((one) => one.seq === 8);
  assert.equal(events.frames.at(-2).version, version);
});

for (const server of ['nginx', 'apache']) {
  test(`a stream passes ${server} at once, with the page's own cookie`, async (t) => {
    const stack = await startStack(t, { server, app: false });
    const open = async (headers) => {
      const events = new Events(`${stack.url}/events`, { headers });
      t.after(() => events.close());
      return events;
    };
    const cookie = `doorbell_token=${stack.token('42')}`;
    const events = await open({ cookie, 'sec-fetch-site': 'same-origin' });
    assert.deepEqual(await events.next('welcome'), { type: 'welcome', user: '42' });
    await stack.publish('POST', '/publish', { json: { rings: [{ all: true, seq: 3 }] } });
    assert.equal((await events.next('ring')).seq, 3);
    const foreign = await open({ cookie, origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' });
    assert.equal((await foreign.opened).status, 403);
    const own = await open({ cookie, origin: stack.url });
    await own.next('welcome');
  });
}
