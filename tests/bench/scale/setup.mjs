// SPDX-License-Identifier: MIT
// setup.mjs - what the simulated scenarios have in common.

import { Scope } from '../scope.mjs';
import { seed } from '../turns.mjs';
import { Site } from './site.mjs';

export const PAGES = Number(process.env.BENCH_PAGES || 1_000_000);
export const RELAYS = Number(process.env.BENCH_RELAYS || 12);
export const sized = `${PAGES.toLocaleString('en-US')} simulated pages on ${RELAYS} relays`;

export const LONG_MS = 1_800_000; // for a scenario
const REST_MS = 2_000; // before anything happens

// A row of a table: `work` with a site of its own, which ends with it.
export async function withSite(options, work) {
  const scope = new Scope();
  try {
    const site = new Site(scope, { relays: RELAYS, pages: PAGES, seed, ...options });
    await site.run(() => false, REST_MS);
    return await work(site);
  } finally {
    await scope.close();
  }
}

export const seconds = (ms) => ms / 1000;
