// SPDX-License-Identifier: MIT
// The elements in every state: what axe finds, what a screen reader hears, what moves, what a page can do with them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../harness/index.mjs';
import { faultsOf, openElements } from './elements.mjs';
import { openProfile } from './pages.mjs';

const DAY = 86_400;
const now = Math.floor(Date.now() / 1000);
const long = 'A long text that goes on and on, as letters of this kind do. '.repeat(12);
const messages = [
  { id: 6, title: 'New terms', body: 'Please read them.', ack: false, sender: 'Legal', url: '/', created_at: now - 60 },
  { id: 5, title: 'Shipped', body: long, sender: 'Shop', url: '/', category: 'orders', created_at: now - 600, extra: { actions: [{ label: 'Track', url: '/' }] } },
  { id: 4, title: 'Sale', category: 'news', created_at: now - 1200, extra: { image: '/demo/bell.svg' } },
  { id: 3, title: 'مرحبا', body: 'שלום 你好', sender: '王小明', created_at: now - DAY },
  { id: 2, title: 'Old', read: true, created_at: now - 40 * DAY },
  { id: 1, title: 'Older', read: true, archived: true, created_at: now - 50 * DAY },
];
const likes = ['Ann', 'Bob', 'Cy', 'Dee'].map((sender, i) => ({ id: 20 - i, title: `${sender} likes it`, sender, group_key: 'like', created_at: now - 50 }));
const list = '<doorbell-list login="/login"></doorbell-list>';
const inbox = '<doorbell-inbox num="3" href="/all"></doorbell-inbox>';
const row = (page, title) => page.locator('.row').filter({ hasText: title });
const spoken = (page) => page.locator('body > [role=status]').textContent();
const untilSpoken = (page, text) => page.waitForFunction((wanted) => document.querySelector('body > [role=status]')?.textContent === wanted, text);

// What to show, and how to know that it is there.
const states = {
  ready: [{ messages: [...likes, ...messages] }, '.row'],
  empty: [{}, '.state'],
  loading: [{ isSlow: true }, '.bone'],
  failed: [{ isFailing: true }, '.state'],
  'logged out': [{ state: 'logged-out' }, '.state'],
};

for (const [colorScheme, lang, dir] of [['light', 'en', 'ltr'], ['dark', 'ar', 'rtl'], ['dark', 'zh-CN', 'ltr']])
  test(`axe finds nothing: ${colorScheme}, ${lang}`, async (t) => {
    const profile = await openProfile(t);
    for (const [state, [options, sign]] of Object.entries(states)) {
      const page = await openElements(t, { body: list + inbox, lang, dir, profile, ...options });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.locator(`doorbell-list ${sign}`).first().waitFor();
      assert.deepEqual(await faultsOf(page), [], state);
      await page.locator('.bell').click();
      await page.locator(`doorbell-inbox ${sign}`).first().waitFor();
      if (state === 'ready') await row(page, 'Sale').last().locator('.menu-button').click();
      assert.deepEqual([await faultsOf(page), page.faults], [[], []], `${state}, open`);
      await page.close();
    }
  });

test('axe finds nothing in the settings, in toasts, and beside an undo', async (t) => {
  const page = await openElements(t, { body: `${inbox}<doorbell-toasts duration="60000"></doorbell-toasts>`, messages });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(() => window.fake.add({ title: 'Tea', body: 'It is ready', sender: 'Kitchen', url: '/' }));
  await page.locator('.toast').waitFor();
  await page.locator('.bell').click();
  await row(page, 'Sale').locator('.menu-button').click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('switch', { name: 'news' }).waitFor();
  assert.deepEqual([await faultsOf(page), page.faults], [[], []]);
});

test('a new message is told once, however many elements there are', async (t) => {
  const page = await openElements(t, { body: `${inbox}${inbox}${list}<doorbell-toasts></doorbell-toasts>`, messages });
  await row(page, 'Sale').waitFor();
  await page.evaluate(() => {
    window.heard = [];
    new MutationObserver(() => window.heard.push(document.querySelector('body > [role=status]').textContent))
      .observe(document.body, { subtree: true, childList: true, characterData: true });
    window.fake.add({ title: 'Tea is ready', sender: 'Kitchen' });
  });
  await untilSpoken(page, 'New: Tea is ready, from Kitchen. 5 unread');
  assert.equal(await page.locator('body > [role=status]').count(), 1);
  assert.equal((await page.evaluate(() => window.heard)).filter(Boolean).length, 1);
  assert.equal(await page.locator('.toast').count(), 0); // the list shows it
});

