// SPDX-License-Identifier: MIT
// The truth reaches every open page: history that goes back under it, rings that nobody heard.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { freePort } from '../harness/index.mjs';
import { asked, message, openBell, openProfile, plays, send, setVisibility, startDemo, untilQuiet, untilState, untilUnread } from './pages.mjs';

// The test is the app: it answers the pages, and tells the relay.
class App {
  constructor(stack) {
    this.stack = stack;
  }

  answer = (route) => {
    const { epoch, version, seq, messages } = this.history;
    const counts = { num: messages.length, version, seq, epoch, user: 'bob' };
    const isList = new URL(route.request().url()).pathname.endsWith('/messages');
    const json = isList ? { messages, next: null, position: 'p1', ...counts } : { hit: 1, latest: messages[0].id, ...counts };
    return route.fulfill({ json });
  };

  async tell(fields) {
    const { status, text } = await this.stack.publish('POST', '/publish', { json: { rings: [], ...fields } });
    assert.equal(status, 200, text);
  }
}

const messageOf = (id, title) => ({
  id, title, body: '', url: null, category: null, sender: null, extra: null, created_at: 1767225600,
  seen: false, read: false, archived: false, ack: null,
});

// Two tabs of bob, the second one hidden.
async function openTabs(t) {
  const stack = await startDemo(t, { app: false, config: { 'relay.ping_interval': '1s' } });
  const profile = await openProfile(t);
  const app = new App(stack);
  await profile.route('**/doorbell/**', app.answer);
  app.history = { epoch: 'old', version: 57, seq: 94, messages: [messageOf(813, 'Lost later'), messageOf(812, 'Kept')] };
  await app.tell({ epoch: 'old', seq: 94 });
  const tabs = [await openBell(t, profile, stack, { cookie: 'bob' }), await openBell(t, profile, stack)];
  for (const tab of tabs) {
    await untilState(tab, 'live');
    await untilUnread(tab, 2, 'Inbox');
    await message(tab, 'Lost later').waitFor();
  }
  await setVisibility(tabs[1], 'hidden');
  return { app, tabs };
}

const soundsOf = async (tabs) => (await Promise.all(tabs.map(plays))).reduce((sum, count) => sum + count);

test('after a failover every tab shows the new history, whose numbers are lower, and goes on from there', async (t) => {
  const { app, tabs } = await openTabs(t);
  assert.equal(await soundsOf(tabs), 1);
  app.history = { epoch: 'new', version: 3, seq: 2, messages: [messageOf(813, 'Of the new history')] };
  await app.tell({ epoch: 'new', seq: 2 });
  for (const tab of tabs) await untilUnread(tab, 1, 'Inbox');
  await message(tabs[0], 'Of the new history').waitFor();
  assert.equal(await message(tabs[0], 'Lost later').count(), 0);
  // The id has sounded, but as that of another message.
  for (const tab of tabs) await tab.waitForFunction(() => window.told.filter(([type]) => type === 'sound').length === 2);
  assert.equal(await soundsOf(tabs), 2);

  for (const tab of tabs) await untilQuiet(tab);
  app.history = { ...app.history, version: 4, messages: [messageOf(814, 'The next'), ...app.history.messages] };
  const before = asked(tabs[1]).length;
  await app.tell({ epoch: 'new', seq: 2, rings: [{ to: ['bob'], version: 4, seq: 2, num: 2, hit: 1, id: 814 }] });
  for (const tab of tabs) await untilUnread(tab, 2, 'Inbox');
  assert.deepEqual(asked(tabs[1]).slice(before), []); // the ring has told it
});

test('a ring that nobody heard is made up for by a ping, once', async (t) => {
  const { app, tabs: [page] } = await openTabs(t);
  const pings = [];
  page.sockets.at(-1).on('framereceived', ({ payload }) => pings.push(JSON.parse(payload)));
  app.history = { ...app.history, seq: 95, messages: [messageOf(815, 'To all'), ...app.history.messages] };
  await app.tell({ epoch: 'old', seq: 95 });
  await untilUnread(page, 3, 'Inbox');
  await untilQuiet(page);
  const before = asked(page).length;
  await app.tell({ epoch: 'old', seq: 96 }); // to a group of others
  const isPing = ({ type, seq }) => type === 'ping' && seq === 96;
  while (pings.filter(isPing).length < 4) await page.evaluate(() => new Promise((done) => setTimeout(done, 50)));
  await untilQuiet(page);
  assert.deepEqual(asked(page).slice(before), ['GET /unread']);
});

test('a live page asks by itself now and then', async (t) => {
  const nowhere = `http://127.0.0.1:${await freePort()}`; // where nobody hears of rings
  const stack = await startDemo(t, { config: { 'app.relay_url': nowhere } });
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob', refreshInterval: 300 });
  await untilState(page, 'live');
  await send(stack, { to: 'bob', title: 'Unheard' });
  await untilUnread(page, 1, 'Inbox');
  assert.equal((await stack.api('DELETE', '/users/bob', { service: true })).status, 200);
  await untilUnread(page, 0, 'Inbox');
  assert.equal(await page.evaluate(() => window.bell.state), 'live');
});
