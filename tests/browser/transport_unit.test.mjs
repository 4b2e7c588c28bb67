// SPDX-License-Identifier: MIT
// By socket, by stream, or not at all: how the connection chooses, and how it comes back to a WebSocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeLocks, fakePreference, settle, withGlobals } from './fakes.mjs';
import { events, failSocket, makeConnection, makeLive, makeStreaming } from './connections.mjs';

const MINUTE = 60_000;

// [name, how each socket ends]
const deaf = [
  ['that never open', ({ WebSocket }) => WebSocket.last.end(1006)],
  ['that open and are cut off', ({ WebSocket }) => {
    WebSocket.last.open();
    WebSocket.last.end(1006);
  }],
  ['that stay silent', ({ clock }) => clock.advance(20_000)],
];

for (const [name, fail] of deaf) {
  test(`after three sockets ${name} comes a stream`, async () => {
    const world = makeConnection(null, { events });
    const { connection, clock, WebSocket, EventSource, told } = world;
    connection.start();
    for (let i = 1; i <= 3; i++) {
      await settle();
      assert.deepEqual([WebSocket.sockets.length, EventSource.sources.length], [i, 0]);
      await fail(world);
      await clock.advance(clock.delays[0]);
    }
    assert.deepEqual([WebSocket.sockets.length, EventSource.last.url], [3, events]);
    EventSource.last.tell({ type: 'welcome', user: '42' });
    EventSource.last.tell({ type: 'ring', seq: 5 });
    assert.deepEqual(told, ['down', 'down', 'down', 'up 42', 'ring 5']);
    assert.equal(connection.transport, 'events');
  });
}

for (const code of [1000, 1008, 1011, 1012, 1013, 4429]) {
  test(`a relay that closes with ${code} is reached: no stream`, async () => {
    const world = makeConnection(null, { events });
    world.connection.start();
    await settle();
    for (let i = 0; i < 5; i++) await failSocket(world, code);
    assert.deepEqual([world.WebSocket.sockets.length, world.EventSource.sources.length], [6, 0]);
  });
}

test('one session in between, and the count begins anew', async () => {
  const world = makeConnection(null, { events });
  world.connection.start();
  await settle();
  for (let i = 0; i < 2; i++) await failSocket(world);
  world.WebSocket.last.tell({ type: 'welcome', user: '42' });
  for (let i = 0; i < 3; i++) await failSocket(world);
  assert.deepEqual([world.WebSocket.sockets.length, world.EventSource.sources.length], [6, 0]);
});

for (const [name, token, options] of [
  ['a token that a stream could not carry', 'a.b.c', { events }],
  ['a token to be fetched', async () => 'a.b.c', { events }],
  ['no address for streams', null, { events: null }],
]) {
  test(`there is no stream with ${name}`, async () => {
    const world = makeConnection(token, options);
    world.connection.start();
    await settle();
    for (let i = 0; i < 6; i++) await failSocket(world);
    assert.deepEqual([world.WebSocket.sockets.length, world.EventSource.sources.length], [7, 0]);
  });
}

test('where neither gets through, both are tried in turns, less and less often', async () => {
  const world = makeConnection(null, { events });
  const { connection, clock, WebSocket, EventSource, told } = world;
  const delays = [];
  let tried = '';
  connection.start();
  for (let i = 0; i < 9; i++) {
    const [sockets, sources] = [WebSocket.sockets.length, EventSource.sources.length];
    if (i === 0) await settle();
    else await clock.advance(delays.at(-1));
    tried += WebSocket.sockets.length > sockets ? 's' : '';
    tried += EventSource.sources.length > sources ? 'e' : '';
    if (tried.endsWith('s')) WebSocket.last.end(1006);
    else EventSource.last.fail();
    delays.push(clock.delays[0]);
  }
  assert.equal(tried, 'sssesesese'.slice(0, 9));
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(told, Array(9).fill('down'));
  assert.ok([...WebSocket.sockets, ...EventSource.sources].length === 9);
  assert.ok(EventSource.sources.every((source) => source.isClosed));
});

