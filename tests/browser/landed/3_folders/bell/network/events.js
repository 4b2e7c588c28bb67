// SPDX-License-Identifier: MIT
// events.js - the relay's messages as Server-Sent Events, where no WebSocket gets through. The cookie
// identifies the user: an EventSource cannot carry a token. Interchangeable with websocket.js.

import { takeLockSlot } from './lock_slot.js';

export class EventsTransport {
  #source = null;
  #releaseSlot = null;
  #isClosed = false;

  // on: {data(text), end(what, isByPeer)}, as of WebSocketTransport.
  constructor({ url, EventSource }, on) {
    this.#open(url, EventSource, on).catch(() => on.end('retry', false));
  }

  // None is expected.
  pong() {}

  close() {
    this.#isClosed = true;
    this.#source?.close();
    this.#releaseSlot?.();
  }

  async #open(url, EventSource, on) {
    this.#releaseSlot = await takeLockSlot();
    if (!this.#releaseSlot) throw new Error('no slot is free');
    if (this.#isClosed) this.#releaseSlot();
    else this.#listen(new EventSource(url), on);
  }

  #listen(source, on) {
    source.onmessage = ({ data }) => on.data(data);
    // The reason, where there is one, was the last message. It would come back by itself, and not at a
    // random moment: the session closes it when it hears of the end.
    source.onerror = () => on.end('retry', false);
    this.#source = source;
  }
}
