// SPDX-License-Identifier: MIT
// fastcgi_echo.mjs - a FastCGI responder that answers with what the web server told it, so that a
// test sees what doorbell-app would see. FastCGI specification 1.0, sections 3 and 5.

import net from 'node:net';

const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const HEADER = 8;

function record(type, id, content) {
  const head = Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}

function readLength(bytes, at) {
  if (bytes[at] < 128) return [bytes[at], at + 1];
  return [bytes.readUInt32BE(at) & 0x7fffffff, at + 4];
}

function decodeParams(bytes) {
  const params = {};
  for (let at = 0; at < bytes.length; ) {
    let nameLength;
    let valueLength;
    [nameLength, at] = readLength(bytes, at);
    [valueLength, at] = readLength(bytes, at);
    const name = bytes.toString('utf8', at, at + nameLength);
    at += nameLength;
    params[name] = bytes.toString('utf8', at, at + valueLength);
    at += valueLength;
  }
  return params;
}

function serve(socket) {
  let waiting = Buffer.alloc(0);
  const parts = { [PARAMS]: [], [STDIN]: [] };
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= HEADER) {
      const type = waiting[1];
      const id = waiting.readUInt16BE(2);
      const length = waiting.readUInt16BE(4);
      const total = HEADER + length + waiting[6];
      if (waiting.length < total) return;
      const content = waiting.subarray(HEADER, HEADER + length);
      waiting = waiting.subarray(total);
      parts[type]?.push(content);
      if (type === STDIN && length === 0) answer(socket, id, parts);
    }
  });
}

function answer(socket, id, parts) {
  const params = decodeParams(Buffer.concat(parts[PARAMS]));
  const body = JSON.stringify({ params, bytes: Buffer.concat(parts[STDIN]).length });
  const output = Buffer.from(`Status: 200 OK\r\nContent-Type: application/json\r\n\r\n${body}`);
  socket.end(Buffer.concat([record(STDOUT, id, output), record(STDOUT, id, Buffer.alloc(0)), record(END_REQUEST, id, Buffer.alloc(8))]));
}

// Listens on the unix socket `path` until the test ends.
export function startFastcgiEcho(t, path) {
  return new Promise((resolve, reject) => {
    const server = net.createServer(serve);
    server.once('error', reject);
    server.listen({ path, readableAll: true, writableAll: true }, () => resolve(server));
    t.after(() => new Promise((done) => server.close(done)));
  });
}
