// SPDX-License-Identifier: MIT
// The way from the app to the relay fails in every manner, while the site sends, marks and recalls: once it is open
// again, the badge of every open page is the database's. The pages are the real client in node, and their pings tell
// nothing, so that rings alone have to do it.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import WebSocket from 'ws';

import { freePort, startStack, until } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { Client } from '../../../www/bell/client.js';

const ROUNDS = Number(process.env.DOORBELL_LINK_ROUNDS ?? 6);
const STEPS = 25; // of a round
const SEED = Number(process.env.DOORBELL_SEED ?? randomInt(2 ** 31));
const PAUSE_MS = 100; // at most, between two steps

const users = ['alice', 'bob'];

const reply = (line, body = '') => `HTTP/1.1 ${line}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const replies = [
  reply('400 Bad Request'), reply('404 Not Found'), reply('413 Content Too Large'), reply('500 Internal Server Error'), reply('503 Busy', '{"error":{}}'),
  reply('200 OK', '<!doctype html>'), reply('200 OK'), 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"us', '\x16\x03\x01 no HTTP\r\n\r\n',
];

// Between app and relay. `mode`: open, cut (both ends), half (of a request gets through), deaf (the reply is lost),
// frozen, slow, or a reply in the relay's place.
class Way {
  mode = 'open';
  #release = [];
  #sockets = new Set();

  constructor(t, publishPort) {
    this.publishPort = publishPort;
    this.server = net.createServer((socket) => this.#connect(socket));
    t.after(() => this.#close());
  }

  set(mode) {
    this.mode = mode;
    if (mode === 'cut') for (const socket of this.#sockets) socket.destroy();
    for (const release of this.#release.splice(0)) release();
  }

  #close() {
    this.set('cut');
    this.server.close();
  }

  #connect(socket) {
    const onward = net.connect(this.publishPort, '127.0.0.1');
    const ends = [socket, onward];
    for (const [one, other, pass] of [[socket, onward, this.#request], [onward, socket, this.#reply]]) {
      this.#sockets.add(one);
      let last = Promise.resolve(); // what came before keeps its place
      one.on('error', () => {}).on('data', (bytes) => {
        last = last.then(() => this.#pace()).then(() => pass.call(this, bytes, other, ends));
      });
      one.on('close', () => {
        this.#sockets.delete(one);
        last.then(() => other.end());
      });
    }
  }

  #pace() {
    if (this.mode === 'frozen') return new Promise((release) => this.#release.push(release));
    return this.mode === 'slow' ? delay(PAUSE_MS) : null;
  }

  #request(bytes, onward, ends) {
    const [socket] = ends;
    if (this.mode === 'half') onward.write(bytes.subarray(0, bytes.length / 2), () => ends.forEach((end) => end.destroy()));
    else if (this.mode === 'cut') ends.forEach((end) => end.destroy());
    else if (replies.includes(this.mode)) socket.end(this.mode);
    else if (onward.writable) onward.write(bytes);
  }

  #reply(bytes, socket, ends) {
    if (this.mode === 'deaf' || this.mode === 'cut') ends.forEach((end) => end.destroy());
    else if (socket.writable) socket.write(bytes);
  }
}

async function startWithWay(t) {
  const [port, publishPort] = [await freePort(), await freePort()];
  const config = {
    'app.relay_url': `http://127.0.0.1:${port}`, 'relay.publish_listen': `127.0.0.1:${publishPort}`, 'app.ring_max_age': '1s',
    'app.user_rate': '0', // four tabs of two users, and steps without a pause
  };
  const way = new Way(t, publishPort);
  way.server.listen(port, '127.0.0.1');
  await once(way.server, 'listening');
  return { way, stack: await startStack(t, { config }) };
}

// Hears no more of a ping than that it is one.
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on('error', () => {});
  }

  set onmessage(hear) {
    super.onmessage = ({ data }) => hear({ data: JSON.parse(data).type === 'ping' ? '{"type":"ping"}' : data });
  }
}

