// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN, startRedis, until } from '../../harness/index.mjs';
import { openInNode } from '../../harness/socketio.mjs';
import { Raw } from '../relay/scene.mjs';
import { healthOf, ringsOf, startRelayOf, startSite, joined } from './scene.mjs';

test('a ring to one user reaches their pages at all relays, each once', async (t) => {
  const [a, b, c] = await startSite(t, await startRedis(t));
  const bells = await Promise.all([a.connect('42'), b.connect('42'), c.connect('42'), c.connect('42')]);
  const other = await b.connect('43');
  const { status, json } = await a.ring({ to: ['42'], version: 57, seq: 94, num: 4, hit: 1, id: 813 });
  assert.deepEqual([status, json], [200, { sessions: 1 }]);
  await b.ring({ to: ['42', '43'], seq: 95 });
  for (const bell of bells) {
    await bell.next((one) => one.seq === 95);
    assert.deepEqual(ringsOf(bell), [
      { type: 'ring', version: 57, seq: 94, num: 4, hit: 1, id: 813 },
      { type: 'ring', seq: 95, spread_ms: 0 },
    ]);
  }
  await other.next('ring');
  assert.deepEqual(ringsOf(other), [{ type: 'ring', seq: 95, spread_ms: 0 }]);
});

test('a ring to all, and one to a long list, reach each page once', async (t) => {
  const relays = await startSite(t, await startRedis(t));
  const bells = await Promise.all(relays.flatMap((relay) => ['42', '43'].map((user) => relay.connect(user))));
  const many = Array.from({ length: 100 }, (_, i) => String(i));
  await relays[1].ring({ to: many, seq: 7 });
  for (const bell of bells) await bell.next((one) => one.seq === 7);
  await relays[2].ring({ all: true, seq: 8 });
  for (const bell of bells) await bell.next((one) => one.seq === 8);
  await relays[0].ring({ to: ['42', '43'], seq: 9 });
  for (const bell of bells) {
    await bell.next((one) => one.seq === 9);
    assert.deepEqual(ringsOf(bell).map(({ seq }) => seq), [7, 8, 9]);
  }
});

test('a call with many lists costs the link no more than its body', async (t) => {
  const [a, b] = await startSite(t, await startRedis(t), { count: 2 });
  const nameOf = (i) => `user-${i}-${'0'.repeat(36)}`.slice(0, 36);
  const rings = Array.from({ length: 500 }, (_, i) => ({ to: Array.from({ length: 32 }, (__, n) => nameOf(i * 32 + n)), seq: i + 1 }));
  const bells = await Promise.all([nameOf(0), nameOf(500 * 32 - 1)].map((user) => b.connect(user)));
  const lone = await b.connect('42');
  assert.equal((await a.ring({ to: ['42'], version: 1, seq: 1, num: 3 }, ...rings)).status, 200);
  await lone.next((one) => one.num === 3);
  await bells[0].next((one) => one.seq === 1);
  await bells[1].next((one) => one.seq === 500);
  assert.doesNotMatch(a.relay.log, /is cut/);
});

