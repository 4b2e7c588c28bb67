// SPDX-License-Identifier: MIT
// leadership.js - which of a browser's tabs leads, by a Web Lock: the one that holds it. The others wait in its queue, so
// that the next takes over when the leader closes, or lets go. One that no longer does anything can be robbed of it.

export class Leadership {
  #locks;
  #name;
  #on;
  #abort = null; // of the wait
  #release = null; // while it leads

  // on: {elected(), deposed(), alone()}; the last where the browser forbids locks.
  constructor(locks, name, on) {
    this.#locks = locks;
    this.#name = name;
    this.#on = on;
  }

  join() {
    this.#request({});
  }

  steal() {
    this.#request({ steal: true });
  }

  leave() {
    this.#abort?.abort();
    this.#release?.();
    this.#abort = this.#release = null;
  }

  async #request(options) {
    this.leave();
    const abort = new AbortController();
    this.#abort = abort;
    const onLock = () => (abort.signal.aborted ? null : this.#lead());
    try {
      await this.#locks.request(this.#name, options.steal ? options : { signal: abort.signal }, onLock);
    } catch {
      if (!abort.signal.aborted) this.#lost();
    }
  }

  #lead() {
    return new Promise((release) => {
      this.#release = release;
      this.#on.elected();
    });
  }

  // Robbed of it; or it was never to be had.
  #lost() {
    const hasLed = this.#release !== null;
    this.#abort = this.#release = null;
    if (!hasLed) this.#on.alone();
    else this.#on.deposed();
  }
}
