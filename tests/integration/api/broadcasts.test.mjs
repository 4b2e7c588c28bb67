// SPDX-License-Identifier: MIT
// GET /broadcasts/{id}: the right capability opens the text for as long as the message is there; any other request learns nothing.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { makeKey, startStack, until } from '../../harness/index.mjs';

const cleanUps = [];
let stack;

// Without a web server's cache in between.
test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false, server: 'apache' });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

async function send(more = {}, on = stack) {
  const { status, text, json } = await on.api('POST', '/messages', { service: true, json: { to: '*', title: 'News', ...more } });
  assert.equal(status, 201, text);
  return json.id;
}

async function open(id, options) {
  return stack.api('GET', await stack.broadcastPath(id, options));
}

function assertText(answer, title = 'News') {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.title, title);
  assert.equal(answer.headers['cache-control'], 'public, max-age=0, s-maxage=59');
}

// The two refusals differ in how long they may be kept, and in nothing else.
let refusal;
function assertRefused(answer, cache) {
  assert.equal(answer.status, 404, answer.text);
  assert.equal(answer.json.error.code, 'not_found');
  assert.match(answer.json.error.message, /latest ring.*GET \/messages/);
  assert.equal(answer.text, (refusal ??= answer.text));
  assert.equal(answer.headers['cache-control'], cache);
}
const assertUnproven = (answer) => assertRefused(answer, 'no-store');
const assertGone = (answer) => assertRefused(answer, 'public, max-age=0, s-maxage=2');

test('the text of a message to everybody is the same for everybody', async () => {
  const sent = { title: 'Tëst', body: 'b\n', url: '/x', category: 'news', sender: 'shop', extra: { a: [1, null] } };
  const id = await send(sent);
  const uri = await stack.broadcastPath(id);
  const answer = await stack.api('GET', uri);
  assertText(answer, 'Tëst');
  const { created_at: at, ...rest } = answer.json;
  assert.deepEqual(rest, { id, ...sent });
  assert.ok(Math.abs(at - Date.now() / 1000) < 60);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  for (const headers of [{ cookie: 'doorbell_token=wrong' }, { authorization: 'Bearer wrong' }, { 'sec-fetch-site': 'cross-site', origin: 'http://other.example' }, { 'doorbell-user': 'other' }])
    assert.equal((await stack.api('GET', uri, { headers })).text, answer.text, JSON.stringify(headers));
  assert.equal((await stack.api('GET', `${uri}&seq=17`)).text, answer.text);
  const head = await stack.api('HEAD', uri);
  assert.deepEqual([head.status, head.text, head.headers['cache-control']], [200, '', answer.headers['cache-control']]);
});

test('what was left out is null', async () => {
  const { json } = await open(await send());
  assert.deepEqual([json.body, json.url, json.category, json.sender, json.extra], ['', null, null, null, null]);
});

test('without its capability it is 404, whether it exists or not', async () => {
  const id = await send();
  const right = await stack.broadcastPath(id);
  const other = await stack.broadcastPath(await send());
  const c = right.split('c=')[1];
  const wrong = [
    `/broadcasts/${id}`, `/broadcasts/${id}?c=`, `/broadcasts/${id}?c`, `/broadcasts/${id}?C=${c}`, `/broadcasts/999999999`, `/broadcasts/999999999?c=${c}`,
    `/broadcasts/${id}?c=${other.split('c=')[1]}`, `${right}A`, right.slice(0, -1), `${right}&c=${c}`, `/broadcasts/${id}?c=${c.split('.')[1]}`,
    `/broadcasts/${id}?c=0${c}`, `/broadcasts/${id}?c=${'9'.repeat(7000)}`, `/broadcasts/${id}?c=%F0%9F%94%94`, `/broadcasts/0?c=${c}`,
    `/broadcasts/9223372036854775807?c=${c}`, `/broadcasts/9223372036854775808?c=${c}`, `/broadcasts/${'9'.repeat(500)}?c=${c}`,
  ];
  for (const one of wrong) assertUnproven(await stack.api('GET', one));
  assertText(await stack.api('GET', right));
  assertText(await stack.api('GET', right.replace('/broadcasts/', '/broadcasts/00')));
  assertText(await stack.api('GET', right.replace('.', '%2e')));
});

