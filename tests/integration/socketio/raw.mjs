// SPDX-License-Identifier: MIT
// socketio_raw.mjs - socket.io spelled out by the test: requests, payloads and frames as bytes.

import assert from 'node:assert/strict';
import net from 'node:net';

import WebSocket from 'ws';

import { SOCKETIO, within } from '../../harness/index.mjs';
import { Frames } from '../../harness/frames.mjs';
import { startScene as startRelayScene } from '../relay/scene.mjs';

const HEAD_END = '\r\n\r\n';

// {text, rest}; null: it is not whole yet.
const cutBody = (text, length) => (text.length < length ? null : { text: text.slice(0, length), rest: text.slice(length) });

function cutChunks(text) {
  for (let whole = '', rest = text; ; ) {
    const size = rest.match(/^([0-9a-f]+)\r\n/i);
    const chunk = size && cutBody(rest.slice(size[0].length), parseInt(size[1], 16) + 2);
    if (!chunk) return null;
    if (chunk.text === '\r\n') return { text: whole, rest: chunk.rest };
    whole += chunk.text.slice(0, -2);
    rest = chunk.rest;
  }
}

// One connection that speaks HTTP, its answers in the order of the requests: {status, headers, text};
// all text is latin1, so that a character is a byte.
export class Line {
  #text = '';
  #waiting = [];

  constructor(t, port) {
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      this.#read();
    });
    this.socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(`closed, with ${JSON.stringify(this.#text)}`));
        resolve(this.#text);
      });
    });
    t?.after(() => this.socket.destroy());
  }

  #read() {
    for (;;) {
      const end = this.#text.indexOf(HEAD_END);
      if (end < 0 || this.#waiting.length === 0) return;
      const [first, ...lines] = this.#text.slice(0, end).split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const rest = this.#text.slice(end + HEAD_END.length);
      const body = headers['transfer-encoding'] === 'chunked' ? cutChunks(rest) : cutBody(rest, Number(headers['content-length'] ?? 0));
      if (!body) return;
      this.#text = body.rest;
      this.#waiting.shift().resolve({ status: Number(first.split(' ')[1]), headers, text: body.text });
    }
  }

  write(bytes) {
    this.socket.write(Buffer.from(bytes, 'latin1'));
  }

  // The next answer that is not yet asked for.
  answer() {
    const answer = new Promise((resolve, reject) => {
      if (this.socket.destroyed) reject(new Error('closed'));
      else this.#waiting.push({ resolve, reject });
    });
    answer.catch(() => {});
    this.#read();
    return answer;
  }

  // Writes a request; answers the promise of its answer, and does not wait.
  ask(method, target, options) {
    const answer = this.answer();
    this.write(requestText(method, target, options));
    return within(answer, `an answer to ${method} ${target}`, 30_000);
  }
}

export function requestText(method, target, { headers = {}, body, version = '1.1' } = {}) {
  const sent = { host: 'relay', ...headers };
  if (body !== undefined) sent['content-length'] ??= String(Buffer.byteLength(body, 'latin1'));
  const lines = Object.entries(sent).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return `${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n${body ?? ''}`;
}

// One request on a connection of its own.
export async function ask(t, scene, method, target, options) {
  const line = new Line(t, scene.port);
  const answer = await line.ask(method, target, options);
  line.socket.destroy();
  return answer;
}

// The packets of a payload, and a payload of packets.
export const framings = {
  text4: {
    read: (text) => text.split('\x1e'),
    write: (packets) => packets.join('\x1e'),
  },
  text3: {
    read(text) {
      const packets = [];
      for (let rest = text; rest; ) {
        const [, digits] = rest.match(/^(\d+):/);
        const from = digits.length + 1;
        packets.push(rest.slice(from, from + Number(digits)));
        rest = rest.slice(from + Number(digits));
      }
      return packets;
    },
    write: (packets) => packets.map((one) => `${one.length}:${one}`).join(''),
  },
  binary3: {
    read(text) {
      const packets = [];
      for (let rest = text; rest; ) {
        const end = rest.indexOf('\xff');
        assert.equal(rest[0], '\0');
        const length = Number([...rest.slice(1, end)].map((one) => one.charCodeAt(0)).join(''));
        packets.push(rest.slice(end + 1, end + 1 + length));
        rest = rest.slice(end + 1 + length);
      }
      return packets;
    },
    write: (packets) =>
      packets.map((one) => `\0${[...String(one.length)].map((digit) => String.fromCharCode(digit)).join('')}\xff${one}`).join(''),
  },
};

// What asks for a WebSocket.
export const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

export const TEXT = 'text/plain; charset=UTF-8';

// A page that polls, by hand.
export class Page {
  constructor(t, scene, { eio = 4, more = '', headers = {}, framing = eio === 4 ? framings.text4 : framings.text3 } = {}) {
    Object.assign(this, { t, scene, eio, more, headers, framing });
    this.line = new Line(t, scene.port);
    this.heard = []; // packets, in their order
  }

