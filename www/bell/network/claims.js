// SPDX-License-Identifier: MIT
// claims.js - each message is told of once for each user, whatever the number of tabs and reloads: by the tab that first
// writes the message's id into the shared storage.

import { claimRing, ownerOfRing } from '../core/rules.js';
import { tryLock } from './locks.js';
import { read, write } from './storage.js';

const SETTLE_MS = 150;
const SEEN_MS = 10_000;

export class Claims {
  #name;
  #clock;
  #tab;
  #rung = []; // where the page has no storage

  // `name` is shared by the tabs of one browser; `tab` is this one's alone.
  constructor(name, tab, clock) {
    this.#name = `${name}:rung`;
    this.#tab = tab;
    this.#clock = clock;
  }

  // Whether it is this tab that has claimed it, and nobody before. A tab's view of the storage lags behind what
  // others wrote, by more than a lock takes to change hands: so the tab that claims keeps the message's lock
  // until all have seen it.
  async claim({ id, user, epoch }) {
    const ring = `${user}/${id}`;
    const lock = tryLock([this.#name, ring, epoch].join(':'));
    const release = lock && (await lock);
    if (release === undefined) return this.#claimByStorage(ring, epoch);
    const isOurs = release !== null && this.#write(ring, epoch);
    if (isOurs) this.#rest(SEEN_MS).then(release);
    else release?.();
    return isOurs;
  }

  // Without locks the last writer wins, after a moment's rest.
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
    write('local', this.#name, JSON.stringify(rung));
    return true;
  }

  #read() {
    try {
      const rung = JSON.parse(read('local', this.#name));
      return Array.isArray(rung) ? rung.filter(Array.isArray) : this.#rung;
    } catch {
      return this.#rung;
    }
  }
}
