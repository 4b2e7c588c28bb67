// SPDX-License-Identifier: MIT
// locks.js - Web Locks that a page takes where no other has them. They are for secure pages only.

// Resolves to a function that releases the lock; to null where another page has it, to undefined where the browser forbids locks.
// Undefined itself where there are none.
export function tryLock(name) {
  const locks = globalThis.navigator?.locks;
  return locks && new Promise((resolve) => {
    const onLock = (lock) => (lock ? new Promise((release) => resolve(release)) : resolve(null));
    locks.request(name, { ifAvailable: true }, onLock).catch(() => resolve());
  });
}
