// SPDX-License-Identifier: MIT
// meter.mjs - counts what happens by when it happens.

const CELL_MS = 10;
const WINDOW_CELLS = 100;

export class Meter {
  total = 0;
  #cells = [];

  count(at) {
    const cell = Math.floor(at / CELL_MS);
    this.#cells[cell] = (this.#cells[cell] ?? 0) + 1;
    this.total++;
  }

  // The most within any second that begins in this time.
  peak(from = 0, to = Infinity) {
    const last = Math.min(this.#cells.length, to / CELL_MS);
    let [sum, most] = [0, 0];
    for (let i = Math.floor(from / CELL_MS); i < last; i++) {
      sum += this.#cells[i] ?? 0;
      if (i - WINDOW_CELLS >= from / CELL_MS) sum -= this.#cells[i - WINDOW_CELLS] ?? 0;
      most = Math.max(most, sum);
    }
    return most;
  }

  // When so many of them had happened.
  when(count) {
    let sum = 0;
    const cell = this.#cells.findIndex((n) => (sum += n ?? 0) >= count);
    return cell < 0 ? NaN : (cell + 1) * CELL_MS;
  }
}
