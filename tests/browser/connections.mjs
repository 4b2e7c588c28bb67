// SPDX-License-Identifier: MIT
// connections.mjs - a connection to a relay that is all fake, and what the connection told.

import { Tokens } from '../../www/bell/network/api.js';
import { Connection } from '../../www/bell/network/connection.js';
import { FakeClock, fakeEventSource, fakePreference, fakeWebSocket, settle } from './fakes.mjs';

export const relay = 'wss://example.org/ws';
export const events = 'https://example.org/events';

// `told`: 'up 42', 'down', 'refused login', 'ring 5', 'ping 5 k3x'. Without events, unless options say so.
export function makeConnection(token = null, options = {}) {
  const clock = new FakeClock();
  const WebSocket = fakeWebSocket();
  const EventSource = fakeEventSource();
  const preference = fakePreference();
  const told = [];
  const tokens = new Tokens(token);
  const connection = new Connection(
    { relay, events: null, tokens, pingInterval: 25_000, preference, WebSocket, EventSource, ...options },
    {
      up: (user, epoch) => told.push(epoch ? `up ${user} ${epoch}` : `up ${user}`),
      down: () => told.push('down'),
      refused: (why) => told.push(`refused ${why}`),
      ring: (ring) => told.push(`ring ${ring.seq}`),
      ping: ({ seq, epoch }) => seq && told.push(`ping ${seq} ${epoch}`),
    },
    clock,
  );
  return { connection, clock, WebSocket, EventSource, preference, told, tokens };
}

export async function makeLive(token, options) {
  const world = makeConnection(token, options);
  world.connection.start();
  await settle();
  world.WebSocket.last.open();
  world.WebSocket.last.tell({ type: 'welcome', user: '42' });
  world.told.length = 0;
  return world;
}

// Until the connection has lost its last socket and has come to what it tries next.
export async function failSocket({ WebSocket, clock }, code = 1006) {
  WebSocket.last.end(code);
  await clock.advance(clock.delays[0]);
}

// Where sockets do not get through: live on a stream.
export async function makeStreaming(options) {
  const world = makeConnection(null, { events, ...options });
  world.connection.start();
  await settle();
  for (let i = 0; i < 3; i++) await failSocket(world);
  world.EventSource.last.tell({ type: 'welcome', user: '42' });
  world.told.length = 0;
  return world;
}
