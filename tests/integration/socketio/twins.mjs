// SPDX-License-Identifier: MIT
// twins.mjs - one client of one server, step by step: what it is to do is data, and what came back is
// a snapshot without ids, so that two servers can be compared.

import WebSocket from 'ws';

import { within } from '../../harness/index.mjs';
import { framings, Line, TEXT } from './raw.mjs';

const WRONG = 'A'.repeat(24);

const toBytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
const ofBytes = (bytes) => Buffer.from(bytes, 'latin1').toString('utf8');

// A packet without what differs from one server to the other by right. Revision 3's own servers tell
// no maxPayload.
function plain(packet, eio) {
  if (packet.startsWith('40{')) return '40{sid}';
  if (!packet.startsWith('0{')) return packet;
  const { sid: _, maxPayload, ...open } = JSON.parse(packet.slice(1));
  return `0${JSON.stringify(eio === 4 ? { ...open, maxPayload } : open)}`;
}

const sidOf = (packet) => JSON.parse(packet.slice(1)).sid;

export class Twin {
  heard = []; // packets, by polling, but for noops,
  pongs = 0; // and for these, which the reference sends before what came first
  requests = []; // {what, state}
  socks = []; // {state, frames}
  #lines = new Map();
  #rest = { state: 'none' }; // the poll that catches up

  constructor(t, server, { eio, more = '' }) {
    Object.assign(this, { t, server, eio, more });
    this.framing = eio === 4 ? framings.text4 : framings.text3;
  }

