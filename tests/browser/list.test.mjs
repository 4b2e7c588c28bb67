// SPDX-License-Identifier: MIT
// The list: what it shows, what it never shows, and reading.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, openBell, openDemo, openProfile, send, startDemo, untilState, untilUnread } from './pages.mjs';

const titles = (page) => page.locator('.doorbell-title').allTextContents();

test('hostile texts are shown as text, and hostile addresses are no links', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  const hostile = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>&amp;';
  await send(stack, { to: 'bob', title: hostile, body: `${hostile}\n${hostile}`, sender: hostile });
  const item = message(bob, hostile);
  await item.waitFor();
  assert.equal(await item.locator('.doorbell-body').textContent(), `${hostile}\n${hostile}`);
  assert.equal(await item.locator('.doorbell-sender').textContent(), hostile);
  assert.equal(await item.locator('img, script, a').count(), 0);
  assert.equal(await bob.evaluate(() => window.harmed), undefined);
});

test('an address of the API\'s that is no safe link makes none, whoever let it in', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const urls = ['javascript:window.harmed=1', '//evil.example/', '/\\evil.example/', 'data:text/html,x', '/inbox/1', 'https://other.example/'];
  // Before the page is there: an item is built once, and the first list may be answered only after
  // all of these were sent.
  await profile.route('**/doorbell/messages*', async (route) => {
    const response = await route.fetch();
    const page = await response.json();
    for (const item of page.messages) item.url = urls[Number(item.title)];
    await route.fulfill({ response, json: page });
  });
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilState(bob, 'live');
  for (const index of urls.keys()) await send(stack, { to: 'bob', title: String(index) });
  await message(bob, String(urls.length - 1)).waitFor();
  const links = await bob.locator('.doorbell-message a').evaluateAll((all) => all.map(({ href, rel }) => [href, rel]));
  assert.deepEqual(links, [
    ['https://other.example/', 'noopener noreferrer'],
    [`${stack.url}/inbox/1`, 'noopener noreferrer'],
  ]);
  await profile.unrouteAll({ behavior: 'wait' }); // a question under way would outlive its server
});

test('following a link marks its message read', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Go there', url: '/demo/bell.svg' });
  await bob.getByRole('link', { name: 'Go there' }).click();
  await bob.waitForURL('**/demo/bell.svg');
  await bob.goBack();
  await untilState(bob, 'live');
  await untilUnread(bob, 0);
});

test('reading in one tab clears the badge of the other', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const tabs = [await openDemo(t, profile, stack, 'bob'), await openDemo(t, profile, stack, 'bob')];
  for (const tab of tabs) await untilState(tab, 'live');
  await send(stack, { to: 'bob', title: 'One' });
  await send(stack, { to: '*', title: 'Two' });
  for (const tab of tabs) await untilUnread(tab, 2);

  await message(tabs[0], 'Two').getByRole('button', { name: 'Mark read' }).click();
  for (const tab of tabs) {
    await untilUnread(tab, 1);
    await message(tab, 'Two').locator('.doorbell-unread').waitFor({ state: 'hidden' });
  }
  await tabs[1].getByRole('button', { name: 'Mark all read' }).click();
  for (const tab of tabs) await untilUnread(tab, 0);
});

test('tabs follow each other also without a relay', async (t) => {
  const stack = await startDemo(t, { relay: false });
  const profile = await openProfile(t);
  await send(stack, { to: 'bob', title: 'One' });
  const tabs = [
    await openBell(t, profile, stack, { cookie: 'bob', relay: null, pollInterval: 3_600_000 }),
    await openBell(t, profile, stack, { relay: null, pollInterval: 3_600_000 }),
  ];
  for (const tab of tabs) await message(tab, 'One').waitFor();
  await message(tabs[0], 'One').getByRole('button').click();
  for (const tab of tabs) await untilUnread(tab, 0, 'Inbox');
});

test('all is marked up to what the page saw: what came since stays unread', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'Seen' });
  await send(stack, { to: '*', title: 'Seen, too' });
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilState(page, 'live');
  await message(page, 'Seen').waitFor();

  // The list does not learn of these: their pages are lost on the way.
  await page.route('**/doorbell/messages?*', (route) => route.abort());
  await send(stack, { to: 'bob', title: 'Late' });
  await send(stack, { to: '*', title: 'Late, too' });
  await untilUnread(page, 4, 'Inbox');
  await page.getByRole('button', { name: 'Mark all read' }).click();
  await untilUnread(page, 2, 'Inbox');
  await page.unroute('**/doorbell/messages?*');
  await page.evaluate(() => window.list.reload()); // its own next try may be a minute away
  await message(page, 'Late, too').waitFor();
  const unread = await page.locator('.is-unread .doorbell-title').allTextContents();
  assert.deepEqual(unread, ['Late, too', 'Late']);
});

test('older messages come page by page, and stay when a new one arrives', async (t) => {
  const stack = await startDemo(t);
  for (let i = 1; i <= 45; i++) await send(stack, { to: i % 3 ? 'bob' : '*', title: `Message ${i}` });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilUnread(bob, 45);
  await message(bob, 'Message 45').waitFor();
  const numbered = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => `Message ${from - i}`);
  assert.deepEqual(await titles(bob), numbered(45, 26));

  const older = bob.getByRole('button', { name: 'Older messages' });
  await older.click();
  await message(bob, 'Message 6').waitFor();
  assert.deepEqual(await titles(bob), numbered(45, 6));
  assert.equal(await bob.evaluate(() => document.activeElement.querySelector('h3').textContent), 'Message 25');
  await older.click();
  await message(bob, 'Message 1').waitFor();
  assert.deepEqual(await titles(bob), numbered(45, 1));
  assert.ok(await older.isHidden());

  await send(stack, { to: 'bob', title: 'Message 46' });
  await message(bob, 'Message 46').waitFor();
  assert.deepEqual(await titles(bob), numbered(46, 2)); // as many as were shown
  assert.ok(await older.isVisible());
});

test('an inbox without messages says so, until there is one', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await bob.getByText('No messages yet.').waitFor();
  await send(stack, { to: 'bob', title: 'First' });
  await message(bob, 'First').waitFor();
  assert.equal(await bob.getByText('No messages yet.').count(), 0);
});

test('all can be done from the keyboard, and the focus is not lost', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'One' });
  await send(stack, { to: 'bob', title: 'Two' });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  await bob.getByRole('button', { name: 'Mark read: Two' }).focus();
  await bob.keyboard.press('Enter');
  await untilUnread(bob, 1);
  await bob.getByRole('button', { name: 'Mark read: Two' }).waitFor({ state: 'hidden' });
  assert.equal(await bob.evaluate(() => document.activeElement.querySelector('h3').textContent), 'Two');
  await bob.keyboard.press('Tab');
  assert.equal(await bob.evaluate(() => document.activeElement.ariaLabel), 'Mark read: One');
  await bob.keyboard.press('Space');
  await untilUnread(bob, 0);
});
