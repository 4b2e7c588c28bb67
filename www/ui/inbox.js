// SPDX-License-Identifier: MIT
// inbox.js - <doorbell-inbox>: a bell with a number, which opens the inbox. A link that the page has put into the element stays as it
// is and becomes the bell, so that nothing moves.

import { badgeText } from '../bell/core/rules.js';
import { DoorbellElement } from './element.js';
import { h, icon } from './dom.js';
import { BELL } from './icons.js';
import { loadLists } from './list.js';

export class DoorbellInbox extends DoorbellElement {
  #bell; // the link, or our own
  #badge;
  #popover = null; // from the first opening on

  get login() {
    return this.getAttribute('login');
  }

  // The page with all messages.
  get href() {
    return this.getAttribute('href') || this.#bell.getAttribute('href');
  }

  build(root) {
    const wasOpen = this.#popover !== null && this.#popover.isOpen;
    this.#popover = null;
    this.#badge = h('span', 'badge', { 'aria-hidden': 'true' });
    const own = h('button', 'bell', {}, icon(BELL), this.#badge);
    this.#bell = this.querySelector('a, button') || own;
    this.#bell.setAttribute('aria-haspopup', 'dialog');
    this.#bell.setAttribute('aria-expanded', 'false');
    root.append(h('slot', null, {}, own));
    this.#wire();
    this.#showNumber();
    if (wasOpen) this.#toggle();
  }

  // The popover's code is loaded while the pointer is still on its way to a click.
  #wire() {
    for (const type of ['pointerenter', 'focus']) this.listen(this.#bell, type, () => loadLists().catch(() => {}));
    this.listen(this.#bell, 'click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a link's new tab
      event.preventDefault();
      this.#toggle();
    });
    this.listen(this.shared, 'number', () => this.#showNumber());
    this.until(() => this.isConnected || (this.#popover = null)); // a router may bring it back
  }

  // Where the code cannot be had, a link is what it was.
  async #toggle() {
    const { words, href } = this;
    const lists = await loadLists().catch(() => null);
    if (this.words !== words || !this.isConnected) return; // built anew meanwhile, or gone
    if (!lists && href) {
      location.assign(href);
    } else if (!lists) {
      this.#bell.title = words.say('failed');
    } else {
      this.#popover = this.#popover || new lists.Popover(this, this.#bell);
      this.#popover.toggle();
    }
  }

  // Before the first answer, what the page was printed with.
  #showNumber() {
    const { words, shared } = this;
    const bell = this.#bell;
    const badge = this.#badge;
    const { num } = shared;
    const n = num ?? (shared.isLoggedOut ? 0 : Number(this.getAttribute('num')) || 0);
    badge.textContent = n ? badgeText(n) : '';
    badge.hidden = !n;
    if (bell.contains(badge)) bell.setAttribute('aria-label', `${words.say('inbox')}, ${words.say('count', { n })}`);
    else if (num !== null) showIn(bell, n ? badgeText(n) : '');
  }
}

// The number in the page's own link: the part marked data-num, else the last text that is a number, or ends with one.
function showIn(link, text) {
  const marked = link.querySelector('[data-num]');
  if (marked) {
    marked.textContent = text;
    marked.hidden = !text;
    return;
  }
  const walker = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
  let last = null;
  while (walker.nextNode()) if (walker.currentNode.doorbell || /\d\+?\s*$/.test(walker.currentNode.data)) last = walker.currentNode;
  if (!last) return;
  last.doorbell = true; // the place is known, also when it is empty
  last.data = /\d+\+?\s*$/.test(last.data) ? last.data.replace(/\d+\+?\s*$/, text) : last.data + text;
}