test('a bell says its number, and Escape closes and gives the focus back', async (t) => {
  const page = await openElements(t, { body: inbox, messages });
  const bell = page.getByRole('button', { name: 'Inbox, 4 unread messages' });
  await bell.press('Enter');
  await row(page, 'Sale').waitFor();
  assert.equal(await bell.getAttribute('aria-expanded'), 'true');
  assert.deepEqual(await page.evaluate(() => window.fake.asked.map(([call]) => call)), ['list']);
  await page.keyboard.press('j');
  await page.keyboard.press('Escape');
  await page.locator('.popover').waitFor({ state: 'hidden' });
  assert.ok(await bell.evaluate((element) => element.getRootNode().activeElement === element));
  await bell.click();
  await page.locator('.popover').waitFor(); // the code of lists is asked for each time, and comes a moment later
  await page.mouse.click(5, 5);
  await page.locator('.popover').waitFor({ state: 'hidden' });
});

test('a list that opens is told as seen', async (t) => {
  const page = await openElements(t, { body: inbox, messages: messages.map((one) => ({ ...one, seen: false })) });
  assert.deepEqual(await page.evaluate(() => window.fake.asked), []);
  await page.locator('.bell').click();
  await row(page, 'Sale').waitFor();
  assert.deepEqual(await page.evaluate(() => window.fake.asked.find(([call]) => call === 'seen')), ['seen', 'p6']);
});

test('a link that the page was printed with stays where it is, with its number', async (t) => {
  const profile = await openProfile(t);
  const printed = '<p>Before <doorbell-inbox num="3"><a href="/inbox">Messages 3</a></doorbell-inbox> after <b>more</b></p>';
  await profile.addInitScript(() => {
    window.shifts = 0;
    new PerformanceObserver((seen) => (window.shifts += seen.getEntries().length)).observe({ type: 'layout-shift', buffered: true });
  });
  const places = (page) => page.evaluate(() => ['a', 'b'].map((name) => document.querySelector(name).getBoundingClientRect().toJSON()));
  const plain = await (await profile.newPage()).context().newPage();
  await plain.setContent(`<!doctype html><title>Page</title><main><h1>Page</h1>${printed}</main>`);
  const page = await openElements(t, { body: printed, messages: messages.slice(1, 4), profile });
  await page.locator('a[aria-haspopup]').waitFor();
  assert.deepEqual(await places(page), await places(plain));
  assert.equal(await page.evaluate(() => window.shifts), 0);
  await page.evaluate(() => window.fake.add({}));
  await page.getByRole('link', { name: 'Messages 4' }).click();
  await row(page, 'Sale').waitFor();
  assert.ok(page.url().endsWith('/page.html'));
  await page.evaluate(() => window.fake.markAllRead());
  await page.waitForFunction(() => document.querySelector('a').textContent === 'Messages ');
  await page.evaluate(() => window.fake.add({}));
  await page.getByText('Messages 1').waitFor();
});

test('a list that cannot be loaded offers to try again', async (t) => {
  const page = await openElements(t, { body: list, messages, isFailing: true });
  await page.getByText('The messages could not be loaded').waitFor();
  // In one step: it tries again by itself, too.
  await page.getByRole('button', { name: 'Try again' }).evaluate((button) => {
    window.fake.refusal = null;
    button.click();
  });
  await row(page, 'Sale').waitFor();
});

test('a user who is logged out sees where to log in, and nothing of before', async (t) => {
  const page = await openElements(t, { body: list + inbox, messages });
  await row(page, 'Sale').waitFor();
  await page.evaluate(() => {
    window.fake.state = 'logged-out';
    window.fake.ring(null);
    window.fake.tell('state', {});
  });
  await page.getByText('You are not logged in').waitFor();
  assert.equal(await page.locator('.row').count(), 0);
  assert.ok(await page.locator('.badge').isHidden());
  assert.match(await page.getByRole('link', { name: 'Log in' }).getAttribute('href'), /\/login$/);
});

