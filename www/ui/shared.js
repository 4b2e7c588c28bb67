// SPDX-License-Identifier: MIT
// shared.js - what the elements of one page have in common: one Doorbell, one place from which screen readers hear of news,
// and one store of messages, from the first list on.

import { read, write } from '../bell/network/storage.js';
import { makeStatus } from '../bell/view/status.js';
import { Target } from '../bell/view/target.js';
import { Doorbell } from '../doorbell.js';

const shared = new Map(); // addresses → what is shared by those who name them
let own = null; // of the page's own Doorbell
const live = new Set(); // the elements that are on the page

// What shows outside of the page, where the attribute `desktop` of an element asks for it.
const desktop = {
  'app-badge': () => import('../bell/desktop/app_badge.js'),
  favicon: () => import('../bell/desktop/favicon.js'),
  notifications: () => import('../bell/desktop/notifications.js'),
};

// The elements use this Doorbell from now on, and not one of their own.
export function useDoorbell(doorbell) {
  own = new Shared(doorbell);
  for (const element of live) element.attach();
}

export function sharedOf(element) {
  live.add(element);
  const found = own || madeFor(element);
  for (const name of (element.getAttribute('desktop') || '').split(' ')) found.startDesktop(name);
  return found;
}

function madeFor(element) {
  const options = optionsOf(element);
  const key = JSON.stringify([options.api, options.relay, options.events]);
  if (!shared.has(key)) {
    const doorbell = new Doorbell(options);
    shared.set(key, new Shared(doorbell));
    doorbell.start();
  }
  return shared.get(key);
}

export const release = (element) => live.delete(element);

// `none` for relay, events or worker: without.
function optionsOf(element) {
  const options = {};
  for (const name of ['api', 'relay', 'events', 'sound', 'user', 'worker']) {
    const value = element.getAttribute(name);
    if (value !== null) options[name] = value === 'none' ? null : value;
  }
  return options;
}

// Events: `number`, `message` with a new one, `gone` when what was shown is no longer the user's to see.
class Shared extends Target {
  words = null; // of the element that came last
  store = null;
  desktop = {}; // what was started of it, by name
  #status = null;
  #saying = null; // the timer of what is about to be said
  #soundKey = `doorbell:sound:${location.host}`;

  constructor(doorbell) {
    super();
    this.doorbell = doorbell;
    doorbell.soundOn = true;
    this.hasSound = doorbell.soundOn;
    doorbell.soundOn = read('local', this.#soundKey) !== 'off';
    doorbell.addEventListener('message', ({ detail }) => this.#heard(detail));
    doorbell.addEventListener('change', ({ detail }) => this.#changed(detail));
    window.addEventListener('pagehide', () => this.store && this.store.flush());
  }

  // The code of the store comes with that of the lists.
  makeStore(Store) {
    if (this.store) return;
    this.store = new Store(this.doorbell);
    this.store.subscribe(() => this.#tell('number'));
  }

  // Unread messages, with what the user has just done; null while unknown.
  get num() {
    return (this.store || this.doorbell).num;
  }

  get isListOpen() {
    return this.store !== null && this.store.isWatched;
  }

  startDesktop(name) {
    if (!desktop[name] || name in this.desktop) return;
    this.desktop[name] = null;
    desktop[name]().then(({ start }) => (this.desktop[name] = start(this.doorbell)), () => {});
  }

  get isLoggedOut() {
    return ['logged-out', 'kicked'].includes(this.doorbell.state);
  }

  setSound(isOn) {
    this.doorbell.soundOn = isOn;
    write('local', this.#soundKey, isOn ? 'on' : 'off');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #changed({ num }) {
    this.#tell('number');
    if (num !== null) return;
    this.#tell('gone');
    clearTimeout(this.#saying);
    if (this.#status) this.#status.textContent = '';
  }

  // Without a title the message could not be had: recalled, or another user's. One that was read meanwhile is no news.
  #heard(message) {
    const { title, sender, read } = message;
    if (live.size === 0 || title === undefined || read) return;
    this.#tell('message', message);
    const news = this.words.say(sender ? 'newsFrom' : 'news', { title, sender });
    this.say(`${news} ${this.words.say('unreadNow', { n: this.num ?? 1 })}`);
  }

  // For screen readers. The region is there before its text is, or they would not notice.
  say(text) {
    if (!this.#status || !this.#status.isConnected) {
      this.#status = makeStatus();
      document.body.append(this.#status);
    }
    const status = this.#status;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (status.textContent = text), 100);
  }
}
