// SPDX-License-Identifier: MIT
// A user who goes from page to page, as on a classic site: where the browser lets a worker outlive them, one connection and one
// question serve all views.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { parseMetrics, sumOf } from '../harness/metrics_text.mjs';
import { openProfile, send, setCookie, startDemo, untilState, untilUnread } from './pages.mjs';

const page = (n, policy = "default-src 'self'; connect-src 'self' ws:; require-trusted-types-for 'script'") => `<!doctype html><meta charset="utf-8"><title>Inbox</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="/demo/bell.svg"><span id="badge"></span><script src="/doorbell.min.js"></script><script src="/view.js"></script><a href="/view-${n}.html">on</a>`;

const script = (options) => `window.told = [];
const bell = new Doorbell(${JSON.stringify({ badge: '#badge', sound: '/demo/bell.wav', ...options })});
window.bell = bell;
for (const type of ['change', 'message', 'sound', 'state', 'welcome']) bell.addEventListener(type, ({ detail }) => window.told.push([type, detail]));
bell.start();`;

// A tab at the first of two pages that lead to each other, which say that they are bob's.
async function openView(t, stack, { options = { user: 'bob' }, policy, onSocket = () => {} } = {}) {
  const www = path.join(stack.dir, 'www');
  for (const n of [0, 1]) writeFileSync(path.join(www, `view-${n}.html`), page(1 - n, policy));
  writeFileSync(path.join(www, 'view.js'), script(options));
  const profile = await openProfile(t, { worker: true });
  await setCookie(profile, stack, stack.token('bob'));
  const tab = await profile.newPage();
  tab.faults = [];
  tab.on('pageerror', (error) => tab.faults.push(String(error)));
  tab.on('console', (line) => line.type() === 'error' && tab.faults.push(line.text()));
  tab.on('websocket', onSocket);
  await tab.goto(`${stack.url}/view-0.html`);
  await untilState(tab, 'live');
  await tab.waitForFunction(() => window.bell.num !== null);
  return tab;
}

async function goOn(tab) {
  await Promise.all([tab.waitForNavigation(), tab.click('a')]);
  await untilState(tab, 'live');
}

// [sessions that were opened at the relay, checks that were asked of the app].
async function costOf(stack) {
  const [relay, app] = [await stack.publish('GET', '/metrics'), await stack.api('GET', '/metrics', { service: true })];
  return [sumOf(parseMetrics(relay.text), 'doorbell_relay_opened_total'), sumOf(parseMetrics(app.text), 'doorbell_app_requests_total', { route: '/unread' })];
}

const toldOf = (tab, type) => tab.evaluate((wanted) => window.told.filter(([name]) => name === wanted).map(([, detail]) => detail), type);

test('ten views in a row, and what happens meanwhile: one connection, one check', async (t) => {
  const stack = await startDemo(t);
  const tab = await openView(t, stack);
  await goOn(tab); // by then the answer to the check of the new connection has come
  const before = await costOf(stack);
  let num = 0;
  for (let n = 0; n < 10; n++) {
    await goOn(tab);
    await untilUnread(tab, num, 'Inbox');
    if (n % 5 === 2) await send(stack, { to: 'bob', title: `Message ${n}` });
    if (n % 5 === 4) await send(stack, { to: '*', title: `To all ${n}` });
    if (n % 5 === 2 || n % 5 === 4) await untilUnread(tab, ++num, 'Inbox');
  }
  assert.deepEqual(await costOf(stack), before);
  assert.deepEqual([before[0], tab.faults], [1, []]);
  assert.ok(before[1] <= 2, 'one when it connected, and one before where that took more than a second');
});

test('a message is told of on the page where it arrives, and not on the next', async (t) => {
  const stack = await startDemo(t);
  const tab = await openView(t, stack);
  await tab.locator('body').click();
  await send(stack, { to: 'bob', title: 'Here' });
  await until('the message', async () => (await toldOf(tab, 'message')).length > 0);
  assert.deepEqual((await toldOf(tab, 'message')).map(({ title }) => title), ['Here']);
  await until('the sound', async () => (await toldOf(tab, 'sound')).length > 0);
  await goOn(tab);
  await untilUnread(tab, 1, 'Inbox');
  await send(stack, { to: 'bob', title: 'There' });
  await until('the next message', async () => (await toldOf(tab, 'message')).length > 0);
  assert.deepEqual((await toldOf(tab, 'message')).map(({ title }) => title), ['There']);
});

test('a message that arrives between two pages is told of on the second', async (t) => {
  const stack = await startDemo(t);
  const tab = await openView(t, stack);
  await untilUnread(tab, 0, 'Inbox');
  await tab.goto('about:blank');
  await send(stack, { to: 'bob', title: 'In between' });
  await until('its ring', async () => (await stack.publish('GET', '/metrics')).text.includes('doorbell_relay_rings_total'));
  await tab.goto(`${stack.url}/view-1.html`);
  await untilUnread(tab, 1, 'Inbox');
  await until('the message', async () => (await toldOf(tab, 'message')).length > 0);
  assert.deepEqual((await toldOf(tab, 'message')).map(({ title }) => title), ['In between']);
});

test('another user logs in between two pages: the next page, and the worker, are theirs', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'alice', title: 'For alice' });
  const tab = await openView(t, stack);
  await untilUnread(tab, 0, 'Inbox');
  await setCookie(tab.context(), stack, stack.token('alice'));
  writeFileSync(path.join(stack.dir, 'www', 'view.js'), script({ user: 'alice' }));
  await goOn(tab);
  await untilUnread(tab, 1, 'Inbox');
  const sessionsOf = async (user) => (await stack.publish('GET', `/online?user=${user}`)).json.online[user];
  await until('one session, of alice', async () => (await sessionsOf('alice')) === 1 && (await sessionsOf('bob')) === 0);
  await send(stack, { to: 'alice', title: 'Another' });
  await untilUnread(tab, 2, 'Inbox');
});

test('a page that does not say whose it is asks once, and one that wants no worker does all by itself', async (t) => {
  const stack = await startDemo(t);
  const tab = await openView(t, stack, { options: {} });
  await untilUnread(tab, 0, 'Inbox');
  const [sessions] = await costOf(stack);
  const asked = [];
  tab.on('request', (request) => request.url().endsWith('/unread') && asked.push(request));
  await goOn(tab);
  await untilUnread(tab, 0, 'Inbox');
  assert.deepEqual([(await costOf(stack))[0], asked.length], [sessions, 1]);
  const sockets = [];
  const alone = await openView(t, stack, { options: { user: 'bob', worker: false }, onSocket: (socket) => sockets.push(socket) });
  assert.equal(sockets.length, 1);
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(alone, 1, 'Inbox');
});
