// SPDX-License-Identifier: MIT
// scale-broadcast.mjs - a message to everybody, at a size that no test can have: simulated (tests/bench/scale).

import { RING_MANY } from '../scale/relays.mjs';
import { LONG_MS, PAGES, seconds, sized, withSite } from '../scale/setup.mjs';

const LIMIT_MS = 3_600_000;
const AFTERWARDS_MS = 30_000; // in which all are pinged

export const limitMs = LONG_MS;
export const title = `a message to everybody, ${sized}`;

async function measure(name, { add, ...options }) {
  return withSite(options, async (site) => {
    const { app, right } = site;
    const from = site.elapsed;
    site.send(RING_MANY, add);
    await site.run(() => right.total === PAGES, LIMIT_MS);
    const last = site.elapsed - from;
    await site.run(() => false, AFTERWARDS_MS);
    return [name, app.came.total, app.came.peak(), app.longest, app.failed.total, seconds(right.when(PAGES / 2) - from), seconds(last)];
  });
}

export async function run() {
  return [
    {
      columns: ['', 'questions', 'most in any second', 'longest queue of the app', 'refused', 'half are right after, s', 'the last, s'],
      rows: [
        await measure('pages compute it', { add: 1 }),
        await measure('one in ten is in groups, and asks', { add: 1, members: 0.1 }),
        await measure('all ask, rung at pace = 5000', { add: 0, settings: { pace: 5000 } }),
        await measure('the same, pace = 1000', { add: 0 }),
      ],
      note: 'Questions are with those of pages that look every quarter of an hour whether they are right.',
    },
  ];
}
