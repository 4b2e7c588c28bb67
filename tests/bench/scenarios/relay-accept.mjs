// SPDX-License-Identifier: MIT
// relay-accept.mjs - CPU time to let one more session in, when there are few and when there are as many
// as descriptors allow: accept, upgrade, login with its token, welcome.

import { descriptorLimit, withCpu } from '../proc.mjs';
import { prepareSwarms, startRelayAlone } from '../relay.mjs';
import { median, ratioOf } from '../table.mjs';
import { startReference } from '../tools.mjs';
import { takeTurns } from '../turns.mjs';

const BATCH = 1000;
const SPARE = 500; // descriptors for all else
const LIMIT = Math.floor((descriptorLimit() - SPARE) / BATCH) * BATCH;
const MARKS = [1000, 5000, 10_000, 15_000, LIMIT].filter((mark, i, all) => mark <= LIMIT && all.indexOf(mark) === i);
const ROUNDS = 3;

export const title = `CPU per accept and login, from ${BATCH.toLocaleString('en-US')} to ${LIMIT.toLocaleString('en-US')} sessions`;

// By mark: the last BATCH sessions up to it.
async function measure({ swarm, pid }) {
  const costs = [];
  for (const mark of MARKS) {
    if (mark > BATCH) await swarm.open(mark - BATCH);
    const { cpu } = await withCpu({ server: pid }, () => swarm.open(mark));
    costs.push(cpu.server / BATCH);
  }
  return costs;
}

export async function run(scope) {
  const { secret, secretFile, withSwarm } = prepareSwarms(scope, LIMIT);
  const { bare, checking, relay } = await takeTurns(ROUNDS, {
    bare: withSwarm((turn) => startReference(turn), measure),
    checking: withSwarm((turn) => startReference(turn, secretFile), measure),
    relay: withSwarm((turn) => startRelayAlone(turn, {}, { secret }), measure),
  });
  const row = (name, rounds) => [name, ...MARKS.map((_, i) => median(rounds.map((costs) => costs[i])))];
  const ratios = MARKS.map((_, i) => ratioOf(relay.map((costs, round) => costs[i] / checking[round][i])));
  return [
    {
      columns: ['CPU µs per session, up to', ...MARKS.map((mark) => mark.toLocaleString('en-US'))],
      rows: [
        row('bare epoll loop that looks at no token', bare),
        row('bare epoll loop that checks each token', checking),
        row('doorbell-relay', relay),
        ['its ratio to the second: median (range of rounds)', ...ratios],
      ],
      note: `Medians of ${ROUNDS} turns a side. Target: at most 70 at every mark, and 2.5 times the second.`,
    },
  ];
}
