// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settle } from './fakes.mjs';
import { makeConnection, makeLive, relay } from './connections.mjs';

const frames = ['', '{', 'null', '[]', '5', '"ping"', '{"type":"unheard of"}', '{}'];

for (const frame of frames) {
  test(`a frame that says nothing is passed over: ${JSON.stringify(frame)}`, async () => {
    const { told, WebSocket, connection } = await makeLive();
    WebSocket.last.tell(frame);
    assert.deepEqual([told, WebSocket.last.sent, connection.isLive], [[], [], true]);
  });
}

test('what the relay says of epoch and number is passed on', async () => {
  const { told, WebSocket } = await makeLive();
  WebSocket.last.tell({ type: 'welcome', user: '42', epoch: 'k3x' });
  WebSocket.last.tell({ type: 'ping', seq: 94, epoch: 'k3x' });
  assert.deepEqual([told, WebSocket.last.sent], [['up 42 k3x', 'ping 94 k3x'], [{ type: 'pong' }]]);
});

// [name, close code, what is told, delays of what comes next]
const closes = [
  ['an expired token asks for a new login, and does not come back by itself', 4401, ['down', 'refused login'], []],
  ['no login in time asks for a login', 4408, ['down', 'refused login'], []],
  ['kicked stays away', 4403, ['down', 'refused stop'], []],
  ['too many comes back slowly', 4429, ['down'], [45_000]],
  ['overloaded comes back slowly', 1013, ['down'], [45_000]],
  ['a broken connection comes back', 1006, ['down'], [500]],
  ['a restart comes back', 1012, ['down'], [500]],
];

for (const [name, code, expected, delays] of closes) {
  test(`closed: ${name}`, async () => {
    const { told, clock, WebSocket, connection } = await makeLive();
    WebSocket.last.end(code);
    assert.deepEqual(told, expected);
    assert.deepEqual(clock.delays, delays);
    assert.equal(connection.isLive, false);
  });
}

