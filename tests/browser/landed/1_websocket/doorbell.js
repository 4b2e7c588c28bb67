// SPDX-License-Identifier: MIT
// doorbell.js - an unread badge that is right, and a bell that rings, for any page. README.md tells
// page authors how. This file joins the parts: what comes in from the relay, the API, other tabs
// and the browser, and what then is shown. The parts stand in bell/.

import { Api, DoorbellError, Tokens } from './bell/api.js';
import { Asker } from './bell/asker.js';
import { Badge } from './bell/badge.js';
import { Link } from './bell/link.js';
import { compareAnswers, decideOnRing, pollDelay, socketUrl } from './bell/rules.js';
import { Sound } from './bell/sound.js';

export { DoorbellError };
export { MessageList } from './bell/list.js';

const FIRST_ASK_MS = 1_000;

const defaults = {
  api: '/doorbell',
  relay: '/ws', // null: poll only
  token: null, // none (the cookie is enough), a text, or a function that answers one
  badge: null,
  title: true,
  sound: null,
  label: (num) => (num === 1 ? '1 unread message' : `${num || 'No'} unread messages`),
  pollInterval: 60_000,
  pingInterval: 25_000, // the relay's setting ping_interval
  onChange: null,
  onMessage: null,
  clock: {
    now: () => Date.now(),
    random: () => Math.random(),
    setTimeout: (call, ms) => setTimeout(call, ms),
    clearTimeout: (timer) => clearTimeout(timer),
  },
};

class DoorbellEvent extends Event {
  constructor(type, detail) {
    super(type);
    this.detail = detail;
  }
}

// Events: `change` {num, version, seq}, `message` {id, num}, `sound` {id, result}, `state` {state},
// `welcome` {user}.
export class Doorbell extends EventTarget {
  #options;
  #clock;
  #api;
  #tokens;
  #asker;
  #link = null;
  #badge;
  #sound = null;
  #channelName;
  #channel = null;
  #stopListening = null;
  #pollTimer = null;
  #firstTimer = null;
  #state = 'stopped';
  #isRunning = false;
  #isLoggedOut = false;
  #hasTried = false; // the relay, and in vain
  #refused = null; // why the relay sent us away: 'login' or 'stop'
  #user = null;
  #login = 0; // counts who was here
  #known = null; // {num, version, seq} of the newest answer
  #answeredAt = 0;
  #announced = null; // id of the last message told of
  #wantedSeq = 0; // of broadcasts that a hidden tab put off
  #position = null; // of the newest page the user saw

  constructor(options = {}) {
    super();
    this.#options = { ...defaults, ...options };
    const { api, relay, token, title, label, sound, clock, pingInterval } = this.#options;
    const base = new URL(api, document.baseURI).href;

    this.#clock = clock;
    this.#channelName = `doorbell:${base}`;
    this.#tokens = new Tokens(token);
    this.#api = new Api(base, this.#tokens);
    this.#badge = new Badge(find(this.#options.badge), title, label);
    if (sound) this.#sound = new Sound(sound, this.#channelName, clock);
    this.#asker = new Asker(
      () => this.#api.unread(),
      { answer: (answer, isLast) => this.#answered(answer, isLast), failure: (e) => this.#failed(e) },
      clock,
    );
    if (relay) {
      this.#link = new Link(
        { url: socketUrl(relay, document.baseURI), tokens: this.#tokens, pingInterval, WebSocket },
        {
          up: (user) => this.#linkUp(user),
          down: () => this.#linkDown(),
          refused: (why) => this.#linkRefused(why),
          ring: (ring) => this.#rung(ring),
        },
        clock,
      );
    }
    this.#call('change', this.#options.onChange);
    this.#call('message', this.#options.onMessage);
  }

  // What the page knows: null as long as it does not.

  get num() {
    return this.#known?.num ?? null;
  }

  get user() {
    return this.#user;
  }

  // 'stopped', 'connecting', 'live', 'polling', 'logged-out' or 'kicked'.
  get state() {
    return this.#state;
  }

  get soundOn() {
    return this.#sound?.isOn ?? false;
  }

