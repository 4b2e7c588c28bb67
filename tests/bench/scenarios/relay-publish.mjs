// SPDX-License-Identifier: MIT
// relay-publish.mjs - personal publish calls per second on kept connections, against the bare loop.

import { withCpu } from '../proc.mjs';
import { startSides, writeRings } from '../relay.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const CONNECTIONS = 16;
const SECONDS = 1;
const ROUNDS = 15; // short ones in turn: what else the machine does meets both sides alike

export const title = `personal publish calls on ${CONNECTIONS} kept connections, ${SESSIONS.toLocaleString('en-US')} sessions`;

async function measure(side) {
  let load;
  const { result: wave, cpu } = await withCpu({ server: side.pid }, () =>
    side.swarm.wave(0, SECONDS * 1000 + 300, async () => {
      load = await runLoad(side.publish, side.rings, { connections: CONNECTIONS, seconds: SECONDS });
    }),
  );
  if (wave.frames !== load.ok) throw new Error(`${side.name}: ${load.ok} calls, ${wave.frames} rings`);
  return { rate: load.rate, us: cpu.server / load.ok, p50: wave.personal.p50, p99: wave.personal.p99 };
}

export async function run(scope) {
  const sides = await startSides(scope, SESSIONS);
  for (const side of sides) {
    await side.swarm.open(SESSIONS);
    side.rings = writeRings(side, SESSIONS);
    side.rounds = [];
  }
  for (let i = 0; i < ROUNDS; i++) {
    for (const side of sides) side.rounds.push(await measure(side));
  }
  const [relay, bare] = sides;
  const ratios = relay.rounds.map((round, i) => round.rate / bare.rounds[i].rate);
  const costs = relay.rounds.map((round, i) => round.us / bare.rounds[i].us);
  const of = (side, what) => median(side.rounds.map((round) => round[what]));
  const row = (side, ratio, cost) => [side.name, of(side, 'rate'), ratio, of(side, 'us'), cost, of(side, 'p50') / 1000, of(side, 'p99') / 1000];
  return [
    {
      columns: ['server', 'calls per second', 'ratio: median (range of rounds)', 'CPU µs per call and ring', 'ratio', 'sent to received p50, ms', 'p99, ms'],
      rows: [row(bare, '1', '1'), row(relay, ratioOf(ratios), ratioOf(costs))],
      note: `${ROUNDS} rounds of ${SECONDS} s a side; each next call follows an answer, so the times are those of a full queue. Target: a rate of at least 0.75.`,
    },
  ];
}