test('a relay that is unreachable is tried less and less often', async () => {
  const { connection, clock, WebSocket } = makeConnection();
  connection.start();
  const delays = [];
  for (let i = 0; i < 8; i++) {
    await settle();
    WebSocket.last.end(1006);
    delays.push(clock.delays[0]);
    await clock.advance(clock.delays[0]);
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(WebSocket.sockets.length, 9);
});

test('a relay that welcomes and closes at once is tried less often, too', async () => {
  const { clock, WebSocket } = await makeLive();
  WebSocket.last.end(1006);
  await clock.advance(500);
  WebSocket.last.open();
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  WebSocket.last.end(1006);
  assert.deepEqual(clock.delays, [1000]);
});

test('a session that lasted ends the back-off', async () => {
  const { connection, clock, WebSocket } = makeConnection();
  connection.start();
  for (let i = 0; i < 5; i++) {
    await settle();
    WebSocket.last.end(1006);
    await clock.advance(clock.delays[0]);
  }
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  await clock.advance(10_000);
  WebSocket.last.end(1006);
  assert.deepEqual(clock.delays, [500]);
});

test('bye says when to come back', async () => {
  const { clock, WebSocket, told } = await makeLive();
  WebSocket.last.tell({ type: 'bye', after_ms: 7000 });
  await clock.advance(2000);
  WebSocket.last.end(1012);
  assert.deepEqual(told, ['down']);
  assert.deepEqual(clock.delays, [5000]);
  await clock.advance(5000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('bye without a number, or closed late, comes back at a random moment', async () => {
  for (const bye of [{ type: 'bye' }, { type: 'bye', after_ms: 'x' }, { type: 'bye', after_ms: 10 }]) {
    const { clock, WebSocket } = await makeLive();
    WebSocket.last.tell(bye);
    await clock.advance(20);
    WebSocket.last.end(1012);
    assert.deepEqual(clock.delays, [500]);
  }
});

test('bye is no failure', async () => {
  const { connection, clock, WebSocket } = makeConnection();
  connection.start();
  for (let i = 0; i < 5; i++) {
    await settle();
    WebSocket.last.end(1006);
    await clock.advance(clock.delays[0]);
  }
  WebSocket.last.tell({ type: 'welcome', user: '42' });
  WebSocket.last.tell({ type: 'bye', after_ms: 0 });
  WebSocket.last.end(1012);
  assert.deepEqual(clock.delays, [500]);
});

test('silence of two and a half intervals is a dead peer', async () => {
  const { clock, WebSocket, told } = await makeLive();
  const first = WebSocket.last;
  await clock.advance(62_499);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, ['down']);
  assert.equal(first.isClosed, true);
  await clock.advance(500);
  assert.equal(WebSocket.sockets.length, 2);
});

test('any frame breaks the silence, and a ping is answered', async () => {
  const { clock, WebSocket, told } = await makeLive();
  for (let i = 0; i < 10; i++) {
    await clock.advance(60_000);
    WebSocket.last.tell({ type: 'ping' });
  }
  assert.deepEqual(told, []);
  assert.deepEqual(WebSocket.last.sent, Array(10).fill({ type: 'pong' }));
});

test('a socket that never opens is given up', async () => {
  const { connection, clock, WebSocket } = makeConnection();
  connection.start();
  await clock.advance(19_999);
  assert.equal(WebSocket.last.isClosed, false);
  await clock.advance(1 + 500);
  assert.equal(WebSocket.sockets.length, 2);
});

test('a socket that the page may not open is tried again later', async () => {
  class Forbidden {
    constructor() {
      throw new Error('by policy');
    }
  }
  const { connection, clock, told } = makeConnection(null, { WebSocket: Forbidden });
  connection.start();
  await settle();
  assert.deepEqual(told, ['down']);
  assert.deepEqual(clock.delays, [500]);
});

test('a token that cannot be fetched is tried again later, without a socket', async () => {
  const { connection, clock, WebSocket, told } = makeConnection(() => Promise.reject(new Error('away')));
  connection.start();
  await settle();
  await settle();
  assert.deepEqual(told, ['down']);
  assert.deepEqual(clock.delays, [500]);
  assert.equal(WebSocket.sockets.length, 0);
});

test('a token that could be fetched at last is used', async () => {
  let tries = 0;
  const fetchToken = async () => {
    if (++tries === 1) throw new Error('away');
    return 'a.b.c';
  };
  const { connection, clock, WebSocket } = makeConnection(fetchToken);
  connection.start();
  await settle();
  await clock.advance(500);
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.sent, [{ type: 'login', token: 'a.b.c' }]);
});

test('the token goes into the first frame, never into the address', async () => {
  const { connection, WebSocket } = makeConnection(async () => 'a.b.c');
  connection.start();
  await settle();
  await settle();
  WebSocket.last.open();
  assert.equal(WebSocket.last.url, relay);
  assert.equal(WebSocket.last.protocol, 'doorbell.v1');
  assert.deepEqual(WebSocket.last.sent, [{ type: 'login', token: 'a.b.c' }]);
});

test('a token that the relay refused is not used again', async () => {
  let count = 0;
  const { connection, clock, WebSocket } = await makeLive(async () => `token-${++count}`);
  WebSocket.last.end(4401);
  connection.resume();
  await clock.advance(1000);
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.sent, [{ type: 'login', token: 'token-2' }]);
});

test('without a token the cookie is enough', async () => {
  const { WebSocket } = await makeLive();
  assert.deepEqual(WebSocket.last.sent, []);
});

test('stop is final: no timer, no socket, nothing heard', async () => {
  const { connection, clock, WebSocket, told } = await makeLive();
  connection.stop();
  told.length = 0;
  WebSocket.last.tell({ type: 'ring', seq: 5 });
  WebSocket.last.end(1006);
  assert.deepEqual([told, clock.delays, WebSocket.last.isClosed, connection.isOff], [[], [], true, true]);
});

test('stop during the fetch of a token opens no socket', async () => {
  let give;
  const { connection, WebSocket } = makeConnection(() => new Promise((resolve) => (give = resolve)));
  connection.start();
  await settle();
  connection.stop();
  give('a.b.c');
  await settle();
  assert.equal(WebSocket.sockets.length, 0);
});

test('after a refusal that was cleared up it comes back, slower each time', async () => {
  const { connection, clock, WebSocket } = await makeLive();
  WebSocket.last.end(4401);
  connection.resume();
  assert.deepEqual(clock.delays, [1000]);
  connection.resume();
  assert.deepEqual(clock.delays, [1000]);
  await clock.advance(1000);
  WebSocket.last.end(4401);
  connection.resume();
  assert.deepEqual(clock.delays, [2000]);
});

test('resume leaves a live session alone', async () => {
  const { connection, WebSocket } = await makeLive();
  connection.resume();
  assert.deepEqual([connection.isLive, WebSocket.last.isClosed], [true, false]);
});

test('for another user it connects anew, and at random moments that grow apart', async () => {
  const { connection, clock, WebSocket, told } = await makeLive();
  const [old] = WebSocket.sockets;
  for (const delay of [500, 1000, 2000]) {
    connection.relogin();
    assert.deepEqual(clock.delays, [delay]);
    await clock.advance(delay);
    WebSocket.last.open();
    WebSocket.last.tell({ type: 'welcome', user: 'bob' });
  }
  assert.equal(old.isClosed, true);
  assert.deepEqual(told, ['up bob', 'up bob', 'up bob']); // no loss is told
  await clock.advance(10_000);
  connection.relogin();
  assert.deepEqual(clock.delays, [500]);
});

test('a page that wakes finds out a dead peer at once, and leaves a live one alone', async () => {
  const { connection, clock, WebSocket, told } = await makeLive();
  connection.wake();
  assert.deepEqual(told, []);
  clock.time += 62_500; // frozen: no timer ran
  connection.wake();
  assert.deepEqual(told, ['down']);
  assert.equal(WebSocket.last.isClosed, true);
});

test('a network that is back shortens the wait, but not what bye has told', async () => {
  const { connection, clock, WebSocket } = makeConnection();
  connection.start();
  for (let i = 0; i < 7; i++) {
    await settle();
    WebSocket.last.end(1006);
    if (i < 6) await clock.advance(clock.delays[0]);
  }
  assert.deepEqual(clock.delays, [30_000]);
  connection.wake(true);
  assert.deepEqual(clock.delays, [500]);

  const other = await makeLive();
  other.WebSocket.last.tell({ type: 'bye', after_ms: 9000 });
  other.WebSocket.last.end(1012);
  other.connection.wake(true);
  assert.deepEqual(other.clock.delays, [9000]);
});

test('rings and the user are told', async () => {
  const { connection, WebSocket, told } = makeConnection();
  connection.start();
  await settle();
  WebSocket.last.open();
  WebSocket.last.tell({ type: 'welcome', user: 42 });
  WebSocket.last.tell({ type: 'ring', seq: 5 });
  assert.deepEqual(told, ['up 42', 'ring 5']);
});
