// SPDX-License-Identifier: MIT
// What shows outside of a page where the attribute `desktop` asks for it: notifications, a dot on its icon, the badge of an app.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { openElements } from './elements.mjs';
import { openDemo, openProfile, send, startDemo, untilState, untilUnread } from './pages.mjs';

const messages = [{ id: 2, title: 'Sale' }, { id: 1, title: 'Old', read: true }];
const bodyOf = (desktop) => `<doorbell-inbox desktop="${desktop}"></doorbell-inbox>`;

// In the page: what the browser would be asked to show.
function watchDesktop() {
  window.shown = [];
  window.opened = [];
  window.open = (...args) => window.opened.push(args);
  window.Notification = class {
    static permission = 'default';
    static requestPermission = async () => (window.Notification.permission = window.answer ?? 'granted');
    isOpen = true;
    constructor(title, options) {
      Object.assign(this, { title, options });
      window.shown.push(this);
    }
    close() {
      this.isOpen = false;
      this.onclose();
    }
  };
  window.badges = [];
  navigator.setAppBadge = async (num) => window.badges.push(num);
  navigator.clearAppBadge = async () => window.badges.push(0);
}

async function open(t, desktop, options = {}) {
  const profile = await openProfile(t);
  await profile.addInitScript(watchDesktop);
  return openElements(t, { body: bodyOf(desktop), messages, profile, ...options });
}

const look = (page, isThere) => page.evaluate((focused) => (document.hasFocus = () => focused), isThere);
const add = (page, fields) => page.evaluate((given) => window.fake.add(given), fields);
const shown = (page) => page.evaluate(() => window.shown.map(({ title, isOpen }) => [title, isOpen]));

// In the settings of the list that is open.
async function turnOn(page) {
  await page.getByRole('button', { name: 'Settings' }).click();
  const input = page.getByRole('switch', { name: 'Desktop notifications' });
  await input.click();
  return input;
}

test('notifications are off until the user turns them on, and then for those who look elsewhere', async (t) => {
  const page = await open(t, 'notifications');
  await look(page, false);
  await add(page, { title: 'Before' });
  await page.locator('.bell').click();
  const input = await turnOn(page);
  await page.waitForFunction(() => window.Notification.permission === 'granted');
  assert.ok(await input.isChecked());
  await look(page, true);
  await add(page, { title: 'Looking' });
  await look(page, false);
  await add(page, { title: 'Tea', body: 'It is ready', url: '/tea', extra: { image: '/demo/bell.svg' } });
  await page.waitForFunction(() => window.shown.length > 0);
  assert.deepEqual(await shown(page), [['Tea', true]]);
  const { body, icon, tag } = await page.evaluate(() => window.shown[0].options);
  assert.deepEqual([body, new URL(icon).pathname, tag], ['It is ready', '/demo/bell.svg', 'doorbell:undefined:5']);
  await page.evaluate(() => window.shown[0].onclick());
  const [[href, target, features]] = await page.evaluate(() => window.opened);
  assert.deepEqual([new URL(href).pathname, target, features], ['/tea', '_blank', 'noopener']);
  assert.deepEqual(await page.evaluate(() => window.fake.asked.filter(([call]) => call === 'markRead')), [['markRead', 5]]);
  await add(page, { title: 'More', url: 'javascript:alert(1)' });
  await page.evaluate(() => window.shown[1].onclick());
  assert.equal(await page.evaluate(() => window.opened.length), 1);
  await add(page, { title: 'Last' });
  await page.evaluate(() => window.fake.markAllRead());
  assert.deepEqual(await shown(page), [['Tea', false], ['More', false], ['Last', false]]);
});

test('who says no to the browser has no notifications, and the switch says so', async (t) => {
  const page = await open(t, 'notifications');
  await page.evaluate(() => (window.answer = 'denied'));
  await page.locator('.bell').click();
  const input = await turnOn(page);
  await page.getByRole('dialog').getByText('That did not work').waitFor(); // a status says it as well
  assert.ok(!(await input.isChecked()));
  await look(page, false);
  await add(page, { title: 'Tea' });
  assert.deepEqual(await shown(page), []);
});

test('of three tabs that nobody looks at, one shows it', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(watchDesktop);
  const tabs = [];
  for (let i = 0; i < 3; i++) {
    const tab = await openDemo(t, profile, stack, 'bob');
    await untilState(tab, 'live');
    tabs.push(tab);
  }
  await turnOn(tabs[0]);
  for (const tab of tabs) {
    await look(tab, false);
    await tab.evaluate(() => (window.Notification.permission = 'granted')); // as it is of all at once
  }
  await send(stack, { to: 'bob', title: 'Tea' });
  const all = async () => (await Promise.all(tabs.map(shown))).flat();
  await until('a notification', async () => (await all()).length > 0);
  for (const tab of tabs) await untilUnread(tab, 1);
  assert.deepEqual(await all(), [['Tea', true]]);
});

const iconOf = (page) => page.evaluate(() => document.querySelector('link[rel=icon]').href);

test('the icon has a dot while something is unread', async (t) => {
  const page = await open(t, 'favicon', { policy: "default-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'" });
  await page.waitForFunction(() => document.querySelector('link[rel=icon]').href.startsWith('data:image/png'));
  const [dot, corner] = await page.evaluate(async () => {
    const image = Object.assign(new Image(), { src: document.querySelector('link[rel=icon]').href });
    await image.decode();
    const context = document.createElement('canvas').getContext('2d');
    context.drawImage(image, 0, 0);
    return [[46, 18], [2, 62]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
  });
  assert.deepEqual([dot, corner[3]], [[207, 42, 32, 255], 0]);
  await page.evaluate(() => window.fake.markAllRead());
  await page.waitForFunction(() => document.querySelector('link[rel=icon]').href.endsWith('/demo/bell.svg'));
  assert.deepEqual(page.faults, []);
});

test('where the policy allows no drawn icon, the page keeps its own', async (t) => {
  const page = await open(t, 'favicon app-badge');
  await page.waitForFunction(() => window.badges.length > 0);
  const refused = () => page.faults.some((text) => /data:image/.test(text));
  if (!refused()) await page.waitForEvent('console', refused);
  assert.match(await iconOf(page), /bell\.svg$/);
});

test('the badge of an app shows the number, and goes with it', async (t) => {
  const page = await open(t, 'app-badge');
  await page.waitForFunction(() => window.badges.length === 1);
  await add(page, {});
  await page.evaluate(() => window.fake.markAllRead());
  assert.deepEqual(await page.evaluate(() => window.badges), [1, 2, 0]);
});

test('nothing of it is loaded where nothing asks for it', async (t) => {
  const page = await open(t, '');
  await page.locator('.bell').click();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  assert.deepEqual([page.loaded.filter((name) => /desktop/.test(name)), await page.getByRole('switch', { name: 'Desktop notifications' }).count()], [[], 0]);
});
