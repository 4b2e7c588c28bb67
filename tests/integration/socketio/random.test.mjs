// SPDX-License-Identifier: MIT
// Many pages that do anything at any time, while they are rung, kicked and reloaded: whatever comes of
// it, the relay goes on serving those who do nothing wrong, and in the end nothing is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN, until, writeSettings } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { ask, Line, Page, publish, Sock, startScene } from './raw.mjs';

const STEPS = Number(process.env.DOORBELL_RANDOM_STEPS ?? 2500);

// Most of them allowed, lest no page lives for long.
const PACKETS = [...Array(20).fill('42["x"]'), '2', '3', '1', '6', '5', '4', '40', '41', '40/x,', '42["x"]', '420["login"]', '42["login","u1"]', '421["login","u2"]', '451-["x",{}]', '2probe', '42["disconnect"]', 'junk'];

async function upgrade(t, scene, page) {
  const sock = new Sock(t, scene, { eio: page.eio, sid: page.sid });
  page.sock = sock;
  await sock.opened;
  sock.say('2probe', '5');
}

async function act(t, scene, random, crowd) {
  const user = `u${random(4)}`;
  const one = crowd.length ? crowd[random(crowd.length)] : null;
  const packet = () => PACKETS[random(PACKETS.length)];
  const quietly = (promise) => void Promise.resolve(promise).catch(() => {});
  const acts = [
    async () => {
      const page = new Page(t, scene, { eio: 3 + random(2), more: random(8) ? '' : '&j=1' });
      const { text } = await ask(t, scene, 'GET', page.target());
      page.sid = text.match(/"sid\\?":\\?"([\w-]{24})/)?.[1];
      if (page.sid) crowd.push(page);
      if (page.sid && page.eio === 4) quietly(page.post('40'));
    },
    () => one && quietly(one.poll(random(3) ? one.line : new Line(t, scene.port))),
    () => one && quietly(one.post(one.framing.write(Array.from({ length: 1 + random(3) }, packet)))),
    () => one && quietly(one.post(one.framing.write([`420["login","${user}"]`]))),
    () => one && quietly(upgrade(t, scene, one)),
    () => one && (one.sock = new Sock(t, scene, { eio: one.eio, sid: one.sid })),
    () => one?.sock?.socket.readyState === 1 && one.sock.say('2probe'),
    () => one?.sock?.socket.readyState === 1 && one.sock.say('5'),
    () => one?.sock?.socket.readyState === 1 && one.sock.say(packet()),
    () => one?.sock?.socket.terminate(),
    () => one?.line.socket.destroy(),
    () => one && (one.line = new Line(t, scene.port)),
    () => quietly(publish(scene, { to: random(3) ? user : '', content: 'x'.repeat(random(4) ? 10 : 1500) })),
    () => quietly(scene.ring({ all: true, seq: random(1000) })),
    () => quietly(scene.ring(...Array.from({ length: random(400) }, () => ({ to: [user, 'u9'], seq: 1 })))),
    () => random(4) || quietly(scene.call('POST', '/kick', { json: { user } })),
    () => random(8) || (writeSettings(scene.confPath, scene.settings), scene.relay.signal('SIGHUP')),
    () => random(2) || crowd.splice(random(crowd.length + 1), 1),
  ];
  await acts[random(acts.length)]();
}

test('whatever pages do at whatever time', async (t) => {
  const seed = Number(process.env.DOORBELL_RANDOM_SEED ?? Date.now() % 1e9);
  t.diagnostic(`seed ${seed}`);
  const scene = await startScene(t, {
    ...OPEN,
    'relay.legacy_anonymous': 'yes',
    'relay.legacy_login': 'yes',
    'relay.legacy_publish': 'yes',
    'relay.pace': '200',
    'relay.max_sessions': '60',
    'relay.max_sessions_per_user': '3',
    'relay.socketio_max_pending': '4096',
    'relay.socketio_ping_interval': '1s',
    'relay.socketio_ping_timeout': '1s',
    'relay.socketio_upgrade_timeout': '100ms',
    'relay.socketio_connect_timeout': '1s',
  });
  const bell = await scene.connect('witness');
  const random = makeRandom(seed);
  const crowd = [];
  for (let i = 0; i < STEPS; i++) {
    await act(t, scene, random, crowd);
    // Some of what was begun may end; the rest overlaps with what comes.
    if (random(4) > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await scene.ring({ to: ['witness'], version: 7, seq: 0, num: 1 });
  await bell.next((one) => one.version === 7);
  for (const page of crowd) page.sock?.socket.terminate();
  await until('only the witness to be left', async () => (await scene.metric('sessions')) === 1, { timeoutMs: 30_000 });
  assert.equal(scene.relay.isRunning, true);
});
