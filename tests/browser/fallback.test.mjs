// SPDX-License-Identifier: MIT
// Where no WebSocket gets through the page lives on a stream, where no stream does it polls, and it
// comes back up by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { gated, startGated } from './gate.mjs';
import {
  asked, message, openBell, openDemo, openProfile, plays, send, setCookie, setVisibility, startDemo, takeTurn,
  untilQuiet, untilState, untilUnread,
} from './pages.mjs';

const bob = { cookie: 'bob', ...gated };

function untilTransport(page, transport) {
  return page.waitForFunction((wanted) => window.bell.transport === wanted, transport);
}

// All states since the page was opened: ['connecting null', 'live websocket', …]. None is missed,
// however short it was.
function untilStates(page, expected) {
  return page.waitForFunction((wanted) => {
    const states = window.told.filter(([type]) => type === 'state');
    return states.map(([, { state, transport }]) => `${state} ${transport}`).join() === wanted;
  }, expected.join());
}

// Each try of a socket is seen; behind the third comes a stream, where there is one.
async function untilSockets(page, count) {
  while (page.sockets.length < count) await page.waitForEvent('websocket');
}

// How many streams the page has asked for.
function streamsAsked(page) {
  return page.requests.filter((request) => request.url().endsWith('/gate/events')).length;
}

async function sessionsOfBob(stack) {
  return (await stack.publish('GET', '/online?user=bob')).json.online.bob;
}

// One whose random waits are short.
async function openHasty(t) {
  const profile = await openProfile(t);
  await profile.addInitScript(() => {
    const { random } = Math;
    Math.random = () => random() / 20;
  });
  return profile;
}

// One where a stream is what worked last.
async function openUsedToStreams(t) {
  const profile = await openHasty(t);
  await profile.addInitScript(() => {
    const name = `doorbell:${new URL('doorbell', document.baseURI).href}:transport`;
    if (window.name !== 'seen') sessionStorage.setItem(name, 'events');
    window.name = 'seen';
  });
  return profile;
}

async function openStreaming(t, stack, options = {}) {
  const profile = await openUsedToStreams(t);
  await setCookie(profile, stack, stack.token('bob'));
  const page = await openBell(t, profile, stack, { ...gated, ...options });
  await untilTransport(page, 'events');
  return page;
}

// Listens from now on; `event` resolves when one came that has `text` in it.
async function nextEvent(page, text) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Network.enable');
  const event = new Promise((resolve) => {
    cdp.on('Network.eventSourceMessageReceived', ({ data }) => data.includes(text) && resolve());
  });
  return { event };
}

test('an nginx that drops the Upgrade header: the page is live all the same, and rings', async (t) => {
  const stack = await startGated(t);
  const page = await openBell(t, await openHasty(t), stack, bob);
  await untilTransport(page, 'events');
  assert.equal(await page.evaluate(() => window.bell.state), 'live');
  assert.equal(await page.evaluate(() => window.bell.user), 'bob');
  assert.ok(page.sockets.length >= 3);
  await untilUnread(page, 0, 'Inbox');
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(page, 1, 'Inbox');
  await message(page, 'One').waitFor();
  await page.waitForFunction(() => window.plays === 1);

  // The next page of this tab is live by its first try.
  await page.reload();
  await untilTransport(page, 'events');
  await untilUnread(page, 1, 'Inbox');
  await untilStates(page, ['connecting null', 'live events']);
});

test('a socket gets through again: the page goes back to it without a gap, asks once, rings once', async (t) => {
  const stack = await startGated(t);
  const page = await openStreaming(t, stack);
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(page, 1, 'Inbox');
  await message(page, 'One').waitFor();

  // In vain at first: nothing shows.
  const failed = page.waitForEvent('websocket').then((socket) => socket.waitForEvent('socketerror'));
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await failed;
  assert.equal(await page.evaluate(() => window.bell.transport), 'events');

  await untilQuiet(page);
  stack.open('ws');
  const before = asked(page).length;
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await untilTransport(page, 'websocket');
  await until('the stream to be closed', async () => (await sessionsOfBob(stack)) === 1);
  await send(stack, { to: 'bob', title: 'Two' });
  await untilUnread(page, 2, 'Inbox');
  await message(page, 'Two').waitFor();
  assert.deepEqual(asked(page).slice(before).filter((call) => call === 'GET /unread'), ['GET /unread']);
  await untilStates(page, ['connecting null', 'live events', 'live websocket']);
  await page.waitForFunction(() => window.plays >= 2); // the sound waits for a lock
  assert.deepEqual([await plays(page), streamsAsked(page)], [2, 1]);
});

