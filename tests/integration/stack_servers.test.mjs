// SPDX-License-Identifier: MIT
// What the snippets of deploy/nginx and deploy/apache hand to doorbell-app, and what they serve
// themselves.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { startFastcgiEcho } from '../harness/fastcgi_echo.mjs';
import { makeFolder } from '../harness/folder.mjs';
import { request } from '../harness/http.mjs';
import { freePort } from '../harness/port.mjs';
import { startApache, startNginx } from '../harness/servers.mjs';

const AWKWARD_USER = 'a/b%ü 中';

const servers = { nginx: startNginx, apache: startApache };

async function startEcho(t, start) {
  const dir = makeFolder();
  const where = { dir, port: await freePort(), appSocket: path.join(dir, 'app.sock'), relayPort: await freePort() };
  await startFastcgiEcho(t, where.appSocket);
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

  test(`${name} serves doorbell.js and its parts`, async (t) => {
    const url = await startEcho(t, start);
    for (const file of ['/doorbell.js', '/bell/api.js']) {
      const { status, headers, text } = await request(url, 'GET', file);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
      assert.equal(headers['cache-control'], 'no-cache');
      assert.match(text, /SPDX-License-Identifier/);
    }
    assert.equal((await request(url, 'GET', '/bell/../../doorbell.conf')).status >= 400, true);
  });

  test(`${name} answers 502 or 503 while doorbell-app is away`, async (t) => {
    const dir = makeFolder();
    const where = { dir, port: await freePort(), appSocket: path.join(dir, 'none.sock'), relayPort: await freePort() };
    await start(t, where);
    const { status } = await request(`http://127.0.0.1:${where.port}`, 'GET', '/doorbell/unread');
    assert.ok(status === 502 || status === 503, String(status));
  });
}
