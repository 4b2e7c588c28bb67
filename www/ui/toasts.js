// SPDX-License-Identifier: MIT
// toasts.js - <doorbell-toasts>: each new message for some seconds, in a corner of the page.

import { mayChange } from '../bell/core/pages.js';
import { safeLink } from '../bell/core/rules.js';
import { DoorbellElement } from './element.js';
import { h, iconButton } from './dom.js';
import { CLOSE } from './icons.js';
import { picture } from './picture.js';

const SHOWN_MAX = 3;
const SHOWN_MS = 7_000;

export class DoorbellToasts extends DoorbellElement {
  #list;

  build(root) {
    this.#list = h('ul', 'toasts', { ...this.tongue, role: 'list', 'aria-label': this.words.say('inbox') });
    root.append(this.#list);
    // A list that is open shows it anyway.
    this.listen(this.shared, 'message', ({ detail }) => this.shared.isListOpen || this.#show(detail));
    this.listen(this.shared, 'gone', () => (this.#list.textContent = ''));
  }

  // Stays while the pointer or the focus is on it.
  #show(message) {
    const { words, shared } = this;
    const list = this.#list;
    const href = safeLink(message.url, document.baseURI);
    let timer = null;
    const hide = () => {
      clearTimeout(timer);
      toast.remove();
    };
    const wait = () => (timer = setTimeout(hide, Number(this.getAttribute('duration')) || SHOWN_MS));
    const stay = () => clearTimeout(timer);
    const opened = () => {
      hide();
      if (mayChange('read', message)) shared.doorbell.markRead(message.id).catch(() => {});
    };
    const props = { dir: 'auto', onclick: opened, onauxclick: ({ button }) => button === 1 && opened() };
    const toast = h('li', 'toast', { onpointerenter: stay, onpointerleave: wait, onfocusin: stay, onfocusout: wait },
      picture(message),
      h('div', 'text', {},
        href ? h('a', 'title', { ...props, href, rel: 'noopener noreferrer' }, message.title) : h('span', 'title', { dir: 'auto' }, message.title),
        message.body ? h('p', 'body', { dir: 'auto' }, message.body) : null),
      iconButton('close', words.say('close'), CLOSE, hide));
    list.append(toast);
    while (list.children.length > SHOWN_MAX) list.firstChild.remove();
    wait();
  }
}
