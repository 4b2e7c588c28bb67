// SPDX-License-Identifier: MIT
// pages.mjs - a real browser before the whole line of servers: the demo's pages as `make run` serves
// them, and pages of our own with the options that a test wants.

import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';

import { chromium } from 'playwright-core';

import { failRun, startNginx, startStack, top, until } from '../harness/index.mjs';

const TIMEOUT_MS = 40_000; // below the 45 s after which a page polls
// No page waits for what is not here, as pictures of a service that the resolver would look for.
const hosts = 'MAP www.example.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost';
const launchArgs = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  `--host-resolver-rules=${hosts}`, '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

let browser = null;
let pagesMade = 0;

// One browser for a test file; each test has a profile of its own.
after(async () => (await browser)?.close());

// `worker`: as a browser that lets a worker outlive its pages; else as one that does not.
export async function openProfile(t, { worker = false } = {}) {
  browser ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: launchArgs });
  const profile = await (await browser).newContext();
  profile.setDefaultTimeout(TIMEOUT_MS);
  t.after(() => profile.close());
  await profile.addInitScript(countPlays);
  if (!worker) await profile.addInitScript(() => delete window.SharedWorker);
  return profile;
}

// In the page, before any script of its own.
function countPlays() {
  const { play } = HTMLMediaElement.prototype;
  window.plays = 0;
  HTMLMediaElement.prototype.play = function countedPlay() {
    window.plays++;
    return play.call(this);
  };
}

function cookieMap(users, tokenOf) {
  const lines = users.map(
    (user) => `${user} "doorbell_token=${tokenOf(user)}; Path=/demo/${user}/; HttpOnly; SameSite=Lax";`,
  );
  return `map $demo_user $demo_cookie { default ""; ${lines.join(' ')} }
    map $request_uri $demo_api_uri { "~^/demo/[^/]+(/.*)$" $1; }`;
}

// startStack behind an nginx that also serves the demo, by the file that `make run` takes.
export async function startDemo(t, options = {}) {
  const stack = await startStack(t, { ...options, server: null });
  const where = { dir: stack.dir, port: stack.ports.web, appSocket: stack.appSocket, relayPort: stack.ports.relay };
  copyFileSync(path.join(top, 'deploy/run/demo.conf'), path.join(stack.dir, 'demo.conf'));
  stack.server = await startNginx(null, where, {
    http: cookieMap(['alice', 'bob'], (user) => stack.token(user)),
    server: `include ${stack.dir}/demo.conf;`,
  });
  return stack;
}

// A page that fails the test when a script of it fails, or when its policy forbids something.
async function openPage(t, profile) {
  const page = await profile.newPage();
  page.faults = [];
  page.requests = [];
  page.ended = new Set(); // of the requests
  page.sockets = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) page.faults.push(message.text());
  });
  page.on('request', (request) => page.requests.push(request));
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => page.ended.add(request));
  page.on('response', (response) => response.status() === 304 && page.ended.add(response.request())); // that is all which comes
  page.on('websocket', (socket) => page.sockets.push(socket));
  t.after(() => {
    if (page.faults.length > 0) failRun(new Error(page.faults.join('\n')));
  });
  return page;
}

export async function openDemo(t, profile, stack, user, options = {}, file = 'inbox.html') {
  const page = await openPage(t, profile);
  await page.goto(`${stack.url}/demo/${user}/${file}?${new URLSearchParams(options)}`);
  return page;
}

// A page with a badge and a list; `options` goes to Doorbell as `window.bell`. `cookie`: as whom; `module`:
// another doorbell.js than today's.
export async function openBell(t, profile, stack, { cookie, ...options } = {}) {
  const page = await openPage(t, profile);
  if (cookie !== undefined) await setCookie(profile, stack, stack.token(cookie));
  const name = `page-${++pagesMade}`;
  writeFileSync(path.join(stack.dir, 'www', `${name}.html`), ownPage(name));
  writeFileSync(path.join(stack.dir, 'www', `${name}.js`), ownScript(options));
  await page.goto(`${stack.url}/${name}.html`);
  return page;
}

