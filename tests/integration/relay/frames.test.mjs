// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../../harness/index.mjs';
import { frame, Raw, startScene, upgradeHead } from './scene.mjs';

const login = (scene) => JSON.stringify({ type: 'login', token: scene.token('42') });

test('bad frames close their session with a code, and no other', async (t) => {
  const scene = await startScene(t, { 'relay.max_frame': '1024' });
  const witness = await scene.connect('1');
  const rows = [
    ['{', 1008],
    ['[]', 1008],
    ['{"type":"login","token":7}', 1008],
    ['{"type":"pong"}', 1008], // before login
    ['{"type":"dance"}', 1008],
    [Buffer.from('{"type":"pong"}'), 1008], // binary
    ['x'.repeat(1025), 1009],
    ['x'.repeat(100_000), 1009],
  ];
  for (const [text, code] of rows) {
    const bell = scene.bell();
    bell.socket.on('open', () => bell.socket.send(text));
    const closed = await bell.untilClosed();
    assert.equal(closed.code, code, String(text).slice(0, 40));
    assert.notEqual(closed.reason, '');
  }
  await scene.ring({ to: ['1'] });
  await witness.next('ring');
});

test('after login an unknown type is told, and the session stays', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('42');
  bell.send({ type: 'dance' });
  assert.deepEqual(await bell.next('error'), { type: 'error', code: 'unknown_type' });
  bell.socket.send('{"type":"dance"');
  assert.equal((await bell.untilClosed()).code, 1008);
});

test('a frame is taken in fragments and in single bytes', async (t) => {
  const scene = await startScene(t);
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  const text = login(scene);
  const bytes = Buffer.concat([
    frame(1, text.slice(0, 10), { fin: false }),
    frame(9, 'ping between'),
    frame(0, text.slice(10, 200), { fin: false }),
    frame(0, text.slice(200)),
  ]);
  for (const byte of bytes) await raw.write(Buffer.from([byte]));
  await raw.untilText(/"welcome"/);
  assert.match(raw.text, /ping between/);
});

test('what breaks the WebSocket protocol ends the connection', async (t) => {
  const scene = await startScene(t);
  const witness = await scene.connect('1');
  const rows = {
    'invalid UTF-8': frame(1, Buffer.from([0x22, 0xff, 0xfe, 0x22])),
    'an unmasked frame': Buffer.from([0x81, 0x02, 0x7b, 0x7d]),
    'a reserved opcode': frame(3, 'x'),
    'reserved bits': Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
    'a continuation of nothing': frame(0, 'x'),
    'a long ping': frame(9, 'x'.repeat(126)),
    'a length over all limits': Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]),
  };
  const stays = new Raw(t, scene.port); // does not end its side either
  await stays.write(upgradeHead());
  await stays.untilText(/\r\n\r\n/);
  await stays.write(rows['invalid UTF-8']);
  for (const [what, bytes] of Object.entries(rows)) {
    const raw = new Raw(t, scene.port);
    await raw.write(upgradeHead());
    await raw.untilText(/\r\n\r\n/);
    await raw.write(bytes);
    raw.socket.end();
    await raw.untilEnd();
    assert.ok(raw.text.length < 400, what);
  }
  await stays.untilEnd();
  await until('only the witness to be left', async () => (await scene.metric('sessions')) === 1);
  await scene.ring({ to: ['1'] });
  await witness.next('ring');
});

test('a page that answers no ping is closed, one that answers stays', async (t) => {
  const scene = await startScene(t, { 'relay.ping_interval': '1s' });
  const good = await scene.connect('1');
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  await raw.write(frame(1, login(scene)));
  await raw.untilText(/"ping"/);
  assert.match(await raw.untilEnd(), /ping timeout/);
  await good.next('ping');
  assert.equal(good.closed, null);
});
