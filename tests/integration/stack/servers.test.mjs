// SPDX-License-Identifier: MIT
// What the snippets of deploy/nginx and deploy/apache hand to doorbell-app, and what they serve
// themselves.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { startFastcgiEcho } from '../../harness/fastcgi_echo.mjs';
import { makeFolder } from '../../harness/folder.mjs';
import { request } from '../../harness/http.mjs';
import { freePort } from '../../harness/port.mjs';
import { startApache, startNginx } from '../../harness/servers.mjs';

const AWKWARD_USER = 'a/b%ü 中';

// As before several, though all members lead to the one that a test has.
const startBalancers = (t, where, options) =>
  startApache(t, where, {
    ...options,
    relays: [`http://127.0.0.1:${where.relayPort}`],
    apps: ['one', 'two'].map((app) => `unix:${where.appSocket}|fcgi://${app}`),
  });

const servers = { nginx: startNginx, apache: startApache, 'apache with balancers': startBalancers };
const kindOf = (name) => name.split(' ')[0];

// The line of a server's own that takes in the snippet for old pages.
const legacy = { nginx: { server: 'include legacy.conf;' }, apache: { server: 'Include legacy.conf' } };

async function startEcho(t, start, options) {
  const dir = makeFolder();
  const where = { dir, port: await freePort(), appSocket: path.join(dir, 'app.sock'), relayPort: await freePort() };
  await startFastcgiEcho(t, where.appSocket);
  await start(t, where, options);
  return `http://127.0.0.1:${where.port}`;
}

// In the relay's place: answers with the headers that reach it, and keeps them in `seen`.
async function startHeaderEcho(t, start, seen = []) {
  const dir = makeFolder();
  const where = { dir, port: await freePort(), appSocket: path.join(dir, 'none.sock'), relayPort: await freePort() };
  const echo = http.createServer((req, res) => {
    seen.push(req.headers);
    res.end(JSON.stringify({ url: req.url, ...req.headers }));
  });
  echo.listen(where.relayPort, '127.0.0.1');
  await once(echo, 'listening');
  t.after(() => {
    echo.close();
    echo.closeAllConnections();
  });
  await start(t, where);
  return `http://127.0.0.1:${where.port}`;
}

