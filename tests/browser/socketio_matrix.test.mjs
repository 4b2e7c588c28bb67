// SPDX-License-Identifier: MIT
// Unmodified releases of socket.io-client in Chromium, by the bundle that each brings for browsers. The
// page comes from nginx: directly to the relay is another origin, through nginx it is its own.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { loadRelease } from '../harness/socketio.mjs';
import { playMatrix } from '../integration/socketio/cells.mjs';
import { openProfile } from './pages.mjs';

// A profile has six connections to a server, which suffice: what upgrades soon gives back its own.
async function openPlace(t, stack, release) {
  const profile = await openProfile(t);
  const page = await profile.newPage();
  await page.goto(`${stack.url}/blank.html`);
  return loadRelease(page, release);
}

test('releases of socket.io-client in Chromium', async (t) => {
  await playMatrix(t, 'socket.io-client in Chromium', (stack, release) => {
    writeFileSync(path.join(stack.dir, 'www', 'blank.html'), '<!doctype html><meta charset="utf-8"><title>Page</title>');
    return openPlace(t, stack, release);
  });
});