  target(transport = 'polling') {
    const sid = this.sid ? `&sid=${this.sid}` : '';
    return `/socket.io/?EIO=${this.eio}&transport=${transport}${sid}${this.more}`;
  }

  // Shakes hands; answers what the handshake said.
  async shake() {
    const answer = await this.line.ask('GET', this.target(), { headers: this.headers });
    assert.equal(answer.status, 200, answer.text);
    const packets = this.framing.read(answer.text);
    this.opening = JSON.parse(packets[0].slice(1));
    this.sid = this.opening.sid;
    this.heard.push(...packets.slice(1));
    return answer;
  }

  // Shakes hands, and is connected to "/".
  async open(auth = '') {
    await this.shake();
    if (this.eio !== 4) return this;
    await this.say(`40${auth}`);
    await this.next((one) => one.startsWith('40'));
    return this;
  }

  poll(line = this.line) {
    return line.ask('GET', this.target(), { headers: this.headers });
  }

  // A POST of this body, on a connection of its own.
  post(body, headers = { 'content-type': TEXT }) {
    return ask(this.t, this.scene, 'POST', this.target(), { headers: { ...this.headers, ...headers }, body });
  }

  async say(...packets) {
    const { status, text } = await this.post(this.framing.write(packets));
    assert.deepEqual([status, text], [200, 'ok']);
  }

  // Polls until a packet that `likes` is there; answers the first one from `from` on.
  async next(likes, from = 0) {
    for (;;) {
      const found = this.heard.slice(from).find(likes);
      if (found !== undefined) return found;
      const { status, text } = await this.poll();
      assert.equal(status, 200, text);
      this.heard.push(...this.framing.read(text));
      if (this.eio === 4 && this.heard.at(-1) === '2') await this.say('3');
    }
  }

  // Logs in; answers what the acknowledgement says.
  async login(argument) {
    const from = this.heard.length;
    await this.say(`420${JSON.stringify(['login', argument])}`);
    return JSON.parse((await this.next((one) => one.startsWith('430'), from)).slice(3))[0];
  }

  messages() {
    return this.heard.filter((one) => one.startsWith('42["new_msg"')).map((one) => JSON.parse(one.slice(2))[1]);
  }
}

// A WebSocket whose frames are texts; `closed` is {code}.
export class Sock extends Frames {
  constructor(t, scene, { eio = 4, sid = '', headers = {}, query = '' } = {}) {
    super();
    const path = scene.settings['relay.socketio_path'] ?? '/socket.io/';
    const of = sid ? `&sid=${sid}` : '';
    this.socket = new WebSocket(`ws://127.0.0.1:${scene.port}${path}?EIO=${eio}&transport=websocket${of}${query}`, { headers });
    this.socket.on('message', (data) => this.hear(data.toString()));
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('close', (code) => this.end({ code }));
    this.opened = within(
      new Promise((resolve, reject) => this.socket.on('open', resolve).on('error', reject)), 'the WebSocket to open');
    this.opened.catch(() => {});
    t.after(() => this.socket.terminate());
  }

  // Opened and connected to "/".
  static async connect(t, scene, { auth = '', ...options } = {}) {
    const sock = new Sock(t, scene, options);
    await sock.opened;
    sock.sid = JSON.parse((await sock.next((one) => one.startsWith('0{'))).slice(1)).sid;
    if ((options.eio ?? 4) === 4) sock.say(`40${auth}`);
    await sock.next((one) => one.startsWith('40'));
    return sock;
  }

  say(...frames) {
    for (const one of frames) this.socket.send(one);
  }

  async login(argument) {
    const from = this.frames.length;
    this.say(`420${JSON.stringify(['login', argument])}`);
    return JSON.parse((await this.next((one) => one.startsWith('430'), { from })).slice(3))[0];
  }

  messages() {
    return this.frames.filter((one) => one.startsWith('42["new_msg"')).map((one) => JSON.parse(one.slice(2))[1]);
  }

  async nextMessage(text) {
    await this.next((one) => one === `42${JSON.stringify(['new_msg', text])}`);
  }
}

// As web-msg-sender, but without its counts; broadcasts at once.
export const LEGACY = {
  'relay.legacy_anonymous': 'yes',
  'relay.legacy_login': 'yes',
  'relay.legacy_online_count': 'no',
  'relay.legacy_publish': 'yes',
  'relay.pace': '0',
};

export const startScene = (t, settings = {}, options) => startRelayScene(t, { ...SOCKETIO, ...settings }, options);

export async function publish(scene, fields, status = 200) {
  const answer = await scene.call('POST', '/', { form: { type: 'publish', ...fields } });
  assert.equal(answer.status, status, answer.text);
  return answer;
}
