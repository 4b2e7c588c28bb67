// SPDX-License-Identifier: MIT
// Several tabs of one browser that can agree: one leads, and all show the same, whoever leads, closes, freezes or is dead.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settle } from './fakes.mjs';
import { World } from './world.mjs';

const socketsOf = (world) => world.WebSocket.sockets.filter((one) => !one.isClosed);
const badges = (tabs) => tabs.map(({ badge }) => badge);
const statesOf = (tabs) => tabs.map(({ client }) => client.told.state);

async function openTabs(count, options) {
  const world = new World({ locks: true });
  const tabs = [];
  for (let i = 0; i < count; i++) {
    tabs.push(world.open(options));
    await world.welcome();
  }
  await settle();
  return { world, tabs };
}

test('six tabs: one connection, and all are live and show the number', async () => {
  const { world, tabs } = await openTabs(6);
  assert.deepEqual([socketsOf(world).length, statesOf(tabs)], [1, Array(6).fill('live')]);
  world.send('bob');
  await settle();
  assert.deepEqual(badges(tabs), Array(6).fill(1));
  assert.deepEqual(tabs.map(({ announced }) => announced.length), [1, 0, 0, 0, 0, 0]);
});

test('tabs that say for whom they were made ask nothing behind the one that leads', async () => {
  const { world, tabs } = await openTabs(3, { user: 'bob' });
  world.send('bob');
  await settle();
  assert.deepEqual([tabs.map(({ questions }) => questions), badges(tabs)], [[1, 0, 0], [1, 1, 1]]);
});

test('a tab that was made for another user than the one that leads knows has it look again', async () => {
  const { world, tabs } = await openTabs(1, { user: 'bob' });
  world.send('alice');
  world.user = 'alice';
  const other = world.open({ user: 'alice' });
  await settle();
  await world.welcome();
  assert.deepEqual([[...tabs, other].map(({ client }) => client.user), badges([...tabs, other])], [['alice', 'alice'], [1, 1]]);
});

test('each new tab asks once, and the others do not', async () => {
  const { world, tabs } = await openTabs(6);
  assert.deepEqual(tabs.map(({ questions }) => questions), Array(6).fill(1));
  await world.tell({ type: 'ring', seq: 9, spread_ms: 0, epoch: 'old' });
  await settle();
  assert.deepEqual(tabs.map(({ questions }) => questions), [2, 1, 1, 1, 1, 1]);
});

test('a change by any tab is shown by all, and goes back in none', async () => {
  const { world, tabs } = await openTabs(3);
  world.send('bob');
  await settle();
  await tabs[2].client.call('markRead', 1);
  assert.equal(tabs[2].badge, 0);
  await settle();
  assert.deepEqual(badges(tabs), [0, 0, 0]);
  world.send('bob');
  await settle();
  assert.deepEqual(badges(tabs), [1, 1, 1]);
});

for (const [how, end] of [
  ['closes', (world, tab) => tab.client.stop()],
  ['is frozen', (world, tab) => tab.client.step({ type: 'suspended' })],
]) {
  test(`the leader ${how}: another takes over, and what came in between is shown`, async () => {
    const { world, tabs } = await openTabs(3);
    end(world, tabs[0]);
    world.send('bob', { isLost: true });
    await world.welcome();
    await settle();
    assert.deepEqual([socketsOf(world).length, badges(tabs.slice(1)), statesOf(tabs.slice(1))], [1, [1, 1], ['live', 'live']]);
    world.send('bob');
    await settle();
    assert.deepEqual(badges(tabs.slice(1)), [2, 2]);
  });
}

test('one that is back from the browser\'s cache follows, and shows what came meanwhile', async () => {
  const { world, tabs } = await openTabs(2);
  tabs[0].client.step({ type: 'suspended' });
  await world.welcome();
  world.send('bob');
  await settle();
  assert.deepEqual(badges(tabs), [0, 1]);
  tabs[0].client.step({ type: 'back' });
  await settle();
  assert.deepEqual([badges(tabs), statesOf(tabs), socketsOf(world).length], [[1, 1], ['live', 'live'], 1]);
});

