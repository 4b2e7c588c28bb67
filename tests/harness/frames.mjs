// SPDX-License-Identifier: MIT
// frames.mjs - what a client of the relay has heard, and how a test waits for more.

import { PATIENCE_MS, within } from './wait.mjs';

export class Frames {
  #waiting = new Set();

  frames = [];
  closed = null; // what the end was, once it is

  hear(frame) {
    this.frames.push(frame);
    this.#look();
  }

  end(how) {
    this.closed = how;
    this.#look();
  }

  #look() {
    for (const look of this.#waiting) look();
  }

  // The first frame from position `from` on that `test` (a type or a function) likes.
  async next(test, { from = 0, timeoutMs = PATIENCE_MS } = {}) {
    const likes = typeof test === 'string' ? (frame) => frame.type === test : test;
    let look;
    const found = new Promise((resolve, reject) => {
      look = () => {
        const frame = this.frames.slice(from).find(likes);
        if (frame) resolve(frame);
        else if (this.closed) reject(new Error(`closed: ${JSON.stringify(this.closed)} ${this.error ?? ''}`));
      };
      this.#waiting.add(look);
      look();
    });
    try {
      return await within(found, `a frame (${test}), got ${JSON.stringify(this.frames.slice(from))}`, timeoutMs);
    } finally {
      this.#waiting.delete(look);
    }
  }

  async untilClosed(timeoutMs = PATIENCE_MS) {
    await this.next(() => false, { timeoutMs }).catch((error) => {
      if (!this.closed) throw error;
    });
    return this.closed;
  }
}
