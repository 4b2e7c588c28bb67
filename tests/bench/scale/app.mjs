// SPDX-License-Identifier: MIT
// app.mjs - the database's present numbers, and doorbell-app with nginx and PostgreSQL as one queue in front of them.

import { retryAfterMs } from '../../../www/bell/core/rules.js';
import { Meter } from './meter.mjs';

// CPU of nginx, doorbell-app and PostgreSQL per GET /unread: tests/bench/README.md, app-check, kept connections, 64 clients.
const CHECK_US = 132;
// A 503 is without PostgreSQL: the first two of the same row.
const REFUSAL_US = 107;
const CORES = 2; // of that machine
// fcgi-app: max_connections of doorbell.conf by default, and BACKLOG of common/os/listen.c. More are nginx's 502.
const WAITING_MAX = 1024 + 4096;
const RETRY_AFTER_MAX_S = 3; // of fcgi-app/jobs/job.c

export class App {
  numbers; // {num, version, seq, epoch}
  isDown = false;
  came = new Meter();
  failed = new Meter();
  longest = 0; // queue
  #freeAt = 0;
  #timeline;

  constructor(timeline, numbers) {
    this.#timeline = timeline;
    this.numbers = numbers;
  }

  // A question, which takes `wayMs` each way. Its error is as api.js makes it.
  check(terms, wayMs) {
    return new Promise((resolve, reject) => {
      this.#timeline.after(wayMs, () => this.#arrive(wayMs, (error) => {
        if (error) reject(error);
        else resolve({ ...this.numbers, ...terms });
      }));
    });
  }

  #arrive(wayMs, finish) {
    const { now } = this.#timeline;
    this.came.count(now);
    const costMs = (this.isDown ? REFUSAL_US : CHECK_US) / CORES / 1000;
    const waiting = Math.max(0, this.#freeAt - now) / costMs;
    this.longest = Math.max(this.longest, Math.ceil(waiting));
    if (waiting >= WAITING_MAX) return this.#fail(wayMs, finish, { status: 502, retryAfter: null });
    this.#freeAt = Math.max(now, this.#freeAt) + costMs;
    this.#timeline.after(this.#freeAt - now, () => {
      if (this.isDown) this.#fail(wayMs, finish, { status: 503, retryAfter: this.#retryAfter() });
      else this.#timeline.after(wayMs, () => finish(null));
    });
  }

  #retryAfter() {
    return retryAfterMs(String(1 + Math.floor(this.#timeline.random() * RETRY_AFTER_MAX_S)), 0);
  }

  #fail(wayMs, finish, error) {
    this.failed.count(this.#timeline.now);
    this.#timeline.after(wayMs, () => finish(error));
  }
}
