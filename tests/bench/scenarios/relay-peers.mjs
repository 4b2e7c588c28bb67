// SPDX-License-Identifier: MIT
// relay-peers.mjs - one small text to every idle client: the relay beside ws, socket.io, nchan and nats-server.

import { Crowd } from '../crowd.mjs';
import { peers } from '../peers.mjs';
import { memoryOfTree, withCpu } from '../proc.mjs';
import { median, ratioOf } from '../table.mjs';
import { takeTurns } from '../turns.mjs';

const CLIENTS = Number(process.env.BENCH_SESSIONS || 2000);
const FIRST = 100; // open beforehand: what is made once is not theirs
const ROUNDS = 3;
const TEXTS = 20;

export const title = `one text to each of ${CLIENTS.toLocaleString('en-US')} idle clients, beside other servers`;

const measure = (peer) => async (scope) => {
  const server = await peer.start(scope);
  const crowd = new Crowd(scope, peer, server);
  await crowd.open(FIRST);
  const before = memoryOfTree(server.pid);
  await crowd.open(CLIENTS);
  const bytes = (memoryOfTree(server.pid) - before) / (CLIENTS - FIRST);
  await crowd.tell(); // not counted: it brings memory and caches to where they stay
  const { cpu } = await withCpu({ server: server.pid }, async () => {
    for (let i = 0; i < TEXTS; i++) await crowd.tell();
  });
  return { us: cpu.server / TEXTS / CLIENTS, bytes };
};

export async function run() {
  const found = await takeTurns(ROUNDS, Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, measure(peer)])));
  const relay = found['doorbell-relay'];
  const row = ([name, rounds]) => [
    name,
    median(rounds.map(({ us }) => us)),
    rounds === relay ? '1' : ratioOf(rounds.map(({ us }, i) => us / relay[i].us)),
    median(rounds.map(({ bytes }) => bytes)),
  ];
  return [
    {
      columns: ['server', 'CPU µs per frame', 'ratio: median (range of rounds)', 'resident bytes per session'],
      rows: Object.entries(found).map(row),
      note: `${ROUNDS} turns a server, of ${TEXTS} texts; pages of 4 KB, CPU and PSS of all processes of a server. The relay checks a token of each client; the others are as they come, and open to everybody.`,
    },
  ];
}