test('an id that is no number, and another method, are what they are everywhere', async () => {
  const uri = await stack.broadcastPath(await send());
  for (const id of ['x', '-1', '1.0', '1e3', '%20']) assert.equal((await stack.api('GET', uri.replace(/\d+\?/, `${id}?`))).status, 404, id);
  assert.equal((await stack.api('GET', `${uri}%zz`)).status, 400);
  const refused = await stack.api('POST', uri);
  assert.deepEqual([refused.status, refused.headers.allow, refused.headers['cache-control']], [405, 'GET, HEAD', 'no-store']);
  assert.equal((await stack.api('GET', uri, { body: 'x' })).status, 413);
});

test('a personal message, one to a group and one that waits have no text for everybody', async () => {
  await stack.api('PUT', '/groups/editors/members/u', { service: true });
  const waiting = { send_at: Math.floor(Date.now() / 1000) + 3600 };
  for (const more of [{ to: 'u' }, { to: undefined, group: 'editors' }, waiting]) assertGone(await open(await send(more)));
});

test('a recalled and a replaced one are gone at once', async () => {
  const id = await send();
  assertText(await open(id));
  await stack.api('DELETE', `/sent/${id}`, { service: true });
  assertGone(await open(id));
  const about = { subject_type: 'sale', subject_id: '1', replace: true };
  const old = await send(about);
  const now = await send({ ...about, title: 'Newer' });
  assertGone(await open(old));
  assertText(await open(now), 'Newer');
});

test('one that expires is never kept beyond that', async () => {
  const id = await send({ expires_in: 3 });
  const uri = await stack.broadcastPath(id);
  const seen = [];
  await until('it to be gone', async () => {
    const began = Date.now();
    const { rows } = await stack.db.query('SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left FROM doorbell.message WHERE id = $1', [id]);
    const answer = await stack.api('GET', uri);
    const [, kept = '0'] = answer.headers['cache-control'].match(/s-maxage=(\d+)/) ?? [];
    seen.push(answer.status);
    if (answer.status === 404) return true;
    // nginx keeps it for a second more than it says.
    assert.ok(kept === '0' || Number(kept) + 1 <= rows[0].left, `${kept} of ${rows[0].left}, ${Date.now() - began} ms`);
    return false;
  });
  assertGone(await stack.api('GET', uri));
  assert.ok(seen.includes(200));
  assertText(await open(await send({ expires_in: 3600 })));
});

test('a capability is of one epoch', async () => {
  const id = await send();
  const before = await stack.broadcastPath(id);
  assertText(await stack.api('GET', before));
  assertGone(await open(id, { epoch: 1 }));
  await stack.db.query('SELECT doorbell.new_epoch()');
  assertGone(await stack.api('GET', before));
  assertText(await open(id));
});

test('while the key is rotated both open, and then the new one alone', async () => {
  const id = await send();
  const key = stack.secrets.add(makeKey());
  const old = await stack.broadcastPath(id);
  const renewed = await stack.broadcastPath(id, { key });
  const file = path.join(stack.dir, 'send.key');
  const reload = async (text) => {
    const from = stack.app.log.length;
    writeFileSync(file, text);
    stack.app.signal('SIGHUP');
    await stack.app.waitLog(/reload/, { from });
  };
  assertUnproven(await stack.api('GET', renewed));
  await reload(`${key}\n${stack.sendKey}\n`);
  for (const one of [old, renewed]) assertText(await stack.api('GET', one));
  await reload(`${key}\n`);
  assertUnproven(await stack.api('GET', old));
  assertText(await stack.api('GET', renewed));
  await reload(`${stack.sendKey}\n`);
});

test('a key that may not manage makes no capability', async (t) => {
  const named = await startStack(t, { relay: false, keys: { prometheus: 'metrics statistics send' } });
  const id = await send({}, named);
  assertUnproven(await named.api('GET', await named.broadcastPath(id, { key: named.keys.prometheus })));
  assertText(await named.api('GET', await named.broadcastPath(id)));
});

test('to guess costs the database nothing: it is refused also while there is none', async (t) => {
  const own = await startStack(t, { relay: false, server: null, ownCluster: true });
  const { id } = (await own.db.query("SELECT id FROM doorbell.send(to_all => true, title => 'News')")).rows[0];
  const right = await own.broadcastPath(id);
  const ask = (uri) => fastcgi({ path: own.appSocket }, { REQUEST_URI: `/doorbell${uri}` });
  assert.equal((await ask(right)).status, 200);
  await own.cluster.stop();
  for (let i = 0; i < 200; i++) assert.equal((await ask(`/broadcasts/${id}?c=1.${i}`)).status, 404);
  const refused = await ask(right);
  assert.deepEqual([refused.status, refused.headers['cache-control']], [503, 'no-store']);
});
