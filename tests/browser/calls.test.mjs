// SPDX-License-Identifier: MIT
// All that a page can do for its user, from the page, with a real inbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { asked, openBell, openProfile, send, setCookie, startDemo, takeTurn, untilQuiet, untilState, untilUnread } from './pages.mjs';

const call = (page, name, ...args) => page.evaluate(([of, given]) => window.bell[of](...given), [name, args]);
const refusalOf = (page, name, ...args) => page.evaluate(
  ([of, given]) => window.bell[of](...given).then(() => null, ({ name: error, code, status, message }) => ({ error, code, status, message })), [name, args]);

test('each call resolves to the reply, and the badge shows it', async (t) => {
  const stack = await startDemo(t);
  const ids = [];
  for (const fields of [{ category: 'news' }, { subject_type: 'order', subject_id: '7' }, { ack: true }, {}, {}])
    ids.push(await send(stack, { to: 'bob', title: `Message ${ids.length}`, ...fields }));
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilUnread(page, 5, 'Inbox');
  const step = async (num, name, ...args) => {
    const reply = await call(page, name, ...args);
    assert.deepEqual([name, reply.num], [name, num]);
    await untilUnread(page, num, 'Inbox');
    return reply;
  };
  assert.equal((await call(page, 'get', ids[0])).category, 'news');
  assert.deepEqual((await step(5, 'counts')).categories, { news: 1 });
  await step(4, 'markSubjectRead', { subject_type: 'order', subject_id: '7' });
  await step(3, 'acknowledge', ids[2]);
  assert.deepEqual(await call(page, 'preferences'), { muted: [], lang: null, quiet_hours: null });
  await step(2, 'setPreferences', { muted: ['news'] });
  await step(3, 'setPreferences', { muted: [] });
  await step(2, 'markOldestRead', 1);
  assert.equal((await step(0, 'markRead', [ids[3], ids[4]])).changed, 2);
  await step(1, 'markUnread', ids[3]);
  await step(2, 'markUnread', [ids[4]]);
  await step(1, 'archive', ids[3]);
  await step(0, 'remove', ids[4]);
  await step(2, 'markAllUnread'); // what is archived, or was acknowledged, stays read
  await step(2, 'seen');
  const { messages, position } = await step(2, 'list', { limit: 1 });
  assert.equal(messages.length, 1);
  await step(2, 'seen', position);
  await step(2, 'archive', { read: true, upto: position });
  await step(0, 'markAllRead');
  assert.equal((await call(page, 'list')).messages.every(({ seen, read }) => seen && read), true);
  assert.equal((await step(0, 'remove', { all: true })).changed, 2);
  assert.deepEqual((await call(page, 'list')).messages, []);
});

test('an argument of no use is refused in a sentence, and asks nothing', async (t) => {
  const stack = await startDemo(t);
  const page = await openBell(t, await openProfile(t), stack, { cookie: 'bob' });
  await untilUnread(page, 0, 'Inbox');
  await untilQuiet(page);
  const before = asked(page).length;
  assert.deepEqual(await refusalOf(page, 'markRead', 'x'),
    { error: 'DoorbellError', code: 'invalid', status: 0, message: 'the id of a message must be a whole number from 1 on; it is "x"' });
  assert.equal((await refusalOf(page, 'list', { limit: 0 })).code, 'invalid');
  assert.equal(asked(page).length, before);
});

for (const [what, body] of [['another API', '{"code":401,"msg":"请先登录"}'], ['a text for a number', '{"num":"<img src=x>","version":9,"seq":9}'],
  ['a page', '<!doctype html><form>']]) {
  test(`a 200 with ${what} in place of the answer changes nothing, and is asked again`, async (t) => {
    const stack = await startDemo(t);
    const profile = await openProfile(t);
    await send(stack, { to: 'bob', title: 'One' });
    let isOurs = true;
    let foreign = 0;
    await profile.route('**/doorbell/**', (route) => {
      if (isOurs) return route.continue();
      foreign++;
      return route.fulfill({ status: 200, contentType: 'application/json', body });
    });
    const page = await openBell(t, profile, stack, { cookie: 'bob', relay: null, pollInterval: 50 });
    await untilUnread(page, 1, 'Inbox');
    isOurs = false;
    while (foreign < 3) await page.waitForRequest('**/doorbell/**');
    await takeTurn(page);
    await untilUnread(page, 1, 'Inbox');
    const { code, status } = await refusalOf(page, 'markAllUnread');
    assert.deepEqual([code, status], ['not_ours', 200]);
    await untilUnread(page, 1, 'Inbox');
    isOurs = true;
    await send(stack, { to: 'bob', title: 'Two' });
    await untilUnread(page, 2, 'Inbox');
    await profile.unrouteAll({ behavior: 'wait' });
  });
}

test('destroyed, it has left the page as it was, and does nothing more', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await setCookie(profile, stack, stack.token('bob'));
  await send(stack, { to: 'bob', title: 'One' });
  const page = await openBell(t, profile, stack);
  await untilState(page, 'live');
  await untilUnread(page, 1, 'Inbox');
  await page.evaluate(() => window.bell.destroy());
  assert.equal(await page.title(), 'Inbox');
  assert.equal(await page.locator('#badge').evaluate((badge) => badge.outerHTML), '<span id="badge"></span>');
  assert.equal(await page.locator('#badge + [role=status]').count(), 0);
  assert.equal(await page.evaluate(() => window.bell.state), 'stopped');
  await untilQuiet(page);
  const before = asked(page).length;
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await takeTurn(page);
  assert.equal(asked(page).length, before);
  assert.match(await page.evaluate(() => { try { window.bell.start(); return ''; } catch (error) { return error.message; } }), /make a new one/);
});