test('a hidden page on a stream answers a ring for many when it is shown, and a personal one at once', async (t) => {
  const stack = await startGated(t);
  const page = await openStreaming(t, stack);
  await untilUnread(page, 0, 'Inbox');
  const heard = await nextEvent(page, '"ring"');
  await untilQuiet(page);
  await setVisibility(page, 'hidden');
  const before = asked(page).length;
  await send(stack, { to: '*', title: 'To all' });
  await heard.event;
  await takeTurn(page);
  assert.deepEqual(asked(page).slice(before), []);
  await setVisibility(page, 'visible');
  await untilUnread(page, 1, 'Inbox');

  await setVisibility(page, 'hidden');
  await send(stack, { to: 'bob', title: 'To bob' });
  await untilUnread(page, 2, 'Inbox');
});

test('neither gets through: the page polls, and comes up when a stream does', async (t) => {
  const stack = await startGated(t, { shut: ['ws', 'events'] });
  const page = await openBell(t, await openHasty(t), stack, { ...bob, pollInterval: 200 });
  await page.waitForResponse((response) => response.url().endsWith('/gate/events') && response.status() === 502);
  assert.equal(await page.evaluate(() => window.bell.transport), 'polling');
  await send(stack, { to: 'bob', title: 'Polled' });
  await untilUnread(page, 1, 'Inbox');
  stack.open('events');
  await untilTransport(page, 'events');
  await send(stack, { to: 'bob', title: 'Streamed' });
  await untilUnread(page, 2, 'Inbox');
  await message(page, 'Streamed').waitFor();
});

for (const [how, signal] of [['killed', 'SIGKILL'], ['stopped', 'SIGTERM']]) {
  test(`relay ${how} and started again: the stream comes back and catches up`, async (t) => {
    const stack = await startGated(t);
    const page = await openStreaming(t, stack);
    await stack.relay.kill(signal);
    await send(stack, { to: 'bob', title: 'Missed' });
    await stack.relay.start();
    await untilStates(page, ['connecting null', 'live events', 'polling polling', 'live events']);
    await untilUnread(page, 1, 'Inbox');
    await send(stack, { to: 'bob', title: 'Rung' });
    await untilUnread(page, 2, 'Inbox');
  });
}

test('a stream that hangs is noticed by its silence', async (t) => {
  const stack = await startGated(t, { config: { 'relay.ping_interval': '1s' } });
  const page = await openStreaming(t, stack, { pingInterval: 1000 });
  stack.relay.signal('SIGSTOP');
  try {
    await page.waitForFunction(() => window.told.some(([, detail]) => detail.state === 'polling'));
  } finally {
    stack.relay.signal('SIGCONT');
  }
  await untilTransport(page, 'events');
});

test('kicked off a stream: the page polls, and comes back with a new login only', async (t) => {
  const stack = await startGated(t);
  const page = await openStreaming(t, stack, { pollInterval: 100 });
  const answer = await stack.publish('POST', '/kick', { json: { user: 'bob' } });
  assert.equal(answer.status, 200, answer.text);
  await untilState(page, 'kicked');
  const tried = page.sockets.length;
  await send(stack, { to: 'bob', title: 'Polled' });
  await untilUnread(page, 1, 'Inbox');
  assert.deepEqual([page.sockets.length, streamsAsked(page)], [tried, 1]);
  assert.equal(await page.evaluate(() => window.bell.transport), 'polling');
  await setCookie(page.context(), stack, stack.token('bob', { iat: Math.floor(Date.now() / 1000) + 5 }));
  await page.evaluate(() => window.bell.login());
  await untilTransport(page, 'events');
});

test('a stream whose token expired: asked about, and back with the new cookie', async (t) => {
  const stack = await startGated(t);
  const page = await openStreaming(t, stack, { pollInterval: 100 });
  // Begun anew only now: what is left of the 30 s of grace, a page might take to load.
  const exp = Math.floor(Date.now() / 1000) - 20;
  await setCookie(page.context(), stack, stack.token('bob', { exp }));
  await page.evaluate(() => window.bell.stop());
  await page.evaluate(() => window.bell.start());
  await untilTransport(page, 'events');
  await untilState(page, 'logged-out');
  assert.equal(await page.evaluate(() => window.bell.transport), null);
  await setCookie(page.context(), stack, stack.token('bob'));
  await untilTransport(page, 'events');
  await untilUnread(page, 0, 'Inbox');
});

test('the demo page says that it lives on a stream', async (t) => {
  const stack = await startDemo(t);
  const profile = await openUsedToStreams(t);
  await profile.addInitScript(() => {
    Math.random = () => 0.9; // no upgrade in the first 54 s
  });
  const page = await openDemo(t, profile, stack, 'bob');
  await page.getByText('live, by events').waitFor();
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(page, 1);
});

test('a page with a token of its own opens no stream', async (t) => {
  const stack = await startGated(t);
  const page = await openBell(t, await openHasty(t), stack, { token: stack.token('bob'), ...gated });
  await untilSockets(page, 5);
  assert.equal(streamsAsked(page), 0);
  assert.equal(await page.evaluate(() => window.bell.transport), 'polling');
});
