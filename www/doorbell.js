// SPDX-License-Identifier: MIT
// doorbell.js - an unread badge that is right, and a bell that rings, for any page. README.md tells
// page authors how. This file is the page's side: options, calls, events. bell/core/engine.js decides,
// bell/client.js talks to the servers, bell/shared.js is what several Doorbells of a page share.

import { Badge } from './bell/view/badge.js';
import { browserClock } from './bell/clock.js';
import { completeOptions } from './bell/core/options.js';
import { DoorbellError } from './bell/core/error.js';
import { runningShare, Share } from './bell/shared.js';
import { socketUrl } from './bell/core/rules.js';
import { Sound } from './bell/view/sound.js';
import { Target } from './bell/view/target.js';

export { DoorbellError };
export { Store } from './bell/store.js';

// Events: `change` {num, version, seq}, `message` {id, num, title, …}, `sound` {id, result}, `state` {state,
// transport}, `welcome` {user}.
export class Doorbell extends Target {
  #options;
  #share;
  #badge;
  #sound = null;
  #member;
  #isRunning = false;
  #isDestroyed = false;
  #wantsMessages = false;
  #handlers = [];

  // Throws a DoorbellError that says what to give, where an option is of no use.
  constructor(options = {}) {
    super();
    const all = completeOptions(options);

    this.#badge = new Badge(all.badge, all.title, all.label);
    if (all.sound) this.#sound = new Sound(all.sound);
    this.#options = { ...addressesOf(all), clock: all.clock ?? browserClock };
    this.#share = runningShare(this.#options) ?? new Share(this.#options);
    this.#member = this.#makeMember();
    this.#call('change', all.onChange);
    this.#call('message', all.onMessage);
  }

  // As bell/shared.js sees it.
  #makeMember() {
    const isLoud = () => this.#sound?.isOn ?? false;
    const hears = () => this.#wantsMessages;
    return {
      get canSound() {
        return isLoud();
      },
      get wantsMessages() {
        return hears();
      },
      showNumber: (num) => this.#badge.show(num),
      play: () => this.#sound.play(),
      tellSound: (id, result) => this.#sound && this.#emit('sound', { id, result: isLoud() ? result : 'off' }),
      emit: (type, detail) => this.#emit(type, detail),
    };
  }

  // What a message says is asked for only where somebody listens.
  addEventListener(type, ...rest) {
    if (type === 'message') this.#wantsMessages = true;
    super.addEventListener(type, ...rest);
  }

  // What the page knows: null as long as it does not.

  get num() {
    return this.#share.client.known?.num ?? null;
  }

  get user() {
    return this.#share.client.user;
  }

  // 'stopped', 'connecting', 'live', 'polling', 'logged-out' or 'kicked'.
  get state() {
    return this.#isRunning ? this.#share.client.told.state : 'stopped';
  }

  // How it hears of messages: 'websocket', 'events', 'polling', or null while it does not.
  get transport() {
    return this.#isRunning ? this.#share.client.told.transport : null;
  }

  get soundOn() {
    return this.#sound?.isOn ?? false;
  }

  set soundOn(isOn) {
    if (this.#sound) this.#sound.isOn = isOn;
  }

  // Life.

  start() {
    if (this.#isDestroyed) throw new DoorbellError('this Doorbell was destroyed; make a new one', { code: 'invalid' });
    if (this.#isRunning) return this;
    this.#isRunning = true;
    this.#share = runningShare(this.#options) ?? this.#share;
    this.#share.join(this.#member);
    return this;
  }

  stop() {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#share.leave(this.#member);
  }

  // Stops, and leaves the page as it was before.
  destroy() {
    this.stop();
    this.#isDestroyed = true;
    for (const [type, listener] of this.#handlers) this.removeEventListener(type, listener);
    this.#badge.remove();
  }

  // The page has logged in anew: by a new cookie, or with the `token` given.
  login(token) {
    this.#share.login(token);
  }

  // Messages. All of these return a promise of the server's reply, and reject with a DoorbellError.

  // A part of the list, the newest first: {messages, next, …}; pass `next` back as `before`.
  list(query) {
    return this.#share.client.call('list', query);
  }

  get(id) {
    return this.#share.client.call('get', id);
  }

  // One id, a list of them, or {group_key, upto}: all of a group.
  markRead(id) {
    return this.#share.client.call('markRead', id);
  }

  markUnread(id) {
    return this.#share.client.call('markUnread', id);
  }

  archive(id) {
    return this.#share.client.call('archive', id);
  }

  // A message that must be acknowledged is marked by this, and by nothing else.
  acknowledge(id) {
    return this.#share.client.call('acknowledge', id);
  }

  // For good.
  remove(id) {
    return this.#share.client.call('remove', id);
  }

  // All that the newest list could show; what arrived since stays unread.
  markAllRead() {
    return this.#share.client.markAllRead();
  }

  markAllUnread() {
    return this.#share.client.call('markAllUnread');
  }

  // All about {subject_type, subject_id}.
  markSubjectRead(subject) {
    return this.#share.client.call('markSubjectRead', subject);
  }

  markOldestRead(n) {
    return this.#share.client.call('markOldestRead', n);
  }

  // The user has looked at the list of this `position`; without one, at the newest.
  seen(position) {
    return this.#share.client.seen(position);
  }

  // {muted}: the names of categories.
  preferences() {
    return this.#share.client.call('preferences');
  }

  setPreferences(value) {
    return this.#share.client.call('setPreferences', value);
  }

  // How many are unread: {num, categories: {name: number}, …}.
  counts() {
    return this.#share.client.call('counts');
  }

  #call(type, handler) {
    if (!handler) return;
    const listener = (event) => handler(event.detail);
    this.#handlers.push([type, listener]);
    this.addEventListener(type, listener);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function addressesOf({ api, relay, events, worker, ...options }) {
  return {
    ...options,
    worker: worker ? addressOfWorker() : null,
    api: absolute(api),
    relay: relay ? socketUrl(relay, document.baseURI) : null,
    events: events ? absolute(events) : null,
  };
}

// Beside this script; only a worker of the page's own origin may be had.
function addressOfWorker() {
  try {
    const { href, origin } = new URL('bell/min/worker.js', import.meta.url);
    return origin === location.origin ? href : null;
  } catch {
    return null;
  }
}

function absolute(url) {
  return new URL(url, document.baseURI).href;
}
