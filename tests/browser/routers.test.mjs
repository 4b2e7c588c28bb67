// SPDX-License-Identifier: MIT
// Pages whose scripts replace parts of them: title and badge stay right, and are there once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { asked, openBell, openProfile, send, startDemo, takeTurn, untilQuiet, untilState, untilUnread } from './pages.mjs';

async function openWithOne(t, options = {}) {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'One' });
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob', ...options });
  await untilUnread(page, 1, 'Inbox');
  return { stack, page };
}

const untilTitle = (page, title) => page.waitForFunction((wanted) => document.title === wanted, title);

test('a badge that the page replaces is found again, and says the number', async (t) => {
  const { page } = await openWithOne(t);
  const replace = (how) => page.evaluate(how);
  await replace(() => {
    const badge = document.createElement('span');
    badge.id = 'badge';
    document.querySelector('#badge').replaceWith(badge);
  });
  await untilUnread(page, 1, 'Inbox');
  // As Turbo: the whole body, a copy of the badge as it was.
  await replace(() => {
    const body = document.createElement('body');
    const badge = Object.assign(document.createElement('b'), { id: 'badge', textContent: '7' });
    body.append(badge);
    document.body.replaceWith(body);
  });
  await untilUnread(page, 1, 'Inbox');
  assert.equal(await page.locator('[role=status]').count(), 1);
  // Away, and back later, with what a router has kept.
  await replace(() => {
    window.kept = [...document.body.cloneNode(true).childNodes];
    document.body.replaceChildren();
  });
  await page.evaluate(() => window.bell.markAllRead());
  await replace(() => document.body.replaceChildren(...window.kept));
  await untilUnread(page, 0, 'Inbox');
  assert.equal(await page.locator('[role=status]').count(), 1);
});

test('a router that brings back an old title: the number is that of now', async (t) => {
  const { page } = await openWithOne(t);
  const go = (title) => page.evaluate((text) => { document.title = text; }, title);
  await go('Cart');
  await untilTitle(page, '(1) Cart');
  await go('Shop');
  await untilTitle(page, '(1) Shop');
  await page.evaluate(() => window.bell.markAllRead());
  await untilTitle(page, 'Shop');
  await go('(1) Cart');
  await untilTitle(page, 'Cart');
  await page.evaluate(() => document.querySelector('title').replaceWith(Object.assign(document.createElement('title'), { textContent: '(1) Shop' })));
  await untilTitle(page, 'Shop');
});

test('another script that insists on its own title does not hang the page', async (t) => {
  const { page } = await openWithOne(t);
  await page.evaluate(() => {
    new MutationObserver(() => {
      if (!document.title.startsWith('! ')) document.title = `! ${Math.random()}`;
    }).observe(document.head, { childList: true, subtree: true });
    document.title = 'Mine';
  });
  await takeTurn(page);
});

test('50 mounts: one number in the title, one status, and one after all but one were destroyed', async (t) => {
  const { page } = await openWithOne(t);
  const statuses = page.locator('[role=status]');
  await statuses.filter({ hasText: 'New: ' }).waitFor({ state: 'attached' });
  const before = await statuses.count();
  await page.evaluate(async () => {
    const { Doorbell } = await import('/doorbell.js');
    window.bells = Array.from({ length: 50 }, () => new Doorbell({ badge: '#badge' }).start());
  });
  await page.waitForFunction(() => window.bells.every(({ num }) => num === 1));
  await untilUnread(page, 1, 'Inbox');
  assert.equal(await statuses.count(), before);
  await page.evaluate(() => window.bells.forEach((bell) => bell.destroy()));
  await untilUnread(page, 1, 'Inbox');
  await page.evaluate(() => window.bell.destroy());
  await untilTitle(page, 'Inbox');
  assert.equal(await statuses.count(), before - 1);
});

test('back from the browser\'s cache, a page without a relay asks at once', async (t) => {
  const { stack, page } = await openWithOne(t, { relay: null, pollInterval: 3_600_000 });
  await untilQuiet(page);
  await send(stack, { to: 'bob', title: 'Two' });
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await untilUnread(page, 2, 'Inbox');
});

test('a failed check, then the clock set back by an hour: the next check is not put off', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(() => {
    const { now } = Date;
    window.back = 0;
    Date.now = () => now() - window.back;
  });
  await profile.route('**/doorbell/unread', (route) => route.abort(), { times: 3 });
  const page = await openBell(t, profile, stack, { cookie: 'bob', relay: null, pollInterval: 3_600_000 });
  await page.waitForFunction(() => window.bell.state === 'polling');
  await page.evaluate(() => { window.back = 3_600_000; });
  await until('the next check', () => asked(page).length >= 4);
  await untilUnread(page, 0, 'Inbox');
  await untilState(page, 'polling');
});
