// SPDX-License-Identifier: MIT
// nginx before several relays and several doorbell-apps, with the upstreams of deploy/README.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { freePort, makeFolder, startNginx, startRedis, top, until } from '../../harness/index.mjs';
import { openInNode } from '../../harness/socketio.mjs';
import { passOverAppsThatEnd, startSeveralApps } from './apps.mjs';
import { outliveRollingRestart } from './rolling.mjs';
import { startSite } from './scene.mjs';

// As the manual has it, with the places of this test in it; hashed as it says for socket.io.
function upstreamOf(relays, { hashed = false } = {}) {
  const manual = readFileSync(path.join(top, 'deploy/README.md'), 'utf8');
  const [text] = manual.match(/ {4}upstream doorbell_relay \{\n(?: {8}.*\n)+ {4}\}\n.*\n/);
  const [hash] = manual.match(/hash \$remote_addr consistent;/);
  let i = 0;
  const upstream = text.replace(/10\.0\.0\.\d+:2120/g, () => `127.0.0.1:${relays[i++].port}`);
  assert.equal(i, relays.length);
  return hashed ? upstream.replace('least_conn;', hash) : upstream;
}

function upstreamOfApps([socket, address]) {
  const manual = readFileSync(path.join(top, 'deploy/README.md'), 'utf8');
  const [text] = manual.match(/ {4}upstream doorbell_app \{\n(?: {8}.*\n)+ {4}\}\n.*\n/);
  return text.replace('/run/doorbell/app.sock', socket).replace(/10\.0\.0\.\d+:\d+/, address);
}

async function startFront(t, relays, options) {
  const port = await freePort();
  const where = { dir: makeFolder(), port, appSocket: '/nowhere', relayPort: 1 };
  await startNginx(t, where, { relays: upstreamOf(relays, options), workers: 1 });
  return port;
}

test('pages are spread over relays, rung once each, and outlive a rolling restart', async (t) => {
  const relays = await startSite(t, await startRedis(t), { count: 2 });
  await outliveRollingRestart(t, relays, await startFront(t, relays));
});

test('a client of socket.io that polls stays at one relay', async (t) => {
  const config = { 'relay.socketio': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_publish': 'yes' };
  const relays = await startSite(t, await startRedis(t), { count: 2, config });
  const port = await startFront(t, relays, { hashed: true });
  const page = await openInNode({ release: '4.8.4', transport: 'polling', url: `http://127.0.0.1:${port}`, name: 'page' });
  t.after(() => page.close());
  await page.waitFor('connect');
  await page.emit('login', '42');
  await until('the login', async () => (await relays[0].call('POST', '/online', { json: { users: ['42'] } })).json.users.length === 1);
  for (const [i, relay] of relays.entries())
    assert.equal((await relay.call('POST', '/', { form: { type: 'publish', to: '42', content: `text ${i}` } })).text, 'ok');
  await page.waitFor('new_msg', { likes: (text) => text === 'text 1' });
  assert.deepEqual(page.all('new_msg'), ['text 0', 'text 1']);
});

test('requests are spread over doorbell-apps, and one that ends is passed over at once', async (t) => {
  const stack = await startSeveralApps(t, (where, apps) => startNginx(null, where, { apps: upstreamOfApps(apps), workers: 1 }));
  await passOverAppsThatEnd(stack, ['stop']);
});
