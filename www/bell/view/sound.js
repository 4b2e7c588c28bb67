// SPDX-License-Identifier: MIT
// sound.js - rings once for each message and user, whatever the number of tabs and reloads: the tab that
// first writes the message's id into the shared storage is the one that sounds.

import { claimRing, ownerOfRing } from '../core/rules.js';

const SETTLE_MS = 150;
const SEEN_MS = 10_000;

export class Sound {
  isOn = true;
  #audio;
  #name;
  #clock;
  #tab = Math.random().toString(36).slice(2);
  #rung = []; // where the page has no storage

  // `sound` is an address or an <audio> element; `name` is shared by the tabs of one user.
  constructor(sound, name, clock) {
    this.#audio = typeof sound === 'string' ? new Audio(sound) : sound;
    this.#audio.preload = 'auto';
    this.#name = `${name}:rung`;
    this.#clock = clock;
  }

  // 'rung', 'elsewhere', 'off', or 'blocked' by a browser that wants to see a click first.
  async ring(id, user, epoch = null) {
    if (!this.isOn) return 'off';
    if (!(await this.#claim(`${user}/${id}`, epoch))) return 'elsewhere';
    try {
      this.#audio.currentTime = 0;
      await this.#audio.play();
      return 'rung';
    } catch {
      return 'blocked';
    }
  }

  // A tab's view of the storage lags behind what others wrote, by more than a lock takes to change
  // hands: so the tab that claims keeps the ring's lock until all have seen it.
  #claim(ring, epoch) {
    const locks = globalThis.navigator?.locks;
    if (!locks) return this.#claimByStorage(ring, epoch);
    return new Promise((resolve) => {
      const name = [this.#name, ring, epoch].join(':');
      const onLock = (lock) => {
        const isOurs = lock !== null && this.#write(ring, epoch);
        resolve(isOurs);
        return isOurs ? this.#rest(SEEN_MS) : null;
      };
      const request = locks.request(name, { ifAvailable: true }, onLock);
      request.catch(() => resolve(this.#claimByStorage(ring, epoch))); // forbidden here
    });
  }

  // Web Locks are for secure pages only; without them the last writer wins, after a moment's rest.
  async #claimByStorage(ring, epoch) {
    if (!this.#write(ring, epoch)) return false;
    await this.#rest(SETTLE_MS);
    return ownerOfRing(this.#read(), ring, epoch) === this.#tab;
  }

  #rest(ms) {
    return new Promise((done) => this.#clock.setTimeout(done, ms));
  }

  #write(ring, epoch) {
    const rung = claimRing(this.#read(), ring, epoch, this.#tab);
    if (!rung) return false;
    this.#rung = rung;
    try {
      localStorage.setItem(this.#name, JSON.stringify(rung));
    } catch {
      // full, or forbidden: this page still rings once
    }
    return true;
  }

  #read() {
    try {
      const rung = JSON.parse(localStorage.getItem(this.#name));
      return Array.isArray(rung) ? rung.filter(Array.isArray) : this.#rung;
    } catch {
      return this.#rung;
    }
  }
}
