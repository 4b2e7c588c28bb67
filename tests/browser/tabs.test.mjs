// SPDX-License-Identifier: MIT
// Six tabs of one user in one browser: one connection, one sound and one message told, whichever of them was clicked; and
// another takes over when the one that leads goes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { gated, startGated } from './gate.mjs';
import { asked, openBell, openProfile, send, startDemo, untilQuiet, untilState, untilUnread } from './pages.mjs';

const TABS = 6;

async function openTabs(t, stack, options = {}) {
  const profile = await openProfile(t);
  if (options.init) await profile.addInitScript(options.init);
  const tabs = [];
  for (let i = 0; i < TABS; i++) {
    tabs.push(await openBell(t, profile, stack, { cookie: 'bob', ...options.bell }));
    await untilState(tabs[i], options.state ?? 'live');
  }
  return tabs;
}

const sessionsOfBob = async (stack) => (await stack.publish('GET', '/online?user=bob')).json.online.bob;
const toldOf = (tab, type) => tab.evaluate((wanted) => window.told.filter(([name]) => name === wanted).map(([, detail]) => detail), type);
const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);

// In the page: as a browser that has to see a click first. To say whether it has seen one, tests are no judge: what they
// do in a page counts as a click.
function refuseUntilClicked() {
  let isClicked = false;
  window.rung = 0;
  document.addEventListener('pointerdown', () => {
    isClicked = true;
  });
  HTMLMediaElement.prototype.play = function refusedPlay() {
    if (isClicked) return Promise.resolve(window.rung++);
    return Promise.reject(new DOMException('no click yet', 'NotAllowedError'));
  };
}

test('six tabs, of which one was clicked: one connection, and each message sounds and is told once', async (t) => {
  const stack = await startDemo(t);
  const tabs = await openTabs(t, stack, { init: refuseUntilClicked });
  assert.equal(sum(tabs.map(({ sockets }) => sockets.length)), 1);
  await tabs[2].locator('body').click();
  for (let sent = 1; sent <= 5; sent++) {
    await send(stack, { to: 'bob', title: `Message ${sent}`, body: 'Hello', url: '/x' });
    for (const tab of tabs) await untilUnread(tab, sent, 'Inbox');
    for (const tab of tabs) await tab.waitForFunction((wanted) => window.told.filter(([type]) => type === 'sound').length === wanted, sent);
  }
  assert.deepEqual(await Promise.all(tabs.map((tab) => tab.evaluate(() => window.rung))), [0, 0, 5, 0, 0, 0]);
  const sounds = await Promise.all(tabs.map((tab) => toldOf(tab, 'sound')));
  for (let i = 0; i < 5; i++) assert.deepEqual(sounds.map((list) => list[i].result).sort(), [...Array(5).fill('elsewhere'), 'rung']);
  const messages = (await Promise.all(tabs.map((tab) => toldOf(tab, 'message')))).flat();
  assert.deepEqual(messages.map(({ title, body, url }) => [title, body, url]).sort(), [1, 2, 3, 4, 5].map((n) => [`Message ${n}`, 'Hello', '/x']));
  assert.equal(await sessionsOfBob(stack), 1);
});

test('the tab that leads closes: another takes over, and what came in between is there', async (t) => {
  const stack = await startDemo(t);
  const tabs = await openTabs(t, stack);
  const leader = tabs.findIndex(({ sockets }) => sockets.length > 0);
  await tabs[leader].close();
  await send(stack, { to: 'bob', title: 'In between' });
  const others = tabs.filter((_, index) => index !== leader);
  for (const tab of others) await untilUnread(tab, 1, 'Inbox');
  for (const tab of others) await untilState(tab, 'live');
  await until('one session', async () => (await sessionsOfBob(stack)) === 1);
  await send(stack, { to: 'bob', title: 'Afterwards' });
  for (const tab of others) await untilUnread(tab, 2, 'Inbox');
});

