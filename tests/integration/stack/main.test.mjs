// SPDX-License-Identifier: MIT
// The main job from end to end, before each web server: a message is sent, the bell rings, the page
// asks, the badge counts.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';

const AWKWARD_USER = 'a/b%ü 中';

for (const server of ['nginx', 'apache']) {
  test(`a message rings, counts, is listed and read, through ${server}`, async (t) => {
    const stack = await startStack(t, { server });
    for (const user of ['42', AWKWARD_USER]) {
      const bell = await stack.connect(user, { through: true });
      assert.equal((await stack.api('GET', '/unread', { user })).json.num, 0);

      const sent = await stack.api('POST', '/messages', { service: true, json: { to: user, title: 'Tea', body: 'is ready' } });
      assert.equal(sent.status, 201, sent.text);
      assert.equal(sent.json.recipients, 1);

      const ring = await bell.next('ring');
      assert.equal(ring.num, 1);
      assert.equal(ring.hit, 1);
      assert.equal(ring.id, sent.json.id);

      const unread = await stack.api('GET', '/unread', { user });
      assert.equal(unread.json.num, 1);
      assert.equal(unread.json.latest, sent.json.id);
      assert.equal(unread.json.version, ring.version);

      const list = await stack.api('GET', '/messages', { user });
      assert.deepEqual(list.json.messages.map(({ title, body, read }) => [title, body, read]), [['Tea', 'is ready', false]]);

      const from = bell.frames.length;
      const read = await stack.api('POST', `/messages/${sent.json.id}/read`, { user });
      assert.equal(read.status, 200, read.text);
      assert.equal(read.json.num, 0);
      assert.equal((await bell.next('ring', { from })).num, 0, 'the other tabs hear of it');
    }
  });

  test(`a page logs in by its cookie through ${server}, from its own origin alone`, async (t) => {
    const stack = await startStack(t, { server });
    const cookie = `doorbell_token=${stack.token('42')}`;
    const bell = stack.connectRaw({ through: true, headers: { cookie, origin: stack.url } });
    assert.equal((await bell.next('welcome')).user, '42');

    const foreign = stack.connectRaw({ through: true, headers: { cookie, origin: 'http://attacker.example' } });
    await foreign.untilClosed();
    assert.equal(foreign.frames.length, 0);

    const json = { ids: [1] };
    const write = (origin) => stack.api('POST', '/messages/read', { cookie: '42', json, headers: { origin } });
    assert.equal((await write('http://attacker.example')).status, 403);
    assert.equal((await write(stack.url)).status, 404);
  });

  test(`a broadcast reaches all pages through ${server}`, async (t) => {
    const stack = await startStack(t, { server });
    const bells = [];
    for (const user of ['1', '2', '3']) {
      await stack.api('GET', '/unread', { user });
      bells.push(await stack.connect(user, { through: true }));
    }
    const { json } = await stack.api('POST', '/messages', { service: true, form: { to: '*', title: 'News', body: 'for all' } });
    assert.equal(json.recipients, null);
    for (const bell of bells) await bell.next('ring');
    for (const user of ['1', '2', '3']) assert.equal((await stack.api('GET', '/unread', { user })).json.num, 1);
  });

  test(`a message to a long list passes through ${server}`, async (t) => {
    const stack = await startStack(t, { server, relay: false });
    for (const length of [1_000, 7_000, 100_000]) {
      const to = Array.from({ length }, (_, n) => `user-${length}-${n}`);
      const { status, json, text } = await stack.api('POST', '/messages', { service: true, json: { to, title: 'x', body: 'y' } });
      assert.equal(status, 201, text);
      assert.equal(json.recipients, length);
    }
  });

  test(`what is too big is refused by the program, in its own words, through ${server}`, async (t) => {
    const stack = await startStack(t, { server, relay: false });
    const body = JSON.stringify({ to: '1', title: 'x', body: 'y'.repeat(8 * 1024 * 1024) });
    const headers = { 'content-type': 'application/json' };
    const { status, json, text } = await stack.api('POST', '/messages', { service: true, headers, body });
    assert.equal(status, 413, text);
    assert.equal(typeof json?.error?.message, 'string', text);
  });

  test(`only WebSocket is upgraded through ${server}`, async (t) => {
    const stack = await startStack(t, { server });
    for (const upgrade of ['h2c', 'TLS/1.0', 'nonsense']) {
      const { status } = await stack.request('GET', '/ws', { headers: { connection: 'upgrade', upgrade } });
      assert.ok(status >= 400 && status < 600, `${upgrade}: ${status}`);
    }
    await (await stack.connect('42', { through: true })).next('welcome');
  });
}