  #line(name) {
    const line = this.#lines.get(name);
    if (line && !line.socket.destroyed) return line;
    const made = new Line(null, this.server.port);
    this.#lines.set(name, made);
    return made;
  }

  // What waits for an answer is not followed by another request: the reference would read that first.
  isFree(name) {
    return !this.requests.some(({ line, state }) => line === name && state === 'pending');
  }

  // Lines that are open, and known to the server.
  async prepare(names) {
    await Promise.all(names.map((name) => this.#line(name).ask('GET', '/socket.io/')));
  }

  target({ transport = 'polling', sid = this.sid, eio = this.eio, more = this.more } = {}) {
    const words = [eio && `EIO=${eio}`, transport && `transport=${transport}`, sid && `sid=${sid}`].filter(Boolean);
    return `/socket.io/?${words.join('&')}${more}`;
  }

  #ask(what, line, method, target, options, then) {
    const record = { what, line, state: 'pending' };
    this.requests.push(record);
    this.#send(record, line, method, target, options, then);
  }

  #send(record, line, method, target, options, then) {
    this.#line(line)
      .ask(method, target, options)
      .then((answer) => {
        record.state = answer.status === 200 ? 'ok' : `${answer.status} ${answer.text}`;
        then?.(answer, record);
      })
      .catch(() => {
        record.state = 'cut';
      });
  }

  #read(text) {
    const script = text.match(/^___eio\[\d+\]\((".*")\);$/s);
    return this.framing.read(ofBytes(script ? JSON.parse(script[1]) : text));
  }

  #take(packets) {
    if (packets[0].startsWith('0{')) this.sid = sidOf(packets[0]);
    this.pongs += packets.filter((one) => one === '3').length;
    this.heard.push(...packets.filter((one) => one !== '6' && one !== '3').map((one) => plain(one, this.eio)));
  }

  // A loop polls again, as a client does, until it is told to wait or to go.
  #poll(line, isLoop) {
    this.#ask('poll', line, 'GET', this.target(), {}, (answer, record) => {
      const again = () => this.#send(record, line, 'GET', this.target(), {}, onAnswer);
      const onAnswer = ({ status, text }) => {
        if (status !== 200) return;
        const packets = this.#read(text);
        this.#take(packets);
        if (!isLoop || packets.includes('6') || packets.includes('1')) return;
        record.state = 'pending';
        again();
      };
      onAnswer(answer);
    });
  }

  #post(line, body, type = TEXT) {
    const isForm = this.more.includes('&j=');
    const sent = isForm ? `d=${encodeURIComponent(body)}` : toBytes(body);
    const headers = { 'content-type': isForm ? 'application/x-www-form-urlencoded' : type };
    this.#ask('post', line, 'POST', this.target(), { headers, body: sent });
  }

  #openSock(target) {
    const sock = { state: 'opening', frames: [], socket: new WebSocket(`ws://127.0.0.1:${this.server.port}${target}`) };
    this.socks.push(sock);
    sock.socket.on('message', (data) => {
      const packet = data.toString();
      if (packet.startsWith('0{')) this.sid = sidOf(packet);
      sock.frames.push(plain(packet, this.eio));
    });
    sock.socket.on('open', () => {
      sock.state = 'open';
    });
    sock.socket.on('unexpected-response', (request, response) => {
      sock.state = `refused ${response.statusCode}`;
      request.destroy();
    });
    sock.socket.on('error', () => {});
    sock.socket.on('close', (code) => {
      sock.code = code;
      if (!sock.state.startsWith('refused')) sock.state = 'closed';
    });
  }

  #acts = {
    shake: ({ line = 'a' }) =>
      this.#ask('shake', line, 'GET', this.target({ sid: '' }), {}, ({ status, text }) => status === 200 && this.#take(this.#read(text))),
    poll: ({ line = 'a', isLoop = false }) => this.#poll(line, isLoop),
    post: ({ line = 'b', packets, type }) => this.#post(line, this.framing.write(packets), type),
    raw: ({ line = 'b', body, type }) => this.#post(line, body, type),
    odd: ({ line = 'c', method = 'GET', headers, body, ...query }) =>
      this.#ask('odd', line, method, this.target({ ...query, sid: query.sid === 'wrong' ? WRONG : query.sid }), { headers, body }, ({ status, text }) => {
        if (status === 200 && method === 'GET' && query.sid === undefined) this.#take(this.#read(text)); // it was a poll
      }),
    ws: ({ sid = 'own', eio }) =>
      this.#openSock(this.target({ transport: 'websocket', eio: eio ?? this.eio, sid: { own: this.sid, wrong: WRONG, none: '' }[sid] })),
    say: ({ sock, frames }) => {
      const { socket, state } = this.socks[sock];
      if (state === 'open') for (const one of frames) socket.send(one);
    },
    part: ({ sock, code }) => this.socks[sock].state === 'open' && this.socks[sock].socket.close(code),
    cut: ({ sock }) => this.socks[sock].socket.terminate(),
    hangup: ({ line }) => {
      this.#line(line).socket.destroy();
      void this.prepare([line]).catch(() => {});
    },
    tell: ({ text }) => this.server.tell(text),
    both: ({ steps }) => {
      for (const one of steps) this.act(one);
    },
  };

  act(step) {
    return this.#acts[step.act](step);
  }

  // What one server tells by one answer the other may tell by two: asks for the second, once at a time.
  catchUp() {
    const isPolling = this.requests.some(({ what, state }) => what === 'poll' && state === 'pending');
    if (isPolling || this.#rest.state === 'pending') return;
    this.#rest = { state: 'pending' };
    this.#send(this.#rest, 'rest', 'GET', this.target(), {}, ({ status, text }) => status === 200 && this.#take(this.#read(text)));
  }

  // Polls until the session is gone; fails if it goes on.
  async untilOver() {
    for (;;) {
      if (this.socks.length > 0 && this.socks.every(({ state }) => state !== 'open')) return;
      const { status, text } = await within(this.#line('last').ask('GET', this.target()), 'the session to end', 5000);
      if (status !== 200 || this.#read(text).includes('1')) return;
    }
  }

  snapshot() {
    return {
      heard: this.heard,
      pongs: this.pongs,
      requests: this.requests.map(({ what, state }) => `${what} ${state}`),
      socks: this.socks.map(({ state, frames }) => ({ state, frames })),
    };
  }

  end() {
    for (const line of this.#lines.values()) line.socket.destroy();
    for (const { socket } of this.socks) socket.terminate();
  }
}