test('a long text is cut after four lines, and opened', async (t) => {
  const page = await openElements(t, { body: list, messages });
  const shipped = row(page, 'Shipped');
  await page.setViewportSize({ width: 390, height: 800 });
  const height = () => shipped.locator('.body').evaluate((body) => Math.round(body.clientHeight / parseFloat(getComputedStyle(body).lineHeight)));
  await shipped.getByRole('button', { name: 'More' }).waitFor();
  assert.equal(await height(), 4);
  await shipped.getByRole('button', { name: 'More' }).click();
  assert.ok((await height()) > 4);
  await shipped.getByRole('button', { name: 'Less' }).click();
  assert.equal(await row(page, 'New terms').getByRole('button', { name: 'More' }).count(), 0);
});

test('a swipe archives towards the end and reads towards the start', async (t) => {
  const page = await openElements(t, { body: list, messages });
  await row(page, 'Sale').waitFor();
  const swipe = (title, by) => row(page, title).evaluate((element, px) => {
    const { left, top } = element.getBoundingClientRect();
    const at = (type, x) => element.dispatchEvent(new PointerEvent(type, { pointerType: 'touch', isPrimary: true, clientX: left + 100 + x, clientY: top + 5, bubbles: true }));
    at('pointerdown', 0);
    at('pointermove', px);
    at('pointerup', px);
  }, by);
  await swipe('Sale', -40);
  await swipe('Sale', -120);
  await row(page, 'Sale').locator('.dot').waitFor({ state: 'hidden' });
  await swipe('Sale', 120);
  await row(page, 'Sale').waitFor({ state: 'detached' });
  assert.deepEqual(await page.evaluate(() => window.fake.asked.filter(([call]) => call !== 'list')), [['markRead', 4]]);
});

test('new rows are marked for a moment, older ones that are loaded are not', async (t) => {
  const many = Array.from({ length: 30 }, (_, i) => ({ id: 30 - i, read: true }));
  const page = await openElements(t, { body: list, messages: many });
  await row(page, 'Message 30').waitFor();
  await page.getByRole('button', { name: 'Older messages' }).scrollIntoViewIfNeeded().catch(() => {}); // it may have come already
  await row(page, 'Message 1').last().waitFor();
  assert.equal(await page.locator('.new').count(), 0);
  await page.evaluate(() => window.fake.add({ title: 'Fresh', created_at: Date.now() / 1000 }));
  await page.locator('.new').filter({ hasText: 'Fresh' }).waitFor();
  assert.equal(await page.locator('.new').count(), 1);
});

test('fifty mounts leave nothing behind', async (t) => {
  const page = await openElements(t, { body: list, messages });
  await row(page, 'Sale').waitFor(); // the code of lists is here
  const [first, last] = await page.evaluate(async () => {
    const { EventTarget: { prototype } } = window;
    let listeners = 0;
    for (const [name, step] of [['addEventListener', 1], ['removeEventListener', -1]]) {
      const real = prototype[name];
      prototype[name] = function counted(...args) {
        if (this === document || this === window || this === window.fake) listeners += step;
        return real.apply(this, args);
      };
    }
    const mount = async () => {
      const elements = ['inbox', 'list', 'toasts'].map((name) => document.createElement(`doorbell-${name}`));
      document.body.append(...elements);
      await new Promise((done) => setTimeout(done));
      for (const element of elements) element.remove();
      return listeners;
    };
    const counts = [];
    for (let i = 0; i < 50; i++) counts.push(await mount());
    return [counts[0], counts[49]];
  });
  assert.equal(last, first);
  assert.equal(await page.title(), 'Page');
});

test('an element that is moved goes on', async (t) => {
  const page = await openElements(t, { body: `${list}<section></section>`, messages });
  await row(page, 'Sale').waitFor();
  await page.evaluate(() => document.querySelector('section').append(document.querySelector('doorbell-list')));
  await page.evaluate(() => window.fake.add({ title: 'Fresh' }));
  await row(page, 'Fresh').waitFor();
  assert.deepEqual([page.faults, await spoken(page).catch(() => '')].flat().filter((text) => /error/i.test(text)), []);
});

