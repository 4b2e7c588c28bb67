// SPDX-License-Identifier: MIT
// relay-memory.mjs - what an idle native session costs in memory of the process.

import { memoryOf } from '../proc.mjs';
import { compare, ringAll } from '../relay.mjs';
import { median } from '../table.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const ROUNDS = 3;
const FIRST = 100; // open beforehand: what is made once is not theirs

export const title = `resident bytes per idle session, ${SESSIONS.toLocaleString('en-US')} sessions`;

async function measure(side) {
  await side.swarm.open(FIRST);
  const before = memoryOf(side.pid);
  await side.swarm.open(SESSIONS);
  const idle = memoryOf(side.pid);
  await side.swarm.wave(SESSIONS, 20_000, () => ringAll(side));
  const rung = memoryOf(side.pid);
  const per = (after, kind) => (after[kind] - before[kind]) / (SESSIONS - FIRST);
  return [per(idle, 'rss'), per(idle, 'pss'), per(rung, 'rss'), idle.rss / 2 ** 20];
}

export async function run(scope) {
  const { bare, relay } = await compare(scope, { users: SESSIONS, rounds: ROUNDS, config: { 'relay.pace': 0 } }, measure);
  const row = (name, rounds) => [name, ...rounds[0].map((_, i) => median(rounds.map((round) => round[i])))];
  return [
    {
      columns: ['server', 'RSS per session', 'PSS per session', 'RSS per session after a broadcast', 'RSS in all, MiB'],
      rows: [row('bare epoll loop', bare), row('doorbell-relay', relay)],
      note: `Medians of ${ROUNDS} turns a side, without what the kernel holds for a socket, which is the same for both. Target: at most 1,600.`,
    },
  ];
}