test('HEAD of a call that waits for others has no body, and the next answer comes after it', async (t) => {
  const [a] = await startSite(t, await startRedis(t), { count: 2 });
  const raw = new Raw(t, a.publishPort);
  const ask = (method, what) => raw.write(`${method} ${what} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${a.publishKey}\r\n\r\n`);
  await ask('HEAD', '/online?user=42');
  await ask('GET', '/health?');
  await raw.untilText(/"ok":true/);
  assert.match(raw.text, /Content-Length: 19\r\n[^{}]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test('a report asks all relays', async (t) => {
  const [a, b, c] = await startSite(t, await startRedis(t));
  await Promise.all([a.connect('42'), b.connect('42'), c.connect('43')]);
  const report = async (...rings) => (await a.call('POST', '/publish', { json: { rings, report: true } })).json;
  assert.deepEqual(await report({ to: ['42', '43', '44'], seq: 1 }), { sessions: 3, offline: ['44'] });
  assert.deepEqual(await report({ to: ['44'] }), { sessions: 0, offline: ['44'] });
  assert.deepEqual(await report(), { sessions: 0, offline: [] });
});

test('a relay that does not answer makes a report partial', async (t) => {
  const [a, b, c] = await startSite(t, await startRedis(t));
  await Promise.all([b.connect('42'), c.connect('43')]);
  c.relay.signal('SIGSTOP');
  const { json } = await a.call('POST', '/publish', { json: { rings: [{ to: ['42', '43'], seq: 1 }], report: true } });
  assert.deepEqual(json, { sessions: 1, offline: ['43'], partial: true });
  c.relay.signal('SIGCONT');
  await joined([a, b, c]);
});

test('users of any relay are online for all', async (t) => {
  const [a, b] = await startSite(t, await startRedis(t), { count: 2 });
  await a.connect('1');
  await b.connect('ü "2"');
  const page = await b.connect('3');
  const ask = async (relay, users) => (await relay.call('POST', '/online', { json: { users } })).json;
  assert.deepEqual(await ask(a, ['1', 'ü "2"', 3, '4']), { users: ['1', 'ü "2"', '3'] });
  assert.deepEqual(await ask(a, ['1']), { users: ['1'] });
  assert.deepEqual(await ask(a, []), { users: [] });
  assert.deepEqual(await ask(a, Array.from({ length: 1000 }, (_, i) => `user-${i}`)), { users: [] });
  assert.deepEqual((await a.call('GET', '/online?user=3&user=1&user=4')).json, { online: { 3: 1, 1: 1, 4: 0 } });
  page.close();
  await until('the page to be gone', async () => (await ask(a, ['3'])).users.length === 0);
});

test('a page that has its welcome is online for all', async (t) => {
  const [a, b] = await startSite(t, await startRedis(t), { count: 2, config: OPEN });
  for (let i = 0; i < 100; i++) {
    const bell = await b.connect(`user-${i}`);
    assert.deepEqual((await a.call('POST', '/online', { json: { users: [`user-${i}`] } })).json, { users: [`user-${i}`] });
    await a.ring({ to: [`user-${i}`], seq: i + 1 });
    await bell.next((one) => one.seq === i + 1);
    bell.close();
  }
});

test('a kick reaches all relays', async (t) => {
  const [a, b, c] = await startSite(t, await startRedis(t));
  const claims = { iat: Math.floor(Date.now() / 1000) - 5 };
  const bells = await Promise.all([a.connect('42', { claims }), b.connect('42', { claims }), c.connect('43')]);
  assert.deepEqual((await c.call('POST', '/kick', { json: { user: '42' } })).json, { sessions: 2 });
  for (const bell of bells.slice(0, 2)) assert.equal((await bell.untilClosed()).code, 4403);
  assert.equal(bells[2].closed, null);
  for (const relay of [a, b, c]) {
    const late = relay.bell({ token: relay.token('42', claims) });
    assert.equal((await late.untilClosed()).code, 4403);
  }
});

test('revocations reach all, and the instance changes when a relay comes or goes', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await startSite(t, redis, { count: 2 });
  const bell = await b.connect('42', { claims: { iat: 1_700_000_000, exp: Math.floor(Date.now() / 1000) + 60 } });
  const at = Date.now() * 1000;
  const revoke = async (relay, revocations = []) => (await relay.call('POST', '/revocations', { json: { revocations } })).json;
  await revoke(a, [{ user: '42', at }]);
  assert.equal((await bell.untilClosed()).code, 4403);
  const { instance } = await revoke(a);
  assert.equal((await revoke(b)).instance, instance);
  const c = await startRelayOf(t, redis, {}, a);
  await joined([a, b, c]);
  const another = (await revoke(a)).instance;
  assert.notEqual(another, instance);
  for (const relay of [b, c]) assert.equal((await revoke(relay)).instance, another);
  await c.relay.stop();
  await joined([a, b]);
  assert.equal((await revoke(b)).instance, instance);
});

test('the counts are sums, and a dead relay is forgotten', async (t) => {
  const [a, b, c] = await startSite(t, await startRedis(t));
  await Promise.all([a.connect('1'), b.connect('2'), c.connect('3'), c.connect('3')]);
  const counts = async () => JSON.stringify((await a.call('GET', '/online')).json);
  await until('the sums', async () => (await counts()) === '{"users":3,"pages":4,"sessions":4}');
  await c.relay.kill();
  await until('the dead relay to be forgotten', async () => (await counts()) === '{"users":2,"pages":2,"sessions":2}');
  assert.equal((await healthOf(a)).relays, 2);
});

test('texts of web-msg-sender reach the pages of all relays', async (t) => {
  const config = { 'relay.socketio': 'yes', 'relay.legacy_publish': 'yes', 'relay.legacy_login': 'yes' };
  const [a, b] = await startSite(t, await startRedis(t), { count: 2, config });
  const page = await openInNode({ release: '4.8.4', transport: 'websocket', url: b.origin, name: 'page' });
  t.after(() => page.close());
  await page.waitFor('connect');
  await page.emit('login', '42');
  await until('the login', async () => (await a.call('POST', '/online', { json: { users: ['42'] } })).json.users.length === 1);
  const send = async (to, content) => (await a.call('POST', '/', { form: { type: 'publish', to, content } })).text;
  assert.equal(await send('42', 'für "dich"'), 'ok');
  assert.equal(await send('43', 'lost'), 'offline');
  assert.equal(await send('', 'für alle'), 'ok');
  await until('both texts', () => page.all('new_msg').length === 2);
  assert.deepEqual(page.all('new_msg'), ['für &quot;dich&quot;', 'für alle']);
});

test('relays share the rates of the site', async (t) => {
  const redis = await startRedis(t);
  const config = { 'relay.pace': '0', 'relay.check_rate': '100' };
  const [a, b] = await startSite(t, redis, { count: 2, config });
  const bells = await Promise.all(['1', '2', '3', '4'].map((user) => a.connect(user)));
  const spread = async (seq) => {
    await b.ring({ all: true, seq });
    return (await bells[0].next((one) => one.seq === seq)).spread_ms;
  };
  await a.relay.waitLog(/2 relays share the rates of the site/);
  assert.equal(await spread(1), 80); // four questions at half of the rate
  const c = await startRelayOf(t, redis, config, a);
  await joined([a, b, c]);
  await a.relay.waitLog(/3 relays share the rates of the site/);
  assert.equal(await spread(2), 121); // at a third, in whole checks a second
  a.relay.signal('SIGHUP');
  await a.relay.waitLog(/reloaded/);
  assert.equal(await spread(3), 121);
});

test('max_sessions_per_user holds for all relays, and the oldest goes', async (t) => {
  const config = { 'relay.max_sessions_per_user': '3' };
  const [a, b, c] = await startSite(t, await startRedis(t), { config });
  const bells = [];
  for (const relay of [a, b, c, a, b, b, c]) {
    bells.push(await relay.connect('42'));
    // Relays tell each other ages: two sessions must be further apart than such a question takes.
    for (let n = 0; n < 5; n++) await relay.call('GET', '/online?user=42');
    if (bells.length > 3) assert.equal((await bells.at(-4).untilClosed()).code, 4429);
  }
  const other = await a.connect('43');
  assert.deepEqual((await a.call('GET', '/online?user=42&user=43')).json, { online: { 42: 3, 43: 1 } });
  for (const bell of [...bells.slice(-3), other]) assert.equal(bell.closed, null);
});
