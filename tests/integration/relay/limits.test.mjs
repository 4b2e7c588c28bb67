// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { OPEN, SOCKETIO, until, writeSettings } from '../../harness/index.mjs';
import { Raw, startScene } from './scene.mjs';

// Asks for an upgrade: {status, retryAfter}; of a 101 the socket stays open until the test's end.
function knock(t, scene, { headers = {}, socketPath } = {}) {
  const head = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const where = socketPath ? { socketPath } : { host: '127.0.0.1', port: scene.port };
  return new Promise((resolve, reject) => {
    const req = http.get({ ...where, path: '/ws', headers: { ...head, ...headers } });
    req.on('upgrade', (res, socket) => {
      socket.on('error', () => {});
      t.after(() => socket.destroy());
      resolve({ status: 101, socket });
    });
    req.on('response', (res) => {
      res.resume();
      resolve({ status: res.statusCode, retryAfter: res.headers['retry-after'] });
    });
    req.on('error', reject);
  });
}

// A group that this user may give a file to: if possible, another than its own.
function groupToGive() {
  const groups = readFileSync('/etc/group', 'utf8').trim().split('\n').map((line) => line.split(':'));
  const own = process.getegid();
  const may = (gid) => process.geteuid() === 0 || gid === own || process.getgroups().includes(gid);
  const known = groups.map(([name, , gid]) => ({ name, gid: Number(gid) })).filter(({ gid }) => may(gid));
  return known.find(({ gid }) => gid !== own) ?? known[0];
}

const from = (address) => ({ headers: { 'X-Forwarded-For': address } });
const addresses = async (scene) => (await scene.call('GET', '/online/sessions')).json.sessions.map((one) => one.address);

test('over max_sessions_per_address the upgrade is answered 429, until one goes', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions_per_address': '2', 'relay.trusted_proxies': '' });
  const first = await scene.connect('1');
  await scene.connect('2');
  assert.deepEqual(await knock(t, scene), { status: 429, retryAfter: '5' });
  assert.deepEqual(await knock(t, scene, from('192.0.2.1')), { status: 429, retryAfter: '5' });
  first.socket.close();
  await first.untilClosed();
  await until('the place to be free', async () => (await knock(t, scene)).status === 101);
});

test('behind a trusted proxy the address is the one that it names', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions_per_address': '1', 'relay.trusted_proxies': '127.0.0.0/8' });
  assert.equal((await knock(t, scene, from('192.0.2.1'))).status, 101);
  assert.equal((await knock(t, scene, from('192.0.2.1'))).status, 429);
  assert.equal((await knock(t, scene, from('192.0.2.2, 192.0.2.1'))).status, 429);
  assert.equal((await knock(t, scene, from('192.0.2.1, 192.0.2.2'))).status, 101);
  assert.deepEqual((await addresses(scene)).sort(), ['192.0.2.1', '192.0.2.2']);
});

test('the header of anybody else is not believed', async (t) => {
  const scene = await startScene(t, { 'relay.trusted_proxies': '10.0.0.0/8 ::1 unix' });
  await knock(t, scene, from('192.0.2.1'));
  assert.deepEqual(await addresses(scene), ['127.0.0.1']);
});

test('addresses that stay hidden are told of, and by default those behind this machine are known', async (t) => {
  const local = await startScene(t);
  await knock(t, local, from('192.0.2.1'));
  assert.deepEqual(await addresses(local), ['192.0.2.1']);
  assert.equal(await local.metric('hidden_addresses_total'), 0);
  assert.doesNotMatch(local.relay.log, /trusted_proxies/);
  const remote = await startScene(t, { 'relay.trusted_proxies': '' });
  await remote.relay.waitLog(/trusted_proxies is empty/);
  await knock(t, remote, from('192.0.2.1'));
  assert.deepEqual(await addresses(remote), ['127.0.0.1']);
  assert.equal(await remote.metric('hidden_addresses_total'), 1);
  await remote.relay.waitLog(/X-Forwarded-For that is not believed/);
});

