// SPDX-License-Identifier: MIT
// fastcgi_client.mjs - a web server's end of one FastCGI connection, that can also be a bad one: it
// sends any bytes, in pieces, late, or never. FastCGI specification 1.0, sections 3 and 5.

import { once } from 'node:events';
import net from 'node:net';

import { within } from './wait.mjs';

export const BEGIN_REQUEST = 1;
export const ABORT_REQUEST = 2;
const END_REQUEST = 3;
export const PARAMS = 4;
export const STDIN = 5;
const STDOUT = 6;
export const GET_VALUES = 9;
const HEADER = 8;
const CONTENT_MAX = 65535;

export function record(type, content = Buffer.alloc(0), id = 1) {
  const head = Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}

export function encodeLength(n) {
  if (n < 128) return Buffer.from([n]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((n | 0x80000000) >>> 0);
  return bytes;
}

export function encodeParams(params) {
  const parts = [];
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    const [n, v] = [Buffer.from(name), Buffer.from(String(value))];
    parts.push(encodeLength(n.length), encodeLength(v.length), n, v);
  }
  return Buffer.concat(parts);
}

// The records of a stream, and the empty one that ends it.
export function stream(type, bytes) {
  const records = [];
  for (let at = 0; at < bytes.length; at += CONTENT_MAX) records.push(record(type, bytes.subarray(at, at + CONTENT_MAX)));
  return Buffer.concat([...records, record(type)]);
}

export const encodeBegin = ({ keep = true, role = 1, id = 1 } = {}) =>
  record(BEGIN_REQUEST, Buffer.from([0, role, keep ? 1 : 0, 0, 0, 0, 0, 0]), id);

// The bytes of a whole request. `params` as a web server passes them, `body` any bytes.
export function encodeRequest(params, body = '', { keep = true } = {}) {
  const bytes = Buffer.from(body);
  const [, query] = (params.REQUEST_URI ?? '').split('?', 2);
  const all = { REQUEST_METHOD: 'GET', QUERY_STRING: query ?? '', CONTENT_LENGTH: bytes.length || '', ...params };
  return Buffer.concat([
    encodeBegin({ keep }),
    stream(PARAMS, encodeParams(all)),
    stream(STDIN, bytes),
  ]);
}

function parseAnswer(bytes) {
  const text = bytes.toString('utf8');
  const end = text.indexOf('\r\n\r\n');
  const headers = {};
  for (const line of text.slice(0, end).split('\r\n')) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const rest = text.slice(end + 4);
  const isJson = rest.startsWith('{');
  return { status: Number.parseInt(headers.status, 10), headers, text: rest, json: isJson ? JSON.parse(rest) : undefined };
}

export class FastcgiClient {
  // `where` is {path} or {port, host}.
  static async connect(where) {
    const client = new FastcgiClient();
    client.socket = net.connect({ ...where, allowHalfOpen: true });
    client.waiting = Buffer.alloc(0);
    client.stdout = [];
    client.answers = [];
    client.isDismissed = false;
    client.closed = new Promise((resolve) => client.socket.once('close', resolve));
    // The peer has closed it, in order or not.
    client.ended = Promise.race([client.closed, new Promise((resolve) => client.socket.once('end', resolve))]);
    client.socket.on('error', () => {});
    client.socket.on('data', (chunk) => client.take(chunk));
    const failed = client.closed.then(() => {
      throw new Error('the connection was refused');
    });
    await Promise.race([new Promise((resolve) => client.socket.once('connect', resolve)), failed]);
    failed.catch(() => {});
    return client;
  }

  take(chunk) {
    this.waiting = Buffer.concat([this.waiting, chunk]);
    while (this.waiting.length >= HEADER) {
      const type = this.waiting[1];
      const length = this.waiting.readUInt16BE(4);
      const total = HEADER + length + this.waiting[6];
      if (this.waiting.length < total) return;
      const id = this.waiting.readUInt16BE(2);
      if (id !== 0) this.lastId = id;
      else this.isDismissed = true; // by a record of no request
      if (type === STDOUT) this.stdout.push(this.waiting.subarray(HEADER, HEADER + length));
      this.waiting = this.waiting.subarray(total);
      if (type !== END_REQUEST) continue;
      this.answers.push(parseAnswer(Buffer.concat(this.stdout)));
      this.stdout = [];
      this.socket.emit('answer');
    }
  }

  send(bytes) {
    this.socket.write(bytes);
  }

  // The next answer: {status, headers, text, json}.
  async answer(what = 'an answer') {
    while (this.answers.length === 0) {
      const lost = this.closed.then(() => {
        if (this.answers.length === 0) throw new Error('the connection was closed without an answer');
      });
      await within(Promise.race([once(this.socket, 'answer'), lost]), what);
    }
    return this.answers.shift();
  }

  request(params, body, options) {
    this.send(encodeRequest(params, body, options));
    return this.answer(`an answer to ${params.REQUEST_METHOD ?? 'GET'} ${params.REQUEST_URI}`);
  }

  close() {
    this.socket.destroy();
  }
}

// One request on a connection of its own.
export async function fastcgi(where, params, body, options) {
  const client = await FastcgiClient.connect(where);
  try {
    return await client.request(params, body, options);
  } finally {
    client.close();
  }
}
