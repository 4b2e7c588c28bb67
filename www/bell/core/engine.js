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
//   heard {word, isHidden}                   of another tab
//   elected, deposed, alone                  of the tabs: this one leads, another does, or there is no way to agree
//   shown, online, suspended, back           of the browser: visible, back on the network, about to freeze, awake again
//   poll-due, refresh-due, first-due, leader-due, doubt-due, tell-due         of its timers
// `asked` is the engine's `moment` when the question started.
//
// Outputs, [what, …]:
//   connect, disconnect, resume, relogin, wake isOnline          for the connection
//   ask spread, confirm, reset                                   for the poller
//   join, steal, leave                                           for the election of the tab that leads
//   forget                                                       what the API remembers is another user's
//   wrong                                                        a number that was computed is not the app's: to be reported
//   badge num, announce id user epoch num c, emit type detail    to be seen and heard; c: of the ring, where it has one
//   tell word                                                    to the other tabs
//   timer name ms                                                'poll', 'refresh', 'first', 'leader', 'doubt' or 'tell'; null: none
//
// Where tabs can agree, one leads: it alone holds the connection and asks, and tells the others its state whenever that has
// changed. They show it, wish for what they would ask, and hand on what their own calls have brought. leader.js and follower.js
// have what each says, knowledge.js what either knows. Where they cannot agree, each is alone.

import { Follower } from './follower.js';
import { Knowledge } from './knowledge.js';
import { Leader } from './leader.js';
import { decideOnRing, isSameEpoch, pollDelay } from './rules.js';
import { isSameKnown, wishOf } from './tabs.js';

const FIRST_ASK_MS = 1_000;
const LEADERS = ['connect', 'resume', 'relogin', 'wake']; // outputs that are for a leader alone

export class Engine {
  told = { state: 'stopped', transport: null };
  #knowledge;
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
  #isSuspended = false;
  #role = 'alone'; // or 'leader', or 'follower'
  #isPutOff = false; // of a leader that is hidden: what the others may want to ask at once
  #spread = 0; // for that
  #leader;
  #follower;

  // options: {hasRelay, isByCookie(), pollInterval, refreshInterval (0: never), tab: its name, group: what tabs must have
  // in common to agree on a leader (null, or none: they cannot), user: for whom the page was made, if it says so}; `random` as Math.random.
  constructor(options, random) {
    const put = (...output) => this.#put(...output);
    this.#options = options;
    this.#random = random;
    this.#knowledge = new Knowledge(put, options.user);
    this.#leader = new Leader(options, put);
    this.#follower = new Follower(options, random, put);
  }

  get user() {
    return this.#knowledge.user;
  }

  get login() {
    return this.#knowledge.login;
  }

  get known() {
    return this.#knowledge.known;
  }

  get position() {
    return this.#knowledge.position;
  }

  // What is known at this moment, for a question that starts now.
  get moment() {
    const { login, changes, heardSeq, known, epoch } = this.#knowledge;
    return { login, changes, seq: heardSeq, known, epoch, words: this.#leader.words };
  }

  step(now, { type, ...input }) {
    this.#now = now;
    this.#outputs = [];
    this.#inputs[type](input);
    if (this.#role === 'leader' && this.#group) this.#leader.keepTold(this.#state);
    if (this.#role !== 'follower') return this.#outputs;
    return this.#outputs.filter(([what]) => !LEADERS.includes(what)).map((output) => this.#asFollower(output));
  }

  // What it would ask it wishes for.
  #asFollower([what, ...args]) {
    return what === 'ask' ? ['tell', wishOf(this.#options.group, 'ask', args[0])] : [what, ...args];
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
    heard: ({ word, isHidden }) => this.#heard(word, isHidden),
    elected: () => this.#elected(),
    deposed: () => this.#deposed(),
    alone: () => this.#becomeAlone(),
    shown: () => this.#shown(),
    suspended: () => this.#suspend(),
    back: () => this.#back(),
    online: () => this.#put('wake', true),
    'poll-due': () => this.#due('poll'),
    'refresh-due': () => this.#due('refresh'),
    'first-due': () => this.#firstDue(),
    'leader-due': () => this.#missLeader(),
    'doubt-due': () => this.#knowledge.doubt(),
    'tell-due': () => this.#knowledge.tell(),
  };

  #put(...output) {
    this.#outputs.push(output);
  }

  // The page's author.

  #start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#enter();
  }

  #stop() {
    this.#isRunning = false;
    this.#pause();
    this.#tellState();
  }

  #loggedIn() {
    this.#forget();
    if (!this.#isActive) return;
    if (this.#role === 'follower' && this.#options.isByCookie()) this.#followLogin();
    else this.#enter();
  }

  // Whoever logs in anew begins anew.
  #enter() {
    this.#isLoggedOut = false;
    this.#hasTried = false;
    this.#refused = null;
    if (this.#role === 'leader' && this.#group) this.#begin();
    else this.#join();
  }

  // As one of several tabs, or alone where they cannot agree.
  #join() {
    if (!this.#group) {
      this.#becomeAlone();
      return;
    }
    this.#role = 'follower';
    this.#follower.end();
    this.#put('join');
    this.#put('timer', 'first', FIRST_ASK_MS);
    this.#follower.probe();
    this.#tellState();
  }

  get #group() {
    return (this.#options.isByCookie() && this.#options.group) || null;
  }

  get #isActive() {
    return this.#isRunning && !this.#isSuspended;
  }