test('a unix listener has its mode and group, and its proxy can be trusted', async (t) => {
  const scene = await startScene(t, {}, { start: false });
  const socketPath = path.join(scene.dir, 'relay.sock');
  const publishPath = path.join(scene.dir, 'publish.sock');
  const group = groupToGive();
  Object.assign(scene.settings, {
    'relay.listen': `unix:${socketPath}`,
    'relay.publish_listen': `unix:${publishPath}`,
    'relay.listen_mode': '0606',
    'relay.listen_group': group.name,
    'relay.trusted_proxies': 'unix',
  });
  writeSettings(scene.confPath, scene.settings);
  await scene.start();
  for (const one of [socketPath, publishPath]) {
    assert.equal(statSync(one).mode & 0o777, 0o606);
    assert.equal(statSync(one).gid, group.gid);
  }
  assert.equal((await knock(t, scene, { socketPath, ...from('192.0.2.1') })).status, 101);
  assert.equal((await knock(t, scene, { socketPath })).status, 101);
  const list = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${scene.publishKey}` };
    http.get({ socketPath: publishPath, path: '/online/sessions', headers }, (res) => {
      let text = '';
      res.on('data', (data) => { text += data; }).on('end', () => resolve(JSON.parse(text)));
    }).on('error', reject);
  });
  assert.deepEqual(list.sessions.map((one) => one.address).sort(), ['192.0.2.1', 'unix']);
});

for (const [limit, has] of [['max_accepts_per_second', 'a token'], ['max_anonymous_accepts_per_second', 'none']]) {
  test(`over ${limit} the upgrade of those who bring ${has} is answered 503 with Retry-After, and later not`, async (t) => {
    const scene = await startScene(t, { [`relay.${limit}`]: '3' });
    const first = await scene.connect('1');
    const come = (i) => knock(t, scene, has === 'none' ? {} : { headers: { Origin: scene.origin, Cookie: `doorbell_token=${scene.token(`user-${i}`)}` } });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => come(i)));
    const refused = answers.filter((one) => one.status === 503);
    assert.ok(refused.length >= 10, `${refused.length} were refused`);
    assert.ok(answers.some((one) => one.status === 101));
    for (const one of refused) assert.equal(one.retryAfter, '5');
    await until('another to be let in', async () => (await come(20)).status === 101);
    await scene.ring({ to: ['1'] });
    await first.next('ring');
  });
}

test('over max_publishes_per_second a call is answered 429, and none of it delivered', async (t) => {
  const scene = await startScene(t, { 'relay.max_publishes_per_second': '1' });
  const bell = await scene.connect('42');
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => scene.ring({ to: ['42'], version: i + 1, seq: 0, num: 1 })));
  const refused = results.filter((one) => one.status === 429);
  assert.ok(refused.length >= 5, `${refused.length} were refused`);
  assert.equal(refused[0].headers['retry-after'], '1');
  assert.equal(refused[0].json.error.code, 'too_many');
  assert.equal((await scene.call('GET', '/online')).status, 200);
  await until('another to be taken', async () => (await scene.ring({ to: ['42'], version: 99, seq: 0, num: 1 })).status === 200);
  await bell.next((one) => one.version === 99);
  const taken = results.flatMap((one, i) => (one.status === 200 ? [i + 1] : []));
  assert.deepEqual(bell.frames.map((one) => one.version).filter((v) => v && v < 99).sort((a, b) => a - b), taken);
});

test('over max_publishers the connection that was silent for longest is closed', async (t) => {
  const scene = await startScene(t, { 'relay.max_publishers': '3' });
  const silent = new Raw(t, scene.publishPort);
  await silent.write('GET /health HTTP/1.1\r\nHost: relay\r\n\r\n');
  await silent.untilText(/"ok":true/);
  const others = [];
  for (let i = 0; i < 3; i++) {
    others.push(new Raw(t, scene.publishPort));
    await others[i].write('GET /health HTTP/1.1\r\nHost: relay\r\n\r\n');
    await others[i].untilText(/"ok":true/);
  }
  await silent.untilEnd();
  for (const other of others) assert.equal(other.socket.destroyed, false);
});

test('0 is without limit', async (t) => {
  const scene = await startScene(t, {
    ...OPEN,
    'relay.max_sessions': '0',
    'relay.max_sessions_per_user': '0',
    'relay.max_sessions_per_address': '0',
    'relay.max_accepts_per_second': '0',
    'relay.max_publishes_per_second': '0',
    'relay.max_publishers': '0',
    'relay.max_keyless_per_second': '0',
  });
  const crowd = await Promise.all(Array.from({ length: 60 }, () => scene.connect('42')));
  assert.equal((await scene.ring({ to: ['42'] })).json.sessions, crowd.length);
  const results = await Promise.all(Array.from({ length: 60 }, () => scene.ring()));
  assert.deepEqual(new Set(results.map((one) => one.status)), new Set([200]));
});

test('a head of max_head gets through, cookies of 7.9 KB by default, and a longer one gets 431', async (t) => {
  const cookie = (length) => ({ headers: { cookie: `a=${'x'.repeat(length - 2)}`, origin: 'http://relay', host: 'relay' } });
  const scene = await startScene(t);
  assert.equal((await knock(t, scene, cookie(7900))).status, 101);
  assert.equal((await knock(t, scene, cookie(32_000))).status, 101);
  assert.equal((await knock(t, scene, cookie(32_768))).status, 431);
  Object.assign(scene.settings, { 'relay.max_head': '8192' });
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await until('the limit to be lower', async () => (await knock(t, scene, cookie(8192))).status === 431);
  assert.equal((await knock(t, scene, cookie(7900))).status, 101);
});

test('a long head takes memory only while it is read', async (t) => {
  const scene = await startScene(t, { ...OPEN, ...SOCKETIO, 'relay.max_accepts_per_second': '0' });
  if (!scene.isMeasurable) return t.skip('the sanitizer keeps memory');
  const target = '/socket.io/?EIO=4&transport=polling';
  const cookie = `Cookie: a=${'x'.repeat(30_000)}`;
  const polls = Array.from({ length: 200 }, () => new Raw(t, scene.port));
  const ask = (raw, query) => raw.write(`GET ${target}${query} HTTP/1.1\r\nHost: relay\r\n${cookie}\r\n\r\n`);
  for (const raw of polls) {
    await ask(raw, '');
    raw.sid = (await raw.untilText(/"sid":"[^"]+"/)).match(/"sid":"([^"]+)"/)[1];
  }
  const before = scene.residentKiB;
  for (const raw of polls) await ask(raw, `&sid=${raw.sid}`);
  await scene.turn();
  assert.ok(scene.residentKiB - before < 2000, `${scene.residentKiB - before} KiB more`);
});

test('clients that hold every descriptor leave some to publish calls and metrics', async (t) => {
  const scene = await startScene(t, {}, { wrap: ['prlimit', '--nofile=64:64', '--'] });
  await scene.relay.waitLog(/max_sessions is 100000, but there are only 48 descriptors/);
  const bell = await scene.connect('42');
  for (let i = 0; i < 80; i++) new Raw(t, scene.port);
  await scene.relay.waitLog(/accepting is paused for a moment: the descriptors that are left/);
  const calls = await Promise.all(Array.from({ length: 8 }, () => scene.ring({ to: ['42'] })));
  assert.deepEqual(new Set(calls.map((one) => one.status)), new Set([200]));
  await bell.next('ring');
  assert.ok((await scene.metric('accept_pauses_total')) >= 1);
});

test('reserved_descriptors can be set, up to a quarter of all', async (t) => {
  const scene = await startScene(t, { 'relay.reserved_descriptors': '4' }, { wrap: ['prlimit', '--nofile=64:64', '--'] });
  await scene.relay.waitLog(/only 60 descriptors/);
});
