// SPDX-License-Identifier: MIT
// relay-broadcast.mjs - CPU time per frame of a broadcast without pacing, against the bare loop.

import { withCpu } from '../proc.mjs';
import { compare, ringAll } from '../relay.mjs';
import { median, ratioOf } from '../table.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const ROUNDS = 7;
const WAVES = 10;

export const title = `one ring to each of ${SESSIONS.toLocaleString('en-US')} sessions, pace = 0`;

async function measure(side) {
  const reachedMs = [];
  let frames = 0;
  const { cpu } = await withCpu({ server: side.pid }, async () => {
    for (let i = 0; i < WAVES; i++) {
      const wave = await side.swarm.wave(SESSIONS, 20_000, () => ringAll(side));
      if (wave.reached !== SESSIONS) throw new Error(`${side.name} reached ${wave.reached} of ${SESSIONS}`);
      frames += wave.frames;
      reachedMs.push(wave.many.max / 1000);
    }
  });
  return { us: cpu.server / frames, reachedMs: median(reachedMs) };
}

export async function run(scope) {
  const { bare, relay } = await compare(scope, { users: SESSIONS, rounds: ROUNDS, config: { 'relay.pace': 0 } }, async (side) => {
    await side.swarm.open(SESSIONS);
    await measure(side); // not counted: it brings memory and caches to where they stay
    return measure(side);
  });
  const ratios = relay.map((round, i) => round.us / bare[i].us);
  const row = (name, rounds, ratio) => [name, median(rounds.map(({ us }) => us)), ratio, median(rounds.map(({ reachedMs }) => reachedMs))];
  return [
    {
      columns: ['server', 'CPU µs per frame', 'ratio: median (range of rounds)', 'all reached, ms'],
      rows: [row('bare epoll loop', bare, '1'), row('doorbell-relay', relay, ratioOf(ratios))],
      note: `${ROUNDS} turns a side, of ${WAVES} broadcasts. Target: at most 1.10.`,
    },
  ];
}
