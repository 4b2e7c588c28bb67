// SPDX-License-Identifier: MIT
// A whole client in node, under a clock that only the test moves: hours pass in milliseconds, and every loss can be
// arranged. App and relay are one small model here; protocol.test.mjs holds it against what they really say.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../../www/bell/client.js';
import { FakeClock, fakePreference, fakeWebSocket, settle } from './fakes.mjs';

// The servers, and the browser that holds the cookie `user`.
class World {
  clock = new FakeClock();
  WebSocket = fakeWebSocket();
  user = 'bob';
  states = {};
  isAppUp = true;
  epoch = 'old';
  writes = [];
  questions = 0;
  #channels = new Set();

  stateOf(user) {
    this.states[user] ??= { num: 0, hit: 0, latest: 0, version: 0, seq: 0, epoch: this.epoch, user };
    return this.states[user];
  }

  send(user, { isLost = false } = {}) {
    const state = this.stateOf(user);
    Object.assign(state, { num: state.num + 1, version: state.version + 1, hit: 1, latest: state.latest + 1 });
    const { num, version, seq, hit, latest: id, epoch } = state;
    if (!isLost) this.tell({ type: 'ring', version, seq, num, hit, id, epoch }, (one) => one.user === user);
  }

  // What the relay says to those who are there.
  tell(frame, isFor = () => true) {
    this.WebSocket.sockets.filter((one) => !one.isClosed && one.user && isFor(one)).forEach((one) => one.tell(frame));
    return settle();
  }

  // Another history, in which nothing has happened yet.
  failOver(epoch = 'new') {
    this.epoch = epoch;
    this.states = {};
  }

  fetch = async (url, { method, headers }) => {
    await null;
    if (!this.isAppUp) throw new TypeError('network');
    const [status, json] = this.#answer(method, headers['Doorbell-User']);
    return { status, headers: new Headers(), text: async () => JSON.stringify(json) };
  };

  #answer(method, expected) {
    if (this.user === null) return [401, {}];
    if (expected !== undefined && expected !== this.user) return [409, { error: { code: 'another_user', message: '' } }];
    const state = this.stateOf(this.user);
    if (method === 'GET') this.questions++;
    if (method === 'GET') return [200, { ...state, messages: [], next: null, position: 'p1' }];
    this.writes.push(this.user);
    Object.assign(state, { num: 0, version: state.version + 1, hit: 0 });
    return [200, { ...state }];
  }

  // The relay lets in all who wait.
  async welcome() {
    await settle();
    for (const socket of this.WebSocket.sockets.filter((one) => !one.isClosed && !one.user)) {
      socket.user = this.user;
      socket.tell({ type: 'welcome', user: this.user });
    }
    await settle();
  }

  #openChannel() {
    const channel = {
      postMessage: (data) => [...this.#channels].filter((one) => one !== channel).forEach((one) => one.onmessage({ data })),
      close: () => this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }

  open() {
    const tab = { badge: null, announced: [] };
    const options = { api: 'https://x/doorbell', relay: 'wss://x/ws', events: null, token: null, pollInterval: 60_000, refreshInterval: 900_000, pingInterval: 25_000 };
    const { clock, fetch, WebSocket } = this;
    const own = { preference: fakePreference(), openChannel: () => this.#openChannel(), isHidden: () => false };
    tab.client = new Client(options, { clock, fetch, WebSocket, EventSource: null, ...own }, {
      badge: (num) => { tab.badge = num; },
      announce: (id, user, epoch) => tab.announced.push(epoch === 'old' ? id : `${id} ${epoch}`),
      emit: () => {},
    });
    tab.client.start();
    return tab;
  }
}

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
  await assert.rejects(tab.client.write('/messages/1/read'), { code: 'another_user' });
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
  await assert.rejects(tab.client.list({}), { status: 401 });
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
