// SPDX-License-Identifier: MIT
// engine.js - what the page knows, and what it decides, as one step: an input and the time in, outputs out. Pure: no
// page, no network, no timer, no clock. client.js is the only caller: it turns events into inputs, and carries out
// the outputs, in their order. A simulator can take its place.
//
// Inputs, {type, …}:
//   start, stop, login                       of the page's author
//   welcomed {user, epoch, transport}, lost, refused {why},
//   rung {ring, isHidden}, pinged {ping, isHidden}                               of the connection
//   answered {answer, asked}, failed {error}                                     of the poller's question
//   listed {answer, asked, isNewest}, changed {answer, asked}, denied {error}    of a call
//   heard {word}                             of another tab
//   shown, online                            of the browser: visible, back on the network
//   poll-due, refresh-due, first-due         of its timers
// `asked` is the engine's `moment` when the question started.
//
// Outputs, [what, …]:
//   connect, disconnect, resume, relogin, wake isOnline          for the connection
//   ask spread, reset                                            for the poller
//   forget                                                       what the API remembers is another user's
//   badge num, announce id user epoch, emit type detail          to be seen and heard
//   tell word                                                    to the other tabs
//   timer name ms                                                'poll', 'refresh' or 'first'; null: none

import { compareAnswers, decideOnRing, isSameEpoch, pollDelay } from './rules.js';

const FIRST_ASK_MS = 1_000;

export class Engine {
  user = null; // whom the page shows; null: not known
  login = 0; // counts who was here
  known = null; // {num, version, seq} of the newest answer
  position = null; // of the newest list the user saw
  told = { state: 'stopped', transport: null };
  #options;
  #random;
  #outputs = [];
  #now = 0;
  #isRunning = false;
  #isLoggedOut = false;
  #hasTried = false; // the relay, and in vain
  #refused = null; // why the relay sent us away: 'login' or 'stop'
  #transport = null; // of the live session
  #timers = new Set(); // of 'poll' and 'refresh', those that run
  #answeredAt = 0;
  #epoch = null; // that numbers and ids belong to; null: not told yet
  #changes = 0; // of what is known, counted
  #announced = null; // {id, epoch} of the last message told of
  #heardSeq = 0; // the highest of rings for many, and of pings
  #settledSeq = 0; // up to here they have been asked about: where `known` is behind, it was not this user's

  // options: {hasRelay, isByCookie(), pollInterval, refreshInterval (0: never)}; `random` as Math.random.
  constructor(options, random) {
    this.#options = options;
    this.#random = random;
  }

  // What is known at this moment, for a question that starts now.
  get moment() {
    return { login: this.login, changes: this.#changes, seq: this.#heardSeq };
  }

  step(now, { type, ...input }) {
    this.#now = now;
    this.#outputs = [];
    this.#inputs[type](input);
    return this.#outputs;
  }

  #inputs = {
    start: () => this.#start(),
    stop: () => this.#stop(),
    login: () => this.#loggedIn(),
    welcomed: ({ user, epoch, transport }) => this.#welcomed(user, epoch, transport),
    lost: () => this.#lost(),
    refused: ({ why }) => this.#wasRefused(why),
    rung: ({ ring, isHidden }) => this.#rung(ring, isHidden),
    pinged: ({ ping, isHidden }) => this.#pinged(ping, isHidden),
    answered: ({ answer, asked }) => this.#answered(answer, asked),
    failed: ({ error }) => this.#failed(error),
    listed: ({ answer, asked, isNewest }) => this.#listed(answer, asked, isNewest),
    changed: ({ answer, asked }) => this.#changed(answer, asked),
    denied: ({ error }) => this.#denied(error),
    heard: ({ word }) => this.#heard(word),
    shown: () => this.#shown(),
    online: () => this.#put('wake', true),
    'poll-due': () => this.#due('poll'),
    'refresh-due': () => this.#due('refresh'),
    'first-due': () => this.#put('ask', 0),
  };

