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

// A connection that has shaken hands.
async function shaken(t, scene) {
  const raw = new Raw(t, scene.port);
  await raw.write(upgradeHead());
  await raw.untilText(/\r\n\r\n/);
  raw.text = '';
  return raw;
}

test('each of several pings in one segment gets its pong, in order', async (t) => {
  const scene = await startScene(t);
  const raw = await shaken(t, scene);
  await raw.write(Buffer.concat([frame(9, 'a'), frame(9, ''), frame(9, 'b'), frame(1, login(scene)), frame(9, 'x'.repeat(125))]));
  await raw.untilText(/x{125}/);
  assert.match(raw.text, /^\x8a\x01a\x8a\x00\x8a\x01b/);
  await raw.untilText(/"welcome"/);
});

test('pings of one who does not read take no memory, and the last one is answered', async (t) => {
  const scene = await startScene(t);
  const raw = await shaken(t, scene);
  raw.socket.pause();
  const some = Buffer.concat(Array(1000).fill(frame(9, 'x'.repeat(125))));
  const before = scene.residentKiB;
  for (let i = 0; i < 100; i++) await raw.write(some);
  await raw.write(frame(9, 'the last'));
  if (scene.isMeasurable) assert.ok(scene.residentKiB - before < 4096, `${scene.residentKiB - before} KiB more`);
  raw.socket.resume();
  await raw.untilText(/the last/);
});

test('what comes after a close counts for nothing', async (t) => {
  const scene = await startScene(t);
  const witness = await scene.connect('1');
  const raw = await shaken(t, scene);
  await raw.write(Buffer.concat([frame(8, Buffer.from([0x03, 0xe8])), frame(1, login(scene))]));
  assert.equal(await raw.untilEnd(), '\x88\x02\x03\xe8');
  assert.equal(await scene.metric('logins_total'), 1);
  witness.close();
});

test('a client\'s close is answered by its code, or by what is wrong with it', async (t) => {
  const scene = await startScene(t);
  const code = (n) => [n >> 8, n & 255];
  const rows = [
    [[], null],
    [code(1000), 1000],
    [code(1001), 1001],
    [[...code(3000), ...Buffer.from('bye ü')], 3000],
    [code(4999), 4999],
    [[0x03], 1002],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535].map((n) => [code(n), 1002]),
    [[...code(1000), 0xff], 1007],
    [[...code(1000), 0xe4, 0xb8], 1007],
  ];
  for (const [payload, answer] of rows) {
    const raw = await shaken(t, scene);
    await raw.write(frame(8, Buffer.from(payload)));
    const bytes = Buffer.from(await raw.untilEnd(), 'latin1');
    assert.equal(bytes[0], 0x88, JSON.stringify(payload));
    assert.equal(answer === null ? bytes.length : bytes.readUInt16BE(2), answer ?? 2, JSON.stringify(payload));
  }
});

test('what breaks the protocol is told by 1002, text that is no UTF-8 by 1007', async (t) => {
  const scene = await startScene(t);
  const mask = [0, 0, 0, 0];
  const rows = [
    ['unmasked', [0x81, 2, 0x7b, 0x7d], 1002],
    ['an unmasked ping', [0x89, 0], 1002],
    ['reserved bits', [0xc1, 0x80, ...mask], 1002],
    ['a reserved opcode', [0x83, 0x80, ...mask], 1002],
    ['a reserved control opcode', [0x8b, 0x80, ...mask], 1002],
    ['a ping in fragments', [0x09, 0x80, ...mask], 1002],
    ['a long ping', [0x89, 0xfe, 0, 126, ...mask], 1002],
    ['a continuation of nothing', [0x80, 0x80, ...mask], 1002],
    ['text within a message', [0x01, 0x81, ...mask, 0x78, 0x81, 0x80, ...mask], 1002],
    ['a length in too many bytes', [0x81, 0xfe, 0, 125, ...mask], 1002],
    ['a length in far too many bytes', [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...mask], 1002],
    ['a length over 63 bits', [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, ...mask], 1002],
    ['half a character', [0x81, 0x82, ...mask, 0xe4, 0xb8], 1007],
    ['a surrogate', [0x81, 0x83, ...mask, 0xed, 0xa0, 0x80], 1007],
    ['an overlong character', [0x81, 0x82, ...mask, 0xc0, 0x80], 1007],
    ['half a character over fragments', [0x01, 0x81, ...mask, 0xe4, 0x80, 0x81, ...mask, 0x41], 1007],
  ];
  for (const [what, bytes, code] of rows) {
    const raw = await shaken(t, scene);
    await raw.write(Buffer.from(bytes));
    const told = Buffer.from(await raw.untilEnd(), 'latin1');
    assert.deepEqual([told[0], told.readUInt16BE(2)], [0x88, code], what);
  }
});
