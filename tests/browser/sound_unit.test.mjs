// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sound } from '../../www/bell/view/sound.js';
import { FakeClock, fakeStorage, settle, withGlobals } from './fakes.mjs';

class FakeAudio {
  plays = 0;
  isRefused = false;

  async play() {
    this.plays++;
    if (this.isRefused) throw new Error('NotAllowedError');
  }
}

// Two tabs of one user, in a page that has no Web Locks.
function makeTabs(t, localStorage) {
  const clock = new FakeClock();
  withGlobals(t, { localStorage, navigator: {} });
  const audios = [new FakeAudio(), new FakeAudio()];
  const tabs = audios.map((audio) => new Sound(audio, 'doorbell:x', clock));
  return { tabs, audios, clock, plays: () => audios.map(({ plays }) => plays) };
}

async function ringAll(tabs, clock, id) {
  const results = Promise.all(tabs.map((tab) => tab.ring(id)));
  await clock.advance(1000);
  return (await results).sort();
}

test('two tabs ring once in all', async (t) => {
  const { tabs, clock, plays } = makeTabs(t, fakeStorage());
  assert.deepEqual(await ringAll(tabs, clock, 813), ['elsewhere', 'rung']);
  assert.deepEqual(plays(), [1, 0]);
});

test('two tabs that write at the same moment ring once in all', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock, plays } = makeTabs(t, storage);
  const first = tabs[0].ring(813);
  storage.setItem('doorbell:x:rung', '[]'); // as the other tab still sees it
  const second = tabs[1].ring(813);
  await clock.advance(1000);
  assert.deepEqual(await Promise.all([first, second]), ['elsewhere', 'rung']);
  assert.deepEqual(plays(), [0, 1]);
});

test('a page loaded anew does not ring again for the same message, but for another', async (t) => {
  const { tabs, clock, plays } = makeTabs(t, fakeStorage());
  await ringAll([tabs[0]], clock, 813);
  assert.deepEqual(await ringAll([tabs[1]], clock, 813), ['elsewhere']);
  assert.deepEqual(await ringAll([tabs[1]], clock, 800), ['rung']);
  assert.deepEqual(plays(), [1, 1]);
});

test('the same id in another epoch is another message; where no epoch is known, it is the same', async (t) => {
  const { tabs, clock, plays } = makeTabs(t, fakeStorage());
  const ringOnce = async (tab, ...about) => {
    const result = tab.ring(813, 'bob', ...about);
    await clock.advance(1000);
    return result;
  };
  assert.equal(await ringOnce(tabs[0], 'old'), 'rung');
  assert.equal(await ringOnce(tabs[1], 'old'), 'elsewhere');
  assert.equal(await ringOnce(tabs[1]), 'elsewhere'); // as an older doorbell-app has it
  assert.equal(await ringOnce(tabs[1], 'new'), 'rung');
  assert.equal(await ringOnce(tabs[0], 'new'), 'elsewhere');
  assert.deepEqual(plays(), [1, 1]);
});

test('what a tab with an older doorbell.js has rung is not rung again', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock } = makeTabs(t, storage);
  storage.setItem('doorbell:x:rung', '[["bob/813","old tab"]]');
  const result = tabs[0].ring(813, 'bob', 'old');
  await clock.advance(1000);
  assert.equal(await result, 'elsewhere');
});

for (const broken of ['{', '5', 'null', '{"a":1}', '[1,2]']) {
  test(`storage that holds ${broken} does not silence the bell`, async (t) => {
    const storage = fakeStorage();
    storage.setItem('doorbell:x:rung', broken);
    const { tabs, clock } = makeTabs(t, storage);
    assert.deepEqual(await ringAll(tabs, clock, 813), ['elsewhere', 'rung']);
  });
}

test('a page without storage rings once by itself', async (t) => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  const { tabs, clock } = makeTabs(t, { getItem: forbidden, setItem: forbidden });
  assert.deepEqual(await ringAll([tabs[0]], clock, 813), ['rung']);
  assert.deepEqual(await ringAll([tabs[0]], clock, 813), ['elsewhere']);
});

test('a page whose storage is full rings once by itself', async (t) => {
  const full = () => {
    throw new Error('QuotaExceededError');
  };
  const { tabs, clock } = makeTabs(t, { getItem: () => null, setItem: full });
  assert.deepEqual(await ringAll([tabs[0]], clock, 813), ['rung']);
  assert.deepEqual(await ringAll([tabs[0]], clock, 813), ['elsewhere']);
});

test('a browser that refuses to play is no fault', async (t) => {
  const { tabs, audios, clock } = makeTabs(t, fakeStorage());
  audios[0].isRefused = true;
  assert.deepEqual(await ringAll([tabs[0]], clock, 813), ['blocked']);
});

test('a silent tab leaves the ringing to another', async (t) => {
  const { tabs, clock, plays } = makeTabs(t, fakeStorage());
  tabs[0].isOn = false;
  assert.deepEqual(await ringAll(tabs, clock, 813), ['off', 'rung']);
  assert.deepEqual(plays(), [0, 1]);
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

test('with Web Locks two tabs ring once, even while one does not yet see what the other wrote', async (t) => {
  const storage = fakeStorage();
  const { tabs, clock, plays } = makeTabs(t, { getItem: () => null, setItem: storage.setItem });
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  assert.equal(await tabs[0].ring(813), 'rung');
  assert.equal(await tabs[1].ring(813), 'elsewhere');
  assert.equal(await tabs[1].ring(814), 'rung');
  assert.deepEqual(plays(), [1, 1]);
  await clock.advance(10_000);
  assert.equal(locks.held.size, 0);
});

test('with Web Locks what was rung before a reload is not rung again, nor is its lock kept', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  const locks = fakeLocks();
  withGlobals(t, { navigator: { locks } });
  assert.equal(await tabs[0].ring(813), 'rung');
  await clock.advance(10_000);
  assert.equal(await tabs[1].ring(813), 'elsewhere');
  await settle();
  assert.equal(locks.held.size, 0);
});

test('where Web Locks are forbidden the storage has to do', async (t) => {
  const { tabs, clock } = makeTabs(t, fakeStorage());
  const request = () => Promise.reject(new Error('SecurityError'));
  withGlobals(t, { navigator: { locks: { request } } });
  assert.deepEqual(await ringAll(tabs, clock, 813), ['elsewhere', 'rung']);
});
