// SPDX-License-Identifier: MIT
// connection.js - keeps one session with doorbell-relay: by WebSocket, or by event stream where no WebSocket
// gets through, and by WebSocket again as soon as one does (the upgrade). Reconnects after each loss, each
// time at a random moment. Knows nothing of messages.

import { backOff, upgradeDelay, slowDelay, transportAfter } from '../core/rules.js';
import { Session } from './session.js';
import { WebSocketTransport } from './websocket.js';
import { EventsTransport } from './events.js';

const LASTED_MS = 10_000;

export class Connection {
  #options;
  #on;
  #clock;
  #session = null; // on trial, or live
  #upgrade = null; // a socket on trial beside a live stream
  #timer = null; // to connect, or to upgrade
  #kind = 'websocket'; // of the next session
  #failures = 0;
  #deafSockets = 0; // in a row, that heard nothing of the relay
  #failedUpgrades = 0; // in vain
  #comeBackAt = null; // told by the last session's bye

  // options: {relay, events (null: none), tokens, pingInterval, preference, WebSocket, EventSource}, the
  // addresses absolute; on: {up(user), down(), refused(why), ring(ring)}. Begins with what the preference
  // says worked last: where each click loads a page, it would otherwise be long in coming each time.
  constructor(options, on, clock) {
    this.#options = options;
    this.#on = on;
    this.#clock = clock;
    if (options.preference.get() === 'events') this.#kind = 'events';
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
    this.#failedUpgrades = 0;
    this.#connect();
  }

  // After a refusal was cleared up: not at once, lest the two ends disagree in a tight loop.
  resume() {
    if (this.isOff) this.#connectIn(backOff(this.#failures, this.#clock.random));
  }

  // The session is that of a user who has gone. Not at once, as above; and it is not told as a loss.
  relogin() {
    if (this.#hasLasted) this.#failures = 0;
    this.#connectIn(backOff(this.#failures++, this.#clock.random));
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
    this.#failedUpgrades = 0;
    if (this.#timer === null) return;
    if (this.#session) {
      this.#upgradeIn(soon);
    } else if (this.#comeBackAt === null) {
      this.#kind = 'websocket';
      this.#connectIn(soon);
    }
  }

  // Whatever a session that was left still has to say is not heard.
  #leave() {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#upgrade?.close();
    this.#upgrade = null;
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
      lost: (what) => (session === this.#upgrade ? this.#upgradeFailed() : this.#lost(what)),
    };
    const session = new Session({ kind, open, tokens, pingInterval }, on, this.#clock);
    return session;
  }

  #openTransport(kind, token, on) {
    const { relay, events, WebSocket, EventSource } = this.#options;
    if (kind === 'events') return new EventsTransport({ url: events, EventSource }, on);
    return new WebSocketTransport({ url: relay, token, WebSocket }, on);
  }

  #welcomed(session, user) {
    if (session === this.#upgrade) this.#upgraded();
    else if (session.kind === 'events' && !this.#upgrade) this.#upgradeLater();
    this.#options.preference.set(session.kind);
    this.#on.up(user);
  }

  #upgradeLater() {
    this.#upgradeIn(upgradeDelay(this.#failedUpgrades, this.#clock.random));
  }

  #upgradeIn(ms) {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#upgrade = this.#open('websocket');
    }, ms);
  }

  // The stream has rung until here. A ring that was still on its way by it is made up for by the
  // question that each welcome brings.
  #upgraded() {
    const socket = this.#upgrade;
    this.#upgrade = null;
    this.#leave();
    this.#session = socket;
    this.#failedUpgrades = 0;
  }

  #upgradeFailed() {
    this.#upgrade = null;
    this.#failedUpgrades++;
    this.#upgradeLater();
  }

  #lost(what) {
    const session = this.#session;
    const now = this.#clock.now();
    if (this.#hasLasted || session.comeBackAt !== null) this.#failures = 0;
    this.#chooseNext(session);
    this.#leave();
    this.#comeBackAt = session.comeBackAt;
    if (what === 'retry' || what === 'slow') this.#connectIn(this.#delay(what, now));
    this.#failures++;
    this.#on.down();
    if (what === 'login') this.#options.tokens.expire(session.token);
    if (what === 'login' || what === 'stop') this.#on.refused(what);
  }

  // A relay that welcomes and closes at once is as good as none.
  get #hasLasted() {
    return this.isLive && this.#clock.now() - this.#session.liveSince >= LASTED_MS;
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