  #put(...output) {
    this.#outputs.push(output);
  }

  // The page's author.

  #start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#begin();
  }

  #stop() {
    this.#isRunning = false;
    this.#transport = null;
    this.#put('timer', 'first', null);
    this.#put('reset');
    this.#put('disconnect');
    this.#keepTimers();
    this.#tellState();
  }

  #loggedIn() {
    this.#forget();
    if (this.#isRunning) this.#begin();
  }

  #begin() {
    this.#isLoggedOut = false;
    this.#hasTried = false;
    this.#refused = null;
    this.#transport = null;
    if (this.#options.hasRelay) {
      // The welcome asks; so that no page asks twice, the first question waits for it a little.
      this.#put('timer', 'first', FIRST_ASK_MS);
      this.#put('connect');
    } else {
      this.#put('ask', 0);
    }
    this.#keepTimers();
    this.#tellState();
  }

  // The connection.

  #welcomed(user, epoch, transport) {
    if (this.user !== null && this.user !== user) this.#forget();
    this.#meet(user);
    this.#meetEpoch(epoch);
    this.#transport = transport;
    this.#put('timer', 'first', null);
    this.#keepTimers();
    this.#tellState();
    this.#put('emit', 'welcome', { user });
    this.#put('ask', 0); // what happened while nobody listened
  }

  #lost() {
    this.#transport = null;
    if (!this.#isRunning) return;
    this.#hasTried = true;
    this.#keepTimers();
    this.#tellState();
    if (!this.known && !this.#isLoggedOut) this.#put('ask', 0);
  }

  // The relay refuses the user; the API knows whether a better token is to be had.
  #wasRefused(why) {
    this.#refused = why;
    this.#tellState();
    if (why === 'login') this.#put('ask', 0);
  }

  #rung(ring, isHidden) {
    const spread = Number(ring.spread_ms) || 0;

    if (this.#meetEpoch(ring.epoch)) {
      this.#put('ask', spread);
      return;
    }
    switch (decideOnRing(this.known, ring)) {
      case 'take':
        this.#show({ ...ring, latest: ring.id });
        break;
      case 'ask':
        this.#put('ask', 0);
        break;
      case 'within':
        this.#hearSeq(ring.seq, spread, isHidden);
        break;
    }
  }

  // It tells up to where a page should be: one that is behind has missed a ring for many.
  #pinged({ epoch, seq }, isHidden) {
    if (this.#meetEpoch(epoch)) this.#put('ask', 0);
    else if (Number.isSafeInteger(seq)) this.#rung({ seq }, isHidden);
  }

  // A hidden tab asks when it is shown.
  #hearSeq(seq, spread, isHidden) {
    if (seq <= this.#settledSeq) return;
    this.#heardSeq = Math.max(this.#heardSeq, seq);
    if (!isHidden) this.#put('ask', spread);
  }

  // The API.

  #answered(answer, asked) {
    const wasLoggedOut = this.#isLoggedOut;
    this.#meet(answer.user);
    this.#answeredAt = this.#now;
    this.#isLoggedOut = false;
    if (wasLoggedOut || this.#refused === 'login') {
      this.#refused = null;
      this.#put('resume');
      this.#tellState();
    }
    if (!this.#take(answer, asked)) this.#put('ask', 0);
  }

  // A failure says nothing about the badge, unless it is that there is no user to have one.
  #failed(error) {
    if (error.status !== 401) return;
    if (!this.#isLoggedOut) this.#put('tell', { login: null });
    this.#isLoggedOut = true;
    this.#transport = null;
    this.#forget();
    this.#put('disconnect');
    this.#keepTimers();
    this.#tellState();
  }

  #listed(answer, asked, isNewest) {
    const isSameUser = this.#meet(answer.user);
    const isTaken = this.#take(answer, asked);
    if (isSameUser && isNewest) this.position = answer.position;
    if (!isTaken || !isSameUser) this.#put('ask', 0);
  }

  #changed(answer, asked) {
    if (!this.#meet(answer.user) || !this.#take(answer, asked)) this.#put('ask', 0);
    else this.#put('tell', { user: this.user, answer });
  }

  // The next question finds out which user is logged in, and tells the other tabs.
  #denied({ status, code }) {
    if (code === 'another_user') this.#leaveUser();
    if (status === 401 || code === 'another_user') this.#put('ask', 0);
  }

  // From other tabs: the user who is now logged in there (null: nobody is), or the answer to a change this user made.

  #heard({ login, user, answer }) {
    if (login !== undefined) {
      if (login !== this.user && this.#options.isByCookie()) this.#put('ask', 0);
    } else if (user === this.user) {
      const decision = this.#meetEpoch(answer.epoch) ? 'ask' : decideOnRing(this.known, answer);
      if (decision === 'take') this.#show(answer);
      else if (decision === 'ask') this.#put('ask', 0);
    }
  }

  // The browser.

  #shown() {
    const isStale = !this.#transport && this.#now - this.#answeredAt >= this.#options.pollInterval;

    this.#put('wake', false);
    const hasMissed = this.#heardSeq > Math.max(this.known?.seq ?? 0, this.#settledSeq);
    if (isStale || hasMissed || this.#isLoggedOut) this.#put('ask', 0);
  }

  #due(name) {
    this.#timers.delete(name);
    this.#keepTimers();
    this.#put('ask', 0);
  }

  // Who the user is.

  // An answer is about `user` (an older doorbell-app does not say). False when those before were not.
  #meet(user) {
    if (user === undefined || user === this.user) return true;
    const isOther = this.user !== null;
    if (isOther) this.#leaveUser();
    this.user = user;
    this.#put('tell', { login: user });
    return !isOther;
  }

  // By the same cookie as before, somebody else is now logged in.
  #leaveUser() {
    this.#forget();
    this.#refused = null;
    this.#transport = null;
    if (this.#isRunning) this.#put('relogin');
    this.#keepTimers();
    this.#tellState();
  }

  // The next answer may be another user's, whose numbers say nothing about this one's.
  #forget() {
    const wasKnown = this.known !== null;
    this.login++;
    this.user = null;
    this.known = null;
    this.position = null;
    this.#announced = null;
    this.#heardSeq = this.#settledSeq = 0;
    this.#put('forget');
    this.#put('reset');
    this.#put('badge', null);
    if (wasKnown) this.#put('emit', 'change', { num: null, version: null, seq: null });
  }

  // What numbers and ids mean.

  // Those of another epoch say nothing about this one's (an older doorbell-app names none). True if it
  // is not the one that was known. The badge stays until an answer of the new one comes.
  #meetEpoch(epoch) {
    if (typeof epoch !== 'string' || epoch === this.#epoch) return false;
    const isOther = this.#epoch !== null;
    this.#epoch = epoch;
    if (!isOther) return false;
    this.#changes++;
    this.known = null;
    this.position = null;
    this.#heardSeq = this.#settledSeq = 0;
    return true;
  }

  // What is shown.

  // If nothing has come since the question, its answer is the truth, lower or not, whatever its epoch. Otherwise the
  // two are compared. False when only asking again can tell.
  #take(answer, asked) {
    const isLast = asked.changes === this.#changes;
    const isOther = this.#meetEpoch(answer.epoch);
    if (isOther && !isLast) return false;
    if (isLast && !isOther) this.#settledSeq = Math.max(this.#settledSeq, asked.seq);
    const order = isLast ? 'newer' : compareAnswers(this.known, answer);
    if (order === 'newer') this.#show(answer);
    return order !== 'crossed';
  }

  #show({ num, version, seq, hit, latest }) {
    const before = this.known;
    this.#changes++;
    this.known = { num, version, seq };
    this.#put('badge', num);
    if (num !== before?.num || version !== before.version || seq !== before.seq)
      this.#put('emit', 'change', this.known);
    if (hit && latest) this.#announce(latest, num);
  }

  #announce(id, num) {
    if (id === this.#announced?.id && isSameEpoch(this.#announced.epoch, this.#epoch)) return;
    this.#announced = { id, epoch: this.#epoch };
    this.#put('emit', 'message', { id, num });
    this.#put('announce', id, this.user, this.#epoch);
  }

  // Polls for as long as no session is live; a live page asks now and then whether it is still right.
  #keepTimers() {
    const { pollInterval, refreshInterval } = this.#options;
    this.#keepTimer('poll', !this.#transport, pollInterval);
    this.#keepTimer('refresh', this.#transport && refreshInterval > 0, refreshInterval);
  }

  #keepTimer(name, isOfUse, interval) {
    const isNeeded = Boolean(this.#isRunning && isOfUse);
    if (isNeeded === this.#timers.has(name)) return;
    if (isNeeded) this.#timers.add(name);
    else this.#timers.delete(name);
    this.#put('timer', name, isNeeded ? pollDelay(interval, this.#random) : null);
  }

  #tellState() {
    const state = this.#stateNow();
    const polling = state === 'polling' || state === 'kicked' ? 'polling' : null;
    const transport = state === 'live' ? this.#transport : polling;
    if (state === this.told.state && transport === this.told.transport) return;
    this.told = { state, transport };
    this.#put('emit', 'state', this.told);
  }

  #stateNow() {
    if (!this.#isRunning) return 'stopped';
    if (this.#isLoggedOut) return 'logged-out';
    if (this.#transport) return 'live';
    if (this.#refused === 'stop') return 'kicked';
    return this.#options.hasRelay && !this.#hasTried ? 'connecting' : 'polling';
  }
}
