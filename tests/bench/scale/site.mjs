// SPDX-License-Identifier: MIT
// site.mjs - a site of many pages under one clock: relays, the app, and the ways between them, which always take as long.

import { App } from './app.mjs';
import { Meter } from './meter.mjs';
import { Page } from './page.mjs';
import { readRecords, Relays, START_MS } from './relays.mjs';
import { Timeline } from './timeline.mjs';

const WAY_MS = 30; // from a page to a server, or back
const WALK_MS = 5; // PACE_TICK_MS of relay/engine/pace.h
const TICK_MS = 20; // TICK_MS of relay/server/site.c
const REFRESH_MS = 900_000; // refreshInterval of a page, by default
const REFRESH_EVERY_MS = 10; // pages that refresh are drawn

const NUMBERS = { num: 3, version: 10, seq: 1000, epoch: '1' };

export class Site {
  right = new Meter(); // pages that have become right
  back = new Meter();
  requests; // for a socket, of each relay
  accepts;
  refused = new Meter();
  #pages; // those that are not at rest
  #isRight;
  #sockets = new Map(); // by page: of those that have a connection of their own
  #relays;
  #living; // relays
  #turnAt = START_MS;
  #hasTold = false; // a page, that something came: promises wait

  // options: {relays, pages, seed, settings of doorbell.conf, members: the share of pages whose users are in groups}
  constructor(scope, { relays, pages, seed, settings = {}, members = 0 }) {
    this.timeline = new Timeline(START_MS, seed);
    this.clock = this.timeline.clock;
    this.app = new App(this.timeline, NUMBERS);
    this.pages = pages;
    this.members = members;
    this.requests = Array.from({ length: relays }, () => new Meter());
    this.accepts = Array.from({ length: relays }, () => new Meter());
    this.#pages = new Array(pages).fill(null);
    this.#isRight = new Uint8Array(pages).fill(1);
    this.#living = [...Array(relays).keys()];
    this.#relays = new Relays(scope, relays, pages, settings);
    this.#relays.learn(NUMBERS.epoch, NUMBERS.seq);
    this.#refreshSome(0);
  }

  get elapsed() {
    return this.timeline.now - START_MS;
  }

  // --- what happens to it ---

  // A message to everybody; with `add`, one from which pages compute their number.
  send(type, add) {
    const { numbers } = this.app;
    this.#change({ ...numbers, num: numbers.num + 1, seq: numbers.seq + 1 });
    this.#relays.ring(type, numbers.seq + 1, add);
    this.#relays.learn(numbers.epoch, numbers.seq + 1);
  }

  failDatabase() {
    this.app.isDown = true;
  }

  // Another history, which the publisher tells.
  restoreDatabase() {
    this.app.isDown = false;
    this.#change({ ...this.app.numbers, epoch: '2' });
    this.#relays.learn('2', this.app.numbers.seq);
  }

