// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { isConnectable, until } from '../../harness/index.mjs';
import { Raw, startScene } from './scene.mjs';

const run = promisify(execFile);

// A whole request of the publish port, as bytes.
function post(scene, body, { target = '/publish', more = '' } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return (
    `POST ${target} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n${more}\r\n${text}`
  );
}

const ringOf = (seq) => ({ rings: [{ to: ['42'], version: seq, seq, num: seq }] });
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => Number(one[1]));

test('rings of every kind arrive as they were published', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const other = await scene.connect('43');
  const { status, json } = await scene.call('POST', '/publish', {
    json: {
      rings: [
        { to: ['42'], version: 57, seq: 94, num: 4, hit: 1, id: 813 },
        { to: ['42', '44'], seq: 95 },
        { to: [42] },
        { all: true, seq: 96 },
      ],
      report: true,
    },
  });
  assert.equal(status, 200);
  assert.deepEqual(json, { sessions: 5, offline: ['44'] });
  await bell.next((one) => one.seq === 96);
  assert.deepEqual(bell.frames.slice(1), [
    { type: 'ring', version: 57, seq: 94, num: 4, hit: 1, id: 813 },
    { type: 'ring', seq: 95, spread_ms: 0 },
    { type: 'ring' },
    { type: 'ring', seq: 96, spread_ms: 0 },
  ]);
  await other.next('ring');
  assert.deepEqual(other.frames.slice(1), [{ type: 'ring', seq: 96, spread_ms: 0 }]);
});

test('one bad ring and none of the call is delivered', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const bad = [{ to: [] }, {}, { to: ['*'] }, { to: ['1', '2'], version: 1, seq: 1, num: 1 }, { all: true, num: 1 }, 7];
  for (const ring of bad) {
    const { status, json } = await scene.ring({ to: ['42'] }, ring);
    assert.equal(status, 400);
    assert.equal(json.error.code, 'malformed');
  }
  await scene.ring({ to: ['42'], seq: 7 });
  await bell.next('ring');
  assert.deepEqual(bell.frames.slice(1), [{ type: 'ring', seq: 7, spread_ms: 0 }]);
});

test('without the key nothing is done', async (t) => {
  const scene = await startScene(t);
  for (const authorization of ['', 'Bearer wrong', `Basic ${scene.publishKey}`, `Bearer ${scene.publishKey}x`]) {
    for (const [method, target] of [
      ['POST', '/publish'],
      ['GET', '/online'],
      ['POST', '/online'],
      ['GET', '/online/sessions'],
      ['POST', '/kick'],
      ['GET', '/metrics'],
    ]) {
      const { status } = await scene.call(method, target, { headers: { authorization }, body: method === 'POST' ? '{}' : undefined });
      assert.equal(status, 401, `${method} ${target}`);
    }
  }
  const { status, json } = await scene.call('GET', '/health', { headers: { authorization: '' } });
  assert.deepEqual([status, json], [200, { ok: true }]);
});

test('the sessions of a user are listed', async (t) => {
  const scene = await startScene(t);
  await scene.connect('42');
  await scene.connect('43');
  const { json } = await scene.call('GET', '/online/sessions?user=42');
  const [{ age, ...rest }] = json.sessions;
  assert.ok(Number.isInteger(age) && age >= 0 && age < 60, `${age}`);
  assert.equal(json.sessions.length, 1);
  assert.deepEqual(rest, { user: '42', protocol: 'native', address: '127.0.0.1', pending: false });
  assert.equal((await scene.call('GET', '/online/sessions?limit=1')).json.sessions.length, 1);
  assert.deepEqual((await scene.call('GET', '/online')).json, { users: 2, pages: 2, sessions: 2 });
});

test('of up to 1,000 users, those online are named in one call', async (t) => {
  const scene = await startScene(t);
  await scene.connect('42');
  await scene.connect('ü');
  const ask = (users) => scene.call('POST', '/online', { json: { users } });
  const many = Array.from({ length: 997 }, (_, i) => `user-${i}`);
  assert.deepEqual((await ask(['ü', ...many, '43', 42])).json, { users: ['ü', '42'] });
  assert.deepEqual((await ask(many)).json, { users: [] });
  assert.equal((await ask([...many, '1', '2', '3', '4'])).status, 413);
  assert.equal((await ask(['42', '*'])).status, 400);
});

