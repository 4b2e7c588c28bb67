// SPDX-License-Identifier: MIT
// badge.js - the number beside the bell, for the eye and for screen readers, and in the title. The page may replace the
// element, as routers do: the new one is found by the selector, and says what the last one said.

import { badgeText } from '../core/rules.js';
import { makeStatus } from './status.js';
import { pageTitle } from './title.js';

const STATUS = 'data-doorbell-status';

export class Badge {
  #wanted;
  #element = null; // the one in use
  #label;
  #hasTitle;
  #num = null;
  #observer = new MutationObserver(() => this.#render());

  // `wanted` is an element, a selector, or null; `label` puts the number into words.
  constructor(wanted, hasTitle, label) {
    this.#wanted = wanted;
    this.#label = label;
    this.#hasTitle = hasTitle;
    this.#render();
    if (typeof wanted === 'string') this.#observer.observe(document, { childList: true, subtree: true });
  }

  // null: not known, which is not the same as none.
  show(num) {
    this.#num = num;
    this.#render();
    if (this.#hasTitle) pageTitle().show(this, num ?? 0);
  }

  // Leaves the page as it was, whatever is still to be shown.
  remove() {
    this.#observer.disconnect();
    if (this.#hasTitle) pageTitle().remove(this);
    this.#hasTitle = false;
    this.#leave();
    this.#wanted = null;
  }

  // Writes only what is not so yet: it is called for every change of the page.
  #render() {
    const element = this.#find();
    if (element !== this.#element) this.#leave();
    this.#element = element;
    if (!element) return;
    const num = this.#num;
    setText(element, num ? badgeText(num) : '');
    if (element.hidden !== !num) element.hidden = !num;
    if (!element.hasAttribute('aria-hidden')) element.setAttribute('aria-hidden', 'true');
    setText(statusAfter(element) ?? addStatus(element), num === null ? '' : this.#label(num));
  }

  #find() {
    if (typeof this.#wanted !== 'string') return this.#wanted;
    return this.#element?.isConnected ? this.#element : document.querySelector(this.#wanted);
  }

  #leave() {
    const element = this.#element;
    this.#element = null;
    if (!element) return;
    statusAfter(element)?.remove();
    element.textContent = '';
    element.removeAttribute('aria-hidden');
    element.hidden = false;
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The one that is there: of this badge, of another Doorbell with the same one, or in a copy that a router has kept.
function statusAfter(element) {
  const next = element.nextElementSibling;
  return next?.hasAttribute(STATUS) ? next : null;
}

// The words are beside the number, out of sight; read aloud, the number alone says too little.
function addStatus(element) {
  const status = makeStatus();
  status.setAttribute(STATUS, '');
  element.after(status);
  return status;
}
