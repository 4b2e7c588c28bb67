// SPDX-License-Identifier: MIT
// scale-failover.mjs - the database is gone for a while, and another history is there then, at a size that no test can
// have: simulated (tests/bench/scale).

import { LONG_MS, PAGES, seconds, sized, withSite } from '../scale/setup.mjs';

const DOWN_MS = 30_000;
const LIMIT_MS = 3_600_000;

export const limitMs = LONG_MS;
export const title = `a failover of 30 s to another history, ${sized}`;

async function measure(name, settings) {
  return withSite({ settings }, async (site) => {
    const { app, right } = site;
    const from = site.elapsed;
    site.failDatabase();
    await site.run(() => false, DOWN_MS);
    const asked = app.came.total;
    const back = site.timeline.now;
    site.restoreDatabase();
    await site.run(() => right.total === PAGES, LIMIT_MS);
    const after = site.elapsed - from - DOWN_MS;
    return [name, app.failed.total, app.came.peak(0, back), app.came.total - asked, app.came.peak(back), app.longest, seconds(right.when(PAGES / 2) - from - DOWN_MS), seconds(after)];
  });
}

export async function run() {
  return [
    {
      columns: ['pace', 'questions refused', 'most in any second: meanwhile', 'questions afterwards', 'most in any second', 'longest queue of the app', 'half are right after, s', 'the last, s'],
      rows: [
        await measure('5,000', { pace: 5000 }),
        await measure('1,000', {}),
      ],
      note: 'From the end of the failover on. Questions are with those of pages that look every quarter of an hour whether they are right.',
    },
  ];
}
