// SPDX-License-Identifier: MIT
// link.js - the socket to doorbell-relay, subprotocol doorbell.v1: logs in, answers pings, notices a
// dead peer, and comes back, each time at a random moment. Knows nothing of messages.

import { backOff, onCloseCode, slowDelay } from './rules.js';

const SILENT_INTERVALS = 2.5;
const LASTED_MS = 10_000;

export class Link {
  #options;
  #on;
  #clock;
  #socket = null;
  #token; // of the last login
  #timer = null; // to connect, or to call the peer dead
  #turn = 0;
  #failures = 0;
  #liveSince = null;
  #heardAt = 0;
  #comeBackAt = null; // told by bye
  #isWaiting = false;

  // options: {url, tokens, pingInterval, WebSocket}; on: {up(user), down(), refused(why), ring(ring)}
  constructor(options, on, clock) {
    this.#options = options;
    this.#on = on;
    this.#clock = clock;
  }

  get isLive() {
    return this.#liveSince !== null;
  }

  get isOff() {
    return !this.#socket && this.#timer === null;
  }

  // At once, whatever was planned.
  start() {
    this.#failures = 0;
    this.#leave();
    this.#connect();
  }

  // After a refusal was cleared up: not at once, lest the two ends disagree in a tight loop.
  resume() {
    if (this.isOff) this.#connectIn(backOff(this.#failures, this.#clock.random));
  }

  stop() {
    this.#leave();
    this.#down();
  }

  // The page was frozen, or the network is back: is the peer still there?
  wake(isOnlineAgain = false) {
    if (this.#socket && this.#clock.now() - this.#heardAt >= this.#patience()) this.#lost('retry');
    else if (isOnlineAgain && this.#isWaiting && this.#comeBackAt === null)
      this.#connectIn(backOff(0, this.#clock.random));
  }

  #patience() {
    return this.#options.pingInterval * SILENT_INTERVALS;
  }

  // A full turn: whatever an earlier socket or token fetch still has to say is not heard.
  #leave() {
    this.#turn++;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#isWaiting = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connectIn(ms) {
    this.#leave();
    this.#isWaiting = true;
    this.#timer = this.#clock.setTimeout(() => this.#connect(), ms);
  }

  async #connect() {
    this.#leave();
    const turn = this.#turn;
    this.#comeBackAt = null;
    this.#heard();
    const token = await this.#options.tokens.get().catch(() => undefined);
    if (turn !== this.#turn) return;
    this.#token = token;
    if (token === undefined) this.#lost('retry');
    else this.#open(turn, token);
  }

  #open(turn, token) {
    let socket;
    try {
      socket = new this.#options.WebSocket(this.#options.url, 'doorbell.v1');
    } catch {
      this.#lost('retry'); // forbidden by the page's policy
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      if (turn === this.#turn && token) socket.send(JSON.stringify({ type: 'login', token }));
    };
    socket.onmessage = (event) => {
      if (turn === this.#turn) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (turn === this.#turn) this.#lost(onCloseCode(event.code));
    };
  }

  // Also of a socket that never opens. Armed anew by each frame.
  #heard() {
    this.#heardAt = this.#clock.now();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#lost('retry'), this.#patience());
  }

  #receive(data) {
    this.#heard();
    const frame = parse(data);
    switch (frame?.type) {
      case 'welcome':
        this.#liveSince ??= this.#clock.now();
        this.#on.up(String(frame.user));
        break;
      case 'ping':
        this.#socket.send('{"type":"pong"}');
        break;
      case 'ring':
        this.#on.ring(frame);
        break;
      case 'bye':
        this.#comeBackAt = this.#clock.now() + (Number(frame.after_ms) || 0);
        break;
    }
  }

  #lost(what) {
    const now = this.#clock.now();
    // A relay that welcomes and closes at once is as good as none.
    const hasLasted = this.#liveSince !== null && now - this.#liveSince >= LASTED_MS;
    if (hasLasted || this.#comeBackAt !== null) this.#failures = 0;
    this.#leave();
    if (what === 'retry' || what === 'slow') this.#connectIn(this.#delay(what, now));
    this.#failures++;
    this.#down();
    if (what === 'login') this.#options.tokens.expire(this.#token);
    if (what === 'login' || what === 'stop') this.#on.refused(what);
  }

  #delay(what, now) {
    if (what === 'slow') return slowDelay(this.#clock.random);
    const wait = this.#comeBackAt === null ? 0 : Math.max(0, this.#comeBackAt - now);
    return wait || backOff(this.#failures, this.#clock.random);
  }

  #down() {
    this.#liveSince = null;
    this.#on.down();
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