  // Whether it is this tab that connects, and asks.
  get #leads() {
    return this.#isActive && this.#role !== 'follower';
  }

  #elected() {
    if (!this.#isActive) return;
    this.#role = 'leader';
    this.#leader.begin();
    this.#follower.end();
    this.#put('timer', 'leader', null);
    this.#begin();
  }

  #becomeAlone() {
    if (!this.#isActive) return;
    if (this.#role !== 'alone') this.#put('leave');
    this.#role = 'alone';
    if (this.#options.group) this.#put('timer', 'leader', null);
    this.#begin();
  }

  // A tab that thought this one dead has taken over.
  #deposed() {
    if (!this.#isActive) return;
    this.#role = 'follower';
    this.#disconnect();
    this.#join();
  }

  #begin() {
    this.#transport = null;
    if (this.#options.hasRelay && !this.#isLoggedOut && this.#refused !== 'stop') {
      // The welcome asks; so that no page asks twice, the first question waits for it a little.
      this.#put('timer', 'first', FIRST_ASK_MS);
      this.#put('connect');
    } else {
      this.#put('ask', 0);
    }
    this.#keepTimers();
    this.#tellState();
  }

  #disconnect() {
    this.#transport = null;
    this.#put('timer', 'first', null);
    this.#put('reset');
    this.#put('disconnect');
    this.#keepTimers();
  }

  // Another tab may lead from here on.
  #pause() {
    if (this.#role !== 'alone') {
      this.#put('leave');
      this.#put('timer', 'leader', null);
    }
    this.#disconnect();
    this.#role = 'alone';
  }

  // The connection.

  #welcomed(user, epoch, transport) {
    if (this.user !== null && this.user !== user) this.#forget();
    this.#meet(user);
    this.#knowledge.meetEpoch(epoch);
    this.#transport = transport;
    this.#put('timer', 'first', null);
    this.#keepTimers();
    this.#tellState();
    this.#put('emit', 'welcome', { user });
    this.#put('ask', 0); // what happened while nobody listened
  }

  #lost() {
    if (!this.#leads) return;
    this.#transport = null;
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

    if (this.#knowledge.meetEpoch(ring.epoch)) {
      this.#put('ask', spread);
      return;
    }
    switch (decideOnRing(this.known, ring)) {
      case 'take':
        this.#knowledge.show({ ...ring, latest: ring.id });
        break;
      case 'ask':
        this.#put('ask', spread);
        break;
      case 'within':
        if (this.#knowledge.step(ring, this.#now)) this.#put('timer', 'tell', this.#random() * spread);
        else this.#hearSeq(ring.seq, spread, isHidden);
        break;
    }
  }

  // It tells up to where a page should be: one that is behind has missed a ring for many. What was heard is asked about already, each page
  // at its own time.
  #pinged({ epoch, seq }, isHidden) {
    if (this.#knowledge.meetEpoch(epoch)) this.#put('ask', 0);
    else if (Number.isSafeInteger(seq) && seq > this.#knowledge.heardSeq) this.#rung({ seq }, isHidden);
  }

  // A hidden tab asks when it is shown.
  #hearSeq(seq, spread, isHidden) {
    const { settledSeq, heardSeq } = this.#knowledge;
    if (seq <= settledSeq) return;
    this.#knowledge.heardSeq = Math.max(heardSeq, seq);
    this.#isPutOff = Boolean(isHidden);
    this.#spread = spread;
    if (!isHidden) this.#put('ask', spread);
  }

  // The API.

  #answered(answer, asked) {
    const wasLoggedOut = this.#isLoggedOut;
    this.#meet(answer.user);
    this.#answeredAt = this.#now;
    this.#isLoggedOut = this.#isPutOff = this.#follower.isConfirming = false;
    if (wasLoggedOut || this.#refused === 'login') {
      this.#refused = null;
      this.#put('resume');
      this.#tellState();
    }
    if (!this.#knowledge.take(answer, asked)) this.#put(this.#role === 'follower' ? 'confirm' : 'ask', 0);
    this.#handOn(answer, asked);
    this.#hearOut(asked.words);
    const { led } = this.#follower;
    if (led?.user === this.user) this.#adoptRest(led);
    else if (led) this.#put('tell', { login: this.user }); // it has not heard of the log-in that has made this page
  }

  // A failure says nothing about the badge, unless it is that there is no user to have one.
  #failed(error) {
    if (error.status !== 401) return;
    this.#follower.isConfirming = false;
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
    const isTaken = this.#knowledge.take(answer, asked);
    if (isSameUser && isNewest) this.#knowledge.position = answer.position;
    if (!isTaken || !isSameUser) this.#put('ask', 0);
    else this.#handOn(answer, asked);
  }

  #changed(answer, asked) {
    if (!this.#meet(answer.user) || !this.#knowledge.take(answer, asked)) this.#put('ask', 0);
    else if (this.#role === 'follower') this.#handOn(answer, asked);
    else this.#put('tell', { user: this.user, answer });
  }

  // The next question finds out which user is logged in, and tells the other tabs.
  #denied({ status, code }) {
    if (code === 'another_user') this.#leaveUser();
    if (status === 401 || code === 'another_user') this.#put('ask', 0);
  }

  // From other tabs: the user who is now logged in there (null: nobody is), the answer to a call of this user's, what the
  // leader says, or what a follower wants.

  #heard(word, isHidden) {
    if (!this.#isActive) return;
    if (word.leader !== undefined) this.#hearLeader(word, isHidden);
    else if (word.follower !== undefined) this.#hearFollower(word);
    else if (this.#role === 'follower') return; // the leader hears it, too
    else if (word.login !== undefined) this.#hearLogin(word.login);
    else if (word.user === this.user) this.#hearAnswer(word);
    else if (word.tab !== undefined) this.#leader.doubt(word); // after a login there
  }

  #hearLogin(login) {
    if (login !== this.user && this.#options.isByCookie()) this.#put('ask', 0);
  }

  // `basis` is what that tab knew when it asked. Where that is what is known here, nothing has come since, and the answer is
  // the truth. Otherwise it is compared; one that seems older is asked about, unless an older page has sent it. So is one of
  // another epoch: a tab that was frozen knows no better.
  #hearAnswer(word) {
    const { answer, basis, tab, n } = word;
    const isSame = isSameEpoch(answer.epoch, this.#knowledge.epoch);
    const isLast = isSame && basis && isSameKnown(basis, this.known);
    const decision = isSame ? decideOnRing(this.known, answer) : 'ask';
    if (isSame) this.#knowledge.meetEpoch(answer.epoch);
    if (isLast || decision === 'take') this.#knowledge.show(answer);
    if (!isLast && (decision === 'ask' || (decision === 'ignore' && tab !== undefined))) this.#leader.doubt(word);
    else if (tab !== undefined) this.#tellTabs([[tab, n]]);
  }

  // What the leader tells the other tabs.

  get #state() {
    const { user, epoch, known, heardSeq, settledSeq } = this.#knowledge;
    return {
      user, epoch, known, transport: this.#transport, isLoggedOut: this.#isLoggedOut, refused: this.#refused, hasTried: this.#hasTried,
      heardSeq, settledSeq, isPutOff: this.#isPutOff, spread: this.#spread,
    };
  }

  #tellTabs(heard) {
    if (this.#role === 'leader') this.#leader.tell(this.#state, heard);
  }

  // Answers of other tabs that had to be asked about have been, by a question of after them.
  #hearOut(words) {
    const heard = this.#leader.heardBy(words);
    if (heard.length > 0) this.#tellTabs(heard);
    if (this.#leader.isInDoubt) this.#put('ask', 0);
  }

  #hearFollower({ follower, wants, spread }) {
    if (this.#role !== 'leader' || follower !== this.#group) return;
    if (wants === 'state') this.#tellTabs([]);
    else if (wants === 'login') this.#loggedIn();
    else if (wants === 'ask') {
      this.#isPutOff = false;
      this.#put('ask', Number(spread) || 0);
    }
  }

  // Nobody has told it yet.
  #firstDue() {
    if (this.#role !== 'follower') this.#put('ask', 0);
    else if (!this.known) this.#follower.confirm();
  }

  // What a follower does.

  #missLeader() {
    if (this.#role === 'follower' && this.#isActive) this.#follower.missLeader();
  }

  #hearLeader(word, isHidden) {
    const { leader, state } = word;
    if (this.#role !== 'follower' || leader !== this.#group) return;
    this.#follower.hear(word, this.#knowledge);
    this.#adopt(state);
    if (state.isPutOff && !isHidden && state.user === this.user) this.#put('ask', state.spread);
  }

  // Shows what the leader knows. Who of the two is right about the user, only a question of now can tell: the leader's last
  // may be of before a login that has loaded this page.
  #adopt(state) {
    if (state.user === this.user) {
      this.#adoptKnown(state);
      this.#adoptRest(state);
    } else if (state.user !== null || state.isLoggedOut) {
      this.#follower.confirm();
    }
  }

  // Not what is of before the leader has heard, and made sure of, what this tab's own call has brought.
  #adoptKnown({ epoch, known }) {
    if (this.#follower.isUnheard) return;
    this.#knowledge.meetEpoch(epoch);
    if (known === null || isSameKnown(known, this.known)) return;
    this.#answeredAt = this.#now;
    this.#knowledge.show(known);
  }

  #adoptRest({ transport, isLoggedOut, refused, hasTried, heardSeq, settledSeq }) {
    const wasLive = this.#transport !== null;
    this.#transport = transport;
    this.#isLoggedOut = isLoggedOut;
    this.#refused = refused;
    this.#hasTried = hasTried;
    Object.assign(this.#knowledge, { heardSeq, settledSeq });
    this.#tellState();
    if (transport !== null && !wasLive) this.#put('emit', 'welcome', { user: this.user });
  }

  #handOn(answer, asked) {
    if (this.#role === 'follower' && isSameKnown(answer, this.known)) this.#follower.handOn(this.user, answer, asked.known);
  }

  #followLogin() {
    this.#isLoggedOut = false;
    this.#refused = null;
    this.#follower.isConfirming = false; // what was asked before does not count
    this.#put('tell', wishOf(this.#group, 'login'));
    this.#follower.confirm();
    this.#tellState();
  }

  // The browser.

  #shown() {
    const isStale = !this.#transport && this.#now - this.#answeredAt >= this.#options.pollInterval;

    this.#put('wake', false);
    if (isStale || this.#knowledge.hasMissed || this.#isLoggedOut) this.#put('ask', 0);
    if (this.#role === 'follower' && this.#isActive) this.#follower.lookFor();
  }

  // Nothing runs in a page that is frozen, or in the browser's cache: another tab may lead.
  #suspend() {
    if (!this.#isActive) return;
    this.#isSuspended = true;
    this.#pause();
  }

  // What came meanwhile nobody has told it.
  #back() {
    const wasSuspended = this.#isSuspended;
    this.#isSuspended = false;
    if (!this.#isRunning) return;
    if (wasSuspended) this.#join();
    else this.#put('wake', false);
    if (this.#role !== 'follower') this.#put('ask', 0);
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
    this.#knowledge.user = user;
    this.#put('tell', { login: user });
    return !isOther;
  }

  // By the same cookie as before, somebody else is now logged in.
  #leaveUser() {
    this.#forget();
    this.#refused = null;
    this.#transport = null;
    if (this.#leads) this.#put('relogin');
    this.#keepTimers();
    this.#tellState();
  }

  #forget() {
    this.#knowledge.forget();
    this.#isPutOff = false;
    this.#follower.isConfirming = false;
  }

  // When it asks by itself, and what it tells.

  // Polls for as long as no session is live; a live page asks now and then whether it is still right.
  #keepTimers() {
    const { pollInterval, refreshInterval } = this.#options;
    this.#keepTimer('poll', !this.#transport, pollInterval);
    this.#keepTimer('refresh', this.#transport && refreshInterval > 0, refreshInterval);
  }

  #keepTimer(name, isOfUse, interval) {
    const isNeeded = Boolean(this.#leads && isOfUse);
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
