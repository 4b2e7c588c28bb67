// SPDX-License-Identifier: MIT
// clock.js - a clock for durations. When the wall clock is set back an hour, timers based on it run an hour late; in some
// browsers the steady clock stops while the machine sleeps. So this combines the two. Pure: both are passed in.

const ASLEEP_MS = 1_000;

// Counts with `steady`, and leaps forward where `wall` does.
export function makeClock(wall, steady) {
  let lead = wall() - steady();
  let leapt = 0;
  return () => {
    const now = steady();
    const before = lead;
    lead = wall() - now;
    if (lead - before > ASLEEP_MS) leapt += lead - before;
    return now + leapt;
  };
}
