// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { build, HeldListeners, isConnectable, makeKey, until, writeSettings } from '../../harness/index.mjs';
import { Raw, startScene, upgradeHead } from './scene.mjs';

const program = path.join(build, 'doorbell-relay');
const runRelay = (...args) => spawnSync(program, args, { encoding: 'utf8' });

async function reload(scene) {
  const from = scene.relay.log.length;
  scene.relay.signal('SIGHUP');
  await scene.relay.waitLog(/reloaded|old ones stay in force/, { from });
}

test('SIGHUP takes a new publish key, and the open session still rings', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const old = scene.publishKey;
  scene.publishKey = scene.writeKey('publish.key');
  assert.equal((await scene.ring({ to: ['42'] })).status, 401);
  await reload(scene);
  const { status } = await scene.call('POST', '/publish', { headers: { authorization: `Bearer ${old}` }, json: { rings: [] } });
  assert.equal(status, 401);
  assert.equal((await scene.ring({ to: ['42'] })).status, 200);
  await bell.next('ring');
});

test('a reload names what needs a restart, and never its value', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const change = async (settings) => {
    const from = scene.relay.log.length;
    writeSettings(scene.confPath, { ...scene.settings, ...settings });
    await reload(scene);
    return scene.relay.log.slice(from);
  };
  const log = await change({ 'relay.listen': '127.0.0.1:1', 'relay.listen_group': 'hidden', 'relay.pace': '7', 'app.workers': '7' });
  assert.match(log, /reload: \[relay\] listen stays as it was: it needs a restart/);
  assert.match(log, /reload: \[relay\] listen_group stays as it was/);
  assert.equal(log.match(/stays as it was/g).length, 2, log);
  assert.doesNotMatch(log, /hidden|127\.0\.0\.1:1\b/);
  // It is what is in force that counts, not what the reload before it read.
  assert.match(await change({ 'relay.listen': '127.0.0.1:1' }), /\[relay\] listen stays/);
  assert.doesNotMatch(await change({}), /stays as it was/);
  await scene.ring({ to: ['42'] });
  await bell.next('ring');
});

test('two keys in a file are both accepted', async (t) => {
  const scene = await startScene(t);
  const old = scene.publishKey;
  const fresh = makeKey();
  scene.writeKey('publish.key', `${fresh}\n${old}`);
  await reload(scene);
  for (scene.publishKey of [fresh, old]) assert.equal((await scene.ring()).status, 200);
});

test('SIGHUP takes new origins and limits without dropping a session', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  writeSettings(scene.confPath, { ...scene.settings, 'auth.origins': 'https://new.example', 'relay.max_sessions_per_user': '1', 'relay.max_publish_body': '1024' });
  await reload(scene);
  await scene.connect('1', { headers: { origin: 'https://new.example' } });
  assert.equal((await scene.call('POST', '/publish', { body: ' '.repeat(1025) })).status, 413);
  await scene.ring({ to: ['42'] });
  await bell.next('ring');
  await scene.connect('42');
  assert.equal((await bell.untilClosed()).code, 4429);
});

test('a bad configuration at SIGHUP is told, and the one before stays', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  appendFileSync(scene.confPath, 'no_such_setting = 1\n');
  await reload(scene);
  assert.match(scene.relay.log, /doorbell\.conf:\d+: /);
  assert.match(scene.relay.log, /old ones stay in force/);
  assert.equal((await scene.ring({ to: ['42'] })).status, 200);
  await bell.next('ring');
  scene.writeKey('publish.key', 'short');
  writeSettings(scene.confPath, scene.settings);
  await reload(scene);
  assert.equal((await scene.ring({ to: ['42'] })).status, 200);
});

test('SIGTERM says bye, closes over the window, and ends with 0', async (t) => {
  const scene = await startScene(t, { 'relay.drain_window': '1s', 'relay.max_sessions_per_user': '0' });
  const bells = [];
  for (let i = 0; i < 20; i++) bells.push(await scene.connect('42'));
  const silent = scene.bell();
  await new Promise((resolve) => silent.socket.once('open', resolve));
  const started = Date.now();
  scene.relay.signal('SIGTERM');
  const byes = await Promise.all(bells.map((bell) => bell.next('bye')));
  assert.equal(await isConnectable({ host: '127.0.0.1', port: scene.port }), false);
  for (const { after_ms: after } of byes) assert.ok(after >= 0 && after < 1000);
  assert.ok(new Set(byes.map((one) => one.after_ms)).size > 10);
  for (const bell of bells) assert.equal((await bell.untilClosed()).code, 1012);
  assert.equal((await silent.untilClosed()).code, 1012);
  assert.deepEqual(await scene.relay.exited, { code: 0, signal: null });
  const latest = Math.max(...byes.map((one) => one.after_ms));
  assert.ok(Date.now() - started >= latest && Date.now() - started < 5000);
});

