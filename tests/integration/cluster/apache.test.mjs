// SPDX-License-Identifier: MIT
// apache before several relays and several doorbell-apps, with the balancers of deploy/README.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Events, freePort, makeFolder, startApache, startRedis, until } from '../../harness/index.mjs';
import { request } from '../../harness/http.mjs';
import { openInNode } from '../../harness/socketio.mjs';
import { passOverAppsThatEnd, send, startSeveralApps } from './apps.mjs';
import { openBell, outliveRollingRestart } from './rolling.mjs';
import { startSite } from './scene.mjs';

const OLD_PAGES = { 'relay.socketio': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_publish': 'yes' };

// `more` is what each member has behind its address.
async function startFront(t, relays, more = []) {
  const port = await freePort();
  const where = { dir: makeFolder(), port, appSocket: '/nowhere' };
  await startApache(t, where, { relays: relays.map((relay, i) => `http://127.0.0.1:${relay.port} ${more[i] ?? ''}`) });
  return port;
}

test('pages are spread over relays, rung once each, and outlive a rolling restart', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2 });
  await outliveRollingRestart(t, relays, await startFront(t, relays));
});

test('event streams are spread, and each relay tells its own', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2 });
  const port = await startFront(t, relays);
  const streams = [];
  for (const user of ['1', '2', '3', '4']) {
    const headers = { 'sec-fetch-site': 'same-origin', cookie: `doorbell_token=${relays[0].token(user)}` };
    const events = new Events(`http://127.0.0.1:${port}/events`, { headers });
    t.after(() => events.close());
    assert.equal((await events.opened).headers['set-cookie'], undefined);
    await events.next('welcome');
    streams.push(events);
  }
  for (const relay of relays) assert.equal(await relay.metric('pages'), 2);
  await relays[0].ring({ all: true, seq: 7 });
  for (const events of streams) await events.next((one) => one.seq === 7);
});

test('a relay with status=+N gets no new page', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2 });
  const port = await startFront(t, relays, ['status=+N']);
  for (const user of ['1', '2', '3']) await openBell(t, port, relays[0].token(user));
  assert.deepEqual(await Promise.all(relays.map((relay) => relay.metric('pages'))), [0, 3]);
});

test('a relay that is gone costs a page nothing, and one that is back is found', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2 });
  const port = await startFront(t, relays);
  const ask = async () => (await request(`http://127.0.0.1:${port}`, 'GET', '/ws')).status;
  const refusal = await ask(); // of a relay: it was no WebSocket
  assert.ok(refusal >= 400 && refusal < 500);
  await relays[0].relay.kill();
  for (let i = 0; i < 10; i++) assert.equal(await ask(), refusal);
  await relays[0].relay.start();
  await relays[1].relay.kill();
  for (let i = 0; i < 10; i++) assert.equal(await ask(), refusal);
});

async function openPage(t, port, name, options) {
  const page = await openInNode({ release: '4.8.4', transport: 'polling', url: `http://127.0.0.1:${port}`, name, options });
  t.after(() => page.close());
  await page.waitFor('connect');
  await page.emit('login', name);
  return page;
}

const isOnline = async (relay, user) => (await relay.call('POST', '/online', { json: { users: [user] } })).json.users.length === 1;

// The relays that have pages of socket.io.
async function pagesOf(relays) {
  return Promise.all(relays.map((relay) => relay.metric('sessions', { protocol: 'socketio' })));
}

async function tell(relay, to, content) {
  assert.equal((await relay.call('POST', '/', { form: { type: 'publish', to, content } })).text, 'ok');
}

test('a client of socket.io that polls stays at one relay, and begins anew at another when that ends', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2, config: OLD_PAGES });
  const port = await startFront(t, relays);
  const page = await openPage(t, port, '42', { withCredentials: true });
  await until('the login', () => isOnline(relays[0], '42'));
  for (const [i, relay] of relays.entries()) await tell(relay, '42', `text ${i}`);
  await page.waitFor('new_msg', { likes: (text) => text === 'text 1' });
  assert.deepEqual(page.all('new_msg'), ['text 0', 'text 1']);
  assert.deepEqual(page.all('disconnect'), []);

  const [first] = await pagesOf(relays);
  const [its, other] = first > 0 ? relays : [relays[1], relays[0]];
  await its.relay.stop();
  await page.waitFor('disconnect');
  await page.until('the page to be back', () => page.all('connect').length === 2);
  await page.emit('login', '42');
  await until('the login', () => isOnline(other, '42'));
  // It stays where it is now, though its first relay is back.
  await its.relay.start();
  await until('the relay to be back', async () => (await its.call('GET', '/health')).status === 200);
  for (let i = 0; i < 10; i++) await tell(other, '42', `more ${i}`);
  await page.waitFor('new_msg', { likes: (text) => text === 'more 9' });
  assert.equal(page.all('disconnect').length, 1);
});

