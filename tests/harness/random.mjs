// SPDX-License-Identifier: MIT
// random.mjs - random numbers that can be had again: mulberry32, by its seed.

// A function that draws from 0 to n - 1, for n up to 2 ** 32.
export function makeRandom(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}
