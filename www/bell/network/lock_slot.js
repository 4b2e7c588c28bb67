// SPDX-License-Identifier: MIT
// lock_slot.js - limits how many event streams the tabs of one browser hold, by Web Locks. Over HTTP/1.1 a
// browser opens six connections to a site; streams that held them all would leave none to load a page.

import { tryLock } from './locks.js';

const SLOTS = 4;

// Returns a function that releases the slot, or null when all are taken. A page that closes releases its own.
export async function takeLockSlot() {
  for (let i = 0; i < SLOTS; i++) {
    const release = await tryLock(`doorbell:stream:${i}`);
    if (release !== null) return release ?? (() => {});
  }
  return null;
}