test('a client of socket.io upgrades to WebSocket at the relay that has its session', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2, config: OLD_PAGES });
  const port = await startFront(t, relays);
  for (const name of ['1', '2', '3', '4']) {
    const options = { withCredentials: true, transports: ['polling', 'websocket'] };
    const page = await openPage(t, port, name, options);
    await page.waitFor('upgrade', { likes: (transport) => transport === 'websocket' });
    await until('the login', () => isOnline(relays[0], name));
    await tell(relays[1], name, 'hello');
    await page.waitFor('new_msg', { likes: (text) => text === 'hello' });
  }
  assert.ok((await pagesOf(relays)).every((count) => count > 0), 'spread over both');
});

// Whether the kernel has bytes for who listens on this port, which are not read.
function hasUnread(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').filter((line) => line.includes(local));
  return lines.some((line) => line.indexOf(local) < 20 && / 01 \S+:(?!00000000)/.test(line));
}

test('what a relay has been sent when it ends is not sent to another one', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2, config: OLD_PAGES });
  const port = await startFront(t, relays);
  const poll = () => request(`http://127.0.0.1:${port}`, 'POST', '/socket.io/?EIO=4&transport=polling&sid=none', { body: '2' });
  relays[0].relay.signal('SIGSTOP');
  const polls = [poll(), poll()];
  const { status: refused } = await Promise.race(polls); // by the other one, which knows no such session
  assert.equal(refused, 400);
  await until('the poll to be with its relay', () => hasUnread(relays[0].port));
  await relays[0].relay.kill();
  assert.deepEqual((await Promise.all(polls)).map(({ status }) => status).sort(), [400, 502]);
  assert.equal((await poll()).status, 400);
});

const startApps = (t) => startSeveralApps(t, (where, [one, two]) => startApache(null, where, { apps: [`unix:${one}|fcgi://doorbell-app`, `fcgi://${two}`] }));

test('requests are spread over doorbell-apps, and one that ends is passed over at once', async (t) => {
  await passOverAppsThatEnd(await startApps(t), ['kill', 'stop']);
});

// Until a call of this SQL function waits for the lock that the test holds, of another doorbell-app than `but`: whose it is.
function whoWaits(stack, called, but = null) {
  const waiting = "SELECT application_name AS name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  return until(`a call of ${called} to wait`, async () => {
    await stack.db.query('SELECT pg_stat_clear_snapshot()'); // of before, within the transaction
    const { rows } = await stack.db.query(`${waiting} AND query LIKE $1`, [`%doorbell.${called}(%`]);
    return stack.apps.find((app) => app !== but && rows.some(({ name }) => name === app.name));
  });
}

test('of what a doorbell-app had when it ended a GET is repeated, and nothing else', async (t) => {
  const stack = await startApps(t);
  const endDuring = async (called, method, target, options) => {
    await stack.db.query('BEGIN; LOCK TABLE doorbell.message IN ACCESS EXCLUSIVE MODE');
    const answer = stack.api(method, target, options);
    const app = await whoWaits(stack, called);
    await app.program.kill();
    await (method === 'GET' ? whoWaits(stack, called, app) : answer);
    await stack.db.query('COMMIT');
    await app.program.start();
    return answer;
  };
  assert.equal((await send(stack, 'there is one')).status, 201);
  assert.equal((await stack.api('GET', '/messages', { user: '42' })).json.messages.length, 1);
  assert.equal((await endDuring('list', 'GET', '/messages', { user: '42' })).status, 200);
  const calls = [
    ['send', 'POST', '/messages', { service: true, form: { to: '42', title: 'once' } }],
    ['mark_read', 'POST', '/messages/1/read', { user: '42' }],
    ['remove', 'DELETE', '/messages/1', { user: '42' }],
  ];
  for (const call of calls) {
    const { status, json, headers } = await endDuring(...call);
    assert.deepEqual([status, json?.error.code], [503, 'unavailable']);
    assert.match(json.error.message, /^another doorbell-app ended while it had this request/);
    assert.ok(Number(headers['retry-after']) > 0);
  }
  const { rows } = await stack.db.query('SELECT FROM doorbell.message');
  assert.ok(rows.length <= 2, 'sent once, or not at all');
  assert.equal((await send(stack, 'another')).status, 201);
});
