// SPDX-License-Identifier: MIT
// page.mjs - a page that is seen, and alone in its browser: the real knowledge, poller and connection, and in short what
// bell/core/engine.js makes of what these tell. A page at rest is the same as any other, and made when something happens.

import { Knowledge } from '../../../www/bell/core/knowledge.js';
import { Poller } from '../../../www/bell/core/poller.js';
import { decideOnRing, pollDelay } from '../../../www/bell/core/rules.js';
import { Connection } from '../../../www/bell/network/connection.js';

const POLL_MS = 60_000; // pollInterval, by default
const PING_MS = 25_000;
const NO_TOKENS = { isByCookie: true, get: async () => null, expire: () => false };
const NO_PREFERENCE = { get: () => null, set: () => {} };

export class Page {
  #site;
  #number;
  #knowledge;
  #poller;
  #connection = null; // of pages that lose it; those of others stay
  #pollTimer = null;
  #isStarting = false;
  #plan = null; // of the poller
  #asking = 0;

  // It knows `numbers`.
  constructor(site, number, numbers) {
    this.#site = site;
    this.#number = number;
    this.#knowledge = new Knowledge(() => {}, String(number));
    this.#knowledge.meetEpoch(numbers.epoch);
    this.#knowledge.take({ ...numbers, ...site.termsOf(number) }, { changes: this.#knowledge.changes, seq: 0 });
    this.#poller = new Poller(() => this.#ask(), { answer: (input) => this.#answered(input), failure: ({ status }) => status !== 401 }, this.#clock());
  }

  // The site's, by which it shows whether the poller has a plan.
  #clock() {
    const { clock } = this.#site;
    return {
      now: clock.now,
      random: clock.random,
      setTimeout: (call, ms) => (this.#plan = clock.setTimeout(() => {
        this.#plan = null;
        call();
      }, ms)),
      clearTimeout: (timer) => {
        clock.clearTimeout(timer);
        if (timer === this.#plan) this.#plan = null;
      },
    };
  }

  // Nothing is under way: what it knows is all that there is of it.
  get isAtRest() {
    return this.#connection === null && this.#plan === null && this.#asking === 0;
  }

  get isRight() {
    const { numbers } = this.#site.app;
    return this.#knowledge.epoch === numbers.epoch && this.#knowledge.known?.seq >= numbers.seq;
  }

  // --- the connection ---

  // It has a session already, at the relay that is to end.
  connect() {
    this.#isStarting = true;
    const page = this;
    const options = {
      relay: 'ws:', events: null, tokens: NO_TOKENS, pingInterval: PING_MS, preference: NO_PREFERENCE,
      WebSocket: class extends Socket {
        constructor() {
          super(page.#site, page.#number);
        }
      },
    };
    const on = { up: (user, epoch) => this.#up(epoch), down: () => this.#down(), refused: () => {}, ring: (ring) => this.rung(ring), ping: (ping) => this.pinged(ping) };
    this.#connection = new Connection(options, on, this.#site.clock);
    this.#connection.start();
  }

  get isLive() {
    return this.#connection === null || this.#connection.isLive;
  }

  #up(epoch) {
    this.#knowledge.meetEpoch(epoch);
    this.#site.clock.clearTimeout(this.#pollTimer);
    this.#pollTimer = null;
    if (!this.#isStarting) this.ask(0);
    this.#isStarting = false;
  }

  #down() {
    this.#pollTimer ??= this.#site.clock.setTimeout(() => {
      this.#pollTimer = null;
      this.ask(0);
      this.#down();
    }, pollDelay(POLL_MS, this.#site.clock.random));
  }

  // --- as the engine does ---

  rung(ring) {
    const spread = Number(ring.spread_ms) || 0;
    const decision = this.#knowledge.meetEpoch(ring.epoch) ? 'ask' : decideOnRing(this.#knowledge.known, ring);
    if (decision === 'ask') this.ask(spread);
    else if (decision === 'within' && !this.#knowledge.step(ring)) this.#hearSeq(ring.seq, spread);
    this.#site.look(this.#number, this);
  }

  pinged({ epoch, seq }) {
    if (this.#knowledge.meetEpoch(epoch)) this.ask(0);
    else if (Number.isSafeInteger(seq) && seq > this.#knowledge.heardSeq) this.rung({ seq });
  }

  #hearSeq(seq, spread) {
    const { settledSeq, heardSeq } = this.#knowledge;
    if (seq <= settledSeq) return;
    this.#knowledge.heardSeq = Math.max(heardSeq, seq);
    this.ask(spread);
  }

  ask(spread) {
    this.#poller.ask(spread);
  }

  async #ask() {
    const { changes, heardSeq: seq } = this.#knowledge;
    this.#asking++;
    try {
      return { answer: await this.#site.check(this.#number), asked: { changes, seq } };
    } finally {
      this.#asking--;
    }
  }

  #answered({ answer, asked }) {
    if (!this.#knowledge.take(answer, asked)) this.ask(0);
    this.#site.look(this.#number, this);
  }
}

// A page's WebSocket.
class Socket {
  onopen = () => {};
  onmessage = () => {};
  onclose = () => {};
  #site;
  #number;

  constructor(site, number) {
    this.#site = site;
    this.#number = number;
    site.connect(number, this);
  }

  send() {} // relays.c answers pings, and the login is in the cookie

  close() {
    this.#site.leave(this.#number, this);
  }
}
