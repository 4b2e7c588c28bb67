// SPDX-License-Identifier: MIT
// Quiet hours: a page counts and lists what comes in them, and says nothing of it, then or later; and a user sets them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { asked, message, openBell, openDemo, openProfile, plays, send, startDemo, takeTurn, untilQuiet, untilState, untilUnread } from './pages.mjs';

const HOUR_MS = 3_600_000;
const timeOf = (ms) => new Date(Date.now() + ms).toISOString().slice(11, 16);
const around = (from, to) => ({ from: timeOf(from * HOUR_MS), to: timeOf(to * HOUR_MS), timezone: 'UTC' });

async function setQuiet(stack, hours) {
  const { status, text } = await stack.api('PUT', '/preferences', { user: 'alice', json: { quiet_hours: hours } });
  assert.equal(status, 200, text);
}

// A page of alice's that is live and has nothing to ask.
async function openAlice(t, stack, profile) {
  const page = await openBell(t, profile, stack, { cookie: 'alice' });
  await page.mouse.click(1, 1); // its sound may play
  await untilState(page, 'live');
  await page.waitForFunction(() => window.told.some(([type]) => type === 'welcome'));
  await untilQuiet(page);
  return page;
}

const titlesTold = (page) => page.evaluate(() => window.told.filter(([type]) => type === 'message').map(([, { title }]) => title));
const untilTold = (page, title) => page.waitForFunction((wanted) => window.told.some(([type, detail]) => type === 'message' && detail.title === wanted), title);

test('what comes in quiet hours counts and is listed, and is told of neither then nor when they are over', async (t) => {
  const stack = await startDemo(t);
  await stack.api('PUT', '/categories/alarm', { service: true, json: { critical: true } });
  await stack.api('PUT', '/groups/g/members/bob', { service: true });
  await setQuiet(stack, around(-1, 1));
  const page = await openAlice(t, stack, await openProfile(t));
  const checks = () => asked(page).filter((call) => call === 'GET /unread').length;

  await send(stack, { to: 'alice', title: 'To one' });
  await untilUnread(page, 1, 'Inbox');
  await send(stack, { to: ['alice', 'bob'], title: 'To two' });
  await untilUnread(page, 2, 'Inbox');
  await untilQuiet(page);
  const before = checks();
  await send(stack, { to: '*', title: 'To all' });
  await untilUnread(page, 3, 'Inbox');
  assert.equal(checks(), before, 'it was computed');
  await message(page, 'To all').waitFor();
  await send(stack, { to: '*', title: 'To all, critical', category: 'alarm' });
  await untilTold(page, 'To all, critical');
  await send(stack, { to: 'alice', title: 'To one, critical', category: 'alarm' });
  await untilTold(page, 'To one, critical');
  assert.deepEqual(await titlesTold(page), ['To all, critical', 'To one, critical']);

  const { version } = (await stack.api('GET', '/unread', { user: 'alice' })).json;
  await setQuiet(stack, null);
  await page.waitForFunction((old) => window.told.some(([type, detail]) => type === 'change' && detail.version > old), version);
  await untilQuiet(page);
  await send(stack, { to: '*', title: 'In the morning' });
  await untilTold(page, 'In the morning');
  await takeTurn(page);
  assert.deepEqual(await titlesTold(page), ['To all, critical', 'To one, critical', 'In the morning']);
  await page.waitForFunction(() => window.told.filter(([type]) => type === 'sound').length === 3);
  assert.equal(await plays(page), 3);
});

for (const [what, hours, isTold] of [
  ['silent in them', around(-1, 1), false],
  ['not silent when it thinks they are', around(4, 6), true],
]) {
  test(`a page whose clock is wrong is ${what}`, async (t) => {
    const stack = await startDemo(t);
    await stack.api('PUT', '/categories/alarm', { service: true, json: { critical: true } });
    await setQuiet(stack, hours);
    const profile = await openProfile(t);
    await profile.addInitScript((ms) => {
      const { now } = Date;
      Date.now = () => now() + ms;
    }, 5 * HOUR_MS);
    const page = await openAlice(t, stack, profile);
    await send(stack, { to: '*', title: 'Tea' });
    await untilUnread(page, 1, 'Inbox');
    if (isTold) await untilTold(page, 'Tea');
    await send(stack, { to: '*', title: 'Fire', category: 'alarm' });
    await untilTold(page, 'Fire');
    assert.deepEqual(await titlesTold(page), isTold ? ['Tea', 'Fire'] : ['Fire']);
  });
}

test('a user sets them, in the time zone of the browser, and ends them', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const page = await openDemo(t, profile, stack, 'alice');
  const session = await profile.newCDPSession(page);
  await session.send('Emulation.setTimezoneOverride', { timezoneId: 'Asia/Shanghai' });
  await untilState(page, 'live');
  const untilKept = (hours) => until('the quiet hours to be kept', async () => {
    const { quiet_hours: kept } = (await stack.api('GET', '/preferences', { user: 'alice' })).json;
    return JSON.stringify(kept) === JSON.stringify(hours);
  });
  const toggle = page.getByRole('switch', { name: 'Quiet hours' });
  const settings = page.getByRole('button', { name: 'Settings' });
  await settings.click();
  await toggle.waitFor();
  assert.equal(await toggle.isChecked(), false);
  await toggle.focus();
  await page.keyboard.press('Space');
  await untilKept({ from: '22:00', to: '07:00', timezone: 'Asia/Shanghai' });
  await page.getByLabel('From', { exact: true }).fill('23:15');
  await untilKept({ from: '23:15', to: '07:00', timezone: 'Asia/Shanghai' });
  await page.getByLabel('To', { exact: true }).fill('23:15');
  await page.getByText('That did not work').first().waitFor(); // a status says it as well
  await page.getByLabel('To', { exact: true }).fill('06:30');
  await untilKept({ from: '23:15', to: '06:30', timezone: 'Asia/Shanghai' });

  await settings.click();
  await settings.click();
  await toggle.waitFor();
  assert.deepEqual([await toggle.isChecked(), await page.getByLabel('From', { exact: true }).inputValue(), await page.getByLabel('To', { exact: true }).inputValue()],
    [true, '23:15', '06:30']);
  await page.route('**/preferences', (route) => route.fulfill({ status: 503, json: {} }));
  const refused = page.waitForResponse((response) => response.status() === 503);
  await toggle.click();
  await refused;
  await until('the switch to go back', () => toggle.isChecked());
  await page.unroute('**/preferences');
  await toggle.uncheck();
  await untilKept(null);
});
