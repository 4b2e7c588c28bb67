// SPDX-License-Identifier: MIT
// relay-accept.mjs - CPU time to let one more session in, when there are few and when there are as many
// as descriptors allow: accept, upgrade, login with its token, welcome.

import { descriptorLimit, withCpu } from '../proc.mjs';
import { startSides } from '../relay.mjs';
import { median } from '../table.mjs';

const BATCH = 1000;
const SPARE = 500; // descriptors for all else
const LIMIT = Math.floor((descriptorLimit() - SPARE) / BATCH) * BATCH;
const MARKS = [1000, 5000, 10_000, 15_000, LIMIT].filter((mark, i, all) => mark <= LIMIT && all.indexOf(mark) === i);
const RUNS = 3;

export const title = `CPU per accept and login, from ${BATCH.toLocaleString('en-US')} to ${LIMIT.toLocaleString('en-US')} sessions`;

// The last BATCH sessions up to the mark.
async function measure(side, mark) {
  if (mark > BATCH) await side.swarm.open(mark - BATCH);
  const { cpu } = await withCpu({ server: side.pid }, () => side.swarm.open(mark));
  return cpu.server / BATCH;
}

// By side, then by mark.
async function measureSides(scope) {
  const sides = await startSides(scope, LIMIT);
  const costs = sides.map(() => []);
  for (const mark of MARKS) {
    for (const [i, side] of sides.entries()) costs[i].push(await measure(side, mark));
  }
  for (const side of sides) await side.swarm.service.kill();
  return costs;
}

export async function run(scope) {
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await measureSides(scope));
  const row = (name, side) => [name, ...MARKS.map((_, i) => median(runs.map((costs) => costs[side][i])))];
  return [
    {
      columns: ['CPU µs per session, up to', ...MARKS.map((mark) => mark.toLocaleString('en-US'))],
      rows: [row('bare epoll loop (checks no token)', 1), row('doorbell-relay', 0)],
      note: `Median of ${RUNS} runs, each with new processes. Target: at most 70 at every mark.`,
    },
  ];
}
