// SPDX-License-Identifier: MIT
// The ring of one new message to everybody on its way through the relay: what it says, how fast, and to whom.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN, SOCKETIO, until } from '../../harness/index.mjs';
import { openInNode } from '../../harness/socketio.mjs';
import { startScene } from './scene.mjs';

const step = { from: 94, seq: 95, add: 1, category: 'n"ews', critical: false, young: true, id: 901 };
const many = { ...OPEN, 'relay.max_sessions_per_user': '0' };

test('a step arrives as it was published, by frames and as events', async (t) => {
  const scene = await startScene(t);
  const hearers = [await scene.connect('42'), await scene.openEvents('43')];
  for (const more of [{}, { seq: 96, c: 'k3_-x' }]) {
    const ring = { ...step, ...more };
    await scene.ring({ all: true, ...ring });
    for (const hearer of hearers) {
      const told = await hearer.next((one) => one.seq === ring.seq);
      assert.deepEqual(told, { type: 'ring', spread_ms: 0, ...ring });
    }
  }
});

test('a personal ring names the scope that it was given', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const ring = { version: 5, seq: 9, num: 2, hit: 1, id: 7, scope: 0 };
  await scene.ring({ to: ['42'], ...ring });
  assert.deepEqual(await bell.next('ring'), { type: 'ring', ...ring });
});

test('a step does not keep the pace, and gives those who have to ask a time to spread their questions over', async (t) => {
  const scene = await startScene(t, { ...many, 'relay.pace': '10', 'relay.check_rate': '5' });
  const bells = [];
  for (let i = 0; i < 30; i++) bells.push(await scene.connect(`u${i}`));
  await scene.ring({ all: true, seq: 90 }); // goes round for 3 s
  await until('some to be rung', () => bells[2].frames.length > 1);
  await scene.ring({ all: true, ...step, from: 90 });
  const merged = await bells[29].next((one) => one.seq === 95);
  assert.deepEqual(merged, { type: 'ring', seq: 95, spread_ms: 0 }, 'what was under way is not told of any more');
  await until('it to have gone round', async () => (await scene.metric('paced')) === 0);

  const told = bells.map((bell) => bell.frames.length);
  await scene.ring({ all: true, ...step, from: 95, seq: 96 });
  await scene.ring({ to: ['u29'], version: 9, seq: 96, num: 1 });
  const last = await bells[29].next((one) => one.version === 9);
  assert.equal(last.num, 1);
  for (const [i, bell] of bells.entries()) {
    const ring = await bell.next((one) => one.seq === 96 && one.from === 95);
    assert.equal(ring.spread_ms, 6000);
    assert.equal(bell.frames.filter((one) => one.from === 95).length, 1);
    assert.ok(bell.frames.length > told[i]);
  }
});

test('pages of socket.io cannot compute: they are told after the others, at the pace', async (t) => {
  const scene = await startScene(t, { ...many, ...SOCKETIO, 'relay.legacy_login': 'yes', 'relay.pace': '5' });
  const others = await Promise.all(Array.from({ length: 10 }, async (_, i) => {
    const client = await openInNode({ release: '4.8.4', transport: 'websocket', url: scene.origin, name: `socket.io ${i}` });
    t.after(() => client.close());
    await client.waitFor('connect');
    await client.login(`s${i}`);
    return client;
  }));
  const bells = [];
  for (let i = 0; i < 20; i++) bells.push(await scene.connect(`u${i}`));
  const rung = () => others.filter((client) => client.all('new_msg').length > 0).length;
  await scene.ring({ all: true, ...step });
  for (const bell of bells) await bell.next((one) => one.seq === 95);
  assert.ok(rung() < 10, `${rung()} of socket.io are rung already`);

  // The next one does not wait for them, and they hear of both by one.
  await scene.ring({ all: true, ...step, from: 95, seq: 96 });
  for (const bell of bells) assert.equal((await bell.next((one) => one.seq === 96)).from, 95);
  await until('all of socket.io to be rung', () => rung() === 10);
  await until('the round to end', async () => (await scene.metric('paced')) === 0);
  for (const bell of bells) assert.equal(bell.frames.filter((one) => one.type === 'ring').length, 2);
});

test('a step of another epoch than is known is a question', async (t) => {
  const scene = await startScene(t, { ...many, 'relay.pace': '10' });
  await scene.call('POST', '/publish', { json: { rings: [], epoch: 'old' } });
  const bell = await scene.connect('42');
  await scene.call('POST', '/publish', { json: { rings: [{ all: true, ...step }], epoch: 'new' } });
  const ring = await bell.next((one) => one.type === 'ring' && one.epoch === 'new');
  assert.equal(ring.from, undefined);
});

for (const [what, fields] of [
  ['to a list', { to: ['42'], all: undefined }],
  ['without id', { id: undefined }],
  ['that adds nothing', { add: 0 }],
  ['with a category that is no text', { category: 7 }],
  ['with a category of 400 characters', { category: 'x'.repeat(400) }],
]) {
  test(`a step ${what} is refused, and nobody is rung`, async (t) => {
    const scene = await startScene(t);
    const bell = await scene.connect('42');
    const { status, json } = await scene.call('POST', '/publish', { json: { rings: [{ all: true, ...step, ...fields }] } });
    assert.equal(status, 400);
    assert.equal(json.error.code, 'malformed');
    await scene.ring({ to: ['42'], seq: 1 });
    assert.equal((await bell.next('ring')).seq, 1);
  });
}
