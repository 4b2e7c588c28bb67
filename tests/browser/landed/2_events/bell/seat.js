// SPDX-License-Identifier: MIT
// seat.js - how many streams the tabs of one browser hold. Over HTTP/1.1 a browser makes six connections
// to a site, and streams that had them all would leave none to load a page by.

const SEATS = 4;

// Answers how to give the seat back, or null when all are taken. A page that goes gives back its own.
export async function takeSeat() {
  const locks = globalThis.navigator?.locks; // for secure pages only
  if (!locks) return () => {};
  for (let i = 0; i < SEATS; i++) {
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
