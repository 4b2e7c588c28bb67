// SPDX-License-Identifier: MIT
// The main job: a message is sent, the bell rings, the page counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startStack } from '../harness/index.mjs';
import {
  asked, message, openBell, read, openDemo, openProfile, send, setVisibility, startDemo, takeTurn, titles, untilQuiet, untilState,
  untilUnread,
} from './pages.mjs';

test('a message to bob appears in bob\'s badge, title and list, and nowhere in alice\'s', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((user) => openDemo(t, profile, stack, user)));
  await Promise.all([untilState(alice, 'live'), untilState(bob, 'live')]);
  assert.equal(await alice.locator('#user').textContent(), 'alice');
  assert.equal(await bob.locator('#user').textContent(), 'bob');
  await Promise.all([untilUnread(alice, 0), untilUnread(bob, 0)]);

  await send(stack, { to: 'bob', title: 'Hello', body: 'Tea is ready', sender: 'kitchen' });
  await untilUnread(bob, 1);
  await message(bob, 'Hello').waitFor();
  assert.match(await message(bob, 'Hello').textContent(), /Tea is ready.*kitchen/);

  // Alice gets what was sent to alice, and only that.
  await send(stack, { to: ['alice'], title: 'For alice' });
  await untilUnread(alice, 1);
  await message(alice, 'For alice').waitFor();
  assert.equal(await message(alice, 'Hello').count(), 0);
});

test('a personal ring carries the answer: the page does not ask for the number', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  await untilUnread(bob, 0);
  await untilQuiet(bob);
  const before = asked(bob).length;
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(bob, 1);
  await message(bob, 'One').waitFor();
  await untilQuiet(bob);
  const calls = new Set(asked(bob).slice(before).map((call) => call.replace(/\d+/, 'ID')));
  assert.deepEqual([...calls].sort(), ['GET /messages', 'GET /messages/ID', 'POST /seen']);
});

test('a message to everybody appears in both pages', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const pages = await Promise.all(['alice', 'bob'].map((user) => openDemo(t, profile, stack, user)));
  for (const page of pages) {
    await untilState(page, 'live');
    await untilUnread(page, 0);
  }
  await send(stack, { to: '*', title: 'To all' });
  for (const page of pages) {
    await untilUnread(page, 1);
    await message(page, 'To all').waitFor();
  }
});

test('what was sent while no page was open is there when one opens', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'alice', title: 'One' });
  await send(stack, { to: ['alice', 'bob'], title: 'Two' });
  await send(stack, { to: '*', title: 'Three' });
  const alice = await openDemo(t, await openProfile(t), stack, 'alice');
  await untilUnread(alice, 3);
  await message(alice, 'Three').waitFor();
  assert.deepEqual(await titles(alice), ['Three', 'Two', 'One']);
});

test('behind apache it is the same', async (t) => {
  const stack = await startStack(t, { server: 'apache' });
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilState(page, 'live');
  await untilUnread(page, 0, 'Inbox');
  await send(stack, { to: 'bob', title: 'Hello' });
  await untilUnread(page, 1, 'Inbox');
  await read(page, 'Hello');
  await untilUnread(page, 0, 'Inbox');
});

test('a hidden page answers a ring for many when it is shown, and a personal one at once', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((user) => openDemo(t, profile, stack, user)));
  for (const page of [alice, bob]) {
    await untilState(page, 'live');
    await untilUnread(page, 0);
    await untilQuiet(page);
  }
  await setVisibility(bob, 'hidden');
  const before = asked(bob).length;
  const heard = nextRing(bob);
  await send(stack, { to: ['alice', 'bob'], title: 'To both' });
  await heard;
  await untilUnread(alice, 1);
  await takeTurn(bob);
  assert.deepEqual(asked(bob).slice(before), []);

  await setVisibility(bob, 'visible');
  await untilUnread(bob, 1);
  await message(bob, 'To both').waitFor();

  await setVisibility(bob, 'hidden');
  await send(stack, { to: 'bob', title: 'To bob' });
  await untilUnread(bob, 2);
});

function nextRing(page) {
  return page.sockets.at(-1).waitForEvent('framereceived', ({ payload }) => payload.includes('"ring"'));
}
