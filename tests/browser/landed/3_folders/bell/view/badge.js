// SPDX-License-Identifier: MIT
// badge.js - the number beside the bell, for the eye and for screen readers, and in the title.

import { badgeText, prefixTitle } from '../core/rules.js';

export class Badge {
  #element;
  #spoken;
  #label;
  #hasTitle;
  #prefix = '';

  // `element` may be null; `label` puts the number into words.
  constructor(element, hasTitle, label) {
    this.#element = element;
    this.#hasTitle = hasTitle;
    this.#label = label;
    if (element) this.#speak();
  }

  // null: not known, which is not the same as none.
  show(num) {
    if (this.#element) {
      this.#element.textContent = num ? badgeText(num) : '';
      this.#element.hidden = !num;
      this.#spoken.textContent = num === null ? '' : this.#label(num);
    }
    if (this.#hasTitle) this.#showInTitle(num ?? 0);
  }

  #showInTitle(num) {
    const { prefix, title } = prefixTitle(document.title, this.#prefix, num);
    this.#prefix = prefix;
    if (title !== document.title) document.title = title;
  }

  // The words are beside the number, out of sight; read aloud, the number alone says too little.
  #speak() {
    const spoken = document.createElement('span');
    spoken.setAttribute('role', 'status');
    spoken.setAttribute('aria-live', 'polite');
    Object.assign(spoken.style, {
      position: 'absolute',
      width: '1px',
      height: '1px',
      overflow: 'hidden',
      clipPath: 'inset(50%)',
      whiteSpace: 'nowrap',
    });
    this.#element.setAttribute('aria-hidden', 'true');
    this.#element.hidden = true;
    this.#element.after(spoken);
    this.#spoken = spoken;
  }
}
