// SPDX-License-Identifier: MIT
// timeline.mjs - the one scheduler: what happens when, by a clock that jumps from event to event. Events of one moment
// happen in the order in which they were planned, each to its end before the next one begins.

export const START_MS = Date.UTC(2026, 0, 1);

export class Timeline {
  now = START_MS;
  #plan = []; // sorted
  #serial = 0;

  // `call` may be async. Returns what cancel() takes.
  after(ms, call) {
    const event = { at: this.now + Math.max(0, Math.ceil(ms)), serial: this.#serial++, call };
    let [low, high] = [0, this.#plan.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#plan[middle].at <= event.at) low = middle + 1;
      else high = middle;
    }
    this.#plan.splice(low, 0, event);
    return event;
  }

  cancel(event) {
    const at = this.#plan.indexOf(event);
    if (at >= 0) this.#plan.splice(at, 1);
  }

  // One event, and what it makes promises do at once. False: it is not due until then.
  async step(until = Infinity) {
    if (this.#plan.length === 0 || this.#plan[0].at > until) {
      if (until !== Infinity) this.now = until;
      return false;
    }
    const event = this.#plan.shift();
    this.now = event.at;
    await event.call();
    await new Promise(setImmediate);
    return true;
  }
}