  set soundOn(isOn) {
    if (this.#sound) this.#sound.isOn = isOn;
  }

  // Life.

  start() {
    if (this.#isRunning) return this;
    this.#isRunning = true;
    this.#listen();
    this.#begin();
    return this;
  }

  stop() {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#stopListening();
    this.#channel?.close();
    this.#clock.clearTimeout(this.#firstTimer);
    this.#asker.reset();
    this.#link?.stop();
    this.#poll();
    this.#tellState();
  }

  // The page has logged in anew: by a new cookie, or with the `token` given.
  login(token) {
    this.#options.token = token ?? this.#options.token;
    this.#tokens.replace(this.#options.token);
    this.#forget();
    if (this.#isRunning) this.#begin();
  }

  // Messages. All of these reject with a DoorbellError.

  // One page, the newest first: {messages, next, …}; pass `next` back as `before`.
  async list(query = {}) {
    const page = await this.#asUser(this.#api.messages(query));
    if (!query.before) this.#position = page.position;
    if (!this.#take(page)) this.#asker.ask();
    return page;
  }

  markRead(id) {
    return this.#write(`/messages/${encodeURIComponent(id)}/read`);
  }

  // All that the newest page could show; what arrived since stays unread.
  async markAllRead() {
    if (this.#position === null) await this.list({ limit: 1 });
    return this.#write('/messages/read', { upto: this.#position });
  }

  async #write(path, body) {
    const answer = await this.#asUser(this.#api.post(path, body));
    if (!this.#take(answer)) this.#asker.ask();
    this.#channel?.postMessage({ user: this.#user, answer });
    return answer;
  }

  // What was asked for one user must not be shown to the next.
  async #asUser(call) {
    const login = this.#login;
    try {
      const answer = await call;
      if (login === this.#login) return answer;
    } catch (error) {
      if (error.status === 401) this.#asker.ask(); // finds out, and tells
      throw error;
    }
    throw new DoorbellError('the user has changed');
  }

  // What comes in: from the relay …

  #linkUp(user) {
    if (this.#user !== null && this.#user !== user) this.#forget();
    this.#user = user;
    this.#clock.clearTimeout(this.#firstTimer);
    this.#poll();
    this.#tellState();
    this.#emit('welcome', { user });
    this.#asker.ask(); // what happened while nobody listened
  }

  #linkDown() {
    if (!this.#isRunning) return;
    this.#hasTried = true;
    this.#poll();
    this.#tellState();
    if (!this.#known && !this.#isLoggedOut) this.#asker.ask();
  }

  // The relay does not like who we are; the API knows whether a better token is to be had.
  #linkRefused(why) {
    this.#refused = why;
    this.#tellState();
    if (why === 'login') this.#asker.ask();
  }

  #rung(ring) {
    switch (decideOnRing(this.#known, ring)) {
      case 'take':
        this.#take({ ...ring, latest: ring.id });
        break;
      case 'ask':
        this.#asker.ask();
        break;
      case 'within':
        this.#wantedSeq = Math.max(this.#wantedSeq, ring.seq);
        if (!isHidden()) this.#asker.ask(Number(ring.spread_ms) || 0);
        break;
    }
  }

  // … from the API …

  #answered(answer, isLast) {
    const wasLoggedOut = this.#isLoggedOut;
    this.#answeredAt = this.#clock.now();
    this.#isLoggedOut = false;
    if (wasLoggedOut || this.#refused === 'login') {
      this.#refused = null;
      this.#link?.resume();
      this.#tellState();
    }
    return this.#take(answer, isLast);
  }

  // No failure says anything about the badge, but that there is no user to have one.
  #failed(error) {
    if (error.status !== 401) return true;
    this.#isLoggedOut = true;
    this.#forget();
    this.#link?.stop();
    this.#poll();
    this.#tellState();
    return false; // the polls go on
  }

  // … from this user's other tabs …

  #toldByTab({ user, answer }) {
    if (user !== this.#user) return;
    const decision = decideOnRing(this.#known, answer);
    if (decision === 'take') this.#take(answer);
    else if (decision === 'ask') this.#asker.ask();
  }

  // … and from the browser.

  #listen() {
    const onWake = () => {
      if (!isHidden()) this.#shown();
    };
    const onOnline = () => this.#link?.wake(true);

    document.addEventListener('visibilitychange', onWake);
    window.addEventListener('pageshow', onWake); // back from the browser's cache
    window.addEventListener('online', onOnline);
    this.#stopListening = () => {
      document.removeEventListener('visibilitychange', onWake);
      window.removeEventListener('pageshow', onWake);
      window.removeEventListener('online', onOnline);
    };
    if (!globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(this.#channelName);
    this.#channel.onmessage = (event) => this.#toldByTab(event.data);
  }

  #shown() {
    const isStale =
      !this.#isLive && this.#clock.now() - this.#answeredAt >= this.#options.pollInterval;

    this.#link?.wake();
    if (isStale || this.#isLoggedOut || this.#wantedSeq > (this.#known?.seq ?? 0)) this.#asker.ask();
  }

  // What is shown. Says false when the answer crossed what is known: only the API can tell.

  #take(answer, isLast = false) {
    const stands = isLast ? 'newer' : compareAnswers(this.#known, answer);
    if (stands === 'newer') this.#show(answer);
    return stands !== 'crossed';
  }

  #show({ num, version, seq, hit, latest }) {
    const before = this.#known;
    this.#known = { num, version, seq };
    this.#badge.show(num);
    if (num !== before?.num || version !== before.version || seq !== before.seq)
      this.#emit('change', this.#known);
    if (hit && latest && latest !== this.#announced) this.#announce(latest);
  }

  async #announce(id) {
    this.#announced = id;
    this.#emit('message', { id, num: this.num });
    if (this.#sound) this.#emit('sound', { id, result: await this.#sound.ring(id) });
  }

  // The next answer may be another user's, whose numbers say nothing about this one's.
  #forget() {
    const wasKnown = this.#known !== null;
    this.#login++;
    this.#user = null;
    this.#known = null;
    this.#announced = null;
    this.#position = null;
    this.#wantedSeq = 0;
    this.#api.forget();
    this.#asker.reset();
    this.#badge.show(null);
    if (wasKnown) this.#emit('change', { num: null, version: null, seq: null });
  }

  // Connecting, polling, telling.

  get #isLive() {
    return this.#link?.isLive ?? false;
  }

  #begin() {
    this.#isLoggedOut = false;
    this.#hasTried = false;
    this.#refused = null;
    this.#clock.clearTimeout(this.#firstTimer);
    if (this.#link) {
      // The welcome asks; not twice for each page, then, unless the relay takes its time.
      this.#firstTimer = this.#clock.setTimeout(() => this.#asker.ask(), FIRST_ASK_MS);
      this.#link.start();
    } else {
      this.#asker.ask();
    }
    this.#poll();
    this.#tellState();
  }

  // Polls for as long as the relay is away.
  #poll() {
    const isNeeded = this.#isRunning && !this.#isLive;
    if (isNeeded === (this.#pollTimer !== null)) return;
    this.#clock.clearTimeout(this.#pollTimer);
    this.#pollTimer = null;
    if (!isNeeded) return;
    this.#pollTimer = this.#clock.setTimeout(() => {
      this.#pollTimer = null;
      this.#poll();
      this.#asker.ask();
    }, pollDelay(this.#options.pollInterval, this.#clock.random));
  }

  #tellState() {
    const state = this.#stateNow();
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', { state });
  }

  #stateNow() {
    if (!this.#isRunning) return 'stopped';
    if (this.#isLoggedOut) return 'logged-out';
    if (this.#isLive) return 'live';
    if (this.#refused === 'stop') return 'kicked';
    return this.#link && !this.#hasTried ? 'connecting' : 'polling';
  }

  #call(type, handler) {
    if (handler) this.addEventListener(type, (event) => handler(event.detail));
  }

  #emit(type, detail) {
    this.dispatchEvent(new DoorbellEvent(type, detail));
  }
}

function find(element) {
  return typeof element === 'string' ? document.querySelector(element) : element;
}

function isHidden() {
  return document.visibilityState === 'hidden';
}
