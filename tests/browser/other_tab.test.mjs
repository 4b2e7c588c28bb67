// SPDX-License-Identifier: MIT
// A user changes while a page is open: by a login in another tab, or without a word. What the page shows is
// one user's, and what is clicked there reaches nobody else's inbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, openBell, openProfile, plays, read, send, setCookie, startDemo, untilQuiet, untilState, untilUnread } from './pages.mjs';

const numOf = async (stack, user) => (await stack.api('GET', '/unread', { user })).json.num;
const user = (page) => page.evaluate(() => window.bell.user);

// A page of alice, who has two messages; bob has one. Alice's are shown.
async function openAlices(t, stack, profile, options = {}) {
  await send(stack, { to: 'alice', title: 'For alice' });
  await send(stack, { to: 'alice', title: 'For alice, too' });
  await send(stack, { to: 'bob', title: 'For bob' });
  const page = await openBell(t, profile, stack, { cookie: 'alice', ...options });
  await untilUnread(page, 2, 'Inbox');
  await message(page, 'For alice').waitFor();
  await untilQuiet(page);
  return page;
}

async function assertBobs(page) {
  await untilUnread(page, 1, 'Inbox');
  await message(page, 'For bob').waitFor();
  assert.equal(await page.getByText('For alice').count(), 0);
  assert.equal(await user(page), 'bob');
}

for (const [how, options] of [['live', {}], ['without a relay', { relay: null, pollInterval: 3_600_000 }]]) {
  test(`${how}: a login in one tab is followed by the other`, async (t) => {
    const stack = await startDemo(t);
    const profile = await openProfile(t);
    const tabs = [await openAlices(t, stack, profile, options)];
    tabs.push(await openBell(t, profile, stack, { cookie: 'bob', ...options }));
    for (const tab of tabs) await assertBobs(tab);
    await read(tabs[0], 'For bob');
    for (const tab of tabs) await untilUnread(tab, 0, 'Inbox');
    assert.equal(await numOf(stack, 'alice'), 2);
  });

  test(`${how}: a logout in one tab is followed by the other`, async (t) => {
    const stack = await startDemo(t);
    const profile = await openProfile(t);
    const tab = await openAlices(t, stack, profile, options);
    await profile.clearCookies();
    const other = await openBell(t, profile, stack, options);
    for (const page of [tab, other]) await untilState(page, 'logged-out');
    assert.equal(await tab.evaluate(() => window.bell.num), null);
    assert.equal(await tab.getByRole('listitem').count(), 0);
  });
}

test('in one of three tabs a user logs out, and another logs in: every tab is theirs, and stays so', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const tabs = [await openAlices(t, stack, profile)];
  tabs.push(await openBell(t, profile, stack), await openBell(t, profile, stack));
  for (const tab of tabs) await untilUnread(tab, 2, 'Inbox');
  await profile.clearCookies();
  await tabs[1].reload();
  for (const tab of tabs) await untilState(tab, 'logged-out');
  await setCookie(profile, stack, stack.token('bob'));
  await tabs[1].reload();
  for (const tab of tabs) await assertBobs(tab);
  for (const tab of tabs) await untilState(tab, 'live');
  await send(stack, { to: 'bob', title: 'For bob again' });
  for (const tab of tabs) await untilUnread(tab, 2, 'Inbox');
  await tabs[2].getByRole('button', { name: 'Mark all as read' }).click();
  for (const tab of tabs) await untilUnread(tab, 0, 'Inbox');
  assert.equal(await numOf(stack, 'alice'), 2);
});

for (const button of ['Mark all as read', 'For alice']) {
  test(`"${button}", pressed when another user has come unnoticed, marks nothing`, async (t) => {
    const stack = await startDemo(t);
    const profile = await openProfile(t);
    const page = await openAlices(t, stack, profile);
    await setCookie(profile, stack, stack.token('bob'));
    await page.getByRole('button', { name: button, exact: true }).click();
    await assertBobs(page);
    assert.equal(await numOf(stack, 'alice'), 2);
    assert.equal(await numOf(stack, 'bob'), 1);
  });
}

test('older messages, asked for when another user has come, are not mixed in', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  for (let i = 0; i < 25; i++) await send(stack, { to: 'alice', title: `For alice ${i}` });
  await send(stack, { to: 'bob', title: 'For bob' });
  const page = await openBell(t, profile, stack, { cookie: 'alice' });
  await untilUnread(page, 25, 'Inbox');
  await untilQuiet(page);
  await setCookie(profile, stack, stack.token('bob'));
  // On the screen it is pressed by itself, and may be gone before a real click.
  await page.getByRole('button', { name: 'Older messages' }).evaluate((button) => button.click());
  await assertBobs(page);
});

test('a ring of the old session shows that another user has come', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const page = await openAlices(t, stack, profile);
  await setCookie(profile, stack, stack.token('bob'));
  await send(stack, { to: 'alice', title: 'For alice again' });
  await assertBobs(page);
  await untilState(page, 'live');
  await send(stack, { to: 'bob', title: 'For bob again' });
  await untilUnread(page, 2, 'Inbox');
});

test('a user whose name no header could hold as it is', async (t) => {
  const stack = await startDemo(t);
  const name = 'a/b%ü 中';
  await send(stack, { to: name, title: 'One' });
  const page = await openBell(t, await openProfile(t), stack, { cookie: name });
  await read(page, 'One');
  await untilUnread(page, 0, 'Inbox');
});

test('the same message sounds for each user who comes', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const page = await openBell(t, profile, stack, { cookie: 'alice' });
  await untilState(page, 'live');
  await send(stack, { to: '*', title: 'To all' });
  await page.waitForFunction(() => window.plays === 1);
  const other = await openBell(t, profile, stack, { cookie: 'bob' });
  await page.waitForFunction(() => window.bell.user === 'bob');
  // The first page has heard of it twice, as alice and as bob; the other once.
  for (const [tab, count] of [[page, 2], [other, 1]])
    await tab.waitForFunction((wanted) => window.told.filter(([type]) => type === 'sound').length === wanted, count);
  assert.equal((await plays(page)) + (await plays(other)), 2);
});