test('an idle relay ends at once on SIGTERM, and on SIGINT', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const scene = await startScene(t, { 'relay.drain_window': '1m' });
    await scene.call('GET', '/health');
    const started = Date.now();
    scene.relay.signal(signal);
    assert.deepEqual(await scene.relay.exited, { code: 0, signal: null });
    assert.ok(Date.now() - started < 2000);
  }
});

test('a second SIGTERM leaves at once', async (t) => {
  const scene = await startScene(t, { 'relay.drain_window': '1m' });
  const bell = await scene.connect('42');
  scene.relay.signal('SIGTERM');
  await bell.next('bye');
  assert.equal((await scene.call('GET', '/health')).status, 503);
  scene.relay.signal('SIGTERM');
  assert.deepEqual(await scene.relay.exited, { code: 0, signal: null });
});

test('peers that do not answer the close do not hold up the end', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  const started = Date.now();
  scene.relay.signal('SIGTERM');
  assert.deepEqual(await scene.relay.exited, { code: 0, signal: null });
  assert.ok(Date.now() - started < 8000);
});

// As by socket units: the listeners were there before the relay, and outlive it.
async function startHeld(t, settings) {
  const scene = await startScene(t, { ...HeldListeners.settings, ...settings }, { start: false });
  scene.held = await HeldListeners.open(t);
  scene.relayUrl = `ws://${scene.held.clients}/ws`;
  scene.relay = await scene.held.start(scene.confPath);
  return scene;
}

test('with an inherited listener all are closed at once and told when to come back; who comes meanwhile waits', async (t) => {
  const scene = await startHeld(t, { 'relay.drain_window': '1m', 'relay.max_sessions_per_user': '0' });
  const bells = [];
  for (let i = 0; i < 20; i++) bells.push(await scene.connect('42'));
  const { ended } = await scene.held.stop(scene.relay);
  const meanwhile = scene.connect('43');
  for (const bell of bells) assert.equal((await bell.untilClosed()).code, 1012);
  await ended;
  await scene.held.startAnother();
  await meanwhile;
  const after = bells.map((bell) => bell.frames.find((frame) => frame.type === 'bye').after_ms);
  assert.ok(after.every((ms) => ms >= 0 && ms < 60_000));
  assert.ok(Math.max(...after) > 20_000 && new Set(after).size > 10, `${after}`);
});

test('with an inherited listener peers that do not answer the close do not hold up the end', async (t) => {
  const scene = await startHeld(t, { 'relay.drain_window': '10m' });
  const raw = new Raw(t, scene.held.clients.split(':')[1]);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  const { ended } = await scene.held.stop(scene.relay);
  await ended;
});

test('out of descriptors it pauses accepting and goes on serving', async (t) => {
  const scene = await startScene(t, {}, { wrap: ['prlimit', '--nofile=40:40'] });
  const bell = await scene.connect('42');
  const publisher = new Raw(t, scene.publishPort);
  const body = JSON.stringify({ rings: [{ to: ['42'] }] });
  const call = `POST /publish HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await publisher.write(call);
  await publisher.untilText(/"sessions":1/);
  const crowd = Array.from({ length: 60 }, () => new Raw(t, scene.port));
  await scene.relay.waitLog(/accepting is paused/);
  await publisher.write(call);
  await until('the second answer', () => publisher.text.split('"sessions":1}').length === 3);
  await bell.next('ring', { from: 2 });
  for (const raw of crowd) raw.socket.destroy();
  await until('new sessions to come in again', () => scene.connect('43'));
});

test('a port that is taken is told, and ends it', async (t) => {
  const scene = await startScene(t);
  const { status, stderr } = runRelay('-c', scene.confPath);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(String(scene.port)));
});
