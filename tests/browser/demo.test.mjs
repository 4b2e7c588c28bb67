// SPDX-License-Identifier: MIT
// The demo under a real hand: the button goes down and up at a point of the page, wherever things move meanwhile.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { top } from '../harness/index.mjs';
import { message, openDemo, openProfile, send, startDemo, untilState, untilUnread } from './pages.mjs';

const run = promisify(execFile);

// Presses where the button is now, and lets go there when the page has drawn what that changed.
async function press(page, button) {
  const { x, y, width, height } = await button.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.mouse.up();
}

// In the page: no sound before a click, as browsers are set unless told otherwise.
function refusePlaying() {
  HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('no click yet', 'NotAllowedError'));
}

test('the first click after a ring does what it is meant to do', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(refusePlaying);
  const bob = await openDemo(t, profile, stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'One' });
  await bob.locator('#blocked').waitFor({ state: 'visible' });
  await untilUnread(bob, 1);
  await press(bob, message(bob, 'One').locator('.title'));
  await untilUnread(bob, 0);
  assert.ok(await bob.locator('#blocked').isHidden());
});

test('the notice and a toast leave each other room, on a phone too', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  await profile.addInitScript(refusePlaying);
  const bob = await openDemo(t, profile, stack, 'bob');
  await bob.goto(`${stack.url}/demo/bob/`);
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'A message with a title that takes more than a line of a phone', body: 'And a body. '.repeat(20) });
  const [notice, toast] = [bob.locator('#blocked'), bob.locator('.toast')];
  await notice.waitFor({ state: 'visible' });
  await toast.hover(); // and it stays
  for (const width of [360, 700, 800, 1280]) {
    await bob.setViewportSize({ width, height: 740 });
    const [one, other] = await Promise.all([notice.boundingBox(), toast.boundingBox()]);
    const isApart = one.y + one.height <= other.y || other.y + other.height <= one.y || one.x + one.width <= other.x;
    assert.ok(isApart, `${width} px: ${JSON.stringify([one, other])}`);
  }
});

test('a message that must be acknowledged is acknowledged, and not marked read', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  const id = await send(stack, { to: 'bob', title: 'New terms', url: '/demo/bell.svg', ack: true });
  const item = message(bob, 'New terms');
  await item.waitFor();
  assert.equal(await item.getByRole('button', { name: 'Actions' }).count(), 0);
  assert.ok(await bob.getByRole('button', { name: 'Mark all as read' }).isDisabled());

  await bob.getByRole('link', { name: 'New terms' }).click();
  await bob.waitForURL('**/demo/bell.svg');
  await bob.goBack();
  await untilUnread(bob, 1);
  await press(bob, item.getByRole('button', { name: 'Acknowledge: New terms' }));
  await untilUnread(bob, 0);
  await item.getByRole('button', { name: 'Acknowledge' }).waitFor({ state: 'hidden' });
  const { json } = await stack.api('GET', `/messages/${id}`, { user: 'bob' });
  assert.deepEqual([json.read, json.ack], [true, true]);
});

test('"Mark all as read" leaves what must be acknowledged, and says nothing wrong', async (t) => {
  const stack = await startDemo(t);
  const bob = await openDemo(t, await openProfile(t), stack, 'bob');
  await untilState(bob, 'live');
  await send(stack, { to: 'bob', title: 'Plain' });
  await send(stack, { to: 'bob', title: 'New terms', ack: true });
  await message(bob, 'New terms').waitFor();
  const all = bob.getByRole('button', { name: 'Mark all as read' });
  await press(bob, all);
  await untilUnread(bob, 1);
  await message(bob, 'Plain').locator('.dot').waitFor({ state: 'hidden' });
  assert.ok(await all.isDisabled());
  assert.equal(await bob.getByText('That did not work').count(), 0);
});

const legacy = { 'relay.socketio': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_publish': 'yes' };

// What the page of web-msg-sender shows of the relay's texts.
const shown = (page) => page.locator('#messages li').allTextContents();

// The line that the page tells to paste, with other words in it.
async function publishFrom(page, stack, changes = {}) {
  let line = (await page.locator('#command').textContent()).replace('http://127.0.0.1:2121', stack.publishUrl);
  for (const [from, to] of Object.entries(changes)) line = line.replace(from, to);
  return (await run('sh', ['-c', line.replace('curl', 'curl -sS')])).stdout;
}

for (const version of ['1.3.7', '4.8.4'])
  test(`a page of web-msg-sender logs in, and shows what the old call publishes: socket.io-client ${version}`, async (t) => {
    const stack = await startDemo(t, { config: legacy });
    const client = version === '1.3.7' ? 'socket.io.js' : 'dist/socket.io.js';
    copyFileSync(path.join(top, `tests/node_modules/socket.io-client-${version}`, client), path.join(stack.dir, 'www/demo/socket.io.js'));
    const profile = await openProfile(t);
    const [alice, bob] = [await openDemo(t, profile, stack, 'alice', {}, 'web-msg-sender.html'), await openDemo(t, profile, stack, 'bob', {}, 'web-msg-sender.html')];
    await untilState(alice, 'live');
    await bob.getByText('当前2人在线，共打开2个页面').waitFor();

    await alice.getByText('Publish as before').click();
    assert.equal(await publishFrom(alice, stack), 'ok');
    await alice.locator('#messages').getByText('Tea is ready').waitFor();
    assert.equal(await publishFrom(alice, stack, { 'to=alice': 'to=', 'Tea is ready': '<b>All</b>, "and" %26' }), 'ok');
    for (const page of [alice, bob]) await page.locator('#messages').getByText('<b>All</b>, "and" &').waitFor();
    assert.deepEqual([await shown(alice), await shown(bob)], [['<b>All</b>, "and" &', 'Tea is ready'], ['<b>All</b>, "and" &']]);
    assert.equal(await publishFrom(alice, stack, { alice: 'nobody' }), 'offline');

    await send(stack, { to: 'alice', title: 'By the new one' });
    await alice.getByText('You have a new message').waitFor();
  });

test('a page of web-msg-sender says what it lacks', async (t) => {
  const stack = await startDemo(t);
  const page = await openDemo(t, await openProfile(t), stack, 'alice', {}, 'web-msg-sender.html');
  await page.getByText('no socket.io-client; run npm ci in tests/, then make run').waitFor();
});
