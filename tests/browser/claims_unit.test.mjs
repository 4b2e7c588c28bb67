// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Claims } from '../../www/bell/network/claims.js';
import { FakeClock, fakeStorage, settle, withGlobals } from './fakes.mjs';

// Two tabs of one user, in a page that has no Web Locks.
function makeTabs(t, localStorage) {
  const clock = new FakeClock();
  withGlobals(t, { localStorage, navigator: {} });
  return { tabs: ['a', 'b'].map((tab) => new Claims('doorbell:x', tab, clock)), clock };
}

const message = (id, epoch = null) => ({ id, user: 'bob', epoch });

async function claimAll(tabs, clock, ...about) {
  const results = Promise.all(tabs.map((tab) => tab.claim(message(...about))));
  await clock.advance(1000);
  return results;
}

test('of two tabs one claims', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  assert.deepEqual(await claimAll(tabs, clock, 813), [true, false]);
});

test('of two tabs that write at the same moment one claims', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock } = makeTabs(t, storage);
  const first = tabs[0].claim(message(813));
  storage.setItem('doorbell:x:rung', '[]'); // as the other tab still sees it
  const second = tabs[1].claim(message(813));
  await clock.advance(1000);
  assert.deepEqual(await Promise.all([first, second]), [false, true]);
});

test('a page loaded anew does not claim the same message again, but another', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  await claimAll([tabs[0]], clock, 813);
  assert.deepEqual(await claimAll([tabs[1]], clock, 813), [false]);
  assert.deepEqual(await claimAll([tabs[1]], clock, 800), [true]);
});

test('the same id in another epoch is another message; where no epoch is known, it is the same', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  const claimOnce = async (tab, epoch) => (await claimAll([tab], clock, 813, epoch))[0];
  assert.equal(await claimOnce(tabs[0], 'old'), true);
  assert.equal(await claimOnce(tabs[1], 'old'), false);
  assert.equal(await claimOnce(tabs[1]), false); // as an older doorbell-app has it
  assert.equal(await claimOnce(tabs[1], 'new'), true);
  assert.equal(await claimOnce(tabs[0], 'new'), false);
});

test('what a tab with an older doorbell.js has rung is not claimed again', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock } = makeTabs(t, storage);
  storage.setItem('doorbell:x:rung', '[["bob/813","old tab"]]');
  assert.deepEqual(await claimAll([tabs[0]], clock, 813, 'old'), [false]);
});

for (const broken of ['{', '5', 'null', '{"a":1}', '[1,2]']) {
  test(`storage that holds ${broken} does not keep a tab from claiming`, async (t) => {
    const storage = fakeStorage();
    storage.setItem('doorbell:x:rung', broken);
    const { tabs, clock } = makeTabs(t, storage);
    assert.deepEqual(await claimAll(tabs, clock, 813), [true, false]);
  });
}

test('a page without storage claims once by itself', async (t) => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  const { tabs, clock } = makeTabs(t, { getItem: forbidden, setItem: forbidden });
  assert.deepEqual(await claimAll([tabs[0]], clock, 813), [true]);
  assert.deepEqual(await claimAll([tabs[0]], clock, 813), [false]);
});

test('a page whose storage is full claims once by itself', async (t) => {
  const full = () => {
    throw new Error('QuotaExceededError');
  };
  const { tabs, clock } = makeTabs(t, { getItem: () => null, setItem: full });
  assert.deepEqual(await claimAll([tabs[0]], clock, 813), [true]);
  assert.deepEqual(await claimAll([tabs[0]], clock, 813), [false]);
});

// As the browser's: one holder a name, for as long as its callback takes.
function fakeLocks() {
  const held = new Set();
  return {
    held,
    async request(name, { ifAvailable }, call) {
      assert.equal(ifAvailable, true);
      if (held.has(name)) return call(null);
      held.add(name);
      try {
        return await call({ name });
      } finally {
        held.delete(name);
      }
    },
  };
}

test('with Web Locks one of two tabs claims, even while one does not yet see what the other wrote', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock } = makeTabs(t, { getItem: () => null, setItem: storage.setItem });
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  assert.equal(await tabs[0].claim(message(813)), true);
  assert.equal(await tabs[1].claim(message(813)), false);
  assert.equal(await tabs[1].claim(message(814)), true);
  await clock.advance(10_000);
  assert.equal(locks.held.size, 0);
});

test('with Web Locks what was rung before a reload is not rung again, nor is its lock kept', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  assert.equal(await tabs[0].claim(message(813)), true);
  await clock.advance(10_000);
  assert.equal(await tabs[1].claim(message(813)), false);
  await settle();
  assert.equal(locks.held.size, 0);
});

test('where Web Locks are forbidden the storage has to do', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  const request = () => Promise.reject(new Error('SecurityError'));
  withGlobals(t, { navigator: { locks: { request } } });
  assert.deepEqual(await claimAll(tabs, clock, 813), [true, false]);
});
