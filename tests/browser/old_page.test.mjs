// SPDX-License-Identifier: MIT
// A page as web-msg-sender's users have it, its script untouched, in a real browser: the cookie that the
// back end sets is all that is new. By the web server, and by the relay's own port.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { SOCKETIO, startStack, until } from '../harness/index.mjs';
import { bundleOf } from '../harness/socketio.mjs';
import { openProfile, send, setCookie } from './pages.mjs';

const releases = ['1.3.7', '2.5.0'];
const transports = ['polling', 'websocket'];

const pageOf = (release, address, transport) => `<!doctype html><meta charset="utf-8"><title>Old</title>
<link rel="icon" href="data:,"><span id="num"></span><span id="online"></span>
<script src="/socket.io-${release}.js"></script>
<script>
var uid = '42', rung = [], refused = 0, hits = 0;
var socket = io('${address}', { transports: ['${transport}'], reconnectionAttempts: 2, reconnectionDelay: 100 });
socket.on('connect', function () { socket.emit('login', uid); });
socket.on('connect_error', function () { refused++; });
socket.on('update_online_count', function (text) { document.getElementById('online').innerHTML = text; });
socket.on('new_msg', function (text) { rung.push(text); check(); });
function check() {
  var request = new XMLHttpRequest();
  request.open('POST', '/message/check');
  request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
  request.onload = function () {
    var answer = JSON.parse(request.responseText);
    document.getElementById('num').textContent = answer.num;
    hits += answer.hit;
  };
  request.send('uid=' + uid);
}
check();
</script>`;

const startSite = (t, config = {}) =>
  startStack(t, {
    serverOptions: { server: 'include legacy.conf;' },
    config: { ...SOCKETIO, 'relay.legacy_online_count': 'yes', 'relay.pace': '0', ...config },
  });

// `host` is where the page is from, `relayHost` where the relay is by its own port.
async function openOld(t, stack, { release, transport, way, host = '127.0.0.1', relayHost = '127.0.0.1' }) {
  const www = path.join(stack.dir, 'www');
  copyFileSync(bundleOf(release), path.join(www, `socket.io-${release}.js`));
  const address = way === 'relay' ? `http://${relayHost}:${stack.ports.relay}` : '';
  writeFileSync(path.join(www, 'old.html'), pageOf(release, address, transport));
  const profile = await openProfile(t);
  for (const url of [stack.url, `http://${host}:${stack.ports.web}`]) await setCookie(profile, { url }, stack.token('42'));
  const page = await profile.newPage();
  await page.goto(`http://${host}:${stack.ports.web}/old.html`);
  return page;
}

const sessionsOf = async (stack, user) => (await stack.publish('GET', `/online?user=${user}`)).json.online[user];

const shows = (page, num) => page.waitForFunction((wanted) => document.querySelector('#num').textContent === wanted, String(num));

for (const way of ['the web server', 'relay']) {
  for (const release of releases) {
    for (const transport of transports) {
      test(`socket.io-client ${release} by ${transport}, by ${way}`, async (t) => {
        const stack = await startSite(t);
        const page = await openOld(t, stack, { release, transport, way });
        await shows(page, 0);
        await until('the page to be logged in', async () => (await sessionsOf(stack, '42')) === 1);
        await page.waitForFunction(() => /<b>1<\/b>人在线/.test(document.querySelector('#online').innerHTML));
        await send(stack, { to: '42', title: 'Your order has shipped' });
        await shows(page, 1);
        assert.deepEqual(await page.evaluate(() => [window.rung, window.hits]), [['You have a new message'], 1]);
        await page.close();
      });
    }
  }
}

test('by the relay\'s own port the page\'s origin must be listed, by the web server not', async (t) => {
  const stack = await startSite(t, { 'auth.origins': '' });
  const place = { release: '2.5.0', transport: 'polling' };
  const page = await openOld(t, stack, { ...place, way: 'relay' });
  await page.waitForFunction(() => window.refused >= 1);
  assert.equal(await sessionsOf(stack, '42'), 0);
  await page.close();
  const other = await openOld(t, stack, { ...place, way: 'the web server' });
  await until('the page to be logged in', async () => (await sessionsOf(stack, '42')) === 1);
  await other.close();
});

// Browsers say Sec-Fetch-Site to https and to this machine only, and name no Origin when a page polls its own.
for (const [way, transport] of [['the web server', 'websocket'], ['relay', 'websocket'], ['relay', 'polling']]) {
  test(`on plain http the cookie counts by ${transport}, by ${way}`, async (t) => {
    const host = 'www.example.test';
    const stack = await startSite(t, { 'auth.origins': 'http://www.example.test:*' });
    const page = await openOld(t, stack, { release: '2.5.0', transport, way, host, relayHost: host });
    await shows(page, 0);
    await until('the page to be logged in', async () => (await sessionsOf(stack, '42')) === 1);
    await page.close();
  });
}

test('a page of another origin is not let in', async (t) => {
  const stack = await startSite(t);
  for (const transport of transports) {
    const page = await openOld(t, stack, { release: '2.5.0', transport, way: 'relay', host: 'localhost' });
    await page.waitForFunction(() => window.refused >= 1);
    assert.equal((await stack.publish('GET', '/online')).json.sessions, 0);
    await page.close();
  }
});
