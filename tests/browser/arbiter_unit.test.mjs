// SPDX-License-Identifier: MIT
// Which tab tells of a message, and which sounds: the tabs of one user, whose words reach each other at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Announcer } from '../../www/bell/announcer.js';
import { FakeClock, settle } from './fakes.mjs';

const message = (id, more = {}) => ({ id, num: 1, user: 'bob', epoch: 'e', ...more });

// Tabs, each with what can be seen of it, as 'visible focused activated'; `blocked`: its browser refuses to play.
function makeTabs(...looks) {
  const clock = new FakeClock();
  const channels = new Set();
  const claimed = new Set();
  const world = { clock, tabs: [], claimed };
  looks.forEach((look, index) => {
    const tab = { told: [], sounds: [], plays: 0, look };
    const has = (word) => tab.look.includes(word);
    const openChannel = () => {
      const channel = {
        postMessage: (data) => [...channels].filter((one) => one !== channel).forEach((one) => one.onmessage({ data: structuredClone(data) })),
        close: () => channels.delete(channel),
      };
      channels.add(channel);
      return channel;
    };
    const claims = { claim: async ({ id }) => !claimed.has(id) && Boolean(claimed.add(id)) };
    tab.announcer = new Announcer(`tab${index}`, { claims, clock, openChannel }, {
      me: () => ({ user: has('carol') ? 'carol' : 'bob', isVisible: has('visible'), isFocused: has('focused'), isActivated: has('activated'), canSound: !has('silent') }),
      message: ({ id }) => tab.told.push(id),
      play: async () => {
        tab.plays++;
        return has('blocked') ? 'blocked' : 'rung';
      },
      sound: (id, result) => tab.sounds.push(result),
    });
    tab.announcer.start();
    world.tabs.push(tab);
  });
  // All tabs learn of it, as without a leader, or those of `which`.
  world.announce = async (id, which = world.tabs.keys()) => {
    for (const index of which) world.tabs[index].announcer.announce(message(id));
    await clock.advance(5_000);
  };
  world.of = (what) => world.tabs.map((tab) => (Array.isArray(tab[what]) ? tab[what].join() : tab[what]));
  return world;
}

for (const [what, looks, told, sounds] of [
  ['the one that has the focus tells and sounds', ['', 'visible', 'visible focused activated', 'activated'], 2, ['elsewhere', 'elsewhere', 'rung', 'elsewhere']],
  ['the visible one tells, the one that was clicked sounds', ['', 'activated', 'visible', ''], 2, ['elsewhere', 'rung', 'elsewhere', 'elsewhere']],
  ['one that is blocked passes on', ['visible blocked', 'blocked', 'blocked', ''], 0, ['elsewhere', 'elsewhere', 'elsewhere', 'rung']],
  ['one that was clicked, and is blocked all the same, passes on', ['visible focused activated blocked', '', 'activated'], 0, ['elsewhere', 'elsewhere', 'rung']],
  ['several look as if they had the focus', ['visible focused activated blocked', 'visible focused activated blocked', 'visible focused activated', ''], null, ['elsewhere', 'elsewhere', 'rung', 'elsewhere']],
  ['all are blocked', ['visible blocked', 'blocked'], 0, ['blocked', 'blocked']],
  ['one without a sound tells, and another sounds', ['visible focused activated silent', ''], 0, ['elsewhere', 'rung']],
  ['none has a sound', ['visible silent', 'silent'], 0, ['off', 'off']],
  ['equals agree', ['', '', ''], 0, ['rung', 'elsewhere', 'elsewhere']],
]) {
  for (const [how, which] of [['the leader learns of it', [1]], ['each tab learns of it', undefined]]) {
    test(`${what}; ${how}`, async () => {
      const world = makeTabs(...looks);
      await world.announce(813, which);
      if (told === null) assert.equal(world.of('told').join(''), '813');
      else assert.deepEqual(world.of('told'), looks.map((_, index) => (index === told ? '813' : '')));
      assert.deepEqual(world.of('sounds'), sounds);
      assert.deepEqual(world.clock.delays, []);
    });
  }
}

test('a tab of another user does not bid', async () => {
  const world = makeTabs('', 'visible focused activated carol');
  await world.announce(813, [0]);
  assert.deepEqual([world.of('told'), world.of('sounds')], [['813', ''], ['rung', '']]);
});

test('what was told of before this page is not told of again', async () => {
  const world = makeTabs('visible', '');
  world.claimed.add(813);
  await world.announce(813);
  assert.deepEqual([world.of('told'), world.of('sounds'), world.of('plays')], [['', ''], ['elsewhere', 'elsewhere'], [0, 0]]);
});

test('a tab that learns of it much later says nothing', async () => {
  const world = makeTabs('visible', '');
  await world.announce(813, [0]);
  await world.announce(813, [1]);
  assert.deepEqual([world.of('told'), world.of('plays')], [['813', ''], [1, 0]]);
});

test('a tab that was asked to sound, and does not reply, is passed over', async () => {
  const world = makeTabs('visible', 'activated');
  world.tabs[0].announcer.announce(message(813));
  world.tabs[1].announcer.stop();
  await world.clock.advance(5_000);
  assert.deepEqual([world.of('told'), world.of('plays')], [['813', ''], [1, 0]]);
});

test('the focused tab needs no timer', async () => {
  const world = makeTabs('visible focused activated');
  world.tabs[0].announcer.announce(message(813));
  await settle();
  assert.deepEqual([world.of('told'), world.of('sounds')], [['813'], ['rung']]);
});
