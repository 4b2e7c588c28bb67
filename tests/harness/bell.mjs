// SPDX-License-Identifier: MIT
// bell.mjs - a client of the relay's /ws, as a page is one: logs in, answers pings, keeps what came.
// `closed` is {code, reason}.

import WebSocket from 'ws';

import { Frames } from './frames.mjs';

export class Bell extends Frames {
  constructor(url, { token, headers = {}, online = false } = {}) {
    super();
    this.socket = new WebSocket(url, ['doorbell.v1'], { headers });
    this.socket.on('open', () => {
      if (token) this.send({ type: 'login', token, online });
    });
    this.socket.on('message', (data) => this.#receive(JSON.parse(data.toString())));
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('close', (code, reason) => this.end({ code, reason: reason.toString() }));
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  #receive(frame) {
    if (frame.type === 'ping') this.send({ type: 'pong' });
    this.hear(frame);
  }

  close() {
    this.socket.terminate();
  }
}
