// SPDX-License-Identifier: MIT
// timeline.mjs - what happens when, for millions of events: a heap, and a clock of whole milliseconds that jumps. Events of
// one moment happen in the order in which they were planned.

import { makeRandom } from '../../harness/random.mjs';

export class Timeline {
  now;
  #heap = [];
  #serial = 0;

  // clock: as the page wants one.
  constructor(startMs, seed) {
    const draw = makeRandom(seed);
    this.now = startMs;
    this.random = () => draw(2 ** 32) / 2 ** 32;
    this.clock = {
      now: () => this.now,
      random: this.random,
      setTimeout: (call, ms) => this.after(ms, call),
      clearTimeout: (event) => {
        if (event) event.call = null;
      },
    };
  }

  // Infinity: there is nothing to happen.
  get nextAt() {
    return this.#heap.length > 0 ? this.#heap[0].at : Infinity;
  }

  after(ms, call) {
    const event = { at: this.now + Math.max(0, Math.ceil(ms)), serial: this.#serial++, call };
    this.#up(event);
    return event;
  }

  // All of the next moment, and what they plan for it.
  runMoment() {
    this.now = this.nextAt;
    while (this.nextAt === this.now) this.#take().call?.();
  }

  #up(event) {
    const heap = this.#heap;
    let i = heap.length;
    for (let above; i > 0 && isBefore(event, heap[(above = (i - 1) >> 1)]); i = above) heap[i] = heap[above];
    heap[i] = event;
  }

  #take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) this.#down(last);
    return first;
  }

  #down(event) {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let below = 2 * i + 1;
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++;
      if (below >= heap.length || !isBefore(heap[below], event)) break;
      heap[i] = heap[below];
      i = below;
    }
    heap[i] = event;
  }
}

function isBefore(one, other) {
  return one.at < other.at || (one.at === other.at && one.serial < other.serial);
}
