// SPDX-License-Identifier: MIT
// crowd.mjs - clients of any server of peers.mjs, in this process: ws, as sites use it. For comparing servers
// with each other; the swarm costs less, and speaks doorbell.v1 only.

import WebSocket from 'ws';

import { within } from '../harness/wait.mjs';

const AT_ONCE = 64;
const PATIENCE_MS = 60_000;

export class Crowd {
  #peer;
  #server;
  #sockets = [];
  #isTold = () => {};

  constructor(scope, peer, server) {
    this.#peer = peer;
    this.#server = server;
    scope.after(() => this.#sockets.forEach((socket) => socket.terminate()));
  }

  #connect(n) {
    const { protocol, onOpen = () => null, onMessage } = this.#peer;
    const socket = new WebSocket(this.#server.url, protocol ? [protocol] : [], { perMessageDeflate: false });
    this.#sockets.push(socket);
    return new Promise((resolve, reject) => {
      const take = (said) => {
        if (said === 'in') resolve();
        if (said === 'told') this.#isTold();
      };
      socket.on('open', () => take(onOpen(socket, n, this.#server)));
      socket.on('message', (data) => take(onMessage(socket, data.toString(), n, this.#server)));
      socket.on('error', reject);
    });
  }

  // Until `count` in all are in.
  async open(count) {
    while (this.#sockets.length < count) {
      const first = this.#sockets.length;
      const some = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, i) => this.#connect(first + i));
      await within(Promise.all(some), `clients ${first} and on`, PATIENCE_MS);
    }
  }

  // Tells all of them once, until each has heard it.
  async tell() {
    let told = 0;
    const heard = new Promise((resolve) => {
      this.#isTold = () => ++told === this.#sockets.length && resolve();
    });
    await Promise.all([this.#server.tellAll(), within(heard, 'all clients to be told', PATIENCE_MS)]);
  }
}
