// SPDX-License-Identifier: MIT
// relay-idle.mjs - what sessions cost that are only there: the sweep, and a ping now and then. With the pages of the unit, and
// with small ones.

import { setTimeout as sleep } from 'node:timers/promises';

import { memoryOf, withCpu } from '../proc.mjs';
import { startRelayAlone, UNIT_ENV, writeTokens } from '../relay.mjs';
import { median } from '../table.mjs';
import { Swarm } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const ROUNDS = 5;
const ROUND_S = 5;

export const title = `CPU of ${SESSIONS.toLocaleString('en-US')} native sessions that are idle`;

async function startSide(scope, name, env) {
  const side = { ...(await startRelayAlone(scope, {}, { env })), name, rounds: [] };
  const swarm = await Swarm.start(scope, side.clients, writeTokens(side.folder, side.secret, SESSIONS));
  await swarm.open(SESSIONS);
  return side;
}

export async function run(scope) {
  const sides = [await startSide(scope, 'as in the unit', UNIT_ENV), await startSide(scope, 'pages of 4 KB', {})];
  for (let i = 0; i <= ROUNDS; i++) {
    const { cpu } = await withCpu(Object.fromEntries(sides.map(({ name, pid }) => [name, pid])), () => sleep(ROUND_S * 1000));
    if (i > 0) for (const side of sides) side.rounds.push(cpu[side.name] / 1000 / ROUND_S); // the first: they have just come
  }
  return [
    {
      columns: ['doorbell-relay', 'CPU ms per second: median', 'least', 'most', 'RSS'],
      rows: sides.map(({ name, pid, rounds }) => [name, median(rounds), Math.min(...rounds), Math.max(...rounds),
        `${(memoryOf(pid).rss / 2 ** 20).toFixed(1)} MiB`]),
      note: `${ROUNDS} rounds of ${ROUND_S} s, both at once. Target: at most 15 ms for 10,000.`,
    },
  ];
}
