// SPDX-License-Identifier: MIT
// What publish calls tell of the database, and how pages hear of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startScene } from './scene.mjs';

const tell = async (scene, fields, rings = []) => {
  const { status, text } = await scene.call('POST', '/publish', { json: { rings, ...fields } });
  assert.equal(status, 200, text);
};

test('by socket and by stream alike, welcome, rings and pings say the epoch, and pings the newest number', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  await tell(scene, { epoch: 'k3x', seq: 94 });
  for (const client of [await scene.connect('42'), await scene.openEvents('42')]) {
    assert.deepEqual(client.frames[0], { type: 'welcome', user: '42', epoch: 'k3x' });
    assert.deepEqual(await client.next('ping'), { type: 'ping', seq: 94, epoch: 'k3x' });
    await tell(scene, {}, [{ to: ['42'], version: 57, seq: 94, num: 4 }]);
    assert.equal((await client.next((one) => one.version === 57)).epoch, 'k3x');
    await tell(scene, {}, [{ to: ['42'] }]);
    assert.deepEqual(await client.next((one) => one.type === 'ring' && !one.seq), { type: 'ring', epoch: 'k3x' });
  }
  const bell = await scene.connect('42');
  await tell(scene, {}, [{ all: true, seq: 96 }]);
  await bell.next((one) => one.type === 'ring' && one.seq === 96 && one.epoch === 'k3x');
  await bell.next((one) => one.type === 'ping' && one.seq === 96);
});

test('as long as nothing is told, nothing is said', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const bell = await scene.connect('42');
  await tell(scene, {}, [{ to: ['42'], seq: 95 }]); // theirs alone: no number of everybody's
  assert.deepEqual(await bell.next('ping'), { type: 'ping' });
  assert.deepEqual(bell.frames.slice(0, 2), [{ type: 'welcome', user: '42' }, { type: 'ring', seq: 95, spread_ms: 0 }]);
});

test('POST /online tells as well', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const { json } = await scene.call('POST', '/online', { json: { users: [], epoch: 'k3x', seq: 94 } });
  assert.deepEqual(json, { users: [] });
  const bell = await scene.connect('42');
  assert.deepEqual(await bell.next('ping'), { type: 'ping', seq: 94, epoch: 'k3x' });
});

test('another epoch, in a call or in a ring, makes everybody ask, once, and its numbers begin anew', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  await tell(scene, { epoch: 'old', seq: 94 });
  const bells = [await scene.connect('42'), await scene.openEvents('43')];
  const asks = (bell, epoch) => bell.frames.filter((one) => one.type === 'ring' && one.seq === undefined && one.epoch === epoch);
  await tell(scene, { epoch: 'new' });
  await tell(scene, { epoch: 'new' });
  for (const bell of bells) {
    assert.deepEqual(await bell.next('ring'), { type: 'ring', epoch: 'new' });
    assert.deepEqual(await bell.next((one) => one.type === 'ping' && one.epoch === 'new'), { type: 'ping', epoch: 'new' });
    assert.equal(asks(bell, 'new').length, 1);
  }
  await tell(scene, {}, [{ to: ['42'], version: 3, seq: 2, num: 1, epoch: 'newer' }]);
  for (const bell of bells) await bell.next((one) => one.type === 'ring' && one.seq === undefined && one.epoch === 'newer');
  assert.equal((await bells[0].next((one) => one.version === 3)).epoch, 'newer');
  assert.match(scene.relay.log, /another epoch: all pages are told to ask/);
});

test('a general ask, to one or to all, is one; the one to all keeps the pace', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '10' });
  const bells = [];
  for (let i = 0; i < 5; i++) bells.push(await scene.connect(`${i}`));
  await scene.ring({ to: ['0'] });
  assert.deepEqual(await bells[0].next('ring'), { type: 'ring' });
  const started = Date.now();
  await tell(scene, { epoch: 'old' });
  await tell(scene, { epoch: 'new' });
  for (const bell of bells) await bell.next((one) => one.epoch === 'new');
  assert.ok(Date.now() - started >= 300, `${Date.now() - started} ms`);
});

test('what is no epoch and no number is refused, with all of its call', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const bad = [{ epoch: '' }, { epoch: 7 }, { epoch: null }, { epoch: 'x'.repeat(65) }, { epoch: 'ü' }, { epoch: 'a\n' }, { seq: -1 }, { seq: '94' }, { seq: 1.5 }];
  for (const fields of bad) {
    for (const [target, body] of [['/publish', { rings: [{ to: ['42'] }] }], ['/online', { users: ['42'] }]]) {
      const { status, json } = await scene.call('POST', target, { json: { ...body, ...fields } });
      assert.deepEqual([status, json.error.code], [400, 'malformed'], JSON.stringify(fields));
    }
  }
  await tell(scene, { epoch: 'x'.repeat(64), seq: 0 }, [{ to: ['42'], seq: 1 }]);
  assert.equal((await bell.next('ring')).epoch, 'x'.repeat(64));
  assert.equal(bell.frames.length, 2);
});

test('a ping does not tell of another epoch before everybody has been rung for it', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '1', 'relay.ping_interval': '1s' });
  await tell(scene, { epoch: 'old' });
  const bells = [];
  for (const user of ['1', '2', '3', '4']) bells.push(await scene.connect(user));
  await tell(scene, { epoch: 'new' });
  for (const bell of bells) assert.equal((await bell.next((one) => one.epoch === 'new')).type, 'ring');
  assert.equal((await bells[0].next((one) => one.type === 'ping' && one.epoch !== 'old' && one.epoch !== undefined)).epoch, 'new');
});
