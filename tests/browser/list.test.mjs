// SPDX-License-Identifier: MIT
// The list: what it shows, what it never shows, and reading.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  asked, message, openBell, openDemo, openProfile, read, send, startDemo, titles, untilQuiet, untilState, untilUnread,
} from './pages.mjs';

test('hostile texts are shown as text, and hostile addresses are no links', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  const hostile = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>&amp;';
  await send(stack, { to: 'bob', title: hostile, body: `${hostile}\n${hostile}`, sender: hostile });
  const item = message(bob, hostile);
  await item.waitFor();
  assert.equal(await item.locator('.body').textContent(), `${hostile}\n${hostile}`);
  assert.equal(await item.locator('.sender').textContent(), hostile);
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
  const links = await bob.locator('.row a').evaluateAll((all) => all.map(({ href, rel }) => [href, rel]));
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

  await read(tabs[0], 'Two');
  for (const tab of tabs) {
    await untilUnread(tab, 1);
    await message(tab, 'Two').locator('.dot').waitFor({ state: 'hidden' });
  }
  await tabs[1].getByRole('button', { name: 'Mark all as read' }).click();
  for (const tab of tabs) await untilUnread(tab, 0);
});

test('messages of a group are one row that says who and how many, grows live, and is read as a whole', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const like = (sender) => send(stack, { to: 'bob', title: `${sender} likes your photo`, sender, group_key: 'like:7' });
  for (const sender of ['Ann', 'Bob', 'Cy']) await like(sender);
  await send(stack, { to: 'bob', title: 'Alone' });
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilState(bob, 'live');
  await untilUnread(bob, 4);
  const row = message(bob, 'Cy likes your photo');
  await row.waitFor();
  assert.deepEqual(await titles(bob), ['Alone', 'Cy likes your photo']);
  const texts = async (item) => [await item.locator('.count').textContent(), await item.locator('.sender').textContent()];
  assert.deepEqual(await texts(row), ['3', 'Cy, Bob, and Ann']);

  for (const sender of ['Dee', '<Eve>']) await like(sender);
  const grown = message(bob, '<Eve> likes your photo');
  await grown.waitFor();
  await untilUnread(bob, 6);
  assert.deepEqual(await titles(bob), ['<Eve> likes your photo', 'Alone']);
  assert.deepEqual(await texts(grown), ['5', '<Eve>, Dee, Cy, and 2 others']);
  assert.equal(await grown.getByRole('img', { name: '5 messages' }).count(), 1);
  await bob.evaluate(() => (document.documentElement.lang = 'zh-CN'));
  await grown.getByText('<Eve>、Dee、Cy和另外 2 人').waitFor();
  await bob.evaluate(() => (document.documentElement.lang = 'en'));
  await grown.getByText('and 2 others').waitFor();

  await read(bob, '<Eve> likes your photo');
  await untilUnread(bob, 1);
  await grown.locator('.dot').waitFor({ state: 'hidden' });
  await like('Fay');
  await untilUnread(bob, 2);
  await message(bob, 'Fay likes your photo').locator('.dot').waitFor();
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
  await read(tabs[0], 'One');
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
  await untilQuiet(page); // one that was on its way before could still learn of them
  await send(stack, { to: 'bob', title: 'Late' });
  await send(stack, { to: '*', title: 'Late, too' });
  await untilUnread(page, 4, 'Inbox');
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await untilUnread(page, 2, 'Inbox');
  await page.unroute('**/doorbell/messages?*');
  await page.getByRole('button', { name: 'Unread' }).click(); // its own next try may be a minute away
  await message(page, 'Late, too').waitFor();
  assert.deepEqual(await titles(page), ['Late, too', 'Late']);
});

test('older messages come page by page, and stay when a new one arrives', async (t) => {
  const stack = await startDemo(t);
  for (let i = 1; i <= 45; i++) await send(stack, { to: i % 3 ? 'bob' : '*', title: `Message ${i}` });
  const profile = await openProfile(t);
  await profile.addInitScript(() => delete window.IntersectionObserver); // nothing by itself
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilUnread(bob, 45);
  await message(bob, 'Message 45').waitFor();
  const numbered = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => `Message ${from - i}`);
  assert.deepEqual(await titles(bob), numbered(45, 26));

  const older = bob.getByRole('button', { name: 'Older messages' });
  await older.click();
  await message(bob, 'Message 6').waitFor();
  assert.deepEqual(await titles(bob), numbered(45, 6));
  assert.equal(await focusedText(bob), 'Message 25');
  await older.click();
  await message(bob, 'Message 1').waitFor();
  assert.deepEqual(await titles(bob), numbered(45, 1));
  assert.ok(await older.isHidden());

  await send(stack, { to: 'bob', title: 'Message 46' });
  await message(bob, 'Message 46').waitFor();
  assert.deepEqual(await titles(bob), numbered(46, 1));
});

// In the shadow of the list.
const focusedText = (page) => page.evaluate(() => document.querySelector('doorbell-list').shadowRoot.activeElement.textContent);

test('older messages come by themselves when the end is scrolled to', async (t) => {
  const stack = await startDemo(t);
  for (let i = 1; i <= 25; i++) await send(stack, { to: 'bob', title: `Message ${i}`, body: 'One\nTwo\nThree' });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await message(bob, 'Message 6').scrollIntoViewIfNeeded();
  await message(bob, 'Message 1').waitFor();
});

