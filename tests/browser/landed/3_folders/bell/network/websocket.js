// SPDX-License-Identifier: MIT
// websocket.js - the relay's messages by WebSocket, subprotocol doorbell.v1. Interchangeable
// with events.js: session.js works with either.

import { onCloseCode } from '../core/rules.js';

const NOT_CLOSED_BY_PEER = 1006;

export class WebSocketTransport {
  #socket;

  // on: {data(text), end(what, isByPeer)}, what as onCloseCode says. Throws where it is forbidden.
  constructor({ url, token, WebSocket }, on) {
    const socket = new WebSocket(url, 'doorbell.v1');

    socket.onopen = () => {
      if (token) socket.send(JSON.stringify({ type: 'login', token }));
    };
    socket.onmessage = ({ data }) => on.data(data);
    socket.onclose = ({ code }) => on.end(onCloseCode(code), code !== NOT_CLOSED_BY_PEER);
    this.#socket = socket;
  }

  pong() {
    this.#socket.send('{"type":"pong"}');
  }

  close() {
    this.#socket.close();
  }
}
