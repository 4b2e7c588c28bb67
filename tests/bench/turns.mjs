// SPDX-License-Identifier: MIT
// turns.mjs - the sides of a comparison take turns: one at a time, in new processes, and in an order that
// is drawn for each round. Who starts first, or runs beside another, gets other memory and other caches.

import { randomInt } from 'node:crypto';

import { makeRandom } from '../harness/random.mjs';
import { Scope } from './scope.mjs';

// The same seed draws the same order.
export const seed = Number(process.env.BENCH_SEED || randomInt(2 ** 31));
const draw = makeRandom(seed);

export function shuffled(list) {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Runs `work` with a scope that ends with it.
async function takeTurn(work) {
  const scope = new Scope();
  try {
    return await work(scope);
  } finally {
    await scope.close();
  }
}

// sides: {name: a function of a scope, in which it starts what it measures}. Answers {name: [what it found in each round]}.
export async function takeTurns(rounds, sides) {
  const found = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) {
    for (const name of shuffled(Object.keys(sides))) found[name].push(await takeTurn(sides[name]));
  }
  return found;
}
