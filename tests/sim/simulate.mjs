// SPDX-License-Identifier: MIT
// simulate.mjs - a run: rounds of some time in which everything happens, and one in which nothing goes wrong any more.

import { calm, deeds, faults } from './events.mjs';
import { START_MS } from './timeline.mjs';
import { World } from './world.mjs';

const ROUNDS = 3;
const STEPS = 25; // of a round
const PAUSE_MS = 600; // at most, between two of them
const CONNECT_MS = 150_000; // for all to fall quiet: more than the longest back-off of a page twice, and the end of a lease
const SETTLE_MS = 10_000; // for what is quiet to be right: a ping, a round of the slowest pace, an answer

function draw(world, list) {
  let n = world.random(list.reduce((sum, [weight]) => sum + weight, 0));
  return list.find(([weight]) => (n -= weight) < 0);
}

async function runUntil(world, ms) {
  while (world.violations.length === 0 && (await world.timeline.step(ms))) for (const page of world.pages) page.look();
}

async function happen(world) {
  for (let i = 0; i < STEPS && world.violations.length === 0; i++) {
    const [, what, call] = draw(world, world.random(4) === 0 ? faults : deeds);
    world.trace(`* ${what}`);
    await call(world);
    await runUntil(world, world.timeline.now + world.random(PAUSE_MS));
  }
}

const isQuiet = async (world) => world.isQuiet && (await world.database.countWaiting()) === 0;

// Until all is quiet and right; what is wrong when it should be long since.
async function recover(world) {
  let end = world.timeline.now + CONNECT_MS;
  for (let wasQuiet = false; ;) {
    await runUntil(world, world.timeline.now + 500);
    const [wrong, isQuietNow] = [await world.findWrong(), await isQuiet(world)];
    if (isQuietNow && !wasQuiet) end = Math.min(end, world.timeline.now + SETTLE_MS);
    wasQuiet ||= isQuietNow;
    if (world.violations.length > 0 || (isQuietNow && wrong.length === 0)) return [];
    if (world.timeline.now >= end) return wrong.length > 0 ? wrong : ['it does not fall quiet'];
  }
}

async function playRound(world) {
  await happen(world);
  world.trace('* faults stop');
  const since = world.timeline.now;
  await calm(world);
  const wrong = await recover(world);
  world.trace(`* all is quiet after ${world.timeline.now - since} ms`);
  return world.violations.length > 0 ? world.violations : wrong;
}

/** One run. Returns {faults, text, ms}: what was wrong (nothing, if all is well), the trace, and the virtual time. */
export async function simulate(seed, server, { www = 'www', prepare = async () => {} } = {}) {
  const world = await World.make(seed, server, www);
  let found = [];
  try {
    await prepare(world);
    for (let round = 0; round < ROUNDS && found.length === 0; round++) found = await playRound(world);
    for (const fault of found) world.trace(`! ${fault}`);
    return { faults: found, text: world.text, ms: world.timeline.now - START_MS };
  } finally {
    await world.close();
  }
}