test('an inbox without messages says so, until there is one', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await bob.getByText('No messages yet').waitFor();
  await send(stack, { to: 'bob', title: 'First' });
  await message(bob, 'First').waitFor();
  assert.equal(await bob.getByText('No messages yet').count(), 0);
});

test('all can be done from the keyboard, and the focus is not lost', async (t) => {
  const stack = await startDemo(t);
  for (const title of ['Four', 'Three', 'Two', 'One']) await send(stack, { to: 'bob', title });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilUnread(bob, 4);
  await message(bob, 'One').getByText('One').focus();
  for (const [key, focused, unread] of [['j', 'Two', 4], ['r', 'Two', 3], ['j', 'Three', 3], ['Enter', 'Three', 2], ['u', 'Three', 3], ['k', 'Two', 3], ['e', 'Three', 3]]) {
    await bob.keyboard.press(key);
    await untilUnread(bob, unread);
    assert.equal(await focusedText(bob), focused, key);
  }
  assert.deepEqual(await titles(bob), ['One', 'Three', 'Four']);

  await message(bob, 'Four').getByRole('button', { name: 'Actions: Four' }).focus();
  await bob.keyboard.press('Enter');
  await bob.keyboard.press('ArrowDown');
  assert.equal(await focusedText(bob), 'Archive');
  await bob.keyboard.press('Escape');
  await bob.getByRole('menu').waitFor({ state: 'detached' });
  assert.equal(await bob.evaluate(() => document.querySelector('doorbell-list').shadowRoot.activeElement.title), 'Actions: Four');
});

test('an archived message goes at once, comes back by undo, and is archived when the page goes', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'One' });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  const archive = async () => {
    await message(bob, 'One').getByRole('button', { name: 'Actions' }).click();
    await bob.getByRole('menuitem', { name: 'Archive' }).click();
    await message(bob, 'One').waitFor({ state: 'detached' });
  };
  await archive();
  await bob.getByRole('button', { name: 'Undo' }).click();
  await message(bob, 'One').waitFor();
  await archive();
  await bob.reload();
  await untilUnread(bob, 0);
  await bob.getByRole('button', { name: 'Archived' }).click();
  await message(bob, 'One').waitFor();
});

test('the middle button opens beside, and reads', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'Beside', url: '/demo/bob/bell.svg' });
  const profile = await openProfile(t);
  const bob = await openDemo(t, profile, stack, 'bob');
  const opened = profile.waitForEvent('page');
  await bob.getByRole('link', { name: 'Beside' }).click({ button: 'middle' });
  await opened;
  await untilUnread(bob, 0);
});

test('pictures, buttons and addresses of a message are safe, or not there', async (t) => {
  const stack = await startDemo(t);
  const actions = [{ label: 'Track', url: '/demo/bob/bell.svg' }, { label: 'Evil', url: 'javascript:window.harmed=1' }, { label: 'Third', url: '/' }];
  await send(stack, { to: 'bob', title: 'Shipped', sender: 'Shop', extra: { image: '/demo/bob/bell.svg', actions } });
  await send(stack, { to: 'bob', title: 'Odd', extra: { image: 'data:image/png,x', actions: [null, { label: 7, url: '/' }] } });
  await send(stack, { to: 'bob', title: 'Odder', extra: { image: ['/'], actions: 'javascript:' } });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  const shipped = message(bob, 'Shipped');
  await shipped.waitFor();
  assert.deepEqual(await shipped.getByRole('link').allTextContents(), ['Track']);
  assert.equal(await shipped.locator('img').evaluate((image) => new URL(image.src).pathname), '/demo/bob/bell.svg');
  for (const title of ['Odd', 'Odder']) assert.equal(await message(bob, title).locator('a, img').count(), 0);
});

test('tabs by category, the archive, and a muted category', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'Sale', category: 'news' });
  await send(stack, { to: 'bob', title: 'Shipped', category: 'orders' });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await bob.getByRole('button', { name: 'News 1' }).click();
  await message(bob, 'Shipped').waitFor({ state: 'detached' });
  await message(bob, 'Sale').waitFor(); // a tab is empty until its list is there
  assert.deepEqual(await titles(bob), ['Sale']);
  await bob.getByRole('button', { name: 'Archived' }).click();
  await bob.getByText('Nothing is archived').waitFor();

  await bob.getByRole('button', { name: 'Settings' }).click();
  await bob.getByRole('switch', { name: 'News' }).uncheck();
  await untilUnread(bob, 1);
  await bob.getByRole('button', { name: 'Settings' }).click();
  await bob.getByRole('button', { name: /^All/ }).click();
  await message(bob, 'Shipped').waitFor();
  await message(bob, 'Sale').waitFor({ state: 'detached' });
});

test('what is on the screen is told as seen, once', async (t) => {
  const stack = await startDemo(t);
  const id = await send(stack, { to: 'bob', title: 'Look' });
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await bob.waitForResponse((response) => response.url().endsWith('/seen') && response.ok());
  assert.equal((await stack.api('GET', `/messages/${id}`, { user: 'bob' })).json.seen, true);
  await untilState(bob, 'live');
  await untilQuiet(bob);
  assert.equal(asked(bob).filter((call) => call === 'POST /seen').length, 1);
});
