// SPDX-License-Identifier: MIT
// Connections of web servers: those that are idle, silent, slow or broken hold up nobody, and a
// SIGTERM lets what runs come to its end.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';

import { encodeRequest, fastcgi, FastcgiClient, record } from '../../harness/fastcgi_client.mjs';
import { formatSettings, freePort, startNginx, startStack, until, within } from '../../harness/index.mjs';

const bare = (config = {}) => ({ server: null, relay: false, config: { 'app.workers': '4', ...config } });
const health = (uri = '/doorbell/health') => ({ REQUEST_URI: uri });
const whereOf = (stack) => ({ path: stack.appSocket });

async function assertServes(stack, count = 20) {
  const answers = await Promise.all(Array.from({ length: count }, () => fastcgi(whereOf(stack), health())));
  for (const answer of answers) assert.equal(answer.status, 200);
}

test('idle kept connections of one nginx do not starve another', async (t) => {
  const stack = await startStack(t, {
    relay: false,
    config: { 'app.workers': '4', 'app.user_rate': '0', 'app.user_queue': '0' },
    serverOptions: { upstream: 'keepalive 16;', server: 'fastcgi_keep_conn on;' },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  t.after(() => agent.destroy());
  const ask = () =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${stack.token('42')}` };
      const req = http.get(`${stack.url}/doorbell/unread`, { agent, headers }, (res) => {
        res.resume().on('end', () => resolve(res.statusCode));
      });
      req.on('error', reject);
    });
  // 64 at a time fill the pools of both of nginx's workers, and leave them idle.
  for (let round = 0; round < 4; round++) {
    const statuses = await Promise.all(Array.from({ length: 64 }, ask));
    assert.deepEqual(new Set(statuses), new Set([200]));
  }
  const dir = path.join(stack.dir, 'second');
  mkdirSync(dir, { mode: 0o755 });
  const port = await freePort();
  await startNginx(t, { dir, port, appSocket: stack.appSocket, relayPort: stack.ports.relay });
  const started = Date.now();
  for (let i = 0; i < 200; i++) {
    const answer = await stack.api('GET', '/unread', { user: '42' });
    assert.equal(answer.status, 200);
  }
  assert.ok(Date.now() - started < 30_000);
});

test('idle kept connections cost no worker', async (t) => {
  const stack = await startStack(t, bare());
  const idle = [];
  for (let i = 0; i < 32; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    assert.equal((await client.request(health())).status, 200);
    idle.push(client);
  }
  await assertServes(stack, 200);
  for (const client of idle) assert.equal((await client.request(health())).status, 200);
});

test('a client that sends nothing, or half a request, holds up nobody', async (t) => {
  const stack = await startStack(t, bare());
  const whole = encodeRequest(health());
  const late = [];
  for (let i = 0; i < 40; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    const cut = i % whole.length;
    client.send(whole.subarray(0, cut));
    late.push({ client, cut });
  }
  await assertServes(stack, 100);
  for (const { client, cut } of late) {
    client.send(whole.subarray(cut));
    assert.equal((await client.answer()).status, 200);
  }
});

test('a request that comes byte by byte is answered', async (t) => {
  const stack = await startStack(t, bare());
  const client = await FastcgiClient.connect(whereOf(stack));
  t.after(() => client.close());
  client.socket.setNoDelay(true);
  for (const byte of encodeRequest(health())) {
    await new Promise((resolve) => client.socket.write(Buffer.from([byte]), resolve));
  }
  assert.equal((await client.answer()).status, 200);
});

test('a client without a send key cannot hold a worker by a body that never ends', async (t) => {
  const stack = await startStack(t, bare());
  const params = { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', CONTENT_LENGTH: 8_000_000 };
  const whole = encodeRequest(params, Buffer.alloc(200_000));
  for (let i = 0; i < 8; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    client.send(whole.subarray(0, whole.length - 100));
    assert.equal((await client.answer()).status, 401);
  }
  await assertServes(stack, 50);
});

test('a body over the limit is answered before it is read, and the answer arrives', async (t) => {
  const stack = await startStack(t, bare());
  const params = {
    REQUEST_METHOD: 'POST',
    REQUEST_URI: '/doorbell/messages',
    HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}`,
    CONTENT_TYPE: 'application/json',
  };
  const client = await FastcgiClient.connect(whereOf(stack));
  t.after(() => client.close());
  const answer = await client.request(params, Buffer.alloc(9 * 1024 * 1024, ' '), { keep: true });
  assert.equal(answer.status, 413);
  await within(client.ended, 'the connection to be closed');
  assert.ok(client.isDismissed, 'the web server is told with the reply not to use it again');
  client.socket.end();
  await within(client.closed, 'the connection to be gone');
});

for (const [what, bytes] of [
  ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a management record', record(9, Buffer.alloc(0), 0)],
  ['another version', Buffer.from([2, 1, 0, 1, 0, 0, 0, 0])],
  ['parameters that lie about their length', Buffer.concat([
    record(1, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])), record(4, Buffer.from([0xff, 0xff, 0xff, 0xff, 1])), record(4), record(5)])],
  ['another role', Buffer.concat([record(1, Buffer.from([0, 3, 1, 0, 0, 0, 0, 0])), record(4), record(5)])],
]) {
  test(`${what} closes that connection only`, async (t) => {
    const stack = await startStack(t, bare());
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    client.send(bytes);
    await within(client.ended, 'the connection to be closed');
    await assertServes(stack);
  });
}

