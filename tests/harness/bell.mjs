// SPDX-License-Identifier: MIT
// bell.mjs - a client of the relay's /ws, as a page is one: logs in, answers pings, keeps what came.

import WebSocket from 'ws';

import { within } from './wait.mjs';

export class Bell {
  #waiting = new Set();

  constructor(url, { token, headers = {}, online = false } = {}) {
    this.frames = [];
    this.closed = null; // {code, reason} once it is
    this.socket = new WebSocket(url, ['doorbell.v1'], { headers });
    this.socket.on('open', () => {
      if (token) this.send({ type: 'login', token, online });
    });
    this.socket.on('message', (data) => this.#receive(JSON.parse(data.toString())));
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#look();
    });
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  #receive(frame) {
    if (frame.type === 'ping') this.send({ type: 'pong' });
    this.frames.push(frame);
    this.#look();
  }

  #look() {
    for (const look of this.#waiting) look();
  }

  // The first frame from position `from` on that `test` (a type or a function) likes.
  async next(test, { from = 0, timeoutMs = 15_000 } = {}) {
    const likes = typeof test === 'string' ? (frame) => frame.type === test : test;
    let look;
    const found = new Promise((resolve, reject) => {
      look = () => {
        const frame = this.frames.slice(from).find(likes);
        if (frame) resolve(frame);
        else if (this.closed) reject(new Error(`closed with ${this.closed.code}: ${this.error ?? ''}`));
      };
      this.#waiting.add(look);
      look();
    });
    try {
      return await within(found, `a frame (${test}), got ${JSON.stringify(this.frames.slice(from))}`, timeoutMs);
    } finally {
      this.#waiting.delete(look);
    }
  }

  async untilClosed(timeoutMs = 15_000) {
    await this.next(() => false, { timeoutMs }).catch((error) => {
      if (!this.closed) throw error;
    });
    return this.closed;
  }

  close() {
    this.socket.terminate();
  }
}
