// SPDX-License-Identifier: MIT
// relay-accept.mjs - CPU time to let one more session in, when there are few and when there are as many
// as descriptors allow: accept, upgrade, login with its token, welcome.

import { descriptorLimit, withCpu } from '../proc.mjs';
import { compare } from '../relay.mjs';
import { median } from '../table.mjs';

const BATCH = 1000;
const SPARE = 500; // descriptors for all else
const LIMIT = Math.floor((descriptorLimit() - SPARE) / BATCH) * BATCH;
const MARKS = [1000, 5000, 10_000, 15_000, LIMIT].filter((mark, i, all) => mark <= LIMIT && all.indexOf(mark) === i);
const ROUNDS = 3;

export const title = `CPU per accept and login, from ${BATCH.toLocaleString('en-US')} to ${LIMIT.toLocaleString('en-US')} sessions`;

// The last BATCH sessions up to the mark.
async function measure(side, mark) {
  if (mark > BATCH) await side.swarm.open(mark - BATCH);
  const { cpu } = await withCpu({ server: side.pid }, () => side.swarm.open(mark));
  return cpu.server / BATCH;
}

export async function run(scope) {
  const { bare, relay } = await compare(scope, { users: LIMIT, rounds: ROUNDS }, async (side) => {
    const costs = [];
    for (const mark of MARKS) costs.push(await measure(side, mark));
    return costs;
  });
  const row = (name, rounds) => [name, ...MARKS.map((_, i) => median(rounds.map((costs) => costs[i])))];
  return [
    {
      columns: ['CPU µs per session, up to', ...MARKS.map((mark) => mark.toLocaleString('en-US'))],
      rows: [row('bare epoll loop (checks no token)', bare), row('doorbell-relay', relay)],
      note: `Medians of ${ROUNDS} turns a side. Target: at most 70 at every mark.`,
    },
  ];
}