for (const count of [2, 16, 17, 100]) {
  test(`${count} pipelined calls are answered in order, and others are served meanwhile`, async (t) => {
    const scene = await startScene(t);
    const bell = await scene.connect('42');
    const bytes = Array.from({ length: count }, (_, i) => post(scene, ringOf(i + 1))).join('');
    const whole = new Raw(t, scene.publishPort);
    await whole.write(bytes);
    const second = await scene.call('GET', '/health');
    assert.equal(second.status, 200);
    await bell.next((one) => one.version === count);
    const pieces = new Raw(t, scene.publishPort);
    for (let at = 0; at < bytes.length; at += 97) await pieces.write(bytes.slice(at, at + 97));
    for (const raw of [whole, pieces]) {
      await until(`${count} answers`, () => raw.text.split('"sessions":1}').length === count + 1);
      assert.deepEqual(statuses(raw.text), Array(count).fill(200));
    }
    const versions = bell.frames.filter((one) => one.type === 'ring').map((one) => one.version);
    const once = Array.from({ length: count }, (_, i) => i + 1);
    assert.deepEqual(versions.slice(0, count), once);
  });
}

test('a peer that pipelines and reads nothing holds up nobody', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.publishPort);
  raw.socket.pause();
  const request = `GET /metrics HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\n\r\n`;
  for (let i = 0; i < 200; i++) raw.socket.write(request.repeat(100));
  for (let i = 0; i < 20; i++) assert.equal((await scene.call('GET', '/health')).status, 200);
});

test('a peer that pipelines and reads late gets every answer', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.publishPort);
  raw.socket.pause();
  const metrics = `GET /metrics HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\n\r\n`;
  await raw.write(metrics.repeat(2000));
  assert.equal((await scene.call('GET', '/health')).status, 200);
  raw.socket.resume();
  await until('2,000 answers', () => statuses(raw.text).length === 2000);
});

