// SPDX-License-Identifier: MIT
// lock_slot.js - limits how many event streams the tabs of one browser hold, by Web Locks. Over HTTP/1.1 a
// browser opens six connections to a site; streams that held them all would leave none to load a page.

const SLOTS = 4;

// Returns a function that releases the slot, or null when all are taken. A page that closes releases its own.
export async function takeLockSlot() {
  const locks = globalThis.navigator?.locks; // for secure pages only
  if (!locks) return () => {};
  for (let i = 0; i < SLOTS; i++) {
    const leave = await tryLock(locks, `doorbell:stream:${i}`);
    if (leave) return leave;
  }
  return null;
}

function tryLock(locks, name) {
  return new Promise((resolve) => {
    const onLock = (lock) => (lock ? new Promise((leave) => resolve(leave)) : resolve(null));
    const request = locks.request(name, { ifAvailable: true }, onLock);
    request.catch(() => resolve(() => {})); // forbidden here
  });
}
