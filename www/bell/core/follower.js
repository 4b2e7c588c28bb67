// SPDX-License-Identifier: MIT
// follower.js - what a tab that does not lead says to the one that does: whether it is there, and what calls of this tab have
// brought, until it has heard. The engine's, and pure as that is.

import { isSameKnown, wishOf } from './tabs.js';
import { compareAnswers, isSameEpoch } from './rules.js';

const PROBE_MS = 20_000; // a leader that is silent for so long is asked whether it is there
const PATIENCE_MS = 3_000; // for its reply

export class Follower {
  led = null; // the leader's last state
  isUnheard = false; // whether what was handed on waits to be heard
  isConfirming = false; // who the user is
  #tab;
  #group;
  #random;
  #put;
  #ledBy = null;
  #isProbing = false; // whether the leader is there
  #handed = null; // the last answer that was told to the leader, as word

  constructor({ tab, group }, random, put) {
    this.#tab = tab;
    this.#group = group;
    this.#random = random;
    this.#put = put;
  }

  // Of this leader, or of following.
  end() {
    this.led = this.#ledBy = null;
    this.isConfirming = this.isUnheard = false;
  }

  probe() {
    this.#isProbing = true;
    this.#put('tell', wishOf(this.#group, 'state'));
    this.#put('timer', 'leader', PATIENCE_MS * (1 + this.#random()));
  }

  lookFor() {
    if (!this.#isProbing) this.probe();
  }

  // Frozen, or suspended by its system, it holds the lock and says nothing.
  missLeader() {
    if (this.#isProbing) this.#put('steal');
    this.probe();
  }

  // `mine` is what this tab knows.
  hear({ by, state, heard }, mine) {
    this.#isProbing = false;
    this.#put('timer', 'leader', PROBE_MS * (1 + this.#random()));
    this.led = state;
    if (heard.some(([tab, n]) => tab === this.#tab && n === this.#handed?.n)) this.isUnheard = false;
    if (by !== this.#ledBy) this.#meet(by, state, mine);
  }

  // A new one need not know what this tab does: from the one before, or from a call of its own while it was frozen.
  #meet(by, { user, epoch, known }, mine) {
    this.#ledBy = by;
    const isAhead = known !== null && isSameEpoch(epoch, mine.epoch) && compareAnswers(mine.known, known) === 'newer';
    if (this.isUnheard) this.#put('tell', this.#handed);
    else if (mine.known && user === mine.user && !isAhead) this.#tell(user, { ...mine.known, user, epoch: mine.epoch }, null);
  }

  // What the leader has already is nothing to tell. `basis` is what was known when this was asked for.
  handOn(user, answer, basis) {
    if (!isSameKnown(answer, this.led?.known ?? null)) this.#tell(user, answer, basis);
  }

  #tell(user, answer, basis) {
    this.isUnheard = true;
    this.#handed = { user, answer, basis, tab: this.#tab, n: (this.#handed?.n ?? 0) + 1 };
    this.#put('tell', this.#handed);
  }

  // Asks who the user is, whoever leads.
  confirm() {
    if (this.isConfirming) return;
    this.isConfirming = true;
    this.#put('confirm', 0);
  }
}
