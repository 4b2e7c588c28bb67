// SPDX-License-Identifier: MIT
// Who the page is: by cookie, by token, no longer, or another.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, openBell, openProfile, send, setCookie, startDemo, untilState, untilUnread } from './pages.mjs';

const past = () => ({ exp: Math.floor(Date.now() / 1000) - 3600, iat: Math.floor(Date.now() / 1000) - 7200 });

test('nobody: the badge is empty, no socket is tried in vain, and a login is noticed', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'One' });
  const profile = await openProfile(t);
  const page = await openBell(t, profile, stack, { pollInterval: 200 });
  await untilState(page, 'logged-out');
  assert.equal(await page.evaluate(() => window.bell.num), null);
  assert.equal(await page.title(), 'Inbox');
  const sockets = page.sockets.length;
  for (let polls = 0; polls < 3; polls++) await page.waitForResponse((response) => response.status() === 401);
  assert.equal(page.sockets.length, sockets);

  await setCookie(profile, stack, stack.token('bob'));
  await untilUnread(page, 1, 'Inbox');
  await untilState(page, 'live');
  await message(page, 'One').waitFor();
});

test('a token that has expired is replaced by the page\'s function', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  let given = 0;
  await profile.exposeFunction('getToken', () => {
    given++;
    return stack.token('bob', given === 1 ? past() : {});
  });
  await send(stack, { to: 'bob', title: 'One' });
  const page = await openBell(t, profile, stack);
  await untilState(page, 'live');
  await untilUnread(page, 1, 'Inbox');
  assert.equal(await page.evaluate(() => window.bell.user), 'bob');
  assert.equal(given, 2);
  for (const request of page.requests) assert.doesNotMatch(request.url(), /eyJ/);
  for (const socket of page.sockets) assert.doesNotMatch(socket.url(), /eyJ/);
});

test('a text token that has expired: logged out, until the page logs in', async (t) => {
  const stack = await startDemo(t);
  const page = await openBell(t, await openProfile(t), stack, { token: stack.token('bob', past()) });
  await untilState(page, 'logged-out');
  await page.evaluate((token) => window.bell.login(token), stack.token('bob'));
  await untilState(page, 'live');
  await untilUnread(page, 0, 'Inbox');
});

test('another user logs in: nothing of the last one stays', async (t) => {
  const stack = await startDemo(t);
  for (let i = 0; i < 5; i++) await send(stack, { to: 'alice', title: `For alice ${i}` });
  await send(stack, { to: 'bob', title: 'For bob' });
  const page = await openBell(t, await openProfile(t), stack, { token: stack.token('alice') });
  await untilState(page, 'live');
  await untilUnread(page, 5, 'Inbox');
  await page.evaluate((token) => window.bell.login(token), stack.token('bob'));
  await untilUnread(page, 1, 'Inbox');
  await message(page, 'For bob').waitFor();
  assert.equal(await page.getByText('For alice').count(), 0);
  assert.equal(await page.evaluate(() => window.bell.user), 'bob');
  await send(stack, { to: 'alice', title: 'For alice again' });
  await send(stack, { to: 'bob', title: 'For bob again' });
  await untilUnread(page, 2, 'Inbox');
});

test('kicked: the page stays away from the relay until it logs in anew', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const page = await openBell(t, profile, stack, { cookie: 'bob', pollInterval: 100 });
  await untilState(page, 'live');
  const answer = await stack.publish('POST', '/kick', { json: { user: 'bob' } });
  assert.equal(answer.status, 200, answer.text);
  await untilState(page, 'kicked');
  await send(stack, { to: 'bob', title: 'Polled' });
  await untilUnread(page, 1, 'Inbox');
  assert.equal(page.sockets.length, 1);
});

test('a session that the relay no longer accepts is asked about, and comes back by itself', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  let turns = 0;
  await profile.routeWebSocket('**/ws', (socket) => {
    turns++;
    if (turns === 1) socket.close({ code: 4401 });
    else socket.connectToServer();
  });
  const page = await openBell(t, profile, stack, { cookie: 'bob' });
  await untilState(page, 'live');
  assert.equal(turns, 2);
  await send(stack, { to: 'bob', title: 'One' });
  await untilUnread(page, 1, 'Inbox');
});

test('stopped: the page hears nothing, and start catches up', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const page = await openBell(t, profile, stack, { cookie: 'bob' });
  await untilState(page, 'live');
  await untilUnread(page, 0, 'Inbox');
  const closed = page.sockets[0].waitForEvent('close');
  await page.evaluate(() => window.bell.stop());
  await closed;
  assert.equal(await page.evaluate(() => window.bell.state), 'stopped');
  await send(stack, { to: 'bob', title: 'Missed' });
  await page.evaluate(() => window.bell.start());
  await untilUnread(page, 1, 'Inbox');
});
