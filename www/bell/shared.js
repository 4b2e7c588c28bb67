// SPDX-License-Identifier: MIT
// shared.js - what all Doorbells of a page have in common, where they name the same servers and the same token: one client,
// one place at the arbiter's table, and what the browser tells.

import { Announcer } from './announcer.js';
import { bellOf, channelOf } from './core/tabs.js';
import { Claims } from './network/claims.js';
import { Client } from './client.js';
import { read, write } from './network/storage.js';
import { startBackground } from './network/background.js';

const running = new Set();

// The one that runs for these options, or null.
export function runningShare(options) {
  return [...running].find((share) => share.isFor(options)) ?? null;
}

export class Share {
  client;
  #options;
  #announcer;
  #members = new Set();
  #stopListening = null;

  // options: as of core/options.js, the addresses absolute. The intervals of the first that came count.
  constructor(options) {
    const { clock } = options;
    const name = channelOf(options.api);
    const tab = Math.random().toString(36).slice(2);
    const openChannel = (of) => (globalThis.BroadcastChannel ? new BroadcastChannel(of) : null);

    this.#options = options;
    // Tabs agree by Web Locks, which are for secure pages only, and talk by channel.
    const locks = globalThis.BroadcastChannel && navigator.locks ? locksAfter(options) : null;
    const world = { ...browserWorld(name, clock), openChannel: () => openChannel(name), locks, tab };
    this.client = new Client(options, world, {
      badge: (num) => this.#members.forEach((one) => one.showNumber(num)),
      announce: (message) => this.#announcer.announce(message),
      emit: (type, detail) => this.#emit(type, detail),
    });
    const table = { claims: new Claims(name, tab, clock), clock, openChannel: () => openChannel(bellOf(options.api)) };
    this.#announcer = new Announcer(tab, table, {
      me: () => this.#describe(),
      message: (message) => this.#tellMessage(message),
      play: () => this.#play(),
      sound: (id, result) => this.#members.forEach((one) => one.tellSound(id, result)),
    });
  }

  isFor(options) {
    return ['api', 'relay', 'events', 'token', 'clock'].every((name) => options[name] === this.#options[name]);
  }

  // member: {showNumber(num), emit(type, detail), tellSound(id, result), canSound, wantsMessages, play()}. One that comes later is
  // told what the others know.
  join(member) {
    const isFirst = this.#members.size === 0;
    this.#members.add(member);
    running.add(this);
    if (isFirst) this.#start();
    else this.#tellAll(member);
  }

  leave(member) {
    if (this.#members.size > 1) {
      member.emit('state', { state: 'stopped', transport: null });
    } else {
      this.#stopListening?.();
      this.#announcer.stop();
      this.client.stop();
      running.delete(this);
    }
    this.#members.delete(member);
  }

  login(token) {
    this.#options = { ...this.#options, token: token ?? this.#options.token };
    this.client.login(this.#options.token);
  }

  // A page that is made ready before anybody asked for it waits until it is shown.
  #start() {
    if (document.prerendering) {
      document.addEventListener('prerenderingchange', () => this.#members.size > 0 && this.#start(), { once: true });
      return;
    }
    this.#listen();
    this.#announcer.start();
    this.client.start();
  }

  #tellAll(member) {
    const { known, told, user } = this.client;
    member.emit('state', told);
    if (known) member.showNumber(known.num);
    if (known) member.emit('change', known);
    if (told.state === 'live') member.emit('welcome', { user });
  }

  #emit(type, detail) {
    this.#members.forEach((one) => one.emit(type, detail));
  }

  #describe() {
    return {
      user: this.client.user,
      isVisible: !isHidden(),
      isFocused: document.hasFocus(),
      isActivated: navigator.userActivation?.hasBeenActive ?? false,
      canSound: [...this.#members].some(({ canSound }) => canSound),
    };
  }

  // What it says is fetched only for those who listen; one that is gone already is not told of.
  async #tellMessage({ id, num, user, c }) {
    const listeners = [...this.#members].filter(({ wantsMessages }) => wantsMessages);
    if (listeners.length === 0) return;
    const [message, error] = await this.client.read(id, c).then((m) => [m], (e) => [null, e]);
    if (error?.status === 404 || user !== this.client.user) return;
    listeners.forEach((one) => one.emit('message', { ...message, id, num }));
  }

  #play() {
    return [...this.#members].find(({ canSound }) => canSound)?.play() ?? 'blocked';
  }

  // What the browser tells.
  #listen() {
    const tell = (type) => this.client.step({ type });
    const listeners = [
      [document, 'visibilitychange', () => isHidden() || tell('shown')],
      [document, 'freeze', () => tell('suspended')],
      [window, 'pagehide', () => tell('suspended')],
      [window, 'pageshow', ({ persisted }) => persisted && tell('back')],
      [document, 'resume', () => tell('back')],
      [window, 'online', () => tell('online')],
    ];
    for (const [place, type, hear] of listeners) place.addEventListener(type, hear);
    this.#stopListening = () => {
      for (const [place, type, hear] of listeners) place.removeEventListener(type, hear);
    };
  }
}

// Web Locks that leave the first place to the worker, where there may be one.
function locksAfter({ worker, api, relay, events, pollInterval, refreshInterval, pingInterval }) {
  let started = null;
  const start = () => worker && startBackground(worker, { api, relay, events, pollInterval, refreshInterval, pingInterval });
  return {
    request: async (...args) => {
      await (started ??= start());
      return navigator.locks.request(...args);
    },
  };
}

function browserWorld(name, clock) {
  const transport = `${name}:transport`; // that worked last in this tab
  return {
    clock,
    fetch: (...args) => fetch(...args),
    WebSocket,
    EventSource,
    preference: { get: () => read('session', transport), set: (kind) => write('session', transport, kind) },
    isHidden,
  };
}

export function isHidden() {
  return document.visibilityState === 'hidden';
}