test('a stream that fails is closed at once, and does not come back by itself', async () => {
  const { EventSource, told, clock, connection } = await makeStreaming();
  const stream = EventSource.last;
  stream.fail();
  assert.deepEqual([told, stream.isClosed, connection.transport], [['down'], true, null]);
  await clock.advance(clock.delays[0]);
  assert.equal(EventSource.sources.length, 2);
});

test('a stream that was lost is tried again; one that failed at that gives way to a socket', async () => {
  const { EventSource, WebSocket, clock } = await makeStreaming();
  EventSource.last.fail();
  await clock.advance(clock.delays[0]);
  assert.deepEqual([WebSocket.sockets.length, EventSource.sources.length], [3, 2]);
  EventSource.last.fail();
  await clock.advance(clock.delays[0]);
  assert.deepEqual([WebSocket.sockets.length, EventSource.sources.length], [4, 2]);
});

// [code, what is told, delays of what comes next]
const reasons = [
  ['token', ['down', 'refused login'], []],
  ['kicked', ['down', 'refused stop'], []],
  ['too_many', ['down'], [45_000]],
  ['unavailable', ['down'], [45_000]],
  ['restart', ['down'], [500]],
  ['policy', ['down'], [500]],
];

for (const [code, expected, delays] of reasons) {
  test(`a stream that ends for a reason: ${code}`, async () => {
    const { EventSource, told, clock } = await makeStreaming();
    await clock.advance(10_000);
    EventSource.last.tell({ type: 'error', code });
    assert.deepEqual([told, clock.delays, EventSource.last.isClosed], [expected, delays, true]);
    EventSource.last.fail();
    assert.deepEqual([told, clock.delays], [expected, delays]);
  });
}

for (const code of ['unknown_type', 'toString', undefined]) {
  test(`an error that is no end is passed over: ${code}`, async () => {
    const { EventSource, told, connection } = await makeStreaming();
    EventSource.last.tell({ type: 'error', code });
    assert.deepEqual([told, connection.transport, EventSource.last.isClosed], [[], 'events', false]);
  });
}

test('after a refusal that was cleared up the stream comes back', async () => {
  const { EventSource, connection, clock } = await makeStreaming();
  await clock.advance(10_000);
  EventSource.last.tell({ type: 'error', code: 'token' });
  connection.resume();
  await clock.advance(clock.delays[0]);
  EventSource.last.tell({ type: 'welcome', user: '42' });
  assert.equal(connection.transport, 'events');
});

test('bye on a stream says when to come back', async () => {
  const { EventSource, clock, told, connection } = await makeStreaming();
  EventSource.last.tell({ type: 'bye', after_ms: 7000 });
  await clock.advance(2000);
  EventSource.last.tell({ type: 'error', code: 'restart' });
  assert.deepEqual([told, clock.delays], [['down'], [5000]]);
  connection.wake(true);
  assert.deepEqual(clock.delays, [5000]);
  await clock.advance(5000);
  assert.equal(EventSource.sources.length, 2);
});

test('a stream that stays silent is dead, and any message breaks the silence', async () => {
  const { EventSource, WebSocket, clock, told } = await makeStreaming();
  const stream = EventSource.last;
  for (let i = 0; i < 10; i++) {
    await clock.advance(25_000);
    if (WebSocket.last.isClosed === false) WebSocket.last.end(1006); // an upgrade
    stream.tell({ type: 'ping' });
  }
  assert.deepEqual(told, []);
  await clock.advance(62_499);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual([told, stream.isClosed], [['down'], true]);
});

test('a page that wakes finds out a dead stream at once', async () => {
  const { EventSource, clock, connection, told } = await makeStreaming();
  clock.time += 62_500;
  connection.wake();
  assert.deepEqual([told, EventSource.last.isClosed], [['down'], true]);
});

