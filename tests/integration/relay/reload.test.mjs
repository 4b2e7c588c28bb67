// SPDX-License-Identifier: MIT
// A reload with lower limits finds connections that have read, wait or are blocked under the higher ones.

import assert from 'node:assert/strict';
import test from 'node:test';

import { SOCKETIO, until, writeSettings } from '../../harness/index.mjs';
import { Raw, startScene } from './scene.mjs';

const MAX = 4000;
const LOW = 1024;
const BIG = { ...SOCKETIO, 'relay.socketio_max_payload': String(MAX) };

async function reload(scene, settings) {
  const from = scene.relay.log.length;
  Object.assign(scene.settings, settings);
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await scene.relay.waitLog(/reloaded/, { from });
}

// That the relay has read all that was written so far: it serves one connection after the other.
async function witness(scene) {
  assert.equal((await scene.call('GET', '/health')).status, 200);
}

async function openPage(t, scene) {
  const raw = new Raw(t, scene.port);
  await raw.write('GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: relay\r\n\r\n');
  const sid = (await raw.untilText(/"sid":"([^"]+)"/)).match(/"sid":"([^"]+)"/)[1];
  raw.text = '';
  return { raw, target: `/socket.io/?EIO=4&transport=polling&sid=${sid}` };
}

test('a parked request keeps what it has read, and takes no more than that', async (t) => {
  const scene = await startScene(t, BIG);
  const { raw, target } = await openPage(t, scene);
  const head = `GET ${target} HTTP/1.1\r\nHost: relay\r\nX-Fill: ${'x'.repeat(7900)}\r\n\r\n`;
  assert.ok(head.length < 8192);
  await raw.write(head + 'y'.repeat(3000));
  await witness(scene);
  await reload(scene, { 'relay.socketio_max_payload': String(LOW) });
  for (let i = 0; i < 40; i++) await raw.write('z'.repeat(1000));
  await raw.untilEnd();
  await witness(scene);
});

test('a poll that waits is answered after a reload', async (t) => {
  const scene = await startScene(t, { ...BIG, 'relay.legacy_publish': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_anonymous': 'yes' });
  const { raw, target } = await openPage(t, scene);
  const post = (body) => `POST ${target} HTTP/1.1\r\nHost: relay\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await raw.write(post('40'));
  await raw.untilText(/ok$/);
  raw.text = '';
  await raw.write(`GET ${target} HTTP/1.1\r\nHost: relay\r\n\r\n`);
  await raw.untilText(/40\{/);
  raw.text = '';
  await raw.write(`GET ${target} HTTP/1.1\r\nHost: relay\r\nX-Fill: ${'x'.repeat(7000)}\r\n\r\n`);
  await witness(scene);
  await reload(scene, { 'relay.socketio_max_payload': String(LOW) });
  await scene.call('POST', '/', { body: 'type=publish&content=tea', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  await raw.untilText(/42\["new_msg","tea"\]/);
  raw.text = '';
  await raw.write(post(`42["x","${'y'.repeat(LOW)}"]`));
  await raw.untilText(/^HTTP\/1\.1 413 /);
});

test('a body that is half read when the limit falls below it is refused', async (t) => {
  const scene = await startScene(t, BIG);
  const { raw, target } = await openPage(t, scene);
  const halves = [new Raw(t, scene.port), new Raw(t, scene.publishPort)];
  await raw.write(`POST ${target} HTTP/1.1\r\nHost: relay\r\nContent-Length: 3900\r\n\r\n${'x'.repeat(3800)}`);
  await halves[0].write(`POST ${target} HTTP/1.1\r\nHost: relay\r\nContent-Length: 3900\r\nX-Fill: ${'x'.repeat(7800)}\r\n\r\n${'x'.repeat(3890)}`);
  await halves[1].write(
    `POST /publish HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(500_000)}`,
  );
  await witness(scene);
  await reload(scene, { 'relay.socketio_max_payload': String(LOW), 'relay.max_publish_body': String(LOW) });
  for (const half of [raw, ...halves]) {
    await half.write('x');
    await half.untilText(/^HTTP\/1\.1 413 /);
  }
  await witness(scene);
});

test('a body that is half read when the limit falls, but not below it, is taken', async (t) => {
  const scene = await startScene(t);
  const body = JSON.stringify({ rings: [{ to: ['x'.repeat(100)] }] });
  const raw = new Raw(t, scene.publishPort);
  await raw.write(
    `POST /publish HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 50)}`,
  );
  await witness(scene);
  await reload(scene, { 'relay.max_publish_body': String(LOW) });
  await raw.write(body.slice(50));
  await raw.untilText(/\{"sessions":0\}$/);
});

test('a publisher that does not read its answers keeps its requests over a reload', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.publishPort);
  const ask = `GET /metrics HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${scene.publishKey}\r\nX-Fill: ${'x'.repeat(4000)}\r\n\r\n`;
  await raw.untilText(/^/);
  raw.socket.pause();
  const count = 800;
  const written = raw.write(ask.repeat(count));
  await until('it to be blocked', async () => raw.socket.bytesWritten > 0 && raw.socket.writableLength > 0);
  await reload(scene, { 'relay.max_publish_body': String(LOW) });
  await witness(scene);
  raw.socket.resume();
  await written;
  await until('all of its answers', () => raw.text.split('HTTP/1.1 200 OK').length - 1 === count, { timeoutMs: 60_000 });
});