export function setCookie(profile, stack, value) {
  return profile.addCookies([{ name: 'doorbell_token', value, url: stack.url, httpOnly: true, sameSite: 'Lax' }]);
}

const ownPage = (name) => `<!doctype html><meta charset="utf-8"><title>Inbox</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; connect-src 'self' ws:">
<link rel="icon" href="/demo/bell.svg"><span id="badge"></span><div id="messages"></div><doorbell-list></doorbell-list>
<script type="module" src="/${name}.js"></script>`;

function ownScript({ module, ...options }) {
  return `import * as all from '${module ?? '/elements.js'}';
const options = ${JSON.stringify(options)};
if (window.getToken) options.token = window.getToken;
const bell = new all.Doorbell({ badge: '#badge', sound: '/demo/bell.wav', ...options });
window.bell = bell;
window.told = [];
for (const type of ['change', 'message', 'sound', 'state', 'welcome'])
  bell.addEventListener(type, (event) => window.told.push([type, event.detail]));
if (all.MessageList) new all.MessageList(document.querySelector('#messages'), bell);
else all.useDoorbell(bell);
bell.start();`;
}

export async function send(stack, fields) {
  const answer = await stack.api('POST', '/messages', { service: true, json: fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.id;
}

// Waits until the page shows that many unread: badge, title, and what is read aloud.
export async function untilUnread(page, num, title = 'Samovar') {
  await page.waitForFunction(
    ([wanted, name]) => {
      const badge = document.querySelector('#badge, doorbell-inbox [data-num]');
      if (document.title !== (wanted ? `(${wanted}) ${name}` : name)) return false;
      if (badge.hidden !== (wanted === 0) || badge.textContent !== (wanted ? String(wanted) : '')) return false;
      const spoken = document.querySelector('#badge + [role=status]')?.textContent;
      return !spoken || spoken.startsWith(wanted ? `${wanted} unread message` : 'No unread messages');
    },
    [num, title],
  );
}

export function untilState(page, state) {
  return page.waitForFunction(
    (wanted) => (window.bell ? window.bell.state : document.querySelector('#state').dataset.state) === wanted,
    state,
  );
}

// The one row with that title, in <doorbell-list> or in the list of an old page.
export function message(page, title) {
  const whole = new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  return page.getByRole('listitem').filter({ has: page.locator('.title, .doorbell-title').filter({ hasText: whole }) });
}

export const titles = (page) => page.locator('doorbell-list .title').allTextContents();

// As a user does it: by opening the message, or in an old page by its button.
export function read(page, title) {
  return message(page, title).locator('.title, .doorbell-read').last().click();
}

export const plays = (page) => page.evaluate(() => window.plays);

export function setVisibility(page, state) {
  return page.evaluate((visibilityState) => {
    Object.defineProperty(document, 'visibilityState', { value: visibilityState, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

const callsOf = (page) => page.requests.filter((request) => new URL(request.url()).pathname.includes('/doorbell/'));

// What the page asked of the API, as 'GET /unread'.
export function asked(page) {
  return callsOf(page).map((request) => {
    const { pathname } = new URL(request.url());
    return `${request.method()} ${pathname.replace(/^.*\/doorbell/, '')}`;
  });
}

// Waits until no call is under way, and none follows from the last: one that is rung for, or welcomed,
// while it asks asks again.
export async function untilQuiet(page) {
  for (let seen = -1; seen !== callsOf(page).length; ) {
    const calls = callsOf(page);
    seen = calls.length;
    await until('the calls to end', () => calls.every((call) => page.ended.has(call)));
    await takeTurn(page);
  }
}

// A full turn of the page, over the network and back: what was on its way to it before has arrived.
export function takeTurn(page) {
  return page.evaluate(() => fetch('/demo/bell.svg').then((response) => response.text()));
}
