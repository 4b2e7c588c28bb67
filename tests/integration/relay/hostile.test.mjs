// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from '../../harness/index.mjs';
import { frame, Raw, startScene, upgradeHead } from './scene.mjs';

test('at the client port everything but an upgrade to WebSocket is refused and closed', async (t) => {
  const scene = await startScene(t);
  const witness = await scene.connect('42');
  const get = (path, more) => `GET ${path} HTTP/1.1\r\nHost: relay\r\n${more ?? ''}\r\n`;
  const rows = [
    [get('/'), 404],
    [get('/publish'), 404],
    [get('/ws'), 426],
    [get('/ws', 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'), 400],
    [get('/ws', 'Upgrade: unknown\r\nConnection: Upgrade\r\n'), 400],
    [get('/ws', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n'), 400],
    [upgradeHead('Upgrade: h2c\r\n'), 400],
    [upgradeHead() + frame(1, 'too early').toString('latin1'), 400],
    ['POST /ws HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}', 413],
    ['POST /ws HTTP/1.1\r\nHost: relay\r\n\r\n', 411],
    ['POST / HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 411],
    ['POST /ws HTTP/1.1\r\nHost: relay\r\nContent-Length: 0\r\n\r\n'.repeat(3), 405],
    [`GET /ws HTTP/1.1\r\nHost: relay\r\nX: ${'x'.repeat(32_768)}\r\n\r\n`, 431],
    [`GET /ws?${'x'.repeat(8192)} HTTP/1.1\r\nHost: relay\r\n\r\n`, 431],
    [`GET /ws HTTP/1.1\r\nHost: relay\r\n${'A: b\r\n'.repeat(100)}\r\n`, 431],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['CONNECT relay:80 HTTP/1.1\r\nHost: relay\r\n\r\n', 400],
    ['\0\0\0\0\r\n\r\n', 400],
  ];
  for (const [bytes, status] of rows) {
    const raw = new Raw(t, scene.port);
    await raw.write(Buffer.from(bytes, 'latin1'));
    const text = await raw.untilEnd();
    assert.equal(Number(text.slice(9, 12)), status, bytes.slice(0, 90));
    assert.equal(text.match(/HTTP\/1\.1/g).length, 1);
    assert.match(text, /Connection: close/);
  }
  await scene.ring({ to: ['42'] });
  await witness.next('ring');
});

test('a flood of half-open connections is bounded, and those who come in are served', async (t) => {
  const scene = await startScene(t);
  const witness = await scene.connect('42');
  const flood = Array.from({ length: 2200 }, () => new Raw(t, scene.port));
  await Promise.all(flood.map((raw) => raw.write('GET /ws HT')));
  await flood[0].untilEnd();
  await scene.ring({ to: ['42'] });
  await witness.next('ring');
  await scene.connect('43');
});

test('clients that vanish at every point leave nothing behind', async (t) => {
  const scene = await startScene(t);
  const login = frame(1, JSON.stringify({ type: 'login', token: scene.token('42') }));
  const bytes = Buffer.concat([Buffer.from(upgradeHead()), login]);
  const head = upgradeHead().length;
  for (let at = 1; at < bytes.length; at += 23) {
    const raw = new Raw(t, scene.port);
    await raw.write(bytes.subarray(0, Math.min(at, head)));
    if (at > head) {
      await raw.untilText(/\r\n\r\n/);
      await raw.write(bytes.subarray(head, at));
    }
    if (at % 2) raw.socket.resetAndDestroy();
    else raw.socket.end();
  }
  const bell = await scene.connect('1');
  await until('none of them to be left', async () => (await scene.metric('sessions')) === 1);
  await scene.ring({ all: true, seq: 1 });
  await bell.next('ring');
});
