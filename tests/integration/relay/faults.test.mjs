// SPDX-License-Identifier: MIT
// Calls of the kernel that fail, and memory that is not there: it costs the connection that needed it, and nobody else anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Faults, OPEN, request, SOCKETIO, until } from '../../harness/index.mjs';
import { frame, Raw, startScene, upgradeHead } from './scene.mjs';

async function startFaulty(t, config = {}, options = {}) {
  const faults = new Faults(t);
  const scene = await startScene(t, config, { env: faults.env, ...options });
  await scene.relay.waitLog(/serving/); // it listens before that, and a fault would end it
  return { faults, scene };
}

const kinds = {
  WebSocket: (scene, user) => scene.connect(user),
  'event stream': (scene, user) => scene.openEvents(user),
};

for (const [kind, open] of Object.entries(kinds)) {
  test(`${kind}: a write that fails ends that session alone`, async (t) => {
    const { faults, scene } = await startFaulty(t, { 'relay.pace': 0 });
    const lines = [await open(scene, '42'), await open(scene, '43')];
    faults.fail('send', { after: 1, error: 'ECONNRESET' }); // the first is the answer to the call
    await scene.ring({ all: true, seq: 5 });
    const ended = await Promise.race(lines.map((line) => line.untilClosed().then(() => line)));
    const other = lines.find((line) => line !== ended);
    await other.next('ring');
    assert.ok(ended.frames.every(({ type }) => type !== 'ring'));
    assert.equal(await scene.metric('sessions', {}), 1);
    assert.equal(faults.failed('send'), 1);
  });

  test(`${kind}: what is taken in part arrives whole, and in order`, async (t) => {
    const { faults, scene } = await startFaulty(t, { 'relay.pace': 0 });
    const line = await open(scene, '42');
    for (let seq = 1; seq <= 9; seq++) {
      if (seq % 2) faults.fail('send');
      await scene.ring({ all: true, seq });
      await line.next((frame) => frame.seq === seq);
    }
    assert.deepEqual(line.frames.slice(1).map(({ type, seq }) => `${type} ${seq}`), Array.from({ length: 9 }, (_, i) => `ring ${i + 1}`));
  });

  test(`${kind}: what is not taken waits in the slot, where it merges`, async (t) => {
    const { faults, scene } = await startFaulty(t, { 'relay.pace': 0 });
    const line = await open(scene, '42');
    for (let seq = 1; seq <= 9; seq++) {
      faults.fail('send', { error: 'EAGAIN', times: 2 });
      await scene.ring({ all: true, seq });
    }
    await line.next((frame) => frame.seq === 9);
    const seqs = line.frames.slice(1).map(({ seq }) => seq);
    assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
    assert.equal(await scene.metric('slow_sessions', {}), 0);
  });
}

for (const error of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']) {
  test(`accept fails by ${error}: it pauses, serves those who are in, and takes up again`, async (t) => {
    const { faults, scene } = await startFaulty(t);
    const bell = await scene.connect('42');
    faults.fail('accept', { error, times: 2 });
    const late = scene.connect('43'); // waits in the kernel
    await scene.relay.waitLog(/accepting is paused/);
    await until('a publish call to be taken', () => scene.ring({ to: ['42'], seq: 9 }).then(({ status }) => status === 200));
    await bell.next('ring');
    await late;
  });
}

test('accept fails for a client that has gone again: the next one comes in at once', async (t) => {
  const { faults, scene } = await startFaulty(t);
  for (const error of ['ECONNABORTED', 'EPROTO', 'EINTR']) {
    faults.fail('accept', { error });
    await scene.connect('42');
    assert.equal(faults.failed('accept'), 1);
  }
  assert.doesNotMatch(scene.relay.log, /paused/);
});

// A login in two reads, and then a frame that the relay closes for.
async function comeInHalves(t, scene) {
  const raw = new Raw(t, scene.port);
  const hear = (pattern) => Promise.race([raw.untilText(pattern), raw.ended]);
  const login = frame(1, JSON.stringify({ type: 'login', token: scene.token('45') }));
  await raw.write(upgradeHead());
  await hear(/\r\n\r\n/);
  await raw.write(login.subarray(0, 20));
  await scene.call('GET', '/metrics').catch(() => {}); // so it has read that
  await raw.write(login.subarray(20));
  await hear(/"welcome"/);
  await raw.write(frame(2, 'binary'));
  await raw.untilEnd();
}

// All that takes memory, once; what fails of it fails.
async function tryEverything(t, scene) {
  const socketio = (method, query, options) => request(`http://127.0.0.1:${scene.port}`, method, `/socket.io/?EIO=4&transport=polling${query}`, options);
  const bell = scene.bell({ token: scene.token('42', {}), online: true });
  const events = scene.events('42');
  const polling = async () => {
    const { text } = await socketio('GET', '');
    const { sid } = JSON.parse(text.slice(1));
    await socketio('POST', `&sid=${sid}`, { body: '40' });
    await socketio('GET', `&sid=${sid}`);
  };
  const ends = [bell, events].map((line) => Promise.race([line.next('welcome'), line.untilClosed()]));
  await Promise.allSettled([...ends, polling(), comeInHalves(t, scene)]);
  await Promise.allSettled([
    scene.ring({ to: ['42'], version: 5, seq: 9, num: 2, hit: 1, id: 7 }, { to: ['42', '43'], seq: 10 }, { all: true, seq: 11 }),
    scene.call('POST', '/online', { json: { users: ['42'] } }),
    scene.call('GET', '/metrics'),
  ]);
  for (const line of [bell, events]) line.close();
}

test('without memory at any place it goes on, and the next page hears its ring', async (t) => {
  const { faults, scene } = await startFaulty(t, { ...SOCKETIO, ...OPEN });
  if (!scene.isMeasurable) return t.skip('the sanitizer allocates by itself');
  let failed = 0;
  for (let after = 0; ; after++) {
    faults.fail('allocate', { after, error: 'ENOMEM' });
    await tryEverything(t, scene);
    const count = faults.failed('allocate');
    faults.fail('allocate', { times: 0 });
    const bell = await scene.connect('44');
    assert.equal((await scene.ring({ to: ['44'], seq: 20 })).status, 200);
    await bell.next('ring');
    bell.close();
    if (count === 0) break;
    failed += count;
  }
  assert.ok(failed > 50, `${failed} allocations failed`);
});