test('the tab that leads is frozen: another takes over, and it follows when it wakes up', async (t) => {
  const stack = await startDemo(t);
  const tabs = await openTabs(t, stack);
  const leader = tabs.find(({ sockets }) => sockets.length > 0);
  const others = tabs.filter((tab) => tab !== leader);
  // As a browser tells; it freezes only what is hidden for long.
  await leader.evaluate(() => document.dispatchEvent(new Event('freeze')));
  await until('another connection', () => others.some(({ sockets }) => sockets.length > 0));
  for (const tab of others) await untilState(tab, 'live');
  await send(stack, { to: 'bob', title: 'Meanwhile' });
  for (const tab of others) await untilUnread(tab, 1, 'Inbox');
  assert.equal(await leader.evaluate(() => window.bell.num), 0);
  await leader.evaluate(() => document.dispatchEvent(new Event('resume')));
  await untilUnread(leader, 1, 'Inbox');
  assert.equal(await sessionsOfBob(stack), 1);
});

test('a click in any tab is shown by all, by one question of none', async (t) => {
  const stack = await startDemo(t);
  const tabs = await openTabs(t, stack);
  const id = await send(stack, { to: 'bob', title: 'One' });
  for (const tab of tabs) await untilUnread(tab, 1, 'Inbox');
  for (const tab of tabs) await untilQuiet(tab);
  const before = tabs.map((tab) => asked(tab).filter((call) => call === 'GET /unread').length);
  await tabs[TABS - 1].evaluate((of) => window.bell.markRead(of), id);
  for (const tab of tabs) await untilUnread(tab, 0, 'Inbox');
  for (const tab of tabs) await untilQuiet(tab);
  assert.deepEqual(tabs.map((tab) => asked(tab).filter((call) => call === 'GET /unread').length), before);
});

test('no WebSocket gets through: one stream for six tabs, and all show the number', async (t) => {
  const stack = await startGated(t);
  const init = () => {
    const { random } = Math;
    Math.random = () => random() / 20;
  };
  const tabs = await openTabs(t, stack, { init, bell: gated });
  for (const tab of tabs) await tab.waitForFunction(() => window.bell.transport === 'events');
  await send(stack, { to: 'bob', title: 'One' });
  for (const tab of tabs) await untilUnread(tab, 1, 'Inbox');
  assert.equal(await sessionsOfBob(stack), 1);
});

test('no message is told of again on the next page view', async (t) => {
  const stack = await startDemo(t);
  const tabs = await openTabs(t, stack);
  const [tab] = tabs;
  await send(stack, { to: 'bob', title: 'One' });
  await until('one to tell of it', async () => (await Promise.all(tabs.map((one) => toldOf(one, 'message')))).flat().length === 1);
  for (let view = 0; view < 3; view++) {
    await tab.reload();
    await untilUnread(tab, 1, 'Inbox');
    await tab.waitForFunction(() => window.told.some(([type]) => type === 'state'));
    await untilQuiet(tab);
    assert.deepEqual(await toldOf(tab, 'message'), []);
  }
});

test('Doorbells on one page, of one user: one connection, and each is told', async (t) => {
  const stack = await startDemo(t);
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilState(page, 'live');
  await page.evaluate(async () => {
    const { Doorbell } = await import('/doorbell.js');
    window.heard = [];
    window.other = new Doorbell({ title: false, onMessage: ({ title }) => window.heard.push(title) }).start();
  });
  assert.equal(await page.evaluate(() => window.other.state), 'live');
  await send(stack, { to: 'bob', title: 'One' });
  await page.waitForFunction(() => window.heard.join() === 'One' && window.told.some(([type]) => type === 'message'));
  await page.evaluate(() => window.bell.stop());
  assert.deepEqual(await page.evaluate(() => [window.bell.state, window.other.state]), ['stopped', 'live']);
  assert.equal(page.sockets.length, 1);
});

test('a page that is made ready in advance connects and asks only when it is shown', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await send(stack, { to: 'bob', title: 'One' });
  await profile.addInitScript(() => Object.defineProperty(document, 'prerendering', { value: true, writable: true }));
  const page = await openBell(t, profile, stack, { cookie: 'bob' });
  await page.waitForFunction(() => window.bell);
  await untilQuiet(page);
  assert.deepEqual([asked(page).filter((call) => call === 'GET /unread'), page.sockets.length], [[], 0]);
  await page.evaluate(() => {
    document.prerendering = false;
    document.dispatchEvent(new Event('prerenderingchange'));
  });
  await untilState(page, 'live');
  await untilUnread(page, 1, 'Inbox');
});