test('a leader that holds the lock and does nothing is robbed of it; when it wakes up it follows', async () => {
  const { world, tabs } = await openTabs(2);
  tabs[0].isFrozen = true;
  world.WebSocket.last.onmessage = () => {};
  for (let second = 0; second < 60; second++) {
    await world.clock.advance(1_000);
    await world.welcome();
  }
  world.send('bob');
  await settle();
  assert.equal(tabs[1].badge, 1);
  tabs[0].isFrozen = false;
  await world.clock.advance(60_000);
  await settle();
  assert.deepEqual([badges(tabs), socketsOf(world).length], [[1, 1], 1]);
});

test('a new tab, where the leader says nothing, shows the number after a second all the same', async () => {
  const { world, tabs } = await openTabs(1);
  world.send('bob');
  tabs[0].isFrozen = true;
  const tab = world.open();
  await world.clock.advance(1_000);
  assert.equal(tab.badge, 1);
});

test('a hidden leader asks for a broadcast when another tab is visible, and not before', async () => {
  const { world, tabs } = await openTabs(2);
  tabs.forEach((tab) => { tab.isHidden = true; });
  Object.assign(world.stateOf('bob'), { num: 1, seq: 9 });
  const before = world.questions;
  await world.tell({ type: 'ring', seq: 9, spread_ms: 0, epoch: 'old' });
  await settle();
  assert.deepEqual([badges(tabs), world.questions], [[0, 0], before]);
  tabs[1].isHidden = false;
  tabs[1].client.step({ type: 'shown' });
  await settle();
  await settle();
  assert.deepEqual([badges(tabs), world.questions], [[1, 1], before + 1]);
  Object.assign(world.stateOf('bob'), { num: 2, seq: 10 });
  await world.tell({ type: 'ring', seq: 10, spread_ms: 0, epoch: 'old' });
  await settle();
  await settle();
  assert.deepEqual([badges(tabs), world.questions], [[2, 2], before + 2]);
});

test('another user logs in, in a tab of their own: every tab is theirs at once', async () => {
  const { world, tabs } = await openTabs(3);
  world.send('bob');
  world.send('carol', { isLost: true });
  world.send('carol', { isLost: true });
  world.user = 'carol';
  tabs.push(world.open());
  for (let i = 0; i < 3; i++) {
    await settle();
    await world.clock.advance(1_000);
    await world.welcome();
  }
  await settle();
  assert.deepEqual([badges(tabs), tabs.map(({ client }) => client.user)], [[2, 2, 2, 2], Array(4).fill('carol')]);
  assert.deepEqual([statesOf(tabs), socketsOf(world).length], [Array(4).fill('live'), 1]);
  world.send('carol');
  await settle();
  assert.deepEqual(badges(tabs), [3, 3, 3, 3]);
});

test('a tab that was opened after a login never shows the number of the user before', async () => {
  const { world } = await openTabs(2);
  world.send('bob');
  await settle();
  world.send('carol', { isLost: true });
  world.send('carol', { isLost: true });
  world.user = 'carol';
  const shown = [];
  const tab = world.open();
  Object.defineProperty(tab, 'badge', { set: (num) => shown.push(num) });
  for (let i = 0; i < 3; i++) {
    await world.clock.advance(1_000);
    await world.welcome();
  }
  assert.ok(shown.every((num) => num === 2 || num === null), shown.join());
  assert.equal(shown.at(-1), 2);
});

test('a logout in one tab, and a login in another: all follow', async () => {
  const { world, tabs } = await openTabs(3);
  world.user = null;
  await assert.rejects(tabs[2].client.call('list'), { status: 401 });
  await settle();
  await settle();
  assert.deepEqual([statesOf(tabs), badges(tabs)], [Array(3).fill('logged-out'), [null, null, null]]);
  world.user = 'carol';
  world.send('carol', { isLost: true });
  tabs[1].client.login();
  for (let i = 0; i < 3; i++) {
    await world.clock.advance(1_000);
    await world.welcome();
  }
  assert.deepEqual([statesOf(tabs), badges(tabs)], [Array(3).fill('live'), [1, 1, 1]]);
});

