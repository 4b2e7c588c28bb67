// SPDX-License-Identifier: MIT
// session.js - one session of doorbell-relay, by socket or by stream, from the first try to the end:
// fetches the token, answers pings, notices a dead peer. connection.js decides what comes next.

import { onErrorCode } from '../core/rules.js';

const SILENT_INTERVALS = 2.5;
const OPENING_MS = 20_000;

export class Session {
  kind; // 'websocket' or 'events'
  token; // of the login; undefined while not known
  liveSince = null; // when it was welcomed
  wasHeard = false; // anything at all of the relay
  comeBackAt = null; // told by bye
  #options;
  #on;
  #clock;
  #transport = null;
  #timer = null; // to call the peer dead
  #heardAt = 0;
  #isOver = false;

  // options: {kind, open(token, on), tokens, pingInterval}; on: {up(user), ring(ring), lost(what)}.
  // Nothing is told before the constructor is through, nor after `lost` or close().
  constructor(options, on, clock) {
    this.kind = options.kind;
    this.#options = options;
    this.#on = on;
    this.#clock = clock;
    this.#open();
  }

  get isLive() {
    return this.liveSince !== null;
  }

  get isSilent() {
    return this.#clock.now() - this.#heardAt >= this.#patience;
  }

  close() {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#timer);
    this.#transport?.close();
  }

  // What is not even open is given up sooner: something on the way may be swallowing it.
  get #patience() {
    const ms = this.#options.pingInterval * SILENT_INTERVALS;
    return this.wasHeard ? ms : Math.min(ms, OPENING_MS);
  }

  async #open() {
    this.#listen();
    const token = await this.#options.tokens.get().catch(() => undefined);
    if (this.#isOver) return;
    this.token = token;
    if (token === undefined) this.#lose('retry');
    else this.#openTransport(token);
  }

  #openTransport(token) {
    try {
      this.#transport = this.#options.open(token, {
        data: (text) => this.#isOver || this.#receive(text),
        end: (what, isByPeer) => this.#isOver || this.#end(what, isByPeer),
      });
    } catch {
      this.#lose('retry'); // forbidden by the page's policy
    }
  }

  // Armed anew by each message.
  #listen() {
    this.#heardAt = this.#clock.now();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#lose('retry'), this.#patience);
  }

  #receive(text) {
    this.wasHeard = true;
    this.#listen();
    const message = parse(text);
    switch (message?.type) {
      case 'welcome':
        this.liveSince ??= this.#clock.now();
        this.#on.up(String(message.user));
        break;
      case 'ping':
        this.#transport.pong();
        break;
      case 'ring':
        this.#on.ring(message);
        break;
      case 'bye':
        this.comeBackAt = this.#clock.now() + (Number(message.after_ms) || 0);
        break;
      case 'error':
        this.#warned(onErrorCode(message.code));
        break;
    }
  }

  // An error that is not the end of the session says nothing to a page.
  #warned(what) {
    if (what) this.#lose(what);
  }

  #end(what, isByPeer) {
    this.wasHeard ||= isByPeer;
    this.#lose(what);
  }

  #lose(what) {
    this.close();
    this.#on.lost(what);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
