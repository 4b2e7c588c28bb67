// SPDX-License-Identifier: MIT
// Every version of doorbell.js that has ever landed works with today's programs: pages stay open, and caches keep
// what they have, for longer than it takes to install a new server. landed/ holds the files as they were, in a folder
// for each version; a change of PROTOCOL.md that an old page could notice adds one.
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { top } from '../harness/index.mjs';
import { startGated } from './gate.mjs';
import { openBell, openProfile, plays, read, send, setCookie, startDemo, untilState, untilUnread } from './pages.mjs';

const folder = path.join(top, 'tests/browser/landed');
const versions = readdirSync(folder).sort();

// A stack that serves this version too; what to open pages with.
function serve(stack, version) {
  cpSync(path.join(folder, version), path.join(stack.dir, 'www/landed', version), { recursive: true });
  return { module: `/landed/${version}/doorbell.js`, cookie: 'bob' };
}

test('the first version that landed is among them', () => assert.equal(versions[0], '1_websocket'));

for (const version of versions) {
  test(`${version}: a ring arrives, the badge is right, and marking works`, async (t) => {
    const stack = await startDemo(t);
    await send(stack, { to: 'bob', title: 'Before' });
    const page = await openBell(t, await openProfile(t), stack, serve(stack, version));
    await untilState(page, 'live');
    await untilUnread(page, 1, 'Inbox');
    await send(stack, { to: 'bob', title: 'To bob' });
    await untilUnread(page, 2, 'Inbox');
    await send(stack, { to: '*', title: 'To all' });
    await untilUnread(page, 3, 'Inbox');
    await read(page, 'To bob');
    await untilUnread(page, 2, 'Inbox');
    await page.getByRole('button', { name: 'Mark all read' }).click();
    await untilUnread(page, 0, 'Inbox');
    assert.equal((await stack.api('GET', '/unread', { user: 'bob' })).json.num, 0);
    assert.ok((await plays(page)) >= 1);
  });

  test(`${version}: where nothing of the relay gets through, it polls`, async (t) => {
    const stack = await startGated(t, { shut: ['ws', 'events'] });
    const gates = { relay: '/gate/ws', events: '/gate/events' };
    const page = await openBell(t, await openProfile(t), stack, { ...serve(stack, version), ...gates, pollInterval: 200, sound: null });
    await untilState(page, 'polling');
    await send(stack, { to: 'bob', title: 'Polled' });
    await untilUnread(page, 1, 'Inbox');
    await read(page, 'Polled');
    await untilUnread(page, 0, 'Inbox');
  });

  test(`${version}: it comes back when the relay does`, async (t) => {
    const stack = await startDemo(t);
    const page = await openBell(t, await openProfile(t), stack, serve(stack, version));
    await untilState(page, 'live');
    await stack.relay.stop();
    await send(stack, { to: 'bob', title: 'Missed' });
    await stack.relay.start();
    await untilState(page, 'live');
    await untilUnread(page, 1, 'Inbox');
  });

  test(`${version}: beside a tab of today it marks, is told, and survives a login there`, async (t) => {
    const stack = await startDemo(t);
    const profile = await openProfile(t);
    const old = await openBell(t, profile, stack, serve(stack, version));
    const today = await openBell(t, profile, stack);
    for (const page of [old, today]) await untilState(page, 'live');
    await send(stack, { to: 'bob', title: 'One' });
    await send(stack, { to: 'bob', title: 'Two' });
    for (const page of [old, today]) await untilUnread(page, 2, 'Inbox');
    await read(old, 'One');
    for (const page of [old, today]) await untilUnread(page, 1, 'Inbox');
    await read(today, 'Two');
    for (const page of [old, today]) await untilUnread(page, 0, 'Inbox');

    await setCookie(profile, stack, stack.token('alice'));
    await today.reload();
    await today.waitForFunction(() => window.bell.user === 'alice');
    await old.evaluate(() => fetch('/demo/bell.svg')); // a full turn of the page, which fails the test if a script of it fails
  });
}