function openTab(t, stack, user) {
  const tab = { user, badge: null };
  const options = {
    api: `${stack.url}/doorbell`, relay: `${stack.relayUrl}/ws`, events: null, token: stack.token(user),
    pollInterval: 600_000, refreshInterval: 0, pingInterval: 25_000,
  };
  const clock = { now: Date.now, random: Math.random, setTimeout: (call, ms) => setTimeout(call, ms), clearTimeout };
  const world = { clock, fetch, WebSocket: Socket, preference: { get: () => null, set: () => {} }, openChannel: () => null, isHidden: () => false };
  tab.client = new Client(options, world, { badge: (num) => { tab.badge = num; }, announce: () => {}, emit: () => {} });
  tab.client.start();
  t.after(() => tab.client.stop());
  return tab;
}

// What happens at the site; `pick` draws one of a list. A recalled or erased message may be gone.
function makeSite({ stack, tabs, way, pick, random }) {
  const ids = [];
  const call = async (method, path, options) => {
    const answer = await stack.api(method, path, options);
    assert.ok([200, 201, 404].includes(answer.status), `${method} ${path}: ${answer.text}`);
    if (answer.json?.id) ids.push(answer.json.id);
  };
  const sendSql = async (text) => ids.push((await stack.db.query(`SELECT id::integer FROM doorbell.send(${text}, title => 'x')`)).rows[0].id);
  const id = () => (ids.length > 0 ? pick(ids.slice(-10)) : 1);
  const service = (json) => ({ service: true, json });
  const unlessGone = (error) => assert.equal(error.code, 'DB404', error.message);
  return [
    () => way.set('open'),
    () => way.set(pick(['cut', 'half', 'deaf', 'frozen', 'slow', ...replies])),
    () => way.set(pick(['cut', 'half', 'deaf', 'frozen', 'slow', ...replies])),
    () => call('POST', '/messages', service({ to: pick(users), title: 'x' })),
    () => call('POST', '/messages', service({ to: users, title: 'x' })),
    () => call('POST', '/messages', service({ to: '*', title: 'x' })),
    () => call('POST', '/messages', service({ group: 'g', title: 'x' })),
    () => call('POST', '/messages', service({ to: pick([...users, '*']), title: 'x', expires_in: 1 })),
    () => call('POST', '/messages', service({ to: pick([...users, '*']), title: 'x', send_at: Math.floor(Date.now() / 1000) + 1 })),
    () => call('POST', '/groups/g/members', service(random(2) ? { add: users } : { remove: [pick(users)] })),
    () => call('POST', `/messages/${id()}/read`, { user: pick(users), json: {} }),
    () => call('POST', pick(['/messages/read', '/messages/unread']), { user: pick(users), json: { all: true } }),
    () => call('DELETE', `/sent/${id()}`, { service: true }),
    () => random(3) || call('DELETE', `/users/${pick(users)}`, { service: true }),
    () => pick(tabs).client.call('markRead', id()).catch(() => {}),
    () => pick(tabs).client.markAllRead().catch(() => {}),
    () => sendSql(`ARRAY['${pick(users)}']`),
    () => sendSql('to_all => true'),
    () => stack.db.query('SELECT doorbell.recall($1)', [id()]).catch(unlessGone),
    () => stack.db.query('SELECT doorbell.mark_read_all($1)', [pick(users)]),
    () => random(4) || stack.db.query('SELECT doorbell.new_epoch()'),
  ];
}

// Every badge is the database's.
async function untilTrue(stack, tabs) {
  for (const tab of tabs) {
    await until(`the badge of ${tab.user}`, async () => {
      const { num } = (await stack.api('GET', '/unread', { user: tab.user })).json;
      return assert.equal(tab.badge, num) ?? true;
    });
  }
}

test(`${ROUNDS} rounds of ${STEPS} random steps on a way that fails: after each every badge is right (DOORBELL_SEED=${SEED})`, async (t) => {
  const { way, stack } = await startWithWay(t);
  const tabs = [...users, ...users].map((user) => openTab(t, stack, user));
  for (const tab of tabs) await until('the tab to be live', () => tab.client.told.state === 'live' && tab.badge === 0);
  const random = makeRandom(SEED);
  const pick = (list) => list[random(list.length)];
  const site = makeSite({ stack, tabs, way, pick, random });
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < STEPS; i++) {
      await pick(site)();
      await delay(random(PAUSE_MS)); // the random point
    }
    way.set('open');
    await untilTrue(stack, tabs);
  }
});
