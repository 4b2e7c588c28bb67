// SPDX-License-Identifier: MIT
// element.js - what the three elements have in common: a shadow root with the style sheet, the language of the page,
// and what they share.

import { loadWords, Words } from '../words/words.js';
import { dress } from './dress.js';
import { release, sharedOf } from './shared.js';
import { css } from './style.js';

export class DoorbellElement extends HTMLElement {
  #endings = [];

  // After the script that brought the element: it may say which Doorbell to use. A page that is made ready in advance
  // asks nothing until it is shown.
  connectedCallback() {
    const attach = () => this.isConnected && this.attach();
    if (document.prerendering) document.addEventListener('prerenderingchange', attach, { once: true });
    else Promise.resolve().then(attach);
  }

  disconnectedCallback() {
    if (this.isConnected) return; // moved
    this.#end();
    release(this);
  }

  attach() {
    this.#end();
    this.shared = sharedOf(this);
    this.#speak();
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    root.textContent = '';
    dress(root, css);
    this.build(root);
  }

  // What each part says of its language; what the page has put into the element keeps its own.
  get tongue() {
    return { lang: this.words.lang, dir: this.words.isRtl ? 'rtl' : 'ltr' };
  }

  // The Doorbell that it shows.
  get doorbell() {
    return this.shared && this.shared.doorbell;
  }

  // Undone when the element leaves the page.
  until(...endings) {
    this.#endings.push(...endings);
  }

  listen(target, type, listener, options) {
    target.addEventListener(type, listener, options);
    this.until(() => target.removeEventListener(type, listener, options));
  }

  // In the language of its place. It is built again when that changes, and when texts that were still to come are there.
  #speak() {
    const lang = this.#language;
    const words = new Words(lang);
    this.shared.words = this.words = words;
    const watch = new MutationObserver(() => this.#language !== lang && this.attach());
    watch.observe(document, { attributes: true, attributeFilter: ['lang'], subtree: true });
    this.until(() => watch.disconnect());
    loadWords(lang).then((isNew) => isNew && this.isConnected && this.words === words && this.attach(), () => {});
  }

  get #language() {
    const near = this.closest('[lang]');
    return (near && near.lang) || navigator.language;
  }

  #end() {
    for (const end of this.#endings.splice(0)) end();
  }
}
