// SPDX-License-Identifier: MIT
// scale-relay-loss.mjs - one of several relays dies, at a size that no test can have: simulated (tests/bench/scale).

import { LONG_MS, PAGES, RELAYS, seconds, sized, withSite } from '../scale/setup.mjs';

const LOST = 0;
const LIMIT_MS = 600_000;

export const limitMs = LONG_MS;
export const title = `one relay is lost, ${sized}`;

async function measure(name, settings) {
  return withSite({ settings }, async (site) => {
    const { app, accepts, back, refused, requests } = site;
    const lost = Math.ceil(PAGES / RELAYS);
    await site.connectPagesOf(LOST);
    const from = site.elapsed;
    site.endRelay(LOST);
    await site.run(() => back.total === lost, LIMIT_MS);
    const peak = (meters) => Math.max(...meters.map((meter) => meter.peak()));
    return [name, lost - back.total, peak(requests), peak(accepts), refused.total / lost, seconds(back.when(lost / 2) - from), seconds(back.when(lost * 0.99) - from), seconds(site.elapsed - from), app.came.peak(), app.longest];
  });
}

export async function run() {
  return [
    {
      columns: ['max_accepts_per_second', 'never back', 'asked of one relay, most in any second', 'accepted by one, most', 'refusals a page', 'half are back after, s', '99 %, s', 'the last, s', 'checks, most in any second', 'longest queue of the app'],
      rows: [
        await measure('2,000', {}),
        await measure('10,000', { max_accepts_per_second: 10_000 }),
        await measure('0: no limit', { max_accepts_per_second: 0 }),
      ],
      note: `For the site: each relay admits its share, of ${RELAYS} until the dead one is missed after 12 s. After that, the pages of the others ask, at pace.`,
    },
  ];
}