test('a popover that was open when a router took its element away is closed when it comes back', async (t) => {
  const page = await openElements(t, { body: inbox, messages });
  const bell = page.getByRole('button', { name: 'Inbox, 4 unread messages' });
  await bell.click();
  await row(page, 'Sale').waitFor();
  await page.evaluate(() => {
    const element = document.querySelector('doorbell-inbox');
    element.remove();
    document.body.append(element);
  });
  await bell.waitFor();
  assert.deepEqual([await bell.getAttribute('aria-expanded'), await page.getByRole('dialog').count()], ['false', 0]);
});

test('the classic script defines Doorbell and the elements', async (t) => {
  const page = await openElements(t, { body: '<doorbell-toasts api="/none" relay="none" events="none"></doorbell-toasts>', src: '/doorbell.min.js' });
  const types = await page.evaluate(() => [typeof window.Doorbell, typeof window.Doorbell.DoorbellError, typeof window.Doorbell.useDoorbell, Boolean(customElements.get('doorbell-list'))]);
  await page.waitForFunction(() => document.querySelector('doorbell-toasts').doorbell.state === 'polling');
  assert.deepEqual(types, ['function', 'function', 'function', true]);
});

// The policy of these pages allows what is of this site, and no text to become code.
for (const [src, code] of [['/doorbell.min.js', '/ui/min/list.js'], ['/doorbell.mjs', '/ui/min/list.js'], ['/elements.js', '/ui/list/all.js']])
  test(`a list is loaded when somebody is about to open it, by ${src}`, async (t) => {
    const page = await openElements(t, { body: '<doorbell-inbox api="/none" relay="none" events="none"></doorbell-inbox>', src });
    const bell = page.getByRole('button', { name: 'Inbox' });
    await bell.waitFor();
    assert.ok(!page.loaded.includes(code));
    await bell.hover();
    await until('the code to be asked for', async () => page.loaded.includes(code));
    await bell.click();
    await page.getByRole('dialog').waitFor();
    const more = page.loaded.filter((name) => src !== '/elements.js' && /^\/(bell|ui|words)\//.test(name));
    assert.deepEqual([more, page.faults.filter((text) => !/404/.test(text))], [src === '/elements.js' ? [] : [code], []]);
  });

test('toasts come by a file of their own; where it cannot be had, the next message asks for it again', async (t) => {
  const profile = await openProfile(t);
  let isBroken = true;
  await profile.route('**/ui/min/toasts.js', (route) => (isBroken ? route.abort() : route.continue()));
  const page = await openElements(t, { body: '<doorbell-toasts duration="60000"></doorbell-toasts>', messages, profile });
  const add = (title) => page.evaluate((given) => window.fake.add({ title: given }), title);
  await until('the code to be asked for in vain', async () => page.faults.length === 1); // a message before that would share its failure
  await add('Lost');
  await until('the code to be asked for again', async () => page.faults.length === 2);
  isBroken = false;
  await add('Tea');
  await page.locator('.toast').filter({ hasText: 'Tea' }).waitFor();
  assert.deepEqual([await page.locator('.toast').count(), page.loaded.filter((name) => name.includes('/list'))], [1, []]);
});

test('a page loads the texts of its language, and no others', async (t) => {
  const page = await openElements(t, { body: list + inbox, messages, lang: 'zh-TW' });
  await page.getByRole('heading', { name: '訊息' }).waitFor();
  await page.getByRole('button', { name: '訊息, 4 則未讀訊息' }).waitFor();
  assert.deepEqual(page.loaded.filter((name) => name.startsWith('/words/')), ['/words/zh-TW.js']);
});

test('a language that changes while the page is open is that of the elements at once', async (t) => {
  const page = await openElements(t, { body: `<section>${list}</section>${inbox}`, messages });
  await row(page, 'Sale').waitFor();
  await page.locator('.bell').click();
  await page.getByRole('dialog', { name: 'Inbox' }).waitFor();
  await page.evaluate(() => (document.documentElement.lang = 'zh-CN'));
  await page.getByRole('dialog', { name: '消息' }).locator('.row').first().waitFor();
  await page.locator('doorbell-list').getByRole('heading', { name: '消息' }).waitFor();
  await page.evaluate(() => (document.querySelector('section').lang = 'ar'));
  await page.locator('doorbell-list .inbox[dir=rtl]').waitFor();
  assert.ok(await page.getByRole('button', { name: '消息, 4 条未读消息' }).isVisible());
  await page.evaluate(() => (document.querySelector('doorbell-list').lang = 'en'));
  await page.locator('doorbell-list').getByRole('heading', { name: 'Inbox' }).waitFor();
  assert.deepEqual(page.faults, []);
});

test('where the texts of a language cannot be had, English does', async (t) => {
  const profile = await openProfile(t);
  await profile.route('**/words/ar.js', (route) => route.abort());
  const page = await openElements(t, { body: list, messages, lang: 'ar', profile });
  const heading = page.getByRole('heading', { name: 'Inbox' });
  await heading.waitFor();
  assert.deepEqual(await heading.evaluate((element) => [element.closest('.inbox').lang, element.closest('.inbox').dir]), ['en', 'ltr']);
});

test('where the code of a list cannot be had, a link is followed, and a list offers to try again', async (t) => {
  const profile = await openProfile(t);
  let isBroken = true;
  await profile.route('**/ui/min/list.js', (route) => (isBroken ? route.abort() : route.continue()));
  const page = await openElements(t, { body: `${list}<doorbell-inbox><a href="/demo/bell.svg">Messages</a></doorbell-inbox>`, messages, profile });
  await page.getByText('The messages could not be loaded').waitFor();
  isBroken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await row(page, 'Sale').waitFor();
  isBroken = true;
  await page.reload();
  await page.getByRole('link', { name: 'Messages' }).click();
  await page.waitForURL('**/demo/bell.svg');
});

// In the page: what browsers had at the end of 2019, as far as our code could notice. Their syntax is esbuild's matter.
function growOld() {
  const illegal = () => {
    throw new TypeError('Illegal constructor');
  };
  if (new URLSearchParams(location.search).has('safari')) window.EventTarget = new Proxy(EventTarget, { construct: illegal });
  for (const place of [Array, String, Object, Promise, Element, DocumentFragment, Document])
    for (const name of ['at', 'hasOwn', 'fromEntries', 'findLast', 'flatMap', 'replaceAll', 'matchAll', 'allSettled', 'any', 'replaceChildren', 'toSorted'])
      for (const owner of [place, place.prototype]) delete owner[name];
  for (const name of ['BroadcastChannel', 'structuredClone', 'ResizeObserver']) delete window[name];
  for (const name of ['locks', 'userActivation']) delete Navigator.prototype[name];
  for (const name of ['adoptedStyleSheets']) for (const { prototype } of [ShadowRoot, Document]) delete prototype[name];
  for (const name of ['showPopover', 'hidePopover']) delete HTMLElement.prototype[name];
  delete Intl.RelativeTimeFormat;
}

test('lists, popover and toasts work in a browser of 2019', async (t) => {
  const profile = await openProfile(t);
  await profile.addInitScript(growOld);
  const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'";
  const page = await openElements(t, { body: `${inbox}<doorbell-toasts></doorbell-toasts>`, messages, profile, policy });
  await page.evaluate(() => window.fake.add({ title: 'Tea' }));
  await page.locator('.toast').filter({ hasText: 'Tea' }).waitFor();
  await page.getByRole('button', { name: 'Inbox, 5 unread messages' }).click();
  await row(page, 'Sale').waitFor();
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await page.getByRole('button', { name: 'Inbox, 1 unread message' }).waitFor();
  assert.deepEqual(page.faults, []);
});

// As in Safari before 14.
test('the classic script works in a browser of 2019, where EventTarget cannot be extended', async (t) => {
  const profile = await openProfile(t);
  await profile.addInitScript(growOld);
  await profile.route('**/unread', (route) => route.fulfill({ json: { num: 3, version: 1, seq: 1, hit: 1, latest: 9, user: 'bob', epoch: 'e1' } }));
  await profile.route('**/messages/9', (route) => route.fulfill({ json: { id: 9, title: 'Tea', created_at: 1, read: false, ack: null } }));
  const body = ['inbox', 'toasts'].map((name) => `<doorbell-${name} api="/api" relay="none" events="none"></doorbell-${name}>`).join('');
  const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'";
  const page = await openElements(t, { body, src: '/doorbell.min.js', profile, policy, search: '?safari' });
  await page.getByRole('button', { name: 'Inbox, 3 unread messages' }).waitFor();
  await page.locator('.toast').filter({ hasText: 'Tea' }).waitFor();
  assert.deepEqual([await page.title(), page.faults], ['(3) Page', []]);
});
