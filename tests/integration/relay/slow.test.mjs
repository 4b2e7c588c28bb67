// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { OPEN, until } from '../../harness/index.mjs';
import { frame, Raw, startScene, upgradeHead } from './scene.mjs';

// Logged in by raw bytes, so that the test decides what is read.
async function rawSession(t, scene, user) {
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  await raw.write(frame(1, JSON.stringify({ type: 'login', token: scene.token(user) })));
  await raw.untilText(/"welcome"/);
  return raw;
}

const ringsOf = (text) => [...text.matchAll(/\{"type":"ring"[^}]*\}/g)].map((one) => JSON.parse(one[0]));

// Ten thousand personal rings behind `version`; answers the last one's version.
async function ringTenThousand(scene, user, version) {
  for (let i = 0; i < 10; i++) {
    const rings = Array.from({ length: 1000 }, () => ({ to: [user], version: ++version, seq: 7, num: version % 100, id: version }));
    await scene.call('POST', '/publish', { json: { rings } });
  }
  return version;
}

// The kernels of both ends take some first, and find room again and again: until the session of 42 is stuck. Answers the
// version of its last ring, of the last one that may have got through, and the memory of before.
async function untilStuck(scene, version) {
  const stuck = { version };
  await until('the session to be stuck', async () => {
    const merged = await scene.metric('merged_total');
    stuck.last = stuck.version;
    stuck.memory = scene.residentKiB;
    stuck.version = await ringTenThousand(scene, '42', stuck.version);
    return (await scene.metric('merged_total')) - merged === 10_000;
  }, { timeoutMs: 60_000 });
  return stuck;
}

// Publishes to a session that is stuck, and to the witness, the last to be rung, who gets `isLast`. All for 42 has to wait; as
// even a full kernel may find room once more by itself, this does it again until it was so.
async function publishWhileStuck(scene, witness, makeCall) {
  let stuck = { version: 0 };
  await until('all of the call to wait', async () => {
    stuck = await untilStuck(scene, stuck.version);
    const { call, rings, isLast } = makeCall(stuck);
    const merged = await scene.metric('merged_total');
    await scene.call('POST', '/publish', { json: call });
    await witness.next(isLast);
    const isPending = (await scene.call('GET', '/online/sessions?user=42')).json.sessions[0].pending;
    return isPending && (await scene.metric('merged_total')) === merged + rings;
  }, { timeoutMs: 60_000 });
  return stuck;
}

test('a session that stops reading costs a constant, and then gets two rings at most, the last one right', async (t) => {
  const scene = await startScene(t);
  const slow = await rawSession(t, scene, '42');
  const witness = await scene.connect('43');
  slow.socket.pause();
  let seq = 7;
  const { version, last, memory } = await publishWhileStuck(scene, witness, () => {
    seq++;
    return { call: { rings: [{ to: ['42', '43'], seq }] }, rings: 1, isLast: (one) => one.seq === seq };
  });
  if (scene.isMeasurable) assert.ok(scene.residentKiB - memory < 512, `${scene.residentKiB - memory} KiB more`);
  slow.socket.resume();
  await slow.untilText(new RegExp(`"seq":${seq},`));
  const late = ringsOf(slow.text).filter((one) => one.seq === seq || one.version > last);
  assert.deepEqual(late, [
    { type: 'ring', version, seq: 7, num: version % 100, hit: 0, id: version },
    { type: 'ring', seq, spread_ms: 0 },
  ]);
  await scene.ring({ to: ['42'], version: version + 1, seq: 8, num: 5 });
  await slow.untilText(new RegExp(`"version":${version + 1},`));
});

test('of two epochs a session that stopped reading gets the rings of the newer one alone', async (t) => {
  const scene = await startScene(t);
  await scene.call('POST', '/publish', { json: { rings: [], epoch: 'old' } });
  const slow = await rawSession(t, scene, '42');
  const witness = await scene.connect('43');
  slow.socket.pause();
  let epoch;
  const { last } = await publishWhileStuck(scene, witness, ({ version }) => {
    epoch = `after ${version}`;
    const call = { rings: [{ to: ['42'], version: 3, seq: 2, num: 1 }], epoch };
    return { call, rings: 2, isLast: (one) => one.type === 'ring' && one.epoch === epoch };
  });
  slow.socket.resume();
  await slow.untilText(new RegExp(`\\{"type":"ring","epoch":"${epoch}"\\}`));
  assert.deepEqual(ringsOf(slow.text).filter((one) => one.epoch === epoch || one.version > last), [
    { type: 'ring', version: 3, seq: 2, num: 1, hit: 0, epoch },
    { type: 'ring', epoch },
  ]);
});

