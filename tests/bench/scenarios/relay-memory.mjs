// SPDX-License-Identifier: MIT
// relay-memory.mjs - what an idle native session costs in memory of the process.

import { memoryOf } from '../proc.mjs';
import { ringAll, startSides } from '../relay.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
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
  return [side.name, per(idle, 'rss'), per(idle, 'pss'), per(rung, 'rss'), `${(idle.rss / 2 ** 20).toFixed(1)} MiB`];
}

export async function run(scope) {
  const rows = [];
  const sides = await startSides(scope, SESSIONS, { 'relay.pace': 0 });
  for (const side of sides.reverse()) rows.push(await measure(side));
  return [
    {
      columns: ['server', 'RSS per session', 'PSS per session', 'RSS per session after a broadcast', 'RSS in all'],
      rows,
      note: 'Without what the kernel holds for a socket, which is the same for both. Target: at most 2,200.',
    },
  ];
}