  #change(numbers) {
    this.app.numbers = numbers;
    this.#isRight.fill(0);
  }

  // The connections of pages are real from here on where they are to be lost: those of the relay `lost`.
  async connectPagesOf(lost) {
    this.isStarting = true;
    for (let n = lost; n < this.pages; n += this.requests.length) this.#page(n).connect();
    await drained();
    this.isStarting = false;
    if ([...this.#sockets.keys()].some((n) => !this.#page(n).isLive)) throw new Error('a page has no session');
  }

  endRelay(lost) {
    this.#living = this.#living.filter((relay) => relay !== lost);
    this.#relays.end(lost);
    for (const [, socket] of this.#sockets) this.timeline.after(WAY_MS, () => socket.onclose({ code: 1006 }));
  }

  // Live pages look now and then whether they are right, each at its own time.
  #refreshSome(owed) {
    let due = owed + (this.pages * REFRESH_EVERY_MS) / REFRESH_MS;
    for (; due >= 1; due--) {
      const page = this.#page(Math.floor(this.timeline.random() * this.pages));
      if (page.isLive) page.ask(0);
    }
    this.timeline.after(REFRESH_EVERY_MS, () => this.#refreshSome(due));
  }

  // --- what pages do ---

  #page(number) {
    return (this.#pages[number] ??= new Page(this, number, this.#isRight[number] ? this.app.numbers : NUMBERS));
  }

  termsOf(number) {
    const isMember = (number * 7919) % 1000 < this.members * 1000; // evenly, whenever they came and wherever they are
    return { scope: 0, groups: isMember ? 1 : 0, muted: [] };
  }

  check(number) {
    this.#hasTold = true;
    return this.app.check(this.termsOf(number), WAY_MS).finally(() => { this.#hasTold = true; });
  }

  look(number, page) {
    if (this.#isRight[number] || !page.isRight) return;
    this.#isRight[number] = 1;
    this.right.count(this.elapsed);
    this.timeline.after(0, () => {
      if (page.isAtRest) this.#pages[number] = null;
    });
  }

  connect(number, socket) {
    this.#hasTold = true;
    this.#sockets.set(number, socket);
    if (this.isStarting) {
      const welcome = JSON.stringify({ type: 'welcome', user: String(number), epoch: NUMBERS.epoch });
      queueMicrotask(() => socket.onmessage({ data: welcome }));
      return;
    }
    const relay = this.#living[Math.floor(this.timeline.random() * this.#living.length)];
    socket.relay = relay;
    this.timeline.after(WAY_MS, () => {
      this.requests[relay].count(this.elapsed);
      this.#relays.open(relay, number);
      this.#turnAt = Math.min(this.#turnAt, alignUp(this.timeline.now, WALK_MS));
    });
  }

  leave(number, socket) {
    if (this.#sockets.get(number) === socket) this.#sockets.delete(number);
  }

  // --- what relays say ---

  #on = {
    frame: (number, text) => this.#hear(number, this.#relays.texts[text]),
    accepted: (number) => {
      const socket = this.#sockets.get(number);
      this.accepts[socket.relay].count(this.elapsed);
      this.back.count(this.elapsed);
      socket.onopen();
    },
    refused: (number) => {
      this.refused.count(this.elapsed);
      this.#sockets.get(number)?.onclose({ code: 1006 });
    },
    closed: (number, code) => {
      throw new Error(`page ${number} was closed with ${code}`);
    },
  };

  #hear(number, { text, message }) {
    const socket = this.#sockets.get(number);
    if (socket) socket.onmessage({ data: text });
    else if (message.type === 'ping') this.#ping(number, message);
    else if (message.type === 'ring') this.#page(number).rung(message);
  }

  #ping(number, ping) {
    const { epoch, seq } = this.#isRight[number] ? this.app.numbers : NUMBERS;
    const isNews = (ping.epoch ?? epoch) !== epoch || (ping.seq ?? 0) > seq;
    if (this.#pages[number] || isNews) this.#page(number).pinged(ping);
  }

  // --- time ---

  async #turn() {
    this.timeline.now = this.#turnAt;
    const said = await this.#relays.turn(this.timeline.now);
    const isBusy = this.#relays.isWalking || this.#relays.hasCommands;
    this.#turnAt = alignUp(this.timeline.now + 1, isBusy ? WALK_MS : TICK_MS);
    if (said) this.timeline.after(WAY_MS, () => {
      this.#hasTold = true;
      readRecords(said, this.#on);
    });
  }

  // Until `isOver`, or for so long; true: it is over.
  async run(isOver, limitMs = Infinity) {
    const until = this.timeline.now + limitMs;
    while (!isOver()) {
      if (Math.min(this.#turnAt, this.timeline.nextAt) > until) return false;
      if (this.#turnAt <= this.timeline.nextAt) await this.#turn();
      else this.timeline.runMoment();
      if (this.#hasTold) await drained();
      this.#hasTold = false;
    }
    return true;
  }
}

function alignUp(ms, step) {
  return Math.ceil(ms / step) * step;
}

// What promises make of what has happened.
function drained() {
  return new Promise(setImmediate);
}
