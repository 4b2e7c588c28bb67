// SPDX-License-Identifier: MIT
// Relays are killed, frozen, stopped and cut off while events are published, and so is Redis: once it is over, every page knows of
// the last event of its user.
import { randomInt } from 'node:crypto';
import { test } from 'node:test';

import { OPEN, startRedis } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { joined, startCable, startRelayOf } from './scene.mjs';
import { Storm } from './storm.mjs';

const ROUNDS = Number(process.env.DOORBELL_STORM_ROUNDS ?? 3);
const STEPS = 40; // of a round
const SEED = Number(process.env.DOORBELL_SEED ?? randomInt(2 ** 31));

// A cable as a way: open, cut (both ends know), frozen (nobody does).
function wayOf(cable) {
  let mode = 'open';
  const leave = { open: () => {}, cut: () => cable.mend(), frozen: () => cable.thaw() };
  const enter = { open: () => {}, cut: () => cable.cut(), frozen: () => cable.freeze() };
  return {
    modes: Object.keys(enter),
    silent: 'frozen',
    gone: 'cut',
    async set(next) {
      if (next === mode) return;
      const last = mode;
      mode = next;
      await leave[last]();
      await enter[next]();
    },
  };
}

test(`${ROUNDS} rounds of ${STEPS} random steps in a storm: after each every page knows of its last event (DOORBELL_SEED=${SEED})`, async (t) => {
  const redis = await startRedis(t);
  const [relays, ways] = [[], []];
  for (let i = 0; i < 3; i++) {
    const cable = await startCable(t, redis);
    ways.push(wayOf(cable));
    relays.push(await startRelayOf(t, cable, OPEN, relays[0]));
  }
  await joined(relays);
  const storm = new Storm(t, { relays, ways, redis, random: makeRandom(SEED) });
  await storm.rounds(ROUNDS, STEPS);
});
