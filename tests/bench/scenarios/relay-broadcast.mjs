// SPDX-License-Identifier: MIT
// relay-broadcast.mjs - CPU time per frame of a broadcast without pacing, against the bare loop.

import { withCpu } from '../proc.mjs';
import { ringAll, startSides } from '../relay.mjs';
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
  const sides = await startSides(scope, SESSIONS, { 'relay.pace': 0 });
  for (const side of sides) {
    await side.swarm.open(SESSIONS);
    side.rounds = [];
    await measure(side); // not counted: it brings memory and caches to where they stay
  }
  for (let i = 0; i < ROUNDS; i++) {
    for (const side of sides) side.rounds.push(await measure(side));
  }
  const [relay, bare] = sides;
  const ratios = relay.rounds.map((round, i) => round.us / bare.rounds[i].us);
  const row = (side, ratio) => [
    side.name,
    median(side.rounds.map((round) => round.us)),
    ratio,
    median(side.rounds.map((round) => round.reachedMs)),
  ];
  return [
    {
      columns: ['server', 'CPU µs per frame', 'ratio: median (range of rounds)', 'all reached, ms'],
      rows: [row(bare, '1'), row(relay, ratioOf(ratios))],
      note: `${ROUNDS} rounds, ${WAVES} broadcasts a side and round. Target: at most 1.15.`,
    },
  ];
}
