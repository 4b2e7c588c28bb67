// SPDX-License-Identifier: MIT
// doorbell.js - an unread badge that is right, and a bell that rings, for any page. README.md tells
// page authors how. This file is the shell: it turns what comes in from the relay, the API, other tabs
// and the browser into inputs of the engine, and carries out what that decides. The parts are in bell/.

import { Api, DoorbellError, Tokens } from './bell/api.js';
import { Badge } from './bell/badge.js';
import { Connection } from './bell/connection.js';
import { Engine } from './bell/engine.js';
import { Poller } from './bell/poller.js';
import { Preference } from './bell/preference.js';
import { socketUrl } from './bell/rules.js';
import { Sound } from './bell/sound.js';

export { DoorbellError };
export { MessageList } from './bell/list.js';

const defaults = {
  api: '/doorbell',
  relay: '/ws', // null: poll only
  events: '/events', // for where no WebSocket gets through; null: none
  token: null, // none (the cookie is enough), a text, or a function that returns one
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

// Events: `change` {num, version, seq}, `message` {id, num}, `sound` {id, result}, `state` {state,
// transport}, `welcome` {user}.
export class Doorbell extends EventTarget {
  #clock;
  #token;
  #tokens;
  #api;
  #engine;
  #poller;
  #connection = null;
  #badge;
  #sound = null;
  #channelName;
  #channel = null;
  #stopListening = null;
  #timers = {};

  constructor(options = {}) {
    super();
    const all = { ...defaults, ...options };
    const { api, relay, token, title, label, sound, clock, pollInterval } = all;
    const base = new URL(api, document.baseURI).href;

    this.#clock = clock;
    this.#channelName = `doorbell:${base}`;
    this.#token = token;
    this.#tokens = new Tokens(token);
    this.#api = new Api(base, this.#tokens);
    this.#badge = new Badge(find(all.badge), title, label);
    if (sound) this.#sound = new Sound(sound, this.#channelName, clock);
    this.#engine = new Engine(
      { hasRelay: Boolean(relay), isByCookie: () => this.#tokens.isByCookie, pollInterval },
      clock.random,
    );
    this.#poller = this.#makePoller();
    if (relay) this.#connection = this.#makeConnection(all);
    this.#call('change', all.onChange);
    this.#call('message', all.onMessage);
  }

  #makePoller() {
    const on = {
      answer: (answer, isLast) => !this.#step({ type: 'answered', answer, isLast }).some(([what]) => what === 'crossed'),
      failure: (error) => {
        this.#step({ type: 'failed', error });
        return error.status !== 401; // for that, the polls go on
      },
    };
    return new Poller(() => this.#api.unread(), on, this.#clock);
  }

  #makeConnection({ relay, events, pingInterval, clock }) {
    const options = {
      relay: socketUrl(relay, document.baseURI),
      events: events ? new URL(events, document.baseURI).href : null,
      tokens: this.#tokens,
      pingInterval,
      preference: new Preference(`${this.#channelName}:transport`),
      WebSocket,
      EventSource,
    };
    const on = {
      up: (user) => this.#step({ type: 'welcomed', user, transport: this.#connection.transport }),
      down: () => this.#step({ type: 'lost' }),
      refused: (why) => this.#step({ type: 'refused', why }),
      ring: (ring) => this.#step({ type: 'rung', ring, isHidden: isHidden() }),
    };
    return new Connection(options, on, clock);
  }

  // What the page knows: null as long as it does not.

  get num() {
    return this.#engine.known?.num ?? null;
  }

  get user() {
    return this.#engine.user;
  }

  // 'stopped', 'connecting', 'live', 'polling', 'logged-out' or 'kicked'.
  get state() {
    return this.#engine.told.state;
  }

  // How it hears of messages: 'websocket', 'events', 'polling', or null while it does not.
  get transport() {
    return this.#engine.told.transport;
  }

  get soundOn() {
    return this.#sound?.isOn ?? false;
  }

  set soundOn(isOn) {
    if (this.#sound) this.#sound.isOn = isOn;
  }

  // Life.

  start() {
    this.#listen();
    this.#step({ type: 'start' });
    return this;
  }

  stop() {
    if (this.state === 'stopped') return;
    this.#stopListening();
    this.#step({ type: 'stop' });
  }

  // The page has logged in anew: by a new cookie, or with the `token` given.
  login(token) {
    this.#token = token ?? this.#token;
    this.#tokens.replace(this.#token);
    this.#step({ type: 'login' });
  }

  // Messages. All of these reject with a DoorbellError.

  // A part of the list, the newest first: {messages, next, …}; pass `next` back as `before`.
  list(query = {}) {
    return this.#asUser(this.#api.messages(query, this.user), { type: 'listed', isNewest: !query.before });
  }

  markRead(id) {
    return this.#write(`/messages/${encodeURIComponent(id)}/read`);
  }

  // A message that must be acknowledged is marked by this, and by nothing else.
  acknowledge(id) {
    return this.#write(`/messages/${encodeURIComponent(id)}/ack`);
  }

  // All that the newest list could show; what arrived since stays unread.
  async markAllRead() {
    if (this.#engine.position === null) await this.list({ limit: 1 });
    return this.#write('/messages/read', { upto: this.#engine.position });
  }

  #write(path, body) {
    return this.#asUser(this.#api.post(path, body, this.user), { type: 'changed' });
  }

  // What was asked for one user must not be shown to the next.
  async #asUser(call, input) {
    const { login } = this.#engine;
    const answer = await call.catch((error) => {
      this.#step({ type: 'denied', error });
      throw error;
    });
    if (login === this.#engine.login) this.#step({ ...input, answer });
    if (login === this.#engine.login) return answer;
    throw new DoorbellError('another user has logged in', { code: 'another_user' });
  }

  // In: what the browser and other tabs tell.

  #listen() {
    if (this.#stopListening) return;
    const onWake = () => isHidden() || this.#step({ type: 'shown' });
    const onOnline = () => this.#step({ type: 'online' });

    document.addEventListener('visibilitychange', onWake);
    window.addEventListener('pageshow', onWake); // back from the browser's cache
    window.addEventListener('online', onOnline);
    this.#channel = globalThis.BroadcastChannel ? new BroadcastChannel(this.#channelName) : null;
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#step({ type: 'heard', word: data });
    this.#stopListening = () => {
      document.removeEventListener('visibilitychange', onWake);
      window.removeEventListener('pageshow', onWake);
      window.removeEventListener('online', onOnline);
      this.#channel?.close();
      this.#channel = null;
      this.#stopListening = null;
    };
  }

  // Out: what the engine decides.

  #step(input) {
    const outputs = this.#engine.step(this.#clock.now(), input);
    for (const [what, ...args] of outputs) this.#outputs[what](...args);
    return outputs;
  }

  #outputs = {
    connect: () => this.#connection.start(),
    disconnect: () => this.#connection?.stop(),
    resume: () => this.#connection?.resume(),
    relogin: () => this.#connection?.relogin(),
    wake: (isOnline) => this.#connection?.wake(isOnline),
    ask: (spread) => this.#poller.ask(spread),
    reset: () => this.#poller.reset(),
    forget: () => this.#api.forget(),
    crossed: () => {}, // the poller is told by what it called
    badge: (num) => this.#badge.show(num),
    announce: (id, user) => this.#ring(id, user),
    emit: (type, detail) => this.dispatchEvent(new DoorbellEvent(type, detail)),
    tell: (word) => this.#channel?.postMessage(word),
    timer: (name, ms) => this.#setTimer(name, ms),
  };

  async #ring(id, user) {
    if (!this.#sound) return;
    const result = await this.#sound.ring(id, user);
    this.dispatchEvent(new DoorbellEvent('sound', { id, result }));
  }

  #setTimer(name, ms) {
    this.#clock.clearTimeout(this.#timers[name]);
    if (ms === null) delete this.#timers[name];
    else this.#timers[name] = this.#clock.setTimeout(() => this.#step({ type: `${name}-due` }), ms);
  }

  #call(type, handler) {
    if (handler) this.addEventListener(type, (event) => handler(event.detail));
  }
}

function find(element) {
  return typeof element === 'string' ? document.querySelector(element) : element;
}

function isHidden() {
  return document.visibilityState === 'hidden';
}