test('who hangs up in the middle leaves nothing behind', async (t) => {
  const stack = await startStack(t, bare({ 'app.max_connections': '8' }));
  const whole = encodeRequest(health());
  for (let i = 0; i < 60; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    client.send(i % 3 === 0 ? whole : whole.subarray(0, (i * 7) % whole.length));
    client.close();
  }
  await assertServes(stack, 4); // half of max_connections: one that is slow to ask must not make room for another
});

test('over max_connections the longest idle one makes room', async (t) => {
  const stack = await startStack(t, bare({ 'app.max_connections': '8', 'app.workers': '2' }));
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    assert.equal((await client.request(health())).status, 200);
    clients.push(client);
  }
  for (const client of clients.slice(0, 12)) await within(client.ended, 'the oldest to be closed');
  assert.equal((await clients[19].request(health())).status, 200);
});

test('a connection that is not to be kept is closed after its answer', async (t) => {
  const stack = await startStack(t, bare());
  const client = await FastcgiClient.connect(whereOf(stack));
  t.after(() => client.close());
  assert.equal((await client.request(health(), '', { keep: false })).status, 200);
  await within(client.ended, 'the connection to be closed');
});

test('SIGTERM while idle, with kept and half sent connections, ends soon with 0', async (t) => {
  const stack = await startStack(t, bare());
  for (const bytes of [encodeRequest(health()), encodeRequest(health()).subarray(0, 20), Buffer.alloc(0)]) {
    const client = await FastcgiClient.connect(whereOf(stack));
    t.after(() => client.close());
    client.send(bytes);
    if (bytes.length > 20) await client.answer();
  }
  assert.deepEqual(await stack.app.kill('SIGTERM'), { code: 0, signal: null });
});

// A stack in which a request waits for a lock of the database; {stack, answer}.
async function startSlowRequest(t) {
  const patient = { 'database.lock_timeout': '20s', 'database.statement_timeout': '20s' };
  const stack = await startStack(t, { relay: false, config: patient });
  await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'x' } });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = '42' FOR UPDATE");
  const answer = stack.api('POST', '/messages/read', { user: '42', json: { all: true } }).catch((error) => error);
  await until('the request to wait', async () => {
    const { rows } = await stack.db.query('SELECT FROM pg_locks WHERE NOT granted');
    return rows.length > 0;
  });
  return { stack, answer };
}

test('SIGTERM lets a running request end', async (t) => {
  const { stack, answer } = await startSlowRequest(t);
  stack.app.signal('SIGTERM');
  await stack.app.waitLog(/stopping/);
  await stack.db.query('COMMIT');
  assert.equal((await answer).status, 200);
  assert.equal((await stack.app.exited).code, 0);
});

test('a second SIGTERM leaves at once', async (t) => {
  const { stack, answer } = await startSlowRequest(t);
  stack.app.isExpectedToDie = true;
  stack.app.signal('SIGTERM');
  await stack.app.waitLog(/stopping/);
  stack.app.signal('SIGTERM');
  assert.equal((await within(stack.app.exited, 'the app to leave')).signal, 'SIGTERM');
  await stack.db.query('COMMIT');
  assert.equal((await answer).status, 502);
});

test('SIGHUP brings new keys and origins between two requests', async (t) => {
  const stack = await startStack(t, { relay: false });
  const newKey = 'n'.repeat(43);
  assert.equal((await stack.api('POST', '/tokens', { service: true, json: { user: '1' } })).status, 200);
  writeFileSync(path.join(stack.dir, 'send.key'), `${newKey}\n`);
  const from = stack.app.log.length;
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/reloaded/, { from });
  const send = (key) => stack.api('POST', '/tokens', { headers: { authorization: `Bearer ${key}` }, json: { user: '1' } });
  for (let i = 0; i < 20; i++) {
    assert.equal((await send(newKey)).status, 200);
    assert.equal((await send(stack.sendKey)).status, 401);
  }
});

test('a reload with faults keeps the old settings', async (t) => {
  const stack = await startStack(t, { relay: false });
  writeFileSync(stack.confPath, `${formatSettings(stack.settings)}\n[app]\nnonsense = 1\n`);
  const from = stack.app.log.length;
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/nonsense[^]*the old ones stay in force/, { from });
  assert.equal((await stack.api('GET', '/unread', { user: '1' })).status, 200);
});
