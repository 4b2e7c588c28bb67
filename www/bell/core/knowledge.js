// SPDX-License-Identifier: MIT
// knowledge.js - what the page knows: who its user is, the numbers of the newest answer, and the history that these belong to. The
// engine's, and pure as that is; what is to be seen of a change is put among its outputs.

import { answerOfStep, compareAnswers, isSameEpoch } from './rules.js';

const ANNOUNCED_MAX = 50;
const LOOK_AGAIN_MS = 5_000;

export class Knowledge {
  user = null; // whom the page shows; null: not known
  login = 0; // counts who was here
  known = null; // {num, version, seq} of the newest answer
  #scope; // of that answer: which groups, mutes and quiet hours the user has. Undefined: not told
  #terms = null; // what the newest check told of these
  #computed = null; // `known`, where it was computed from a step
  #untold; // a message whose step was taken
  #opened = {}; // {id, c}: the message whose text may be asked for with `c`
  #doubted = null; // what was computed, and is not what the app said
  #judged; // the same, when the next answer tells for good
  position = null; // of the newest list the user saw
  epoch = null; // that numbers and ids belong to; null: not told yet
  changes = 0; // of what is known, counted
  heardSeq = 0; // the highest of rings for many, and of pings
  settledSeq = 0; // up to here they have been asked about: where `known` is behind, it was not this user's
  #announced = []; // [{id, epoch}…] of the last messages told of
  #put;

  constructor(put, user = null) {
    this.#put = put;
    this.user = user;
  }

  // Whether a ring for many was heard, and not asked about.
  get hasMissed() {
    return this.heardSeq > Math.max(this.known?.seq ?? 0, this.settledSeq);
  }

  // The next answer may be another user's, whose numbers say nothing about this one's.
  forget() {
    const wasKnown = this.known !== null;
    this.login++;
    this.user = null;
    this.#announced = [];
    this.#drop();
    this.#put('forget');
    this.#put('reset');
    this.#put('badge', null);
    if (wasKnown) this.#put('emit', 'change', { num: null, version: null, seq: null });
  }

  // Those of another epoch say nothing about this one's (an older doorbell-app names none). True if it
  // is not the one that was known. The badge stays until an answer of the new one comes.
  meetEpoch(epoch) {
    if (typeof epoch !== 'string' || epoch === this.epoch) return false;
    const isOther = this.epoch !== null;
    this.epoch = epoch;
    if (!isOther) return false;
    this.changes++;
    this.#drop();
    return true;
  }

  // If nothing has come since the question, its answer is the truth, lower or not, whatever its epoch. Otherwise the
  // two are compared. False when only asking again can tell.
  take(answer, asked) {
    const isLast = asked.changes === this.changes;
    const isOther = this.meetEpoch(answer.epoch);
    if (isOther && !isLast) return false;
    this.#compare(answer);
    if (answer.muted) this.#terms = answer;
    const order = isLast ? 'newer' : compareAnswers(this.known, answer);
    const isTold = order !== 'crossed'; // by the answer, or by what came since
    if (isTold && isSameEpoch(asked.epoch, this.epoch)) this.settledSeq = Math.max(this.settledSeq, asked.seq);
    if (order === 'newer') this.show(answer);
    // What was computed since is no answer: where a user was erased, the app's numbers are lower for good.
    return isTold && !this.#computed;
  }

  // Takes the step of a ring, where that tells the number, and no earlier ring waits to be asked about. False: only the app can.
  step(ring, now) {
    this.#opened = ring;
    const answer = !this.hasMissed && answerOfStep(this.known, this.#scope, this.#terms, ring, now);
    if (!answer) return false;
    this.show(answer);
    this.#computed = this.known;
    this.#untold = answer.tells;
    return true;
  }

  // All pages may compute at once, but whoever tells of the message loads it.
  tell() {
    if (this.#untold) this.#announce(this.#untold, this.known.num);
  }

  // A number that was computed is the app's. What expires is gone at once, but moves `version` or `seq` only when it is swept: so one
  // that differs is looked at a second time.
  #compare(answer) {
    const differs = (one) => one && one.version === answer.version && one.seq === answer.seq && one.num !== answer.num;
    if (differs(this.#judged)) this.#put('wrong');
    this.#judged = null;
    if (!differs(this.#computed)) return;
    this.#doubted = this.#computed;
    this.#put('timer', 'doubt', LOOK_AGAIN_MS);
  }

  doubt() {
    this.#judged = this.#doubted;
    this.#put('ask', 0);
  }

  // What is known is of another user, or of another history.
  #drop() {
    this.known = this.position = this.#terms = this.#computed = this.#doubted = this.#judged = this.#untold = null;
    this.heardSeq = this.settledSeq = 0;
  }

  show({ num, version, seq, hit, latest, scope }) {
    const before = this.known;
    this.changes++;
    if (scope !== undefined || version !== before?.version) this.#scope = scope;
    this.#computed = null;
    this.known = { num, version, seq };
    this.#put('badge', num);
    if (num !== before?.num || version !== before.version || seq !== before.seq)
      this.#put('emit', 'change', this.known);
    if (hit && latest) this.#announce(latest, num);
  }

  // Once: where the newest is recalled, the one before it is the newest again.
  #announce(id, num) {
    const isSame = (one) => one.id === id && isSameEpoch(one.epoch, this.epoch);
    if (this.#announced.some(isSame)) return;
    this.#announced = [...this.#announced, { id, epoch: this.epoch }].slice(-ANNOUNCED_MAX);
    const { id: opened, c } = this.#opened;
    this.#put('announce', id, this.user, this.epoch, num, ...(c && opened === id ? [c] : []));
  }
}
