// SPDX-License-Identifier: MIT
// The demo in Firefox and in WebKit: a bell rings, two tabs share a connection, the popover opens and marks read.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import * as firefox from './firefox.mjs';
import { send, startDemo } from './pages.mjs';
import * as webkit from './webkit.mjs';

// In the page: a sound that needs no loudspeaker.
function countPlays() {
  window.plays = 0;
  HTMLMediaElement.prototype.play = async () => void window.plays++;
}

const badge = () => document.querySelector('[data-num]').textContent;
const isLive = () => document.querySelector('#state').dataset.state === 'live';
const toasts = () => [...document.querySelector('doorbell-toasts').shadowRoot.querySelectorAll('.title')].map((title) => title.textContent);
const findBell = () => document.querySelector('a.bell');
const findTitle = () => document.querySelector('doorbell-inbox').shadowRoot.querySelector('.popover:not([hidden]) .row .title');

async function openTab(browser, stack) {
  const tab = await browser.newPage(`${stack.url}/demo/bob/`);
  await tab.until(isLive);
  return tab;
}

const untilBadge = (tab, num) => tab.until(`(wanted) => (${badge})() === wanted`, num);

for (const [name, { skip }, open] of [['Firefox', firefox, firefox.openFirefox], ['WebKit', webkit, webkit.openWebkit]]) {
  test(`${name}: a message rings an open page, and the popover shows it and marks it read`, { skip }, async (t) => {
    const stack = await startDemo(t);
    const browser = await open(t, countPlays);
    const bob = await openTab(browser, stack);
    const id = await send(stack, { to: 'bob', title: 'Tea is ready' });
    await untilBadge(bob, '1');
    await bob.until(`() => (${toasts})().includes('Tea is ready')`);
    await bob.until(() => window.plays === 1);
    await bob.click(findBell);
    await bob.until(`() => (${findTitle})()?.textContent === 'Tea is ready'`);
    await bob.click(findTitle);
    await untilBadge(bob, '');
    await until('the message to be read', async () => (await stack.api('GET', `/messages/${id}`, { user: 'bob' })).json.read);
    assert.deepEqual(await browser.readFaults(), []);
  });

  test(`${name}: two tabs share a connection, and one of them tells of a message`, { skip }, async (t) => {
    const stack = await startDemo(t);
    const browser = await open(t, countPlays);
    const tabs = [await openTab(browser, stack), await openTab(browser, stack)];
    assert.equal((await stack.publish('GET', '/online?user=bob')).json.online.bob, 1);
    await send(stack, { to: 'bob', title: 'Tea is ready' });
    for (const tab of tabs) await untilBadge(tab, '1');
    const told = async () => (await Promise.all(tabs.map((tab) => tab.evaluate(toasts)))).flat();
    await until('a toast', async () => (await told()).length > 0);
    await until('a sound', async () => (await Promise.all(tabs.map((tab) => tab.evaluate(() => window.plays)))).includes(1));
    assert.deepEqual(await told(), ['Tea is ready']);
    assert.equal((await stack.publish('GET', '/online?user=bob')).json.online.bob, 1);
  });
}
