// SPDX-License-Identifier: MIT
// title.js - the document's title, which all Doorbells of a page share: each would put a number of its own before it.

import { NumberedTitle } from '../core/title.js';

const MENDS_MAX = 10; // a second: another script may mend it back
const place = Symbol.for('doorbell.title');

// The one of this document, also of another copy of this script.
export function pageTitle() {
  document[place] ??= new PageTitle();
  return document[place];
}

class PageTitle {
  #title = new NumberedTitle();
  #shown = new Map(); // by whom → number, the newest last
  #observer = new MutationObserver(() => this.#mend());
  #mends = 0;
  #mendsSince = 0;

  show(owner, num) {
    if (this.#shown.size === 0) this.#observer.observe(document, { childList: true, subtree: true });
    this.#shown.delete(owner);
    this.#shown.set(owner, num);
    this.#write();
  }

  remove(owner) {
    if (!this.#shown.delete(owner)) return;
    if (this.#shown.size === 0) this.#observer.disconnect();
    this.#write();
  }

  #write() {
    const num = [...this.#shown.values()].pop() ?? 0;
    const title = this.#title.at(num, document.title);
    if (title !== document.title) document.title = title;
    return title;
  }

  // Something of the page has changed, and the title with it perhaps.
  #mend() {
    if (performance.now() - this.#mendsSince > 1_000) {
      this.#mendsSince = performance.now();
      this.#mends = 0;
    }
    if (this.#mends >= MENDS_MAX) return;
    const before = document.title;
    if (this.#write() !== before) this.#mends++;
  }
}
