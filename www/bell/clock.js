// SPDX-License-Identifier: MIT
// clock.js - the browser's clock and timers, as the parts that decide take them.

import { makeClock } from './core/clock.js';

export const browserClock = {
  now: makeClock(() => Date.now(), () => performance.now()),
  random: () => Math.random(),
  setTimeout: (call, ms) => setTimeout(call, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};