test('upgrading: the stream rings until the socket is welcome, and is closed then', async () => {
  const { EventSource, WebSocket, clock, connection, told } = await makeStreaming();
  const stream = EventSource.last;
  await clock.advance(clock.delays[0]);
  assert.equal(WebSocket.sockets.length, 4);
  WebSocket.last.open();
  stream.tell({ type: 'ring', seq: 5 });
  WebSocket.last.tell({ type: 'ring', seq: 5 }); // before its welcome: not heard twice
  assert.deepEqual([told, stream.isClosed, connection.transport], [['ring 5'], false, 'events']);
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  assert.deepEqual([told, stream.isClosed, connection.transport], [['ring 5', 'up 42'], true, 'websocket']);
  stream.tell({ type: 'ring', seq: 6 });
  WebSocket.last.tell({ type: 'ring', seq: 6 });
  assert.deepEqual(told, ['ring 5', 'up 42', 'ring 6']);
});

test('once up, it does not upgrade any more, and comes back by socket', async () => {
  const { WebSocket, EventSource, clock, told } = await makeStreaming();
  await clock.advance(clock.delays[0]);
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  assert.deepEqual(clock.delays, [62_500]); // the silence
  await clock.advance(20_000);
  WebSocket.last.end(1006);
  await clock.advance(clock.delays[0]);
  assert.deepEqual([WebSocket.sockets.length, EventSource.sources.length], [5, 1]);
  assert.deepEqual(told, ['up 42', 'down']);
});

test('upgrades that fail tell nothing, and come less and less often, up to half an hour', async () => {
  const { EventSource, WebSocket, clock, told } = await makeStreaming({ pingInterval: 1e9 });
  const waits = [];
  for (let i = 0; i < 8; i++) {
    waits.push(clock.delays[0] / MINUTE);
    await clock.advance(clock.delays[0]);
    WebSocket.last.end(i % 2 ? 1006 : 1013);
  }
  assert.deepEqual(waits, [0.5, 1, 2, 4, 8, 15, 15, 15]);
  assert.deepEqual([told, EventSource.sources.length, EventSource.last.isClosed], [[], 1, false]);
});

test('upgrades come at random moments', async () => {
  for (const [chance, wait] of [[0, 0], [0.25, 15_000], [0.999, 59_940]]) {
    const world = makeConnection(null, { events, preference: fakePreference('events'), pingInterval: 1e9 });
    world.clock.chance = chance;
    world.connection.start();
    await settle();
    await settle();
    world.EventSource.last.tell({ type: 'welcome', user: '42' });
    assert.equal(world.clock.delays[0], wait);
  }
});

test('an upgrade that is swallowed is given up, and the stream stays', async () => {
  const { WebSocket, clock, told, connection } = await makeStreaming({ pingInterval: 1e9 });
  await clock.advance(clock.delays[0] + 20_000);
  assert.deepEqual([WebSocket.last.isClosed, told, connection.transport], [true, [], 'events']);
  assert.deepEqual(clock.delays[0], MINUTE);
});

test('a stream that is lost takes the upgrade with it', async () => {
  const { EventSource, WebSocket, clock, told } = await makeStreaming();
  await clock.advance(clock.delays[0]);
  const upgrade = WebSocket.last;
  EventSource.last.fail();
  upgrade.tell({ type: 'welcome', user: '42' });
  assert.deepEqual([told, upgrade.isClosed, clock.delays.length], [['down'], true, 1]);
});

test('stop ends stream and upgrade', async () => {
  const { EventSource, WebSocket, clock, connection, told } = await makeStreaming();
  await clock.advance(clock.delays[0]);
  connection.stop();
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  assert.deepEqual([EventSource.last.isClosed, WebSocket.last.isClosed, clock.delays, told],
    [true, true, [], ['down']]);
  assert.ok(connection.isOff);
});

