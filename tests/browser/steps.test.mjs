// SPDX-License-Identifier: MIT
// A message to everybody asks nobody: the page computes its number from the ring; and where it ever computed a wrong one, it says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { parseMetrics, sumOf } from '../harness/metrics_text.mjs';
import { openBell, openProfile, send, startDemo, untilState, untilUnread } from './pages.mjs';

const checksOf = (page) => page.requests.filter((request) => new URL(request.url()).pathname === '/doorbell/unread').length;

async function openLive(t, stack, profile, user) {
  const page = await openBell(t, profile, stack, { token: stack.token(user) });
  await page.evaluate(() => document.querySelector('doorbell-list').remove()); // it asks and tells by itself
  await untilState(page, 'live');
  await untilUnread(page, 0, 'Inbox');
  // Its first answer may have come before the welcome, which asks again.
  await page.waitForFunction(() => window.told.some(([type]) => type === 'welcome'));
  await page.waitForLoadState('networkidle');
  return page;
}

test('three messages to everybody are counted without a question; to a member of a group each is one', async (t) => {
  const stack = await startDemo(t);
  await stack.api('PUT', '/groups/g/members/bob', { service: true });
  await stack.api('PUT', '/preferences', { user: 'alice', json: { muted: [] } });
  const profile = await openProfile(t);
  const alice = await openLive(t, stack, profile, 'alice');
  const bob = await openLive(t, stack, await openProfile(t), 'bob');
  const before = [checksOf(alice), checksOf(bob)];
  for (let n = 1; n <= 3; n++) {
    await send(stack, { to: '*', title: `To all ${n}`, category: 'news' });
    for (const page of [alice, bob]) await untilUnread(page, n, 'Inbox');
  }
  assert.deepEqual([checksOf(alice) - before[0], checksOf(bob) - before[1]], [0, 3]);
  assert.equal((await stack.api('GET', '/unread', { user: 'alice' })).json.num, 3);
  await alice.waitForFunction(() => window.told.filter(([type]) => type === 'message').length === 3);
});

test('what a message to everybody says is asked for by its ring; where that cannot be had, as the user\'s own', async (t) => {
  const stack = await startDemo(t);
  const page = await openLive(t, stack, await openProfile(t), 'alice');
  const textsOf = () => page.requests.map((request) => new URL(request.url()).pathname).filter((name) => /\/(broadcasts|messages)\/\d+$/.test(name));
  const untilTold = (title) => page.waitForFunction((wanted) => window.told.some(([type, detail]) => type === 'message' && detail.title === wanted), title);
  const first = await send(stack, { to: '*', title: 'By its ring' });
  await untilTold('By its ring');
  assert.deepEqual(textsOf(), [`/doorbell/broadcasts/${first}`]);
  await page.route('**/broadcasts/*', (route) => route.fulfill({ status: 404, json: {} }));
  const second = await send(stack, { to: '*', title: 'As its own' });
  await untilTold('As its own');
  assert.deepEqual(textsOf().slice(1), [`/doorbell/broadcasts/${second}`, `/doorbell/messages/${second}`]);
});

test('what a page mutes it does not count', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'carol', title: 'Makes the category', category: 'news' });
  await stack.api('PUT', '/preferences', { user: 'alice', json: { muted: ['news'] } });
  const page = await openLive(t, stack, await openProfile(t), 'alice');
  const before = checksOf(page);
  const changes = await page.evaluate(() => window.told.filter(([type]) => type === 'change').length);
  await send(stack, { to: '*', title: 'Muted', category: 'news' });
  // About two that are rung at once it would ask.
  await page.waitForFunction((n) => window.told.filter(([type]) => type === 'change').length > n, changes);
  await send(stack, { to: '*', title: 'Not muted' });
  await untilUnread(page, 1, 'Inbox');
  assert.equal(checksOf(page), before);
  assert.equal((await stack.api('GET', '/unread', { user: 'alice' })).json.num, 1);
});

test('a page that computed a wrong number shows the right one, and reports it', async (t) => {
  const stack = await startDemo(t);
  const page = await openLive(t, stack, await openProfile(t), 'alice');
  const { seq: from, epoch } = (await stack.api('GET', '/unread', { user: 'alice' })).json;
  const client = await stack.connectDatabase();
  try {
    await client.query('BEGIN');
    const { rows: [{ id }] } = await client.query("SELECT id FROM doorbell.send(to_all => true, title => 'One')");
    const { rows: [{ version: seq }] } = await client.query('SELECT version::integer FROM doorbell.feed WHERE id = 1');
    // A relay that lies, before the true ring can come.
    const step = { all: true, from, seq, add: 5, category: null, critical: false, young: true, id: Number(id), epoch };
    await stack.publish('POST', '/publish', { json: { rings: [step], epoch } });
    await untilUnread(page, 5, 'Inbox');
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
  const report = page.waitForRequest((request) => new URL(request.url()).pathname === '/doorbell/seen');
  await stack.publish('POST', '/publish', { json: { rings: [{ to: ['alice'] }], epoch } });
  await untilUnread(page, 1, 'Inbox');
  assert.deepEqual((await report).postDataJSON(), { wrong: true });
  await until('the report to be counted', async () => {
    const { text } = await stack.api('GET', '/metrics', { service: true });
    return sumOf(parseMetrics(text), 'doorbell_app_wrong_numbers_total') === 1;
  });
});
