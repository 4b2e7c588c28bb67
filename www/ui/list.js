// SPDX-License-Identifier: MIT
// list.js - <doorbell-list>, the inbox as a part of a page; and how lists come by their code.

import { addEnglish } from '../words/words.js';
import { DoorbellElement } from './element.js';
import { h } from './dom.js';

// A file of its own, also where this one is a part of doorbell.min.js or doorbell.mjs.
export async function loadLists() {
  const lists = await import('./list/all.js');
  addEnglish(lists.english);
  return lists;
}

export class DoorbellList extends DoorbellElement {
  get login() {
    return this.getAttribute('login');
  }

  async build(root) {
    const { words } = this;
    const lists = await loadLists().catch(() => null);
    if (this.words !== words || !this.isConnected) return; // built anew meanwhile, or gone
    if (lists) new lists.ListView(this, root).open();
    else root.append(h('p', null, {}, words.say('failed')), h('button', 'retry', { onclick: () => this.attach() }, words.say('retry')));
  }
}
