// SPDX-License-Identifier: MIT
// link.js - the way to doorbell-relay: by socket, or by stream where no socket gets through, and then
// back to a socket as soon as one does. Comes back after each loss, each time at a random moment.
// Knows nothing of messages.

import { backOff, climbDelay, slowDelay, transportAfter } from './rules.js';
import { Session } from './session.js';
import { Socket } from './socket.js';
import { Stream } from './stream.js';

const LASTED_MS = 10_000;

export class Link {
  #options;
  #on;
  #clock;
  #session = null; // on trial, or live
  #climber = null; // a socket on trial beside a live stream
  #timer = null; // to connect, or to climb
  #kind = 'websocket'; // of the next session
  #failures = 0;
  #deafSockets = 0; // in a row, that heard nothing of the relay
  #climbs = 0; // in vain
  #comeBackAt = null; // told by the last session's bye

  // options: {relay, events (null: none), tokens, pingInterval, memory, WebSocket, EventSource}, the
  // addresses absolute; on: {up(user), down(), refused(why), ring(ring)}. Begins with what the memory
  // says worked last: where each click loads a page, it would otherwise be long in coming each time.
  constructor(options, on, clock) {
    this.#options = options;
    this.#on = on;
    this.#clock = clock;
    if (options.memory.get() === 'events') this.#kind = 'events';
  }

  // 'websocket' or 'events' while one is live, else null.
  get transport() {
    return this.#session?.isLive ? this.#session.kind : null;
  }

  get isLive() {
    return this.transport !== null;
  }

  get isOff() {
    return !this.#session && this.#timer === null;
  }

  // At once, whatever was planned.
  start() {
    this.#failures = 0;
    this.#climbs = 0;
    this.#connect();
  }

  // After a refusal was cleared up: not at once, lest the two ends disagree in a tight loop.
  resume() {
    if (this.isOff) this.#connectIn(backOff(this.#failures, this.#clock.random));
  }

  stop() {
    this.#leave();
    this.#on.down();
  }

  // The page was frozen, or the network is back: is the peer still there?
  wake(isOnlineAgain = false) {
    if (this.#session?.isSilent) this.#lost('retry');
    else if (isOnlineAgain) this.#changedNetwork();
  }

  // What the last network let through says nothing about this one.
  #changedNetwork() {
    const soon = backOff(0, this.#clock.random);

    this.#deafSockets = 0;
    this.#climbs = 0;
    if (this.#timer === null) return;
    if (this.#session) {
      this.#climbIn(soon);
    } else if (this.#comeBackAt === null) {
      this.#kind = 'websocket';
      this.#connectIn(soon);
    }
  }

  // Whatever a session that was left still has to say is not heard.
  #leave() {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#climber?.close();
    this.#climber = null;
    this.#session?.close();
    this.#session = null;
  }

  #connectIn(ms) {
    this.#leave();
    this.#timer = this.#clock.setTimeout(() => this.#connect(), ms);
  }

  #connect() {
    this.#leave();
    this.#comeBackAt = null;
    this.#session = this.#open(this.#hasEvents ? this.#kind : 'websocket');
  }

  get #hasEvents() {
    return this.#options.events !== null && this.#options.tokens.isByCookie;
  }

  #open(kind) {
    const { tokens, pingInterval } = this.#options;
    const open = (token, on) => this.#openTransport(kind, token, on);
    const on = {
      up: (user) => this.#welcomed(session, user),
      ring: (ring) => session === this.#session && this.#on.ring(ring),
      lost: (what) => (session === this.#climber ? this.#climbFailed() : this.#lost(what)),
    };
    const session = new Session({ kind, open, tokens, pingInterval }, on, this.#clock);
    return session;
  }

  #openTransport(kind, token, on) {
    const { relay, events, WebSocket, EventSource } = this.#options;
    if (kind === 'events') return new Stream({ url: events, EventSource }, on);
    return new Socket({ url: relay, token, WebSocket }, on);
  }

  #welcomed(session, user) {
    if (session === this.#climber) this.#climbed();
    else if (session.kind === 'events' && !this.#climber) this.#climbLater();
    this.#options.memory.set(session.kind);
    this.#on.up(user);
  }

  #climbLater() {
    this.#climbIn(climbDelay(this.#climbs, this.#clock.random));
  }

  #climbIn(ms) {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#climber = this.#open('websocket');
    }, ms);
  }

  // The stream has rung until here. A ring that was still on its way by it is made up for by the
  // question that each welcome brings.
  #climbed() {
    const socket = this.#climber;
    this.#climber = null;
    this.#leave();
    this.#session = socket;
    this.#climbs = 0;
  }

  #climbFailed() {
    this.#climber = null;
    this.#climbs++;
    this.#climbLater();
  }

  #lost(what) {
    const session = this.#session;
    const now = this.#clock.now();
    // A relay that welcomes and closes at once is as good as none.
    const hasLasted = session.isLive && now - session.liveSince >= LASTED_MS;
    if (hasLasted || session.comeBackAt !== null) this.#failures = 0;
    this.#chooseNext(session);
    this.#leave();
    this.#comeBackAt = session.comeBackAt;
    if (what === 'retry' || what === 'slow') this.#connectIn(this.#delay(what, now));
    this.#failures++;
    this.#on.down();
    if (what === 'login') this.#options.tokens.expire(session.token);
    if (what === 'login' || what === 'stop') this.#on.refused(what);
  }

  #chooseNext({ kind, isLive, wasHeard }) {
    if (kind === 'websocket') this.#deafSockets = wasHeard ? 0 : this.#deafSockets + 1;
    this.#kind = transportAfter(kind, isLive, this.#deafSockets);
  }

  #delay(what, now) {
    if (what === 'slow') return slowDelay(this.#clock.random);
    const wait = this.#comeBackAt === null ? 0 : Math.max(0, this.#comeBackAt - now);
    return wait || backOff(this.#failures, this.#clock.random);
  }
}