test('a network that is back is used for an upgrade soon, and waited for by socket first', async () => {
  const { WebSocket, clock, connection } = await makeStreaming({ pingInterval: 1e9 });
  for (let i = 0; i < 5; i++) {
    await clock.advance(clock.delays[0]);
    WebSocket.last.end(1006);
  }
  assert.equal(clock.delays[0], 15 * MINUTE);
  connection.wake(true);
  assert.equal(clock.delays[0], 500);
  await clock.advance(500);
  assert.equal(WebSocket.sockets.length, 9);
  WebSocket.last.end(1006);
  assert.equal(clock.delays[0], MINUTE);

  const away = makeConnection(null, { events });
  away.connection.start();
  await settle();
  for (let i = 0; i < 2; i++) await failSocket(away);
  away.WebSocket.last.end(1006); // a stream would be next
  away.connection.wake(true);
  await away.clock.advance(500);
  assert.deepEqual([away.WebSocket.sockets.length, away.EventSource.sources.length], [4, 0]);
  for (let i = 0; i < 2; i++) await failSocket(away);
  assert.deepEqual([away.WebSocket.sockets.length, away.EventSource.sources.length], [6, 0]);
});

test('after an upgrade that came up, the next ones begin anew; so they do after start', async () => {
  for (const begin of [
    async ({ WebSocket, clock }) => {
      WebSocket.last.tell({ type: 'welcome', user: '42' });
      for (let i = 0; i < 3; i++) await failSocket({ WebSocket, clock });
      await failSocket({ WebSocket, clock });
    },
    async ({ connection }) => {
      connection.start();
      await settle();
    },
  ]) {
    const world = await makeStreaming({ pingInterval: 1e9 });
    const { WebSocket, EventSource, clock, connection } = world;
    for (let i = 0; i < 3; i++) {
      await clock.advance(clock.delays[0]);
      WebSocket.last.end(1006);
    }
    await clock.advance(clock.delays[0]);
    await begin(world);
    EventSource.last.tell({ type: 'welcome', user: '42' });
    assert.deepEqual([EventSource.sources.length, connection.transport, clock.delays[0]], [2, 'events', 30_000]);
  }
});

test('a new page begins with what worked last', async () => {
  const { preference, WebSocket, clock } = await makeStreaming();
  assert.equal(preference.word, 'events');
  const next = makeConnection(null, { events, preference });
  next.connection.start();
  await settle();
  await settle();
  assert.deepEqual([next.WebSocket.sockets.length, next.EventSource.sources.length], [0, 1]);

  await clock.advance(clock.delays[0]);
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  assert.equal(preference.word, 'websocket');
});

test('a page that got a token begins by socket, whatever worked last', async () => {
  const { WebSocket, EventSource } = await makeLive('a.b.c', { events, preference: fakePreference('events') });
  assert.deepEqual([WebSocket.sockets.length, EventSource.sources.length], [1, 0]);
});

test('no more than four streams in one browser: the fifth page does without', async (t) => {
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  const worlds = [];
  for (let i = 0; i < 5; i++) worlds.push(await makeLinkByEvents());
  assert.deepEqual(worlds.map(({ EventSource }) => EventSource.sources.length), [1, 1, 1, 1, 0]);
  const fifth = worlds.pop();
  assert.deepEqual([fifth.told, fifth.clock.delays], [['down'], [500]]);

  worlds[1].connection.stop();
  await settle();
  assert.equal(locks.held.size, 3);
  const sixth = await makeLinkByEvents();
  assert.equal(sixth.EventSource.sources.length, 1);
});

test('a stream that was closed before it had a slot gives it back', async (t) => {
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  const world = makeConnection(null, { events, preference: fakePreference('events') });
  world.connection.start();
  await Promise.resolve();
  await Promise.resolve();
  world.connection.stop();
  await settle();
  assert.deepEqual([world.EventSource.sources.length, locks.held.size], [0, 0]);
});

test('where locks are forbidden there is a stream all the same', async (t) => {
  withGlobals(t, { navigator: { locks: { request: () => Promise.reject(new Error('forbidden')) } } });
  const { EventSource } = await makeLinkByEvents();
  assert.equal(EventSource.sources.length, 1);
});

async function makeLinkByEvents() {
  const world = makeConnection(null, { events, preference: fakePreference('events') });
  world.connection.start();
  for (let turns = 0; turns < 3; turns++) await settle();
  return world;
}
