// SPDX-License-Identifier: MIT
// A whole client in node, under a clock that only the test moves: hours pass in milliseconds, and every loss can be
// arranged.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settle } from './fakes.mjs';
import { World } from './world.mjs';

async function openLive() {
  const world = new World();
  const tab = world.open();
  await world.welcome();
  assert.equal(tab.client.told.state, 'live');
  return { world, tab };
}

test('a ring is shown at once, and announced once', async () => {
  const { world, tab } = await openLive();
  world.send('bob');
  assert.deepEqual([tab.badge, tab.announced], [1, [1]]);
});

test('a lost ring is made up for by the next', async () => {
  const { world, tab } = await openLive();
  world.send('bob', { isLost: true });
  world.send('bob');
  assert.equal(tab.badge, 2);
});

test('a relay that falls silent is left, and polls take its place until it is back', async () => {
  const { world, tab } = await openLive();
  world.send('bob', { isLost: true });
  await world.clock.advance(62_500);
  assert.equal(tab.client.told.state, 'polling');
  await world.clock.advance(75_000);
  assert.equal(tab.badge, 1);
  world.send('bob', { isLost: true });
  await world.welcome();
  assert.deepEqual([tab.badge, tab.client.told.state], [2, 'live']);
});

test('an app that is down for an hour never empties the badge, and is asked at growing distances', async () => {
  const { world, tab } = await openLive();
  world.send('bob');
  world.isAppUp = false;
  for (let minute = 0; minute < 60; minute++) {
    await world.clock.advance(60_000);
    assert.equal(tab.badge, 1);
  }
  world.send('bob', { isLost: true });
  world.isAppUp = true;
  await world.clock.advance(60_000);
  assert.equal(tab.badge, 2);
});

test('another user in one tab: every tab follows, and no write of the old one gets through', async () => {
  const { world, tab } = await openLive();
  const tabs = [tab, world.open(), world.open()];
  await world.welcome();
  world.send('bob');
  world.send('carol');
  world.user = 'carol';
  await assert.rejects(tab.client.call('markRead', 1), { code: 'another_user' });
  assert.deepEqual(world.writes, []);
  for (let i = 0; i < 3; i++) {
    await world.clock.advance(1_000);
    await world.welcome();
  }
  for (const { client, badge } of tabs) assert.deepEqual([client.user, badge, client.told.state], ['carol', 1, 'live']);
});

test('a logout in one tab empties every badge, and a login fills them', async () => {
  const { world, tab } = await openLive();
  const tabs = [tab, world.open()];
  await world.welcome();
  world.user = null;
  await assert.rejects(tab.client.call('list'), { status: 401 });
  await settle();
  for (const { badge, client } of tabs) assert.deepEqual([badge, client.told.state], [null, 'logged-out']);
  world.user = 'carol';
  world.send('carol', { isLost: true });
  await world.clock.advance(75_000);
  for (const { badge, client } of tabs) assert.deepEqual([badge, client.user], [1, 'carol']);
});

// Each way in which a page may hear of it.
for (const [how, hear] of [
  ['a general ask', (world) => world.tell({ type: 'ring', epoch: 'new' })],
  ['a ping', (world) => world.tell({ type: 'ping', seq: 0, epoch: 'new' })],
  ['its own question, now and then', async (world) => {
    for (let minute = 0; minute < 15; minute++) {
      await world.clock.advance(60_000);
      await world.tell({ type: 'ping' });
    }
  }],
]) {
  test(`a failover that lost messages is shown after ${how}, and its rings from then on`, async () => {
    const { world, tab } = await openLive();
    for (let i = 0; i < 3; i++) world.send('bob');
    assert.deepEqual([tab.badge, tab.announced], [3, [1, 2, 3]]);
    world.failOver();
    world.send('bob', { isLost: true });
    await hear(world);
    assert.deepEqual([tab.badge, tab.announced], [1, [1, 2, 3, '1 new']]);
    world.send('bob');
    assert.deepEqual([tab.badge, tab.announced.at(-1)], [2, '2 new']);
  });
}

test('an answer of before the failover, which comes after it was heard of, is asked for again', async () => {
  const { world, tab } = await openLive();
  for (let i = 0; i < 3; i++) world.send('bob');
  world.tell({ type: 'ring' }); // asks; the answer is of this history
  world.failOver();
  world.send('bob', { isLost: true });
  await world.tell({ type: 'ring', epoch: 'new' });
  await settle();
  assert.equal(tab.badge, 1);
});

test('history that goes back without another epoch: the next answer is shown all the same', async () => {
  const { world, tab } = await openLive();
  for (let i = 0; i < 3; i++) world.send('bob');
  world.failOver('old'); // as when the user is erased
  world.send('bob');
  assert.equal(tab.badge, 3); // a ring alone cannot tell
  await world.tell({ type: 'ring', epoch: 'old' });
  assert.equal(tab.badge, 1);
});

test('a ping makes up for a lost broadcast, and one about others is asked after once', async () => {
  const { world, tab } = await openLive();
  Object.assign(world.stateOf('bob'), { num: 1, seq: 5 });
  const before = world.questions;
  for (let i = 0; i < 5; i++) await world.tell({ type: 'ping', seq: 5, epoch: 'old' });
  assert.deepEqual([tab.badge, world.questions], [1, before + 1]);
  for (let i = 0; i < 5; i++) await world.tell({ type: 'ping', seq: 6, epoch: 'old' });
  assert.equal(world.questions, before + 2);
});

test('stopped, it leaves no timer, no socket and no channel', async () => {
  const { world, tab } = await openLive();
  tab.client.stop();
  assert.deepEqual([world.clock.delays, world.WebSocket.last.isClosed], [[], true]);
});
