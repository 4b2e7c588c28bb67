// SPDX-License-Identifier: MIT
// poller.js - when to ask GET /unread: one question at a time, spread where a ring says so, held
// back where the server says so, again after a failure.

import { backOff } from './rules.js';

export class Poller {
  #ask;
  #on;
  #clock;
  #timer = null;
  #dueAt = Infinity;
  #notBefore = 0;
  #isAsking = false;
  #againWithin = Infinity;
  #failures = 0;
  #turn = 0;

  // `ask` fetches an answer; on: {answer(answer), failure(error)}, the second returns whether to try again.
  constructor(ask, on, clock) {
    this.#ask = ask;
    this.#on = on;
    this.#clock = clock;
  }

  // At a random moment within `spread` ms; at once without. The earlier of two wishes counts.
  ask(spread = 0) {
    if (this.#isAsking) {
      // What is under way may have been answered before the ring: it does not count.
      this.#againWithin = Math.min(this.#againWithin, spread);
      return;
    }
    const now = this.#clock.now();
    const at = Math.max(now + this.#clock.random() * spread, this.#notBefore);
    if (at <= now) this.#run(); // no timer: hidden tabs get theirs late
    else if (at < this.#dueAt) this.#arm(at);
  }

  // Drops what is planned, and the answer to what is under way.
  reset() {
    this.#disarm();
    this.#turn++;
    this.#isAsking = false;
    this.#againWithin = Infinity;
    this.#notBefore = 0;
    this.#failures = 0;
  }

  #arm(at) {
    this.#disarm();
    this.#dueAt = at;
    this.#timer = this.#clock.setTimeout(() => this.#run(), at - this.#clock.now());
  }

  #disarm() {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#dueAt = Infinity;
  }

  async #run() {
    const turn = this.#turn;
    this.#disarm();
    this.#isAsking = true;
    const [answer, error] = await this.#ask().then((a) => [a], (e) => [null, e]);
    if (turn !== this.#turn) return;
    if (error) this.#failed(error);
    else this.#answered(answer);
  }

  #answered(answer) {
    const turn = this.#turn;
    this.#failures = 0;
    try {
      this.#on.answer(answer); // what it wants asked again is one question with what rings want
    } finally {
      if (turn === this.#turn) this.#askAgain();
    }
  }

  #failed(error) {
    this.#isAsking = false;
    this.#againWithin = Infinity; // the retry answers for it
    if (!this.#on.failure(error)) return;
    const delay = (error.retryAfter ?? 0) + backOff(this.#failures++, this.#clock.random);
    this.#notBefore = this.#clock.now() + delay;
    if (this.#notBefore < this.#dueAt) this.#arm(this.#notBefore);
  }

  #askAgain() {
    const spread = this.#againWithin;
    this.#isAsking = false;
    this.#againWithin = Infinity;
    if (spread !== Infinity) this.ask(spread);
  }
}
