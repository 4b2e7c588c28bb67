// SPDX-License-Identifier: MIT
// popover.js - the inbox of <doorbell-inbox>, under its bell.

import { h, iconButton } from '../dom.js';
import { CLOSE } from '../icons.js';
import { ListView } from './view.js';

const EDGE_PX = 8;

export class Popover {
  #host;
  #bell;
  #panel;
  #view;

  // host: the element, with {href} and what ListView asks of it.
  constructor(host, bell) {
    const { words, href, shadowRoot } = host;
    this.#host = host;
    this.#bell = bell;
    this.#panel = h('div', 'popover', { role: 'dialog', 'aria-label': words.say('inbox'), tabIndex: -1, hidden: true });
    this.#view = new ListView(host, this.#panel, {
      buttons: [iconButton('close', words.say('close'), CLOSE, () => this.#close(true))],
      footer: href ? h('a', 'see-all', { href }, words.say('seeAll')) : null,
    });
    shadowRoot.append(this.#panel);
    this.#wire();
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  toggle() {
    if (this.isOpen) this.#close(true);
    else this.#open();
  }

  #wire() {
    const host = this.#host;
    host.listen(this.#panel, 'keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.#close(true);
    });
    host.listen(document, 'pointerdown', (event) => this.isOpen && !event.composedPath().includes(host) && this.#close(false));
    for (const type of ['resize', 'scroll'])
      host.listen(window, type, ({ target }) => this.isOpen && !host.contains(target) && this.#place(), { capture: true, passive: true });
  }

  #open() {
    this.#show(true);
    this.#place();
    this.#view.open();
    this.#view.body.focus();
  }

  // Back to the bell, unless the user is already elsewhere.
  #close(isBack) {
    this.#view.close();
    this.#show(false);
    if (isBack) this.#bell.focus();
  }

  // In the browser's top layer where there is one, so that nothing of the page covers it.
  #show(isOpen) {
    const panel = this.#panel;
    panel.hidden = !isOpen;
    this.#bell.setAttribute('aria-expanded', isOpen);
    if (!panel.showPopover) return;
    panel.setAttribute('popover', 'manual');
    if (isOpen) panel.showPopover();
    else if (panel.matches(':popover-open')) panel.hidePopover();
  }

  // Under the bell or over it, where there is more room; a small screen it fills by the style sheet.
  #place() {
    const panel = this.#panel;
    const bell = this.#bell.getBoundingClientRect();
    const { clientWidth, clientHeight } = document.documentElement;
    const { width } = panel.getBoundingClientRect();
    const start = getComputedStyle(this.#host).direction === 'rtl' ? bell.left : bell.right - width;
    const below = clientHeight - bell.bottom;
    const isUnder = below > bell.top;
    const place = {
      left: Math.max(EDGE_PX, Math.min(start, clientWidth - width - EDGE_PX)),
      top: isUnder ? bell.bottom + EDGE_PX : null,
      bottom: isUnder ? null : below + bell.height + EDGE_PX,
      room: (isUnder ? below : bell.top) - 2 * EDGE_PX,
    };
    for (const name in place) panel.style.setProperty(`--_${name}`, place[name] === null ? 'auto' : `${place[name]}px`);
  }
}