test('a click of the user before, in any tab, reaches nobody', async () => {
  const { world, tabs } = await openTabs(3);
  world.user = 'carol';
  for (const { client } of tabs) await client.call('markRead', 1).catch(({ code }) => assert.equal(code, 'another_user'));
  assert.deepEqual(world.writes, []);
});

test('a failover: all tabs show the number of the new history, lower or not', async () => {
  const { world, tabs } = await openTabs(3);
  for (let i = 0; i < 3; i++) world.send('bob');
  world.failOver();
  world.send('bob', { isLost: true });
  await world.tell({ type: 'ring', epoch: 'new' });
  await settle();
  assert.deepEqual(badges(tabs), [1, 1, 1]);
});

test('history that goes back without another epoch, met by a follower\'s list: all tabs show it', async () => {
  const { world, tabs } = await openTabs(3);
  for (let i = 0; i < 3; i++) world.send('bob');
  await settle();
  world.failOver('old');
  await tabs[2].client.call('list');
  await settle();
  await settle();
  assert.deepEqual(badges(tabs), [0, 0, 0]);
});

test('the app is down: nothing is asked by followers, and no badge is emptied', async () => {
  const { world, tabs } = await openTabs(3);
  world.send('bob');
  await settle();
  world.isAppUp = false;
  socketsOf(world)[0].end(1006);
  const before = tabs.slice(1).map(({ questions }) => questions);
  await world.clock.advance(600_000);
  assert.deepEqual([badges(tabs), tabs.slice(1).map(({ questions }) => questions)], [[1, 1, 1], before]);
  assert.deepEqual(statesOf(tabs), Array(3).fill('polling'));
  world.send('bob', { isLost: true });
  world.isAppUp = true;
  await world.clock.advance(120_000);
  assert.deepEqual(badges(tabs), [2, 2, 2]);
});

test('polling, only the leader asks', async () => {
  const { world, tabs } = await openTabs(3, { relay: null });
  const before = tabs.map(({ questions }) => questions);
  world.send('bob', { isLost: true });
  await world.clock.advance(75_000);
  assert.deepEqual(badges(tabs), [1, 1, 1]);
  assert.deepEqual(tabs.slice(1).map(({ questions }, index) => questions - before[index + 1]), [0, 0]);
});

test('the leader closes before it has heard of a change: the next one hears of it, and nothing is stuck', async () => {
  const { world, tabs } = await openTabs(3);
  world.send('bob');
  await settle();
  const change = tabs[2].client.call('markRead', 1);
  tabs[0].isFrozen = true;
  await change;
  tabs[0].client.stop();
  await settle();
  await world.welcome();
  await settle();
  assert.deepEqual(badges(tabs.slice(1)), [0, 0]);
  world.send('bob');
  await settle();
  assert.deepEqual(badges(tabs.slice(1)), [1, 1]);
});

test('a tab that was frozen for long, and leads when it wakes up, makes no other tab go back', async () => {
  const { world, tabs } = await openTabs(3);
  tabs[0].client.step({ type: 'suspended' });
  await world.welcome();
  world.send('bob');
  world.send('bob');
  await settle();
  const shown = [];
  Object.defineProperty(tabs[2], 'badge', { set: (num) => shown.push(num) });
  tabs[1].isFrozen = true; // and does not let go
  tabs[0].client.step({ type: 'back' });
  world.WebSocket.last.onmessage = () => {};
  for (let second = 0; second < 90; second++) {
    await world.clock.advance(1_000);
    await world.welcome();
  }
  world.send('bob');
  await settle();
  assert.equal(shown.at(-1), 3);
  assert.ok(shown.every((num) => num >= 2), shown.join());
});

test('a page with a token, and one where locks are forbidden, is alone', async () => {
  const { world, tabs } = await openTabs(2);
  const other = world.open({ token: 'a.b.c' });
  await world.welcome();
  assert.equal(socketsOf(world).length, 2);
  assert.equal(other.client.told.state, 'live');
  assert.deepEqual(statesOf(tabs), ['live', 'live']);
});

test('stopped, tabs leave no timer, no socket and no channel', async () => {
  const { world, tabs } = await openTabs(3);
  for (const { client } of tabs) client.stop();
  await settle();
  assert.deepEqual([world.clock.delays, socketsOf(world)], [[], []]);
});
