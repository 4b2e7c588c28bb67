// SPDX-License-Identifier: MIT
// stream.js - the relay's messages as Server-Sent Events, for where no WebSocket gets through. The
// cookie says who it is: an EventSource can carry no token. Of one shape with socket.js.

import { takeSeat } from './seat.js';

export class Stream {
  #source = null;
  #leaveSeat = null;
  #isClosed = false;

  // on: {data(text), end(what, isByPeer)}, as of Socket.
  constructor({ url, EventSource }, on) {
    this.#open(url, EventSource, on).catch(() => on.end('retry', false));
  }

  // None is expected.
  pong() {}

  close() {
    this.#isClosed = true;
    this.#source?.close();
    this.#leaveSeat?.();
  }

  async #open(url, EventSource, on) {
    this.#leaveSeat = await takeSeat();
    if (!this.#leaveSeat) throw new Error('no seat is free');
    if (this.#isClosed) this.#leaveSeat();
    else this.#listen(new EventSource(url), on);
  }

  #listen(source, on) {
    source.onmessage = ({ data }) => on.data(data);
    // The reason, where there is one, was the last message. It would come back by itself, and not at a
    // random moment: who hears of the end closes it.
    source.onerror = () => on.end('retry', false);
    this.#source = source;
  }
}
