// SPDX-License-Identifier: MIT
// toasts.js - <doorbell-toasts>: each new message for some seconds, in a corner of the page.

import { h } from './dom.js';
import { dress } from './dress.js';
import { DoorbellElement } from './element.js';

const SHOWN_MAX = 3;

// A file of its own, also where this one is a part of doorbell.min.js or doorbell.mjs.
const load = () => import('./toasts/toast.js');

export class DoorbellToasts extends DoorbellElement {
  build(root) {
    const list = h('ul', 'toasts', { ...this.tongue, role: 'list', 'aria-label': this.words.say('inbox') });
    const show = async (message) => {
      const { css, makeToast } = await load();
      if (!list.isConnected) return; // built anew meanwhile, or gone
      dress(root, css);
      list.append(makeToast(this, message));
      while (list.children.length > SHOWN_MAX) list.firstChild.remove();
    };
    root.append(list);
    load().catch(() => {}); // so that it is here when a message comes
    // A list that is open shows it anyway. Where the file cannot be had now, the next message asks for it again.
    this.listen(this.shared, 'message', ({ detail }) => this.shared.isListOpen || show(detail).catch(() => {}));
    this.listen(this.shared, 'gone', () => (list.textContent = ''));
  }
}
