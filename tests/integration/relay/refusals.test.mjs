// SPDX-License-Identifier: MIT
// A page of a listed origin can read why it was refused, on whatever path and by whichever layer; a
// foreign one cannot.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN } from '../../harness/index.mjs';
import { ask, requestText, startScene, UPGRADE } from '../socketio/raw.mjs';
import { Raw } from './scene.mjs';

const OURS = 'https://a.example';
const POLLING = '/socket.io/?EIO=4&transport=polling';

const rows = [
  [400, 'GET', '/ws', { headers: { upgrade: 'websocket' } }],
  [400, 'GET', '/socket.io/', {}],
  [400, 'POST', `${POLLING}&sid=x`, { body: '2' }],
  [401, 'GET', '/events', {}],
  [404, 'GET', '/none', {}],
  [404, 'GET', '/health', {}],
  [405, 'POST', '/ws', { body: '' }],
  [405, 'POST', '/events', { body: '' }],
  [411, 'POST', POLLING, { headers: { 'transfer-encoding': 'chunked' } }],
  [411, 'POST', '/none', {}],
  [413, 'POST', POLLING, { headers: { 'content-length': '1000000' } }],
  [413, 'POST', '/events', { headers: { 'content-length': '1' } }],
  [417, 'GET', '/ws', { headers: { expect: 'the unexpected' } }],
  [426, 'GET', '/ws', {}],
  [426, 'GET', '/ws', { headers: { ...UPGRADE, 'sec-websocket-version': '8' } }],
  [431, 'GET', POLLING, { headers: { cookie: 'x'.repeat(9000) } }],
  [431, 'GET', `${POLLING}&x=${'x'.repeat(9000)}`, {}, false], // what comes after the long line is not known
  [431, 'GET', POLLING, { headers: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`x-${i}`, '1'])) }],
];

const readers = ({ headers }) => [headers['access-control-allow-origin'], headers['access-control-allow-credentials'], headers.vary];

test('each refusal can be read by a page of a listed origin, and by no other', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'auth.origins': OURS, 'relay.max_head': '8192' });
  for (const [status, method, target, { headers = {}, body }, isKnown = true] of rows) {
    const what = `${status} ${method} ${target.slice(0, 60)}`;
    const ours = await ask(t, scene, method, target, { headers: { origin: OURS, ...headers }, body });
    assert.equal(ours.status, status, what);
    assert.deepEqual(readers(ours), isKnown ? [OURS, 'true', 'Origin'] : [undefined, undefined, undefined], what);
    for (const more of [{ origin: 'https://evil.example' }, {}]) {
      const other = await ask(t, scene, method, target, { headers: { ...more, ...headers }, body });
      assert.ok(other.status >= 400, what);
      assert.deepEqual(readers(other), [undefined, undefined, undefined], what);
    }
    assert.ok((await scene.metric('refused_upgrades_total', { status: String(status) })) > 0, what);
  }
  assert.equal(await scene.metric('refused_upgrades_total', { reason: 'other' }), 0, 'each says why');
});

test('refusals for want of room can be read as well', async (t) => {
  const rooms = { 503: { 'relay.max_sessions': '10' }, 429: { 'relay.max_anonymous_accepts_per_address': '1' } };
  for (const [status, room] of Object.entries(rooms)) {
    const scene = await startScene(t, { 'auth.origins': OURS, ...room });
    for (const [target, headers] of [[POLLING, {}], ['/ws', UPGRADE]]) {
      for (let isRefused = false; !isRefused; ) {
        const raw = new Raw(t, scene.port);
        await raw.write(requestText('GET', target, { headers: { origin: OURS, ...headers } }));
        const head = await raw.untilText(/\r\n\r\n/);
        isRefused = head.startsWith(`HTTP/1.1 ${status} `);
        if (isRefused) assert.match(head, /\r\nAccess-Control-Allow-Origin: https:\/\/a\.example\r\n/);
        if (isRefused) assert.match(head, /\r\nRetry-After: 5\r\n/);
      }
    }
  }
});
