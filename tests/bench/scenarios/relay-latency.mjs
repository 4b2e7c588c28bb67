// SPDX-License-Identifier: MIT
// relay-latency.mjs - how long a personal ring takes from the publisher's call to the page, with
// nothing else to do and while a paced broadcast is under way.

import { compare, ringAll, writeRings } from '../relay.mjs';
import { digits, median } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const PACE = 1000;
const RATE = 200;
const SECONDS = Math.max(1, Math.min(6, Math.floor((SESSIONS / PACE) * 0.8))); // over before the broadcast is
const CONNECTIONS = 16;
const ROUNDS = 5;
const PARTS = ['p50', 'p90', 'p99', 'max'];

export const title = `a personal ring's way while others are rung, ${SESSIONS.toLocaleString('en-US')} sessions`;

// Lasts until the broadcast, if there is one, has reached all.
async function measure(side, isBroadcast) {
  const rings = writeRings(side, SESSIONS);
  const frames = RATE * SECONDS + (isBroadcast ? SESSIONS : 0);
  let load;
  const wave = await side.swarm.wave(frames, (SECONDS + SESSIONS / PACE + 5) * 1000, async () => {
    if (isBroadcast) await ringAll(side);
    load = await runLoad(side.publish, rings, { connections: CONNECTIONS, seconds: SECONDS, rate: RATE });
  });
  // On a busy machine the last calls may not have been made.
  const expected = load.ok + (isBroadcast ? SESSIONS : 0);
  if (wave.frames !== expected) throw new Error(`${side.name}: ${wave.frames} of ${expected} rings`);
  return wave.personal;
}

function row(name, rounds) {
  const cells = PARTS.map((part) => rounds.map((round) => round[part] / 1000));
  const [low, high] = [Math.min(...cells[2]), Math.max(...cells[2])];
  return [name, ...cells.map(median), `${digits(low)}–${digits(high)}`];
}

export async function run(scope) {
  const { bare, relay } = await compare(scope, { users: SESSIONS, rounds: ROUNDS, config: { 'relay.pace': PACE } }, async (side) => {
    await side.swarm.open(SESSIONS);
    const idle = await measure(side, false);
    return { idle, busy: side.isReference ? null : await measure(side, true) };
  });
  return [
    {
      columns: ['server', 'p50, ms', 'p90', 'p99', 'max', 'p99: range of rounds'],
      rows: [
        row('bare epoll loop, nothing else to do', bare.map(({ idle }) => idle)),
        row('doorbell-relay, nothing else to do', relay.map(({ idle }) => idle)),
        row(`doorbell-relay, broadcast under way at pace = ${PACE}`, relay.map(({ busy }) => busy)),
      ],
      note: `Medians of ${ROUNDS} turns of ${SECONDS} s, ${RATE} calls a second at even times. Target: p99 at most 5 ms.`,
    },
  ];
}
