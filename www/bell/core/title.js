// SPDX-License-Identifier: MIT
// title.js - the page's title with a number before it, whoever else writes it. A router that keeps titles brings back one
// that we wrote, with the number of then: so what was written is remembered, with the title that it was made of. Pure.

import { badgeText } from './rules.js';

const WRITTEN_MAX = 50;

export class NumberedTitle {
  #written = new Map(); // title → without our number, the newest last
  #prefix = '';

  // What the title should be at `num`, when it is `title` now.
  at(num, title) {
    const bare = this.#bareOf(title);
    this.#prefix = num > 0 ? `(${badgeText(num)}) ` : '';
    const wanted = this.#prefix + bare;
    this.#remember(wanted, bare);
    return wanted;
  }

  #bareOf(title) {
    const isOurs = this.#prefix && title.startsWith(this.#prefix);
    return this.#written.get(title) ?? (isOurs ? title.slice(this.#prefix.length) : title);
  }

  #remember(title, bare) {
    this.#written.delete(title);
    this.#written.set(title, bare);
    if (this.#written.size > WRITTEN_MAX) this.#written.delete(this.#written.keys().next().value);
  }
}