for (const [name, start] of Object.entries(servers)) {
  test(`${name} hands on the path as it was sent`, async (t) => {
    const url = await startEcho(t, start);
    const paths = [
      `/doorbell/groups/staff/members/${encodeURIComponent(AWKWARD_USER)}?x=%2F&y=a+b`,
      '/doorbell/users/%2e%2e%2f',
      '/doorbell/messages/1%20?category=%E4%B8%AD',
      '/doorbell/unread',
    ];
    for (const one of paths) {
      const { status, json, text } = await request(url, 'GET', one);
      assert.equal(status, 200, `${one}: ${text}`);
      assert.equal(json.params.REQUEST_URI, one);
      assert.equal(json.params.QUERY_STRING, one.split('?')[1] ?? '');
    }
  });

  test(`${name} hands on identity, and the body whole`, async (t) => {
    const url = await startEcho(t, start);
    const headers = {
      authorization: 'Bearer of-good-news',
      cookie: 'doorbell_token=abc; other=1',
      origin: 'http://example.org',
      'if-none-match': '"x"',
      'content-type': 'application/json',
      proxy: 'http://attacker.example',
    };
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    const { json } = await request(url, 'POST', '/doorbell/messages', { headers, body });
    assert.equal(json.bytes, body.length);
    assert.equal(json.params.HTTP_AUTHORIZATION, headers.authorization);
    assert.equal(json.params.HTTP_COOKIE, headers.cookie);
    assert.equal(json.params.HTTP_ORIGIN, headers.origin);
    assert.equal(json.params.HTTP_IF_NONE_MATCH, headers['if-none-match']);
    assert.equal(json.params.CONTENT_TYPE, headers['content-type']);
    assert.equal(json.params.CONTENT_LENGTH, String(body.length));
    assert.equal(json.params.REQUEST_METHOD, 'POST');
    assert.equal(json.params.HTTP_HOST, new URL(url).host);
    assert.ok(!json.params.HTTP_PROXY, 'HTTP_PROXY must not come from a header');
  });

  test(`${name} says by which scheme a page came`, async (t) => {
    const url = await startEcho(t, start);
    const { params } = (await request(url, 'GET', '/doorbell/unread')).json;
    assert.equal(params.REQUEST_SCHEME, 'http');
    assert.ok(!params.HTTPS || params.HTTPS === 'off');
  });

  test(`${name} never lets a client name its own REMOTE_USER`, async (t) => {
    const url = await startEcho(t, start);
    const basic = `Basic ${Buffer.from('root:guess').toString('base64')}`;
    const headers = { 'remote-user': 'root', remote_user: 'root', authorization: basic };
    const { params } = (await request(url, 'GET', '/doorbell/unread', { headers })).json;
    assert.equal(params.REMOTE_USER, undefined);
  });

  test(`${name} makes of an old page's check what GET /unread is`, async (t) => {
    const url = await startEcho(t, start, legacy[kindOf(name)]);
    const headers = { cookie: 'doorbell_token=abc' };
    const bodies = [{ form: { uid: '43', category: 'x' } }, { json: { uid: 43 } }, { body: '' }, { body: 'a\n\0b\r\n'.repeat(8000) }];
    for (const [method, options] of [['GET', {}], ['HEAD', {}], ...bodies.map((body) => ['POST', body])]) {
      const asked = await request(url, method, '/message/check?category=x&category=y&%zz', { headers, ...options });
      assert.equal(asked.status, 200, asked.text);
      if (method === 'HEAD') continue;
      const { params, bytes } = asked.json;
      assert.equal(bytes, 0);
      assert.deepEqual([params.REQUEST_METHOD, params.REQUEST_URI], ['GET', '/doorbell/unread']);
      assert.deepEqual([params.QUERY_STRING || '', params.CONTENT_TYPE || ''], ['', '']);
      assert.equal(Number(params.CONTENT_LENGTH || 0), 0);
      assert.equal(params.HTTP_COOKIE, headers.cookie);
      assert.equal(params.HTTP_HOST, new URL(url).host);
      assert.equal(params.REMOTE_USER, undefined);
    }
    for (const other of ['/message/checks', '/message', '/MESSAGE/check'])
      assert.equal((await request(url, 'GET', other)).status, 404, other);
  });

  test(`${name} lets a socket.io page upgrade to WebSocket and to nothing else`, async (t) => {
    const url = await startHeaderEcho(t, start);
    const path = '/socket.io/?EIO=3&transport=polling&t=1-0';
    const ask = async (headers) => (await request(url, 'GET', path, { headers })).json;
    for (const upgrade of ['h2c', 'TLS/1.0', 'websocket, h2c', 'h2c, websocket', 'xwebsocket']) {
      const seen = await ask({ connection: 'Upgrade, HTTP2-Settings', upgrade, 'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA' });
      assert.equal(seen.upgrade, undefined, upgrade);
      assert.doesNotMatch(seen.connection ?? '', /upgrade/i, upgrade);
    }
    const plain = await ask({ origin: url, 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a' });
    assert.deepEqual([plain.url, plain.host, plain.origin], [path, new URL(url).host, url]);
    // What a client claims comes before what the web server adds.
    assert.equal(plain['x-forwarded-for'], '192.0.2.1, 127.0.0.1');
    assert.equal(plain['x-forwarded-proto'], 'https, http');
    assert.equal(plain['x-forwarded-host'], `a, ${new URL(url).host}`);
    assert.equal(plain.upgrade, undefined);
    const socket = await ask({ connection: 'keep-alive, Upgrade', upgrade: 'WebSocket', 'sec-websocket-version': '13' });
    assert.equal(socket.upgrade.toLowerCase(), 'websocket');
    assert.equal(socket.connection.toLowerCase(), 'upgrade');
    assert.equal(socket['x-forwarded-for'], '127.0.0.1');
    assert.match(socket['x-forwarded-proto'], /^(, )?http$/);
  });

  test(`${name} hands on no other upgrade of a bell than WebSocket, and none of an event stream`, async (t) => {
    const seen = [];
    const url = await startHeaderEcho(t, start, seen);
    for (const upgrade of ['websocket', 'h2c', 'websocket, h2c', 'h2c, websocket', undefined])
      for (const target of ['/ws', '/events']) {
        const headers = upgrade ? { connection: 'Upgrade', upgrade, 'sec-websocket-version': '13' } : {};
        await request(url, 'GET', target, { headers }).catch(() => {}); // no WebSocket
        const got = seen.pop();
        const isBell = target === '/ws' && (upgrade === 'websocket' || kindOf(name) === 'nginx');
        assert.deepEqual([target, upgrade, got.upgrade], [target, upgrade, isBell ? 'websocket' : undefined]);
      }
  });

  test(`${name} gives the relay the token's cookie, and none of the site's`, async (t) => {
    const seen = [];
    const url = await startHeaderEcho(t, start, seen);
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
    for (const [target, headers] of [['/ws', upgrade], ['/events', {}], ['/socket.io/?EIO=4&transport=polling', {}]]) {
      const see = async (...cookies) => {
        seen.length = 0;
        await request(url, 'GET', target, { headers: { ...headers, cookie: cookies.join('; ') } }).catch(() => {}); // no WebSocket
        assert.equal(seen.length, 1);
        return (seen[0].cookie ?? '').split(';').map((one) => one.trim()).filter(Boolean);
      };
      const [plain, host] = ['doorbell_token=a.b.c', '__Host-doorbell_token=d.e-f'];
      assert.deepEqual(await see('PHPSESSID=secret'), []);
      assert.deepEqual(await see('PHPSESSID=secret', 'my_doorbell_token=x'), []);
      assert.deepEqual(await see('PHPSESSID=secret', plain, 'theme=dark'), [plain]);
      assert.deepEqual(await see('PHPSESSID=secret', host), [host]);
      assert.deepEqual(await see(host, 'lang=zh'), [host]);
      // apache's own, by which it finds the relay of a session.
      const its = 'doorbell_relay=.12';
      assert.deepEqual(await see('PHPSESSID=secret', its, plain), kindOf(name) === 'nginx' ? [plain] : [its, plain]);
      // nginx passes what counts, apache both tokens: which one counts is the relay's to say.
      const both = (...cookies) => (kindOf(name) === 'nginx' ? cookies.filter((one) => one.startsWith('__Host-')) : cookies);
      assert.deepEqual(await see('a=1', plain, 'b=2', host, 'c=3'), both(plain, host));
      assert.deepEqual(await see(host, 'b=2', plain), both(host, plain));
      // Of two values the relay sees both, however far apart.
      for (const one of ['doorbell_token', '__Host-doorbell_token']) {
        const [a, b] = [`${one}=a`, `${one}=b`];
        assert.deepEqual(await see('PHPSESSID=secret', a, b), [a, b]);
        assert.deepEqual(await see(a, 'PHPSESSID=secret', `${one}=ab`, 'x=1'), [a, `${one}=ab`]);
        assert.deepEqual(new Set(await see('x=1', a, 'y=2', a, 'PHPSESSID=secret', b, a)), new Set([a, b]));
        assert.deepEqual(new Set(await see(a, 'x=1', a, 'PHPSESSID=secret')), new Set([a]));
        assert.deepEqual(await see(`${one} =a`, 'PHPSESSID=secret', `${one}= b `), [`${one} =a`, `${one}= b`]);
        assert.deepEqual(await see('PHPSESSID=secret', `x=${a}`, `x${a}`, `${one}s=1`), []);
      }
      const many = Array.from({ length: 180 }, () => `${plain}   `);
      assert.deepEqual(new Set(await see('PHPSESSID=secret', ...many, 'x=1')), new Set([plain]));
      assert.deepEqual(new Set(await see('PHPSESSID=secret', ...many, host, 'x=1')), new Set(both(plain, host)));
    }
  });

  test(`${name} keeps the site's cookies back from two Cookie fields as well`, async (t) => {
    const seen = [];
    const { port } = new URL(await startHeaderEcho(t, start, seen));
    const rows = [
      [['doorbell_token=a', 'PHPSESSID=secret'], { nginx: 'doorbell_token=a', apache: 'doorbell_token=a,' }],
      [['x=1; PHPSESSID=secret', 'y=2; doorbell_token=a; z=3'], { nginx: 'doorbell_token=a', apache: '; doorbell_token=a' }],
      [['doorbell_relay=.12', 'PHPSESSID=secret'], { apache: 'doorbell_relay=.12,' }],
      [['doorbell_token=a', 'doorbell_token=b; x=1'], { nginx: 'doorbell_token=a;doorbell_token=b', apache: 'doorbell_token=a,' }],
    ];
    for (const [fields, expected] of rows) {
      const socket = net.connect(port, '127.0.0.1').resume();
      socket.write(`GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields.map((one) => `Cookie: ${one}\r\n`).join('')}\r\n`);
      await once(socket, 'close');
      assert.equal(seen.pop().cookie, expected[kindOf(name)]);
    }
  });

  test(`${name} serves doorbell.js and its parts`, async (t) => {
    const url = await startEcho(t, start);
    for (const file of ['/doorbell.js', '/bell/client.js', '/bell/network/api.js', '/doorbell.min.js', '/doorbell.load.js', '/doorbell.mjs', '/ui/list.js', '/ui/min/list.js', '/ui/min/toasts.js', '/words/zh-CN.js']) {
      const { status, headers, text } = await request(url, 'GET', file);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
      assert.equal(headers['cache-control'], 'no-cache');
      assert.match(text, /SPDX-License-Identifier/);
    }
    assert.equal((await request(url, 'GET', '/bell/../../doorbell.conf')).status >= 400, true);
  });

  test(`${name} lets browsers keep for good what is named by its content, and nothing else`, async (t) => {
    const dir = makeFolder();
    const where = { dir, port: await freePort(), appSocket: path.join(dir, 'none.sock'), relayPort: await freePort() };
    await start(t, where);
    const url = `http://127.0.0.1:${where.port}`;
    const hashed = '/doorbell.0123456789ab.min.js';
    copyFileSync(path.join(dir, 'www/doorbell.min.js'), path.join(dir, 'www', hashed));
    const { status, headers, text } = await request(url, 'GET', hashed);
    assert.equal(status, 200);
    assert.deepEqual([headers['content-type'], headers['cache-control']], ['text/javascript; charset=utf-8', 'public, max-age=31536000, immutable']);
    assert.equal(text, (await request(url, 'GET', '/doorbell.min.js')).text);
    const again = await request(url, 'GET', hashed, { headers: { 'if-none-match': headers.etag } });
    assert.equal(again.status, 304);
    for (const other of ['/doorbell.ba9876543210.min.js', '/doorbell.0123456789AB.min.js', '/doorbell.0123456789ab.js', '/ui/doorbell.0123456789ab.min.js']) {
      const gone = await request(url, 'GET', other);
      assert.deepEqual([gone.status, gone.headers['cache-control']], [404, undefined], other);
    }
  });

  test(`${name} answers 502 or 503 while doorbell-app is down`, async (t) => {
    const dir = makeFolder();
    const where = { dir, port: await freePort(), appSocket: path.join(dir, 'none.sock'), relayPort: await freePort() };
    await start(t, where);
    const { status } = await request(`http://127.0.0.1:${where.port}`, 'GET', '/doorbell/unread');
    assert.ok(status === 502 || status === 503, String(status));
  });
}
