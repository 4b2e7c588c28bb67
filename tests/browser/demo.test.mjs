// SPDX-License-Identifier: MIT
// The demo under a real hand: the button goes down and up at a point of the page, wherever things move meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, openDemo, openProfile, send, startDemo, untilState, untilUnread } from './pages.mjs';

// Presses where the button is now, and lets go there when the page has drawn what that changed.
async function press(page, button) {
  const { x, y, width, height } = await button.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.mouse.up();
}

// In the page: no sound before a click, as browsers are set unless told otherwise.
function refusePlaying() {
  HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('no click yet', 'NotAllowedError'));
}

test('the first click after a ring does what it is meant to do', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(refusePlaying);
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'One' });
  await bob.locator('#blocked').waitFor({ state: 'visible' });
  await untilUnread(bob, 1);
  await press(bob, message(bob, 'One').locator('.title'));
  await untilUnread(bob, 0);
  assert.ok(await bob.locator('#blocked').isHidden());
});

test('the notice and a toast leave each other room, on a phone too', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(refusePlaying);
  const bob = await openDemo(t, profile, stack, 'bob');
  await bob.goto(`${stack.url}/demo/bob/`);
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'A message with a title that takes more than a line of a phone', body: 'And a body. '.repeat(20) });
  const [notice, toast] = [bob.locator('#blocked'), bob.locator('.toast')];
  await notice.waitFor({ state: 'visible' });
  await toast.hover(); // and it stays
  for (const width of [360, 700, 800, 1280]) {
    await bob.setViewportSize({ width, height: 740 });
    const [one, other] = await Promise.all([notice.boundingBox(), toast.boundingBox()]);
    const isApart = one.y + one.height <= other.y || other.y + other.height <= one.y || one.x + one.width <= other.x;
    assert.ok(isApart, `${width} px: ${JSON.stringify([one, other])}`);
  }
});

test('a message that must be acknowledged is acknowledged, and not marked read', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  const id = await send(stack, { to: 'bob', title: 'New terms', url: '/demo/bell.svg', ack: true });
  const item = message(bob, 'New terms');
  await item.waitFor();
  assert.equal(await item.getByRole('button', { name: 'Actions' }).count(), 0);
  assert.ok(await bob.getByRole('button', { name: 'Mark all as read' }).isDisabled());

  await bob.getByRole('link', { name: 'New terms' }).click();
  await bob.waitForURL('**/demo/bell.svg');
  await bob.goBack();
  await untilUnread(bob, 1);
  await press(bob, item.getByRole('button', { name: 'Acknowledge: New terms' }));
  await untilUnread(bob, 0);
  await item.getByRole('button', { name: 'Acknowledge' }).waitFor({ state: 'hidden' });
  const { json } = await stack.api('GET', `/messages/${id}`, { user: 'bob' });
  assert.deepEqual([json.read, json.ack], [true, true]);
});

test('"Mark all as read" leaves what must be acknowledged, and says nothing wrong', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Plain' });
  await send(stack, { to: 'bob', title: 'New terms', ack: true });
  await message(bob, 'New terms').waitFor();
  const all = bob.getByRole('button', { name: 'Mark all as read' });
  await press(bob, all);
  await untilUnread(bob, 1);
  await message(bob, 'Plain').locator('.dot').waitFor({ state: 'hidden' });
  assert.ok(await all.isDisabled());
  assert.equal(await bob.getByText('That did not work').count(), 0);
});