test('a session that does not read is closed, even if it goes on sending', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const witness = await scene.connect('1');
  const descriptors = () => readdirSync(`/proc/${scene.relay.pid}/fd`).length;
  const before = descriptors();
  const slow = await rawSession(t, scene, '42');
  slow.socket.pause();
  const talk = setInterval(() => slow.socket.write(frame(1, '{"type":"pong"}')), 100);
  t.after(() => clearInterval(talk));
  let version = 0;
  await until('the slow session to be gone', async () => {
    version = await ringTenThousand(scene, '42', version);
    return (await scene.metric('sessions')) === 1;
  }, { timeoutMs: 60_000 });
  await until('its descriptor too', () => descriptors() <= before);
  await scene.ring({ to: ['1'] });
  await witness.next('ring');
});

test('a broadcast goes round at its pace, and a personal ring does not wait for it', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '20', 'relay.max_sessions_per_user': '0' });
  const bells = [];
  for (let i = 0; i < 40; i++) bells.push(await scene.connect(`u${i}`));
  const rung = () => bells.filter((bell) => bell.frames.some((one) => one.seq === 1));
  const started = Date.now();
  assert.deepEqual((await scene.ring({ all: true, seq: 1 })).json, { sessions: 40 });
  await until('some to be rung', () => rung().length > 4);
  assert.ok(rung().length < 35, `${rung().length} were rung at once`);
  // They are rung in the order in which they came.
  await scene.ring({ to: ['u39'], version: 9, seq: 0, num: 3 });
  assert.equal((await bells[39].next('ring')).version, 9);
  await Promise.all(bells.map((bell) => bell.next((one) => one.seq === 1)));
  const seconds = (Date.now() - started) / 1000;
  assert.ok(seconds > 1.7, `${seconds} s`);
  for (const bell of bells) assert.equal(bell.frames.filter((one) => one.seq === 1).length, 1);
});

test('of two overlapping broadcasts the not yet rung get one ring', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '40', 'relay.max_sessions_per_user': '0' });
  const bells = [];
  for (let i = 0; i < 30; i++) bells.push(await scene.connect(`u${i}`));
  await scene.ring({ all: true, seq: 1 });
  await until('some to be rung', () => bells.filter((bell) => bell.frames.length > 1).length > 4);
  await scene.ring({ all: true, seq: 2 });
  await Promise.all(bells.map((bell) => bell.next((one) => one.seq === 2)));
  const twice = bells.filter((bell) => bell.frames.length === 3);
  assert.ok(twice.length >= 5 && twice.length < 25, `${twice.length} were rung twice`);
  for (const bell of bells) assert.ok(bell.frames.length <= 3);
});

test('with pace = 0 all are rung at once, with a time to spread their questions over', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'relay.pace': '0', 'relay.check_rate': '10', 'relay.max_sessions_per_user': '0' });
  const bells = [];
  for (let i = 0; i < 300; i++) bells.push(await scene.connect(`u${i}`));
  await scene.ring({ all: true, seq: 1 });
  for (const bell of bells) assert.deepEqual(await bell.next('ring'), { type: 'ring', seq: 1, spread_ms: 30_000 });
  await scene.ring({ all: true });
  const asks = await Promise.all(bells.map((bell) => bell.next('ring', { from: 2 })));
  for (const ask of asks) assert.deepEqual(ask, { type: 'ring', spread_ms: 30_000 });
});

test('what one call rings in a turn is bounded: the rest is merged, and comes in the next', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const rings = Array.from({ length: 5000 }, (_, i) => ({ to: ['42'], version: i + 1, seq: 7, num: (i + 1) % 100, id: i + 1 }));
  assert.deepEqual((await scene.ring(...rings)).json, { sessions: 5000 });
  assert.deepEqual(await bell.next((one) => one.version === 5000), { type: 'ring', version: 5000, seq: 7, num: 0, hit: 0, id: 5000 });
  const versions = bell.frames.filter((one) => one.type === 'ring').map((one) => one.version);
  assert.equal(versions.length, 257);
  assert.deepEqual(versions, [...versions].sort((a, b) => a - b));
});

test('a list longer than a turn takes reaches each of its sessions once', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'relay.max_sessions_per_user': '0' });
  const bells = await Promise.all(Array.from({ length: 600 }, (_, i) => scene.connect(`u${i % 200}`)));
  const left = bells.pop();
  left.socket.terminate();
  await until('it to be gone', async () => (await scene.metric('sessions')) === 599);
  const to = Array.from({ length: 200 }, (_, i) => `u${i}`);
  assert.deepEqual((await scene.ring({ to, seq: 9 })).json, { sessions: 599 });
  for (const bell of bells) assert.equal((await bell.next('ring')).seq, 9);
  await scene.ring({ to, seq: 10 });
  for (const bell of bells) await bell.next((one) => one.seq === 10);
  for (const bell of bells) assert.equal(bell.frames.filter((one) => one.type === 'ring').length, 2);
});
