// SPDX-License-Identifier: MIT
// relay-publish.mjs - personal publish calls per second on kept connections, against the bare loop.

import { withCpu } from '../proc.mjs';
import { compare, writeRings } from '../relay.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const CONNECTIONS = 16;
const SECONDS = 2;
const ROUNDS = 7;

export const title = `personal publish calls on ${CONNECTIONS} kept connections, ${SESSIONS.toLocaleString('en-US')} sessions`;

async function measure(side) {
  await side.swarm.open(SESSIONS);
  const rings = writeRings(side, SESSIONS);
  let load;
  const { result: wave, cpu } = await withCpu({ server: side.pid }, () =>
    side.swarm.wave(0, SECONDS * 1000 + 300, async () => {
      load = await runLoad(side.publish, rings, { connections: CONNECTIONS, seconds: SECONDS });
    }),
  );
  if (wave.frames !== load.ok) throw new Error(`${side.name}: ${load.ok} calls, ${wave.frames} rings`);
  return { rate: load.rate, us: cpu.server / load.ok, p50: wave.personal.p50, p99: wave.personal.p99 };
}

export async function run(scope) {
  const { bare, relay } = await compare(scope, { users: SESSIONS, rounds: ROUNDS }, measure);
  const ratios = (what) => ratioOf(relay.map((round, i) => round[what] / bare[i][what]));
  const of = (rounds, what) => median(rounds.map((round) => round[what]));
  const row = (name, rounds, ratio, cost) => [name, of(rounds, 'rate'), ratio, of(rounds, 'us'), cost, of(rounds, 'p50') / 1000, of(rounds, 'p99') / 1000];
  return [
    {
      columns: ['server', 'calls per second', 'ratio: median (range of rounds)', 'CPU µs per call and ring', 'ratio', 'sent to received p50, ms', 'p99, ms'],
      rows: [row('bare epoll loop', bare, '1', '1'), row('doorbell-relay', relay, ratios('rate'), ratios('us'))],
      note: `${ROUNDS} turns of ${SECONDS} s a side; each next call follows an answer, so the times are those of a full queue. Target: a rate of at least 0.85.`,
    },
  ];
}
