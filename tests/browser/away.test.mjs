// SPDX-License-Identifier: MIT
// Servers come and go; the page stays right.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  asked, message, openDemo, read, openProfile, send, startDemo, takeTurn, untilQuiet, untilState, untilUnread,
} from './pages.mjs';

for (const [how, signal] of [['killed', 'SIGKILL'], ['stopped', 'SIGTERM']]) {
  test(`relay ${how} and started again: the page comes back and catches up`, async (t) => {
    const stack = await startDemo(t);
    const bob = await openDemo(t, await openProfile(t), stack, 'bob');
    await untilState(bob, 'live');
    await untilUnread(bob, 0);

    await stack.relay.kill(signal);
    await untilState(bob, 'polling');
    await send(stack, { to: 'bob', title: 'Missed' });
    await send(stack, { to: '*', title: 'Missed, too' });
    await stack.relay.start();
    await untilState(bob, 'live');
    await untilUnread(bob, 2);
    await message(bob, 'Missed, too').waitFor();

    await send(stack, { to: 'bob', title: 'Rung' });
    await untilUnread(bob, 3);
  });
}

test('without a relay the page polls', async (t) => {
  const stack = await startDemo(t, { relay: false });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob', { pollInterval: 200 });
  await untilState(bob, 'polling');
  await untilUnread(bob, 0);
  await send(stack, { to: 'bob', title: 'Polled' });
  await untilUnread(bob, 1);
  await message(bob, 'Polled').waitFor();
  await bob.waitForFunction(() => window.plays === 1);
  await read(bob, 'Polled');
  await untilUnread(bob, 0);
});

test('a live page does not poll', async (t) => {
  const stack = await startDemo(t, { config: { 'relay.ping_interval': '1s' } });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob', { pollInterval: 20 });
  await untilState(bob, 'live');
  await untilUnread(bob, 0);
  await bob.getByText('No messages yet').waitFor();
  await untilQuiet(bob);
  const before = asked(bob).length;
  for (let pings = 0; pings < 2; pings++) {
    await bob.sockets.at(-1).waitForEvent('framereceived', ({ payload }) => payload.includes('"ping"'));
  }
  assert.deepEqual(asked(bob).slice(before), []);
  assert.equal(bob.sockets.length, 1);
});

test('a relay that hangs is noticed by its silence', async (t) => {
  const stack = await startDemo(t, { config: { 'relay.ping_interval': '1s' } });
  const options = { pingInterval: 1000, pollInterval: 200 };
  const bob = await openDemo(t, await openProfile(t), stack, 'bob', options);
  await untilState(bob, 'live');
  stack.relay.signal('SIGSTOP');
  try {
    await untilState(bob, 'polling');
    await send(stack, { to: 'bob', title: 'Meanwhile' });
    await untilUnread(bob, 1);
  } finally {
    stack.relay.signal('SIGCONT');
  }
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Afterwards' });
  await untilUnread(bob, 2);
});

test('a database that is unreachable never changes the badge', async (t) => {
  const stack = await startDemo(t, { ownCluster: true });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob', { pollInterval: 200 });
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Before' });
  await untilUnread(bob, 1);
  await message(bob, 'Before').waitFor();
  await stack.relay.kill(); // so that it asks again and again
  await untilState(bob, 'polling');

  const refused = bob.waitForResponse((response) => response.url().endsWith('/unread') && response.status() === 503);
  await stack.cluster.stop();
  await refused;
  await takeTurn(bob);
  await untilUnread(bob, 1);
  await read(bob, 'Before');
  await bob.getByText('That did not work').first().waitFor();
  await untilUnread(bob, 1);

  await stack.cluster.start();
  await stack.relay.start();
  await untilState(bob, 'live');
  await read(bob, 'Before');
  await untilUnread(bob, 0);
});
