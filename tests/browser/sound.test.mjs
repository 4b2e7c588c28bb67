// SPDX-License-Identifier: MIT
// The bell sounds once for each whatever the number of tabs and reloads.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { message, openBell, openDemo, openProfile, plays, read, send, startDemo, untilState, untilUnread } from './pages.mjs';

const told = (page, type) => page.evaluate((wanted) => window.told.filter(([name]) => name === wanted), type);

function untilSounds(page, count) {
  return page.waitForFunction((wanted) => window.told.filter(([type]) => type === 'sound').length >= wanted, count);
}

test('one sound for a message, none after a reload, one for the next', async (t) => {
  const stack = await startDemo(t);
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilState(page, 'live');
  const id = await send(stack, { to: 'bob', title: 'One' });
  await untilSounds(page, 1);
  assert.equal(await plays(page), 1);

  await page.reload();
  await untilState(page, 'live');
  await untilSounds(page, 1);
  assert.deepEqual(await told(page, 'sound'), [['sound', { id, result: 'elsewhere' }]]);
  assert.equal(await plays(page), 0);

  await send(stack, { to: 'bob', title: 'Two' });
  await untilSounds(page, 2);
  assert.equal(await plays(page), 1);
  await untilUnread(page, 2, 'Inbox');
});

test('none for an old message, nor for one that was read', async (t) => {
  const stack = await startDemo(t, { config: { 'app.hit_window': '1s' } });
  await send(stack, { to: 'bob', title: 'Old' });
  await until('the message to be old', async () => {
    const { json } = await stack.api('GET', '/unread', { user: 'bob' });
    return json.num === 1 && json.hit === 0;
  });
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilState(page, 'live');
  await untilUnread(page, 1, 'Inbox');
  await read(page, 'Old');
  await untilUnread(page, 0, 'Inbox');
  assert.equal(await plays(page), 0);
  assert.deepEqual(await told(page, 'message'), []);
});

test('two tabs of one user: one sound in all', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const tabs = [await openBell(t, profile, stack, { cookie: 'bob' }), await openBell(t, profile, stack)];
  for (const tab of tabs) await untilState(tab, 'live');
  for (let sent = 1; sent <= 3; sent++) {
    await send(stack, { to: 'bob', title: `Message ${sent}` });
    for (const tab of tabs) await untilSounds(tab, sent);
    const counts = await Promise.all(tabs.map(plays));
    assert.equal(counts[0] + counts[1], sent);
  }
});

test('two users in one browser: each page sounds for a message to everybody', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const pages = await Promise.all(['alice', 'bob'].map((user) => openDemo(t, profile, stack, user)));
  for (const page of pages) await untilState(page, 'live');
  await send(stack, { to: '*', title: 'To all' });
  for (const page of pages) await page.waitForFunction(() => window.plays === 1);
});

test('a browser that wants a click first is told, and sounds after it', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(refuseUntilClicked);
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Unheard' });
  await bob.locator('#blocked').waitFor({ state: 'visible' });
  await bob.getByRole('heading', { name: 'Inbox' }).last().click();
  await bob.locator('#blocked').waitFor({ state: 'hidden' });
  await send(stack, { to: 'bob', title: 'Heard' });
  await bob.waitForFunction(() => window.heardToTheEnd);
  assert.ok(await bob.locator('#blocked').isHidden());
  assert.equal(await plays(bob), 2);
});

// In the page: as browsers on a desk are set, where those under test play at once.
function refuseUntilClicked() {
  const { play } = HTMLMediaElement.prototype;
  let isClicked = false;
  document.addEventListener('pointerdown', () => {
    isClicked = true;
  });
  HTMLMediaElement.prototype.play = function refusedPlay() {
    this.addEventListener('ended', () => {
      window.heardToTheEnd = true;
    });
    const played = play.call(this);
    if (isClicked) return played;
    this.pause();
    return played.then(() => {
      throw new DOMException('no click yet', 'NotAllowedError');
    });
  };
}

test('the switch silences the page, also after a reload', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  const openSettings = () => bob.getByRole('button', { name: 'Settings' }).click();
  await openSettings();
  await bob.getByRole('switch', { name: 'Sound' }).uncheck();
  await send(stack, { to: 'bob', title: 'Silent' });
  await untilUnread(bob, 1);
  await bob.reload();
  await untilState(bob, 'live');
  await openSettings();
  assert.equal(await bob.getByRole('switch', { name: 'Sound' }).isChecked(), false);
  await send(stack, { to: 'bob', title: 'Silent, too' });
  await untilUnread(bob, 2);
  assert.equal(await plays(bob), 0);
  await bob.getByRole('switch', { name: 'Sound' }).check();
  await send(stack, { to: 'bob', title: 'Loud' });
  await bob.waitForFunction(() => window.plays === 1);
});
