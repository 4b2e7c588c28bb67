// SPDX-License-Identifier: MIT
// engine.js - what the page knows, and what it decides, as one step: an input and the time in, outputs out. Pure: no
// page, no network, no timer, no clock. client.js is the only caller: it turns events into inputs, and carries out
// the outputs, in their order. A simulator can take its place.
//
// Inputs, {type, …}:
//   start, stop, login                       of the page's author
//   welcomed {user, transport}, lost, refused {why}, rung {ring, isHidden}       of the connection
//   answered {answer, isLast}, failed {error}                                    of the poller's question
//   listed {answer, isNewest}, changed {answer}, denied {error}                  of a call
//   heard {word}                             of another tab
//   shown, online, poll-due, first-due       of the browser: visible, back on the network, timers
//
// Outputs, [what, …]:
//   connect, disconnect, resume, relogin, wake isOnline          for the connection
//   ask spread, reset                                            for the poller; `crossed`: its answer decided nothing
//   forget                                                       what the API remembers is another user's
//   badge num, announce id user, emit type detail                to be seen and heard
//   tell word                                                    to the other tabs
//   timer name ms                                                'poll' or 'first'; null: none

import { compareAnswers, decideOnRing, pollDelay } from './rules.js';

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
  #isPolling = false;
  #answeredAt = 0;
  #announced = null; // id of the last message told of
  #wantedSeq = 0; // of broadcasts that a hidden tab put off

  // options: {hasRelay, isByCookie(), pollInterval}; `random` as Math.random.
  constructor(options, random) {
    this.#options = options;
    this.#random = random;
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
    welcomed: ({ user, transport }) => this.#welcomed(user, transport),
    lost: () => this.#lost(),
    refused: ({ why }) => this.#wasRefused(why),
    rung: ({ ring, isHidden }) => this.#rung(ring, isHidden),
    answered: ({ answer, isLast }) => this.#answered(answer, isLast),
    failed: ({ error }) => this.#failed(error),
    listed: ({ answer, isNewest }) => this.#listed(answer, isNewest),
    changed: ({ answer }) => this.#changed(answer),
    denied: ({ error }) => this.#denied(error),
    heard: ({ word }) => this.#heard(word),
    shown: () => this.#shown(),
    online: () => this.#put('wake', true),
    'poll-due': () => this.#pollDue(),
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
    this.#poll();
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
    this.#poll();
    this.#tellState();
  }

  // The connection.

  #welcomed(user, transport) {
    if (this.user !== null && this.user !== user) this.#forget();
    this.#meet(user);
    this.#transport = transport;
    this.#put('timer', 'first', null);
    this.#poll();
    this.#tellState();
    this.#put('emit', 'welcome', { user });
    this.#put('ask', 0); // what happened while nobody listened
  }

  #lost() {
    this.#transport = null;
    if (!this.#isRunning) return;
    this.#hasTried = true;
    this.#poll();
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
    switch (decideOnRing(this.known, ring)) {
      case 'take':
        this.#take({ ...ring, latest: ring.id });
        break;
      case 'ask':
        this.#put('ask', 0);
        break;
      case 'within':
        this.#wantedSeq = Math.max(this.#wantedSeq, ring.seq);
        if (!isHidden) this.#put('ask', Number(ring.spread_ms) || 0);
        break;
    }
  }

  // The API.

  #answered(answer, isLast) {
    const wasLoggedOut = this.#isLoggedOut;
    this.#meet(answer.user);
    this.#answeredAt = this.#now;
    this.#isLoggedOut = false;
    if (wasLoggedOut || this.#refused === 'login') {
      this.#refused = null;
      this.#put('resume');
      this.#tellState();
    }
    if (!this.#take(answer, isLast)) this.#put('crossed');
  }

  // A failure says nothing about the badge, unless it is that there is no user to have one.
  #failed(error) {
    if (error.status !== 401) return;
    if (!this.#isLoggedOut) this.#put('tell', { login: null });
    this.#isLoggedOut = true;
    this.#transport = null;
    this.#forget();
    this.#put('disconnect');
    this.#poll();
    this.#tellState();
  }

  #listed(answer, isNewest) {
    const isSameUser = this.#meet(answer.user);
    if (isSameUser && isNewest) this.position = answer.position;
    if (!this.#take(answer) || !isSameUser) this.#put('ask', 0);
  }

  #changed(answer) {
    if (!this.#meet(answer.user) || !this.#take(answer)) this.#put('ask', 0);
    else this.#put('tell', { user: this.user, answer });
  }

  // The next question finds out who is there, and tells.
  #denied({ status, code }) {
    if (code === 'another_user') this.#leaveUser();
    if (status === 401 || code === 'another_user') this.#put('ask', 0);
  }

  // Other tabs: who has logged in there (null: nobody), or what this user has changed.

  #heard({ login, user, answer }) {
    if (login !== undefined) {
      if (login !== this.user && this.#options.isByCookie()) this.#put('ask', 0);
    } else if (user === this.user) {
      const decision = decideOnRing(this.known, answer);
      if (decision === 'take') this.#take(answer);
      else if (decision === 'ask') this.#put('ask', 0);
    }
  }

  // The browser.

  #shown() {
    const isStale = !this.#transport && this.#now - this.#answeredAt >= this.#options.pollInterval;

    this.#put('wake', false);
    if (isStale || this.#isLoggedOut || this.#wantedSeq > (this.known?.seq ?? 0)) this.#put('ask', 0);
  }

  #pollDue() {
    this.#isPolling = false;
    this.#poll();
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
    this.#poll();
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
    this.#wantedSeq = 0;
    this.#put('forget');
    this.#put('reset');
    this.#put('badge', null);
    if (wasKnown) this.#put('emit', 'change', { num: null, version: null, seq: null });
  }

  // What is shown.

  // False when the answer crossed what is known: only asking again can tell.
  #take(answer, isLast = false) {
    const order = isLast ? 'newer' : compareAnswers(this.known, answer);
    if (order === 'newer') this.#show(answer);
    return order !== 'crossed';
  }

  #show({ num, version, seq, hit, latest }) {
    const before = this.known;
    this.known = { num, version, seq };
    this.#put('badge', num);
    if (num !== before?.num || version !== before.version || seq !== before.seq)
      this.#put('emit', 'change', this.known);
    if (!hit || !latest || latest === this.#announced) return;
    this.#announced = latest;
    this.#put('emit', 'message', { id: latest, num });
    this.#put('announce', latest, this.user);
  }

  // Polls for as long as no session is live.
  #poll() {
    const isNeeded = this.#isRunning && !this.#transport;
    if (isNeeded === this.#isPolling) return;
    this.#isPolling = isNeeded;
    this.#put('timer', 'poll', isNeeded ? pollDelay(this.#options.pollInterval, this.#random) : null);
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
