// SPDX-License-Identifier: MIT
// relay-idle.mjs - what sessions cost that are only there: the sweep, and a ping now and then. With the pages of the unit, and
// with small ones.

import { setTimeout as sleep } from 'node:timers/promises';

import { memoryOf, withCpu } from '../proc.mjs';
import { startRelayAlone, UNIT_ENV, writeTokens } from '../relay.mjs';
import { median } from '../table.mjs';
import { Swarm } from '../tools.mjs';
import { takeTurns } from '../turns.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const ROUNDS = 2;
const PARTS = 5;
const PART_S = 5;

export const title = `CPU of ${SESSIONS.toLocaleString('en-US')} native sessions that are idle`;

const measure = (env) => async (scope) => {
  const side = await startRelayAlone(scope, {}, { env });
  const swarm = await Swarm.start(scope, side.clients, writeTokens(side.folder, side.secret, SESSIONS));
  await swarm.open(SESSIONS);
  const parts = [];
  for (let i = 0; i <= PARTS; i++) {
    const { cpu } = await withCpu({ server: side.pid }, () => sleep(PART_S * 1000));
    if (i > 0) parts.push(cpu.server / 1000 / PART_S); // the first: they have just come
  }
  return { parts, rss: memoryOf(side.pid).rss / 2 ** 20 };
};

function row(name, rounds) {
  const parts = rounds.flatMap((round) => round.parts);
  return [name, median(parts), Math.min(...parts), Math.max(...parts), median(rounds.map(({ rss }) => rss))];
}

export async function run() {
  const { unit, small } = await takeTurns(ROUNDS, { unit: measure(UNIT_ENV), small: measure({}) });
  return [
    {
      columns: ['doorbell-relay', 'CPU ms per second: median', 'least', 'most', 'RSS, MiB'],
      rows: [row('as in the unit', unit), row('pages of 4 KB', small)],
      note: `${ROUNDS} turns of ${PARTS} times ${PART_S} s each. Target: at most 15 ms for 10,000.`,
    },
  ];
}
