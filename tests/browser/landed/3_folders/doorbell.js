// SPDX-License-Identifier: MIT
// doorbell.js - an unread badge that is right, and a bell that rings, for any page. README.md tells
// page authors how. This file is the page's side: options, events, badge, sound, and what the
// browser tells. bell/core/engine.js decides, bell/client.js talks to the servers.

import { DoorbellError } from './bell/network/api.js';
import { Badge } from './bell/view/badge.js';
import { Client } from './bell/client.js';
import { Preference } from './bell/network/preference.js';
import { socketUrl } from './bell/core/rules.js';
import { Sound } from './bell/view/sound.js';

export { DoorbellError };
export { MessageList } from './bell/view/list.js';

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
  #client;
  #token;
  #badge;
  #sound = null;
  #stopListening = null;

  constructor(options = {}) {
    super();
    const all = { ...defaults, ...options };
    const name = `doorbell:${absolute(all.api)}`;

    this.#token = all.token;
    this.#badge = new Badge(find(all.badge), all.title, all.label);
    if (all.sound) this.#sound = new Sound(all.sound, name, all.clock);
    this.#client = new Client(addressesOf(all), browserWorld(name, all.clock), {
      badge: (num) => this.#badge.show(num),
      announce: (id, user) => this.#ring(id, user),
      emit: (type, detail) => this.#emit(type, detail),
    });
    this.#call('change', all.onChange);
    this.#call('message', all.onMessage);
  }

  // What the page knows: null as long as it does not.

  get num() {
    return this.#client.known?.num ?? null;
  }

  get user() {
    return this.#client.user;
  }

  // 'stopped', 'connecting', 'live', 'polling', 'logged-out' or 'kicked'.
  get state() {
    return this.#client.told.state;
  }

  // How it hears of messages: 'websocket', 'events', 'polling', or null while it does not.
  get transport() {
    return this.#client.told.transport;
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
    this.#client.start();
    return this;
  }

  stop() {
    if (this.state === 'stopped') return;
    this.#stopListening();
    this.#client.stop();
  }

  // The page has logged in anew: by a new cookie, or with the `token` given.
  login(token) {
    this.#token = token ?? this.#token;
    this.#client.login(this.#token);
  }

  // Messages. All of these reject with a DoorbellError.

  // A part of the list, the newest first: {messages, next, …}; pass `next` back as `before`.
  list(query = {}) {
    return this.#client.list(query);
  }

  markRead(id) {
    return this.#client.write(`/messages/${encodeURIComponent(id)}/read`);
  }

  // A message that must be acknowledged is marked by this, and by nothing else.
  acknowledge(id) {
    return this.#client.write(`/messages/${encodeURIComponent(id)}/ack`);
  }

  // All that the newest list could show; what arrived since stays unread.
  markAllRead() {
    return this.#client.markAllRead();
  }

  // What the browser tells, and what is told to the page.

  #listen() {
    if (this.#stopListening) return;
    const onWake = () => isHidden() || this.#client.step({ type: 'shown' });
    const onOnline = () => this.#client.step({ type: 'online' });

    document.addEventListener('visibilitychange', onWake);
    window.addEventListener('pageshow', onWake); // back from the browser's cache
    window.addEventListener('online', onOnline);
    this.#stopListening = () => {
      document.removeEventListener('visibilitychange', onWake);
      window.removeEventListener('pageshow', onWake);
      window.removeEventListener('online', onOnline);
      this.#stopListening = null;
    };
  }

  async #ring(id, user) {
    if (this.#sound) this.#emit('sound', { id, result: await this.#sound.ring(id, user) });
  }

  #call(type, handler) {
    if (handler) this.addEventListener(type, (event) => handler(event.detail));
  }

  #emit(type, detail) {
    this.dispatchEvent(new DoorbellEvent(type, detail));
  }
}

function addressesOf({ api, relay, events, ...options }) {
  return {
    ...options,
    api: absolute(api),
    relay: relay ? socketUrl(relay, document.baseURI) : null,
    events: events ? absolute(events) : null,
  };
}

function browserWorld(name, clock) {
  return {
    clock,
    fetch: (...args) => fetch(...args),
    WebSocket,
    EventSource,
    preference: new Preference(`${name}:transport`),
    openChannel: () => (globalThis.BroadcastChannel ? new BroadcastChannel(name) : null),
    isHidden,
  };
}

function absolute(url) {
  return new URL(url, document.baseURI).href;
}

function find(element) {
  return typeof element === 'string' ? document.querySelector(element) : element;
}

function isHidden() {
  return document.visibilityState === 'hidden';
}
