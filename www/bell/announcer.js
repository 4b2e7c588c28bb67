// SPDX-License-Identifier: MIT
// announcer.js - tells of each new message once in a browser, and sounds once: carries out what core/arbiter.js decides,
// between the tabs of one user.

import { Arbiter } from './core/arbiter.js';

export class Announcer {
  #claims;
  #clock;
  #on;
  #arbiter;
  #openChannel;
  #channel = null;
  #timers = new Map();

  // `tab` is this tab's name; world: {claims, clock, openChannel()}, the last returns a BroadcastChannel, or null.
  // on: {me(), message(message), play(), sound(id, result)}: me and message as the arbiter's, play returns a promise of
  // 'rung' or 'blocked'.
  constructor(tab, { claims, clock, openChannel }, on) {
    this.#arbiter = new Arbiter(tab);
    this.#claims = claims;
    this.#clock = clock;
    this.#openChannel = openChannel;
    this.#on = on;
  }

  start() {
    this.#channel ??= this.#openChannel();
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#step({ type: 'heard', word: data, me: this.#on.me() });
  }

  stop() {
    this.#channel?.close();
    this.#channel = null;
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }

  announce(message) {
    this.#step({ type: 'announced', message, me: this.#on.me() });
  }

  #step(input) {
    for (const [what, ...args] of this.#arbiter.step(input)) this.#outputs[what](...args);
  }

  #outputs = {
    tell: (word) => this.#channel?.postMessage(word),
    timer: (key, ms) => this.#setTimer(key, ms),
    claim: async (key, message) => this.#step({ type: 'claimed', key, isOurs: await this.#claims.claim(message) }),
    play: async (key) => this.#step({ type: 'played', key, result: await this.#on.play() }),
    message: (message) => this.#on.message(message),
    sound: (id, result) => this.#on.sound(id, result),
  };

  #setTimer(key, ms) {
    this.#clock.clearTimeout(this.#timers.get(key));
    const due = () => {
      this.#timers.delete(key);
      this.#step({ type: 'due', key });
    };
    this.#timers.set(key, this.#clock.setTimeout(due, ms));
  }
}
