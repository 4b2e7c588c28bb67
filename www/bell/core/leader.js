// SPDX-License-Identifier: MIT
// leader.js - what the tab that leads tells the others, and which answers of theirs it still has to make sure of. The engine's, and
// pure as that is.

import { leadersWord } from './tabs.js';

export class Leader {
  words = 0; // of answers that other tabs had, counted
  #tab;
  #group;
  #put;
  #terms = 0; // of this tab as the leader, counted
  #told = null; // its last word, as text
  #inDoubt = []; // what waits for an answer: [{tab, n, words}…]

  constructor({ tab, group }, put) {
    this.#tab = tab;
    this.#group = group;
    this.#put = put;
  }

  begin() {
    this.#terms++;
    this.#inDoubt = [];
    this.#told = null;
  }

  // Nothing new is nothing to tell.
  keepTold(state) {
    if (JSON.stringify(state) !== this.#told) this.tell(state, []);
  }

  // `heard`: whose answers it has taken into account, [[tab, n]…].
  tell(state, heard) {
    this.#told = JSON.stringify(state);
    this.#put('tell', leadersWord(this.#group, `${this.#tab}/${this.#terms}`, state, heard));
  }

  // Another tab's answer is heard when a question has been answered that is asked after it.
  doubt({ tab, n }) {
    this.#put('ask', 0);
    if (tab === undefined) return;
    this.words++;
    this.#inDoubt = [...this.#inDoubt.filter((one) => one.tab !== tab), { tab, n, words: this.words }];
  }

  get isInDoubt() {
    return this.#inDoubt.length > 0;
  }

  // Those that are heard by a question at which so many words had come, as tell() takes them.
  heardBy(words) {
    const isHeard = (one) => one.words <= words;
    const heard = this.#inDoubt.filter(isHeard);
    this.#inDoubt = this.#inDoubt.filter((one) => !isHeard(one));
    return heard.map(({ tab, n }) => [tab, n]);
  }
}
