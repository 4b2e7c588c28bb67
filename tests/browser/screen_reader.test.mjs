// SPDX-License-Identifier: MIT
// What a screen reader says, word for word: of a message that arrives, of the inbox that opens, of its rows.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { startStack, until } from '../harness/index.mjs';
import { openElements } from './elements.mjs';
import { openProfile, send, setCookie } from './pages.mjs';
import { ScreenReader } from './screen_reader.mjs';

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/demo/bell.svg">
<script src="/doorbell.min.js" defer></script><h1>Shop</h1><doorbell-inbox></doorbell-inbox><doorbell-toasts></doorbell-toasts>`;

async function openTab(profile, stack) {
  const tab = await profile.newPage();
  await tab.goto(`${stack.url}/page.html`);
  await tab.waitForFunction(() => document.querySelector('doorbell-inbox').doorbell?.state === 'live');
  await tab.getByRole('button', { name: 'Inbox, No unread messages' }).waitFor();
  const reader = await ScreenReader.in(tab);
  await reader.enter('document.body');
  return reader;
}

test('a message that arrives is said once, however many tabs are open', async (t) => {
  const stack = await startStack(t);
  writeFileSync(path.join(stack.dir, 'www/page.html'), page);
  const profile = await openProfile(t);
  await setCookie(profile, stack, stack.token('bob'));
  const readers = [await openTab(profile, stack), await openTab(profile, stack)];
  const said = [];
  // One after the other: what were said twice of one would be there before the next.
  for (const [message, phrase] of [
    [{ title: 'One' }, 'polite: New: One. 1 unread'],
    [{ title: 'Two', sender: 'Shop' }, 'polite: New: Two, from Shop. 2 unread'],
    [{ title: 'Three' }, 'polite: New: Three. 3 unread'],
    [{ title: 'Tea is ready', sender: 'Kitchen' }, 'polite: New: Tea is ready, from Kitchen. 4 unread'],
  ]) {
    await send(stack, { to: 'bob', ...message });
    await until(phrase, async () => {
      for (const reader of readers) said.push(...(await reader.heard()));
      return said.includes(phrase);
    });
  }
  assert.equal(said.join('\n'), `polite: New: One. 1 unread
polite: New: Two, from Shop. 2 unread
polite: New: Three. 3 unread
polite: New: Tea is ready, from Kitchen. 4 unread`);
});

const noon = new Date(2026, 4, 28, 12);
const before = (minutes) => noon / 1000 - 60 * minutes;
const messages = [
  { id: 4, title: 'New terms', body: 'Please read them.', ack: false, sender: 'Legal', url: '/terms', created_at: before(1) },
  { id: 3, title: 'Shipped', body: 'It is on its way.', sender: 'Shop', url: '/orders/7', category: 'orders', created_at: before(10), extra: { actions: [{ label: 'Track', url: '/track' }] } },
  { id: 2, title: 'Sale', category: 'news', created_at: before(20) },
  { id: 1, title: 'Old', read: true, created_at: before(40 * 24 * 60) },
];
const popover = "document.querySelector('doorbell-inbox').shadowRoot.querySelector('.popover')";

const bell = "document.querySelector('doorbell-inbox').shadowRoot.querySelector('.bell')";

async function openInbox(t) {
  const profile = await openProfile(t);
  await profile.clock.setFixedTime(noon);
  const opened = await openElements(t, { profile, body: '<doorbell-inbox href="/inbox"></doorbell-inbox>', messages });
  const reader = await ScreenReader.in(opened);
  const [closed] = await reader.enter(bell);
  await opened.getByRole('button', { name: 'Inbox' }).press('Enter');
  await opened.locator('.row').first().waitFor();
  return { opened, reader, closed };
}

// What is read, without where things end, and once what is read on the way in and again inside.
async function readOf(reader, element) {
  const phrases = await reader.read(element);
  return phrases.filter((phrase, i) => !phrase.startsWith('end') && phrase !== phrases[i - 1]).join('\n');
}

test('the popover: the bell, where the focus goes, and all that is in it', async (t) => {
  const { reader, closed } = await openInbox(t);
  assert.equal(closed, 'button, Inbox, 3 unread messages, not expanded, has popup dialog');
  assert.equal(await reader.focused(), 'group, All');
  assert.deepEqual(await reader.enter(bell), ['button, Inbox, 3 unread messages, expanded, has popup dialog']);
  assert.equal(await readOf(reader, popover), `dialog, Inbox
heading, Inbox, level 2
button, Mark all as read
button, Settings
group, Inbox
button, All 3, pressed
All
3
button, Unread, not pressed
button, news 1, not pressed
news
1
button, orders 1, not pressed
orders
1
button, Archived, not pressed
group, All, not busy
heading, Please acknowledge, level 3
list, Please acknowledge
listitem, level 1, position 1, set size 1
link, New terms, Legal 1 minute ago
image, Unread
paragraph
Please read them.
button, Acknowledge: New terms
Acknowledge
Legal
time, Thursday, May 28, 2026 at 11:59 AM
1 minute ago
heading, Today, level 3
list, Today
listitem, level 1, position 1, set size 2
link, Shipped, Shop 10 minutes ago
image, Unread
paragraph
It is on its way.
link, Track
Shop
time, Thursday, May 28, 2026 at 11:50 AM
10 minutes ago
button, Actions: Shipped, not expanded, has popup menu
listitem, level 1, position 2, set size 2
button, Sale, 20 minutes ago
image, Unread
time, Thursday, May 28, 2026 at 11:40 AM
20 minutes ago
button, Actions: Sale, not expanded, has popup menu
heading, Saturday, April 18, level 3
list, Saturday, April 18
listitem, level 1, position 1, set size 1
button, Old, Apr 18
time, Saturday, April 18, 2026 at 12:00 PM
Apr 18
button, Actions: Old, not expanded, has popup menu
link, See all messages`);
});

test('the settings, and back', async (t) => {
  const { opened, reader } = await openInbox(t);
  await opened.getByRole('button', { name: 'Settings' }).click();
  await opened.locator('.scroll').focus();
  assert.equal(await reader.focused(), 'group, Settings');
  await opened.getByRole('button', { name: 'Settings' }).click();
  await opened.getByRole('button', { name: 'Unread', exact: true }).click();
  await opened.locator('.scroll').focus();
  assert.equal(await reader.focused(), 'group, Unread');
});

test('moving through rows by keys, and what reading one changes', async (t) => {
  const { opened, reader } = await openInbox(t);
  const said = [];
  for (const key of ['j', 'j', 'r', 'j', 'j', 'k', 'k', 'u', 'Tab', 'Tab', 'Enter', 'Escape']) {
    await opened.keyboard.press(key);
    said.push(`${key}: ${await reader.focused()}`);
  }
  assert.equal(said.join('\n'), `j: link, New terms, Unread Legal · 1 minute ago
j: link, Shipped, Unread Shop · 10 minutes ago
r: link, Shipped, Shop · 10 minutes ago
j: button, Sale, Unread 20 minutes ago
j: button, Old, Apr 18
k: button, Sale, Unread 20 minutes ago
k: link, Shipped, Shop · 10 minutes ago
u: link, Shipped, Unread Shop · 10 minutes ago
Tab: link, Track
Tab: button, Actions: Shipped, Actions: Shipped
Enter: menuitem, Mark as read
Escape: button, Actions: Shipped, Actions: Shipped`);
});