test('bodies without a length, too long, or of another coding are refused', async (t) => {
  const scene = await startScene(t, { 'relay.max_publish_body': '2048' });
  const head = `POST /publish HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\n`;
  const rows = [
    [`${head}\r\n`, 411],
    [`${head}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 411],
    [`${head}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 411],
    [`${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n`, 400],
    [`${head}Transfer-Encoding: chunked\r\n\r\n801\r\n${'x'.repeat(2049)}\r\n0\r\n\r\n`, 413],
    [`${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(2049)}0\r\n\r\n`, 413],
    [`${head}Content-Length: 2049\r\n\r\n${'x'.repeat(2049)}`, 413],
    [`${head}Content-Length: 2049\r\nExpect: 100-continue\r\n\r\n`, 413],
    [`${head}Content-Length: 2\r\nExpect: tea\r\n\r\n{}`, 417],
    [`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, 400],
    [`${head}X: ${'x'.repeat(33_000)}\r\n\r\n`, 431],
    ['GARBAGE\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400], // TLS
  ];
  for (const [bytes, status] of rows) {
    const raw = new Raw(t, scene.publishPort);
    await raw.write(bytes);
    assert.deepEqual(statuses(await raw.untilEnd()), [status], bytes.slice(-80));
    assert.match(raw.text, /Connection: close/);
  }
  assert.equal((await scene.call('POST', '/publish', { body: `{"rings":[]${' '.repeat(2036)}}` })).status, 200);
});

test('a call that its connection refuses says why, and is counted as any other', async (t) => {
  const scene = await startScene(t, { 'relay.max_publish_body': '1024' });
  const { status, json } = await scene.call('POST', '/publish', { body: ' '.repeat(1025) });
  assert.deepEqual([status, json.error.code], [413, 'too_big']);
  assert.match(json.error.message, /max_publish_body/);
  const rows = [
    ['POST /publish', '', /^HTTP\/1\.1 411 [^]*\{"error":\{"code":"length_required","message":"[^"]+"\}\}$/],
    ['HEAD /metrics', 'Expect: tea\r\n', /^HTTP\/1\.1 417 [^]*\r\n\r\n$/],
  ];
  for (const [call, field, text] of rows) {
    const raw = new Raw(t, scene.publishPort);
    await raw.write(`${call} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\n${field}\r\n`);
    assert.match(await raw.untilEnd(), text);
  }
  assert.deepEqual([await scene.metric('publish_calls_total'), await scene.metric('refused_publish_calls_total')], [3, 3]);
});

test('what is no HTTP is counted as a refusal at either port', async (t) => {
  const scene = await startScene(t);
  for (const port of [scene.port, scene.publishPort]) {
    const raw = new Raw(t, port);
    await raw.write('GARBAGE\r\n\r\n');
    assert.match(await raw.untilEnd(), port === scene.port ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 400 [^]*"code":"malformed"/);
  }
  assert.equal(await scene.metric('refused_upgrades_total', { status: '400', reason: 'malformed' }), 1);
  assert.equal(await scene.metric('refused_publish_calls_total'), 1);
});

test('Expect: 100-continue is answered at once', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.publishPort);
  const bytes = post(scene, { rings: [{ all: true }] }, { more: 'Expect: 100-continue\r\n' });
  const body = bytes.indexOf('\r\n\r\n') + 4;
  await raw.write(bytes.slice(0, body));
  await raw.untilText(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  await raw.write(bytes.slice(body));
  await raw.untilText(/"sessions":0\}$/);
  assert.deepEqual(statuses(raw.text), [100, 200]);
});

test('a half-closed connection gets its answer, then the end', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.publishPort);
  raw.socket.end(post(scene, { rings: [] }) + post(scene, { rings: [] }));
  assert.deepEqual(statuses(await raw.untilEnd()), [200, 200]);
});

test('a client that does not finish a request is closed, and the rest are served meanwhile', async (t) => {
  const scene = await startScene(t);
  const slow = [new Raw(t, scene.publishPort), new Raw(t, scene.publishPort), new Raw(t, scene.port)];
  await slow[0].write('POST /publish HTTP/1.1\r\nHost: re');
  await slow[1].write(post(scene, { rings: [] }).slice(0, -1));
  const started = Date.now();
  assert.equal((await scene.call('GET', '/health')).status, 200);
  for (const raw of slow) assert.equal(await raw.untilEnd(20_000), '');
  assert.ok(Date.now() - started >= 9_000);
});

test('more connections than are kept close the one that was silent for longest', async (t) => {
  const scene = await startScene(t);
  const idle = [];
  for (let i = 0; i < 257; i++) {
    idle.push(new Raw(t, scene.publishPort));
    await new Promise((resolve) => idle[i].socket.once('connect', resolve));
  }
  await idle[0].untilEnd();
  assert.equal((await scene.call('GET', '/health')).status, 200);
});

test('publish calls come through a unix socket, which goes with the relay', async (t) => {
  const scene = await startScene(t, {}, { start: false });
  const socketPath = path.join(scene.dir, 'publish.sock');
  await scene.settle({ 'relay.publish_listen': `unix:${socketPath}`, 'relay.legacy_publish': 'yes' });
  await scene.start();
  const answer = await new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.end('POST / HTTP/1.0\r\nContent-Length: 17\r\n\r\ntype=publish&to=7'));
    let text = '';
    socket.on('data', (data) => (text += data)).on('close', () => resolve(text)).on('error', reject);
  });
  assert.match(answer, /\r\n\r\noffline$/);
  await scene.relay.stop();
  assert.equal(await isConnectable({ path: socketPath }), false);
});

test('a thousand calls by one kept connection and by as many new ones', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const raw = new Raw(t, scene.publishPort);
  for (let i = 1; i <= 300; i++) {
    await raw.write(post(scene, ringOf(i)));
    await bell.next((one) => one.version === i, { from: i });
    await scene.ring({ to: ['43'] });
  }
  assert.equal(bell.frames.length, 301);
});

test("PHP's curl, an array of over 1 KiB, is answered without a second's wait", async (t) => {
  const scene = await startScene(t, { 'relay.legacy_publish': 'yes' });
  const bell = await scene.connect('42');
  const code = `
    $c = curl_init($argv[1]);
    curl_setopt_array($c, [CURLOPT_POST => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => ['Expect: 100-continue'],
      CURLOPT_POSTFIELDS => ['type' => 'publish', 'to' => '42', 'content' => str_repeat('x', 5000)]]);
    $start = microtime(true);
    $text = curl_exec($c);
    echo json_encode([$text, curl_getinfo($c, CURLINFO_CONTENT_TYPE), microtime(true) - $start]);`;
  const { stdout } = await run('php', ['-r', code, scene.publishUrl]);
  const [text, type, seconds] = JSON.parse(stdout);
  assert.equal(text, 'ok');
  assert.equal(type, 'text/html;charset=utf-8');
  assert.ok(seconds < 0.8, `${seconds} s`);
  assert.deepEqual(await bell.next('ring'), { type: 'ring' });
});

test('a call may come in chunks, in whatever pieces, and others follow it', async (t) => {
  const scene = await startScene(t, { 'relay.max_publish_body': '2048' });
  const bell = await scene.connect('42');
  const head = `POST /publish HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\nTransfer-Encoding: chunked\r\n`;
  const chunks = (text, size) => `${text.match(new RegExp(`.{1,${size}}`, 'g')).map((one) => `${one.length.toString(16)}\r\n${one}\r\n`).join('')}0\r\n\r\n`;
  const longest = `{"rings":[]${' '.repeat(2036)}}`;
  const body = JSON.stringify({ rings: [{ to: ['42'], version: 1, seq: 0, num: 1 }] });
  const raw = new Raw(t, scene.publishPort);
  await raw.write(`${head}\r\n${chunks(longest, 2048)}${head}\r\n${chunks(longest, 1)}${head}\r\n${chunks(body, 7)}GET /health HTTP/1.1\r\nHost: relay\r\n\r\n`);
  await raw.untilText(/"ok":true/);
  assert.deepEqual(statuses(raw.text), [200, 200, 200, 200]);
  await bell.next((one) => one.version === 1);
  await raw.write(`${head}Expect: 100-continue\r\n\r\n`);
  await raw.untilText(/100 Continue/);
  for (const one of chunks(body.replace('"version":1', '"version":2'), 40)) await raw.write(one);
  await bell.next((one) => one.version === 2);
});

test('curl sends what it reads from a pipe', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  const curl = `printf '{"rings":[{"to":["42"]}]}' | curl -sS -X POST -H "Authorization: Bearer $1" -T - "$2"`;
  const { stdout } = await run('sh', ['-c', curl, 'sh', scene.publishKey, `${scene.publishUrl}/publish`]);
  assert.deepEqual(JSON.parse(stdout), { sessions: 1 });
  await bell.next('ring');
});

test('an empty line before a request, a target with the host in it, and HEAD are understood', async (t) => {
  const scene = await startScene(t);
  const health = 'GET /health HTTP/1.1\r\nHost: relay\r\n\r\n';
  const raw = new Raw(t, scene.publishPort);
  await raw.write(`\r\n${health}\r\n${health.replace('/health', 'http://relay/health')}`);
  await raw.untilText(/"ok":true[^]*"ok":true/);
  const whole = await scene.call('GET', '/health', { headers: { authorization: '' } });
  const before = raw.text.length;
  await raw.write(health.replace('GET', 'HEAD') + health.replace('/health', '/none').replace('GET', 'HEAD') + health);
  const text = (await raw.untilText(/405[^]*"ok":true/)).slice(before);
  assert.deepEqual(statuses(text), [200, 405, 200]);
  const [head, refused] = text.split('HTTP/1.1 ').slice(1);
  assert.match(head, new RegExp(`^200[^]*Content-Length: ${whole.text.length}\r\n[^]*\r\n\r\n$`));
  assert.match(refused, /\r\n\r\n$/);
});
