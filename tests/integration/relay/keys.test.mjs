// SPDX-License-Identifier: MIT
// What the publish port does before it has seen the key.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Raw, startScene } from './scene.mjs';

const head = (target, length, more = '') =>
  `POST ${target} HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;
const none = { authorization: '' };

// What a head alone is answered with: its body never comes.
async function answerToHead(t, scene, bytes) {
  const raw = new Raw(t, scene.publishPort);
  await raw.write(bytes);
  return raw.untilEnd(5000);
}

test('a call without the key is refused at its head', async (t) => {
  const scene = await startScene(t);
  for (const target of ['/publish', '/kick', '/online', '/revocations']) {
    const text = await answerToHead(t, scene, head(target, 1_000_000));
    assert.match(text, /^HTTP\/1\.1 401 [^]*Connection: close[^]*needs the publish key/, target);
    assert.match(await answerToHead(t, scene, head(target, 1_000_000, 'Authorization: Bearer wrong\r\n')), /^HTTP\/1\.1 401 /);
    assert.match(await answerToHead(t, scene, head(target, 9, 'Expect: 100-continue\r\n')), /^HTTP\/1\.1 401 /);
  }
  assert.match(await answerToHead(t, scene, head('/metrics', 1_000_000)), /^HTTP\/1\.1 405 /);
});

test('where the key may be in the body, no more than max_keyless_body is read for it', async (t) => {
  const scene = await startScene(t);
  const text = await answerToHead(t, scene, head('/', 1_000_000));
  assert.match(text, /^HTTP\/1\.1 413 [^]*Authorization header/);
  assert.match(await answerToHead(t, scene, head('/', 4097, 'Authorization: Bearer wrong\r\n')), /^HTTP\/1\.1 413 /);
  await scene.connect('42');
  const form = (size) => {
    const fields = `type=publish&to=42&key=${scene.publishKey}&content=`;
    return { headers: { ...none, 'content-type': 'application/x-www-form-urlencoded' }, body: fields.padEnd(size, 'x') };
  };
  assert.equal((await scene.call('POST', '/', form(4096))).text, 'ok');
  assert.equal((await scene.call('POST', '/', form(4097))).status, 413);
  const chunked = (size) => `POST / HTTP/1.1\r\nHost: relay\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${form(size).body}\r\n0\r\n\r\n`;
  assert.match(await answerToHead(t, scene, chunked(4097)), /^HTTP\/1\.1 413 [^]*Authorization header/);
  assert.match(await answerToHead(t, scene, chunked(50_000).slice(0, 20_000)), /^HTTP\/1\.1 413 /);
  const { body } = form(50_000);
  assert.equal((await scene.call('POST', '/', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })).text, 'ok');
});

test('max_keyless_body can be set, and does not count where no key is needed', async (t) => {
  const scene = await startScene(t, { 'relay.max_keyless_body': '1024' });
  assert.match(await answerToHead(t, scene, head('/', 1025)), /^HTTP\/1\.1 413 /);
  const legacy = await startScene(t, { 'relay.legacy_publish': 'yes' });
  const form = { type: 'publish', to: '42', content: 'x'.repeat(50_000) };
  assert.equal((await legacy.call('POST', '/', { headers: none, form })).text, 'offline');
});

test('calls without the key have a rate of their own', async (t) => {
  const scene = await startScene(t, { 'relay.max_keyless_per_second': '3', 'relay.max_publishes_per_second': '5' });
  const form = { type: 'publish', to: '42', key: 'wrong' };
  const calls = [
    { method: 'POST', target: '/publish', rest: { json: {} } },
    { method: 'POST', target: '/', rest: { form } },
    { method: 'GET', target: '/metrics', rest: {} },
  ];
  const many = Array.from({ length: 10 }, () => calls).flat();
  const answers = await Promise.all(many.map(({ method, target, rest }) => scene.call(method, target, { headers: none, ...rest })));
  const refused = answers.filter((one) => one.status === 429);
  assert.ok(refused.length >= 20, `${refused.length} were refused`);
  assert.equal(refused[0].headers['retry-after'], '1');
  assert.ok(answers.every((one) => one.status === 429 || one.status === 401));
  assert.equal((await scene.ring()).status, 200);
  assert.equal((await scene.call('GET', '/health', { headers: none })).status, 200);
});

test('whoever has the key is not counted with those without', async (t) => {
  const scene = await startScene(t, { 'relay.max_keyless_per_second': '1', 'relay.legacy_publish': 'yes' });
  const form = { type: 'publish', to: '42' };
  const keyless = await Promise.all(Array.from({ length: 10 }, () => scene.call('POST', '/', { headers: none, form })));
  assert.ok(keyless.filter((one) => one.status === 429).length >= 5);
  for (let i = 0; i < 10; i++) assert.equal((await scene.call('POST', '/', { form })).text, 'offline');
});
