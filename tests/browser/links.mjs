// SPDX-License-Identifier: MIT
// links.mjs - a link to a relay that is all fake, and what the link told.

import { Tokens } from '../../www/bell/api.js';
import { Link } from '../../www/bell/link.js';
import { FakeClock, fakeEventSource, fakeMemory, fakeWebSocket, settle } from './fakes.mjs';

export const relay = 'wss://example.org/ws';
export const events = 'https://example.org/events';

// `told`: 'up 42', 'down', 'refused login', 'ring 5'. Without events, unless options say so.
export function makeLink(token = null, options = {}) {
  const clock = new FakeClock();
  const WebSocket = fakeWebSocket();
  const EventSource = fakeEventSource();
  const memory = fakeMemory();
  const told = [];
  const tokens = new Tokens(token);
  const link = new Link(
    { relay, events: null, tokens, pingInterval: 25_000, memory, WebSocket, EventSource, ...options },
    {
      up: (user) => told.push(`up ${user}`),
      down: () => told.push('down'),
      refused: (why) => told.push(`refused ${why}`),
      ring: (ring) => told.push(`ring ${ring.seq}`),
    },
    clock,
  );
  return { link, clock, WebSocket, EventSource, memory, told, tokens };
}

export async function makeLive(token, options) {
  const world = makeLink(token, options);
  world.link.start();
  await settle();
  world.WebSocket.last.open();
  world.WebSocket.last.tell({ type: 'welcome', user: '42' });
  world.told.length = 0;
  return world;
}

// Until the link has lost its last socket and has come to what it tries next.
export async function failSocket({ WebSocket, clock }, code = 1006) {
  WebSocket.last.end(code);
  await clock.advance(clock.delays[0]);
}

// Where sockets do not get through: live on a stream.
export async function makeStreaming(options) {
  const world = makeLink(null, { events, ...options });
  world.link.start();
  await settle();
  for (let i = 0; i < 3; i++) await failSocket(world);
  world.EventSource.last.tell({ type: 'welcome', user: '42' });
  world.told.length = 0;
  return world;
}
