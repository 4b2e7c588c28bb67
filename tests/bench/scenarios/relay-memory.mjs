// SPDX-License-Identifier: MIT
// relay-memory.mjs - what an idle native session costs in memory of the process.

import { memoryOf } from '../proc.mjs';
import { prepareSwarms, ringAll, startRelayAlone, UNIT_ENV } from '../relay.mjs';
import { median } from '../table.mjs';
import { startReference } from '../tools.mjs';
import { takeTurns } from '../turns.mjs';

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
  const { secret, withSwarm } = prepareSwarms(scope, SESSIONS);
  const relay = (env) => withSwarm((turn) => startRelayAlone(turn, { 'relay.pace': 0 }, { secret, env }), measure);
  const { bare, small, unit } = await takeTurns(ROUNDS, { bare: withSwarm(startReference, measure), small: relay({}), unit: relay(UNIT_ENV) });
  const row = (name, rounds) => [name, ...rounds[0].map((_, i) => median(rounds.map((round) => round[i])))];
  return [
    {
      columns: ['server', 'RSS per session', 'PSS per session', 'RSS per session after a broadcast', 'RSS in all, MiB'],
      rows: [row('bare epoll loop', bare), row('doorbell-relay, pages of 4 KB', small), row('as in the unit', unit)],
      note: `Medians of ${ROUNDS} turns a side, without what the kernel holds for a socket, which is the same for all. Target: at most 1,600.`,
    },
  ];
}
