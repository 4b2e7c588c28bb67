// SPDX-License-Identifier: MIT
// The text of a message to everybody behind a web server: nginx asks the app once for all pages, and keeps it no longer than
// it may; apache asks for each of them. Neither hands on who asks.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { startFastcgiEcho } from '../../harness/fastcgi_echo.mjs';
import { freePort, makeFolder, request, startApache, startNginx, startStack, until } from '../../harness/index.mjs';
import { parseMetrics } from '../../harness/metrics_text.mjs';

const PAGES = 2000;
const FEW = PAGES / 10; // who waits longer than nginx lets them for the first one's reply asks as well
const CONNECTIONS = 400;
const MINUTE_MS = 60_000;

async function send(stack, more = {}) {
  const { status, text, json } = await stack.api('POST', '/messages', { service: true, json: { to: '*', title: 'News', ...more } });
  assert.equal(status, 201, text);
  return json.id;
}

// How many of these requests the app has had.
async function askedOf(stack) {
  const { text } = await stack.api('GET', '/metrics', { service: true });
  const { samples } = parseMetrics(text).get('doorbell_app_requests_total');
  return samples.filter(({ labels }) => labels.route === '/broadcasts/{id}').reduce((sum, { value }) => sum + value, 0);
}

// As so many pages that are rung at once; how many got which status.
async function askAsPages(stack, uri, pages = PAGES) {
  const statuses = {};
  let left = pages;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (left-- > 0) {
      const { status } = await stack.api('GET', uri);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  }));
  return statuses;
}

test('nginx asks the app once for all pages, and a recall ends it within a minute, or at once for who has heard of it', async (t) => {
  const stack = await startStack(t);
  const id = await send(stack);
  const uri = await stack.broadcastPath(id);
  assert.deepEqual(await askAsPages(stack, uri), { 200: PAGES });
  const asked = await askedOf(stack);
  assert.ok(asked >= 1 && asked <= FEW, `${asked} requests`);

  const recalled = await stack.api('DELETE', `/sent/${id}`, { service: true });
  assert.equal(recalled.status, 200);
  const recalledAt = Date.now();
  assert.equal((await stack.api('GET', uri)).status, 200, 'it is kept, or this test shows nothing');
  // Who knows that something has happened since, asks by another address.
  const gone = await askAsPages(stack, `${uri}&seq=17`);
  assert.deepEqual(gone, { 404: PAGES });
  const askedForGone = (await askedOf(stack)) - asked;
  assert.ok(askedForGone <= FEW, `${askedForGone} requests for what is gone`);
  await until('the text to be gone', async () => (await stack.api('GET', uri)).status === 404, { timeoutMs: MINUTE_MS });
  assert.ok(Date.now() - recalledAt <= MINUTE_MS);
});

test('nginx keeps nothing beyond its expiry, and no refusal of a wrong capability', async (t) => {
  const stack = await startStack(t, { relay: false });
  const id = await send(stack, { expires_in: 3 });
  const uri = await stack.broadcastPath(id);
  const expired = async () => (await stack.db.query('SELECT expires_at <= clock_timestamp() AS yes FROM doorbell.message WHERE id = $1', [id])).rows[0].yes;
  const seen = await until('the message to expire', async () => {
    const isOver = await expired();
    const { status } = await stack.api('GET', uri);
    assert.equal(isOver && status === 200, false, 'it was shown after its expiry');
    return isOver && status;
  });
  assert.equal(seen, 404);
  const before = await askedOf(stack);
  for (let i = 0; i < 3; i++) assert.equal((await stack.api('GET', `${uri}A`)).status, 404);
  assert.equal((await askedOf(stack)) - before, 3);
});

test('nginx keeps replies to HEAD and GET apart, and none to what is neither', async (t) => {
  const stack = await startStack(t, { relay: false });
  const uri = await stack.broadcastPath(await send(stack));
  for (let i = 0; i < 2; i++) {
    assert.deepEqual([(await stack.api('HEAD', uri)).status, (await stack.api('HEAD', uri)).text], [200, '']);
    assert.equal((await stack.api('GET', uri)).json.title, 'News');
    assert.equal((await stack.api('POST', uri)).status, 405);
  }
  assert.equal(await askedOf(stack), 2);
});

for (const [name, start] of Object.entries({ nginx: startNginx, apache: startApache })) {
  test(`${name} hands on nothing of who asks for the text of a message to everybody`, async (t) => {
    const dir = makeFolder();
    const where = { dir, port: await freePort(), appSocket: path.join(dir, 'app.sock'), relayPort: await freePort() };
    await startFastcgiEcho(t, where.appSocket);
    await start(t, where);
    const uri = '/doorbell/broadcasts/17?c=x.y&seq=3';
    const headers = { cookie: 'doorbell_token=abc', authorization: 'Bearer of-good-news', 'doorbell-user': '42', 'x-forwarded-for': '192.0.2.1' };
    const { params } = (await request(`http://127.0.0.1:${where.port}`, 'GET', uri, { headers })).json;
    assert.deepEqual([params.REQUEST_METHOD, params.REQUEST_URI, params.QUERY_STRING], ['GET', uri, 'c=x.y&seq=3']);
    for (const header of ['COOKIE', 'AUTHORIZATION', 'DOORBELL_USER']) assert.equal(params[`HTTP_${header}`], undefined, header);
  });
}

test('behind apache every page asks the app, and all get the text', async (t) => {
  const stack = await startStack(t, { server: 'apache', relay: false });
  const id = await send(stack);
  const uri = await stack.broadcastPath(id);
  assert.deepEqual(await askAsPages(stack, uri), { 200: PAGES });
  assert.equal(await askedOf(stack), PAGES);
  await stack.api('DELETE', `/sent/${id}`, { service: true });
  assert.equal((await stack.api('GET', uri)).status, 404);
});
