// SPDX-License-Identifier: MIT
// A site of web-msg-sender that has moved: its pages as they were, by socket.io and an AJAX check at the
// site's own path, behind real web servers; what it sends goes through doorbell-app.

import assert from 'node:assert/strict';
import test from 'node:test';

import { SOCKETIO, startStack, until } from '../../harness/index.mjs';
import { openInNode } from '../../harness/socketio.mjs';

const TEXT = 'You have a new message';

const include = { nginx: { server: 'include legacy.conf;' }, apache: { server: 'Include legacy.conf' } };

// What a browser adds to whatever a page of the site asks, once the site has set the cookie.
const fromPage = (stack, user) => ({
  cookie: `doorbell_token=${stack.token(user)}`,
  origin: stack.url,
  'sec-fetch-site': 'same-origin',
});

// How the page proves who it is. 1.3.7 cannot be given a cookie outside of a browser.
const proofs = {
  'a bare id': { config: { 'relay.legacy_login': 'yes' }, argument: (stack, user) => user },
  'a token': { config: {}, argument: (stack, user) => stack.token(user) },
  'the cookie': { config: {}, argument: (stack, user) => user, hasCookie: true, releases: ['2.5.0'] },
};

// `$.post('/message/check', …)`, or by GET with what jQuery adds against caches.
async function check(stack, user, method) {
  const headers = fromPage(stack, user);
  const answer = await (method === 'POST'
    ? stack.request('POST', '/message/check', { headers, form: { uid: 'whatever the page says' } })
    : stack.request('GET', '/message/check?_=1767225600000', { headers }));
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers['content-type'], /^application\/json/);
  const { num, hit } = answer.json;
  return { num, hit };
}

async function openPage(stack, { release, transport, user, proof }) {
  const options = proof.hasCookie ? { extraHeaders: fromPage(stack, user) } : {};
  const page = await openInNode({ release, transport, url: stack.url, name: user, options });
  await page.waitFor('connect');
  assert.equal(await page.transport(), transport);
  assert.deepEqual(await page.login(proof.argument(stack, user)), { ok: true });
  return page;
}

// Until the last poll is answered a thread of apache's waits, and holds up its end.
async function leave(stack, pages) {
  for (const page of pages) await page.close();
  await until('the pages to be gone', async () => (await stack.publish('GET', '/online')).json.sessions === 0);
}

async function send(stack, message) {
  const { status, text } = await stack.api('POST', '/messages', { service: true, json: message });
  assert.equal(status, 201, text);
}

// A message arrives, the page asks, the user reads.
async function visit(stack, place) {
  const { user } = place;
  const page = await openPage(stack, place);
  assert.deepEqual(await check(stack, user, 'POST'), { num: 0, hit: 0 });
  await send(stack, { to: user, title: 'Your order has shipped' });
  await page.waitFor('new_msg', { likes: (text) => text === TEXT });
  assert.deepEqual(await check(stack, user, 'POST'), { num: 1, hit: 1 });
  assert.deepEqual(await check(stack, user, 'GET'), { num: 1, hit: 1 });
  const { status } = await stack.api('POST', '/messages/read', { headers: fromPage(stack, user), json: { all: true } });
  assert.equal(status, 200);
  assert.deepEqual(await check(stack, user, 'POST'), { num: 0, hit: 0 });
  assert.deepEqual(page.all('disconnect'), []);
  await leave(stack, [page]);
}

for (const server of ['nginx', 'apache']) {
  for (const [name, proof] of Object.entries(proofs)) {
    test(`pages behind ${server}, logged in by ${name}`, async (t) => {
      const stack = await startStack(t, { server, serverOptions: include[server], config: { ...SOCKETIO, 'relay.pace': '0', ...proof.config } });
      for (const release of proof.releases ?? ['1.3.7', '2.5.0'])
        for (const transport of ['polling', 'websocket'])
          await t.test(`socket.io-client ${release} by ${transport}`, () =>
            visit(stack, { release, transport, proof, user: `${release} ${transport}` }));
    });
  }

  test(`one message to everybody behind ${server} reaches every page, and each asks for itself`, async (t) => {
    const proof = proofs['a bare id'];
    const stack = await startStack(t, { server, serverOptions: include[server], config: { ...SOCKETIO, 'relay.pace': '0', ...proof.config } });
    const places = ['1.3.7', '2.5.0'].flatMap((release) =>
      ['polling', 'websocket'].map((transport) => ({ release, transport, proof, user: `${release} ${transport}` })));
    const pages = await Promise.all(places.map((place) => openPage(stack, place)));
    for (const { user } of places) assert.deepEqual(await check(stack, user, 'GET'), { num: 0, hit: 0 });
    await send(stack, { to: '*', title: '茶' });
    await Promise.all(pages.map((page) => page.waitFor('new_msg', { likes: (text) => text === TEXT })));
    for (const { user } of places) assert.deepEqual(await check(stack, user, 'POST'), { num: 1, hit: 1 });
    await leave(stack, pages);
  });

  test(`the check behind ${server} tells a stranger nothing, and never a 0`, async (t) => {
    const stack = await startStack(t, { server, serverOptions: include[server], relay: false });
    await send(stack, { to: '42', title: 'for 42 alone' });
    const strangers = [{}, { cookie: 'doorbell_token=42' }, { 'remote-user': '42' }];
    for (const headers of strangers) {
      const { status, json } = await stack.request('POST', '/message/check?uid=42', { headers, form: { uid: '42', user: '42' } });
      assert.equal(status, 401);
      assert.equal(json.num, undefined);
    }
    assert.deepEqual(await check(stack, '43', 'POST'), { num: 0, hit: 0 });
    assert.deepEqual(await check(stack, '42', 'POST'), { num: 1, hit: 1 });
  });
}
