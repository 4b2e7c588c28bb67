// SPDX-License-Identifier: MIT
// arbiter.js - which of a browser's tabs tells of a message, and which one sounds. Pure: announcer.js carries it out.
//
// A tab whose engine announces a message calls it out with a bid, and so does each tab of that user that hears it for the
// first time: what can be seen of the tab, and whether its browser would let it sound. Each hears all bids, so each knows
// the best without another word. The best claims the message, for this page view and all to come, tells of it, and has the
// best sounder sound. One that is blocked passes on to the next.
//
// Inputs, {type, …}; `me` is {tab, user, isVisible, isFocused, isActivated, canSound}:
//   announced {message, me}          of the engine; message: {id, num, user, epoch, c}
//   heard {word, me}                 of another tab
//   due {key}                        a timer's
//   claimed {key, isOurs}, played {key, result}     what came of two outputs
// Outputs, [what, …]:
//   tell word, timer key ms
//   claim key message, play key      to be tried
//   message message, sound id tab result    told to the page; result: 'rung', 'elsewhere', 'blocked', or 'off'

const SETTLE_MS = 100; // for bids
const PLAY_MS = 2_000; // for a tab that was asked to sound
const KEPT = 50;

export class Arbiter {
  #tab;
  #calls = new Map(); // key → what is known of a message that was called out
  #outputs = [];

  constructor(tab) {
    this.#tab = tab;
  }

  step({ type, ...input }) {
    this.#outputs = [];
    this.#inputs[type](input);
    return this.#outputs;
  }

  #inputs = {
    announced: ({ message, me }) => this.#callOut(message, me),
    heard: ({ word, me }) => this.#heard(word, me),
    due: ({ key }) => this.#with(key, (call) => this.#due(call)),
    claimed: ({ key, isOurs }) => this.#with(key, (call) => this.#claimed(call, isOurs)),
    played: ({ key, result }) => this.#with(key, (call) => this.#havePlayed(call, result)),
  };

  #put(...output) {
    this.#outputs.push(output);
  }

  #with(key, act) {
    const call = this.#calls.get(key);
    if (call) act(call);
  }

  // Whoever hears of it first opens it, and bids.
  #callOut(message, me) {
    const key = keyOf(message);
    if (this.#calls.has(key) || me.user !== message.user) return;
    const bid = bidOf(me);
    this.#put('tell', { call: message, tab: this.#tab, bid });
    this.#open(key, message, bid);
  }

  #heard(word, me) {
    if (word.call) this.#heardCall(word, me);
    else if (word.play && word.tab === this.#tab) this.#put('play', word.play);
    else if (word.played) this.#with(word.played, (call) => this.#played(call, word.tab, word.result));
    else if (word.sounded) this.#with(word.sounded, (call) => this.#hearEnd(call, word.tab, word.result));
  }

  #heardCall({ call: message, tab, bid }, me) {
    this.#callOut(message, me);
    this.#with(keyOf(message), ({ bids }) => bids.set(tab, bid));
  }

  #open(key, message, bid) {
    // One that has the focus, and may sound, need not wait: none is better.
    const isEarly = bid.tells === BEST && bid.sounds === BEST;
    const call = { key, message, bids: new Map([[this.#tab, bid]]), stage: 'bids', isEarly, asked: null, result: 'off' };
    this.#calls.set(key, call);
    if (this.#calls.size > KEPT) this.#calls.delete(this.#calls.keys().next().value);
    if (isEarly) this.#settle(call);
    else this.#put('timer', key, SETTLE_MS);
  }

  #due(call) {
    if (call.stage === 'bids') this.#settle(call);
    else if (call.stage === 'late') this.#sound(call);
    else if (call.stage === 'lost') this.#tellEnd(call, null, 'elsewhere');
    else if (call.stage === 'sound') this.#played(call, call.asked, 'blocked');
  }

  #settle(call) {
    call.stage = 'settled';
    if (best(call.bids, 'tells') === this.#tab) this.#put('claim', call.key, call.message);
  }

  // Told before, by an earlier page, or by a tab that has heard other bids, and says what came of it.
  #claimed(call, isOurs) {
    if (isOurs) {
      this.#put('message', call.message);
      this.#sound(call);
    } else if (call.stage === 'settled') {
      call.stage = 'lost';
      this.#put('timer', call.key, PLAY_MS);
    }
  }

  #sound(call) {
    const tab = best(call.bids, 'sounds');
    if (tab === null) {
      this.#tellEnd(call, null, call.result);
      return;
    }
    call.stage = 'sound';
    call.asked = tab;
    if (tab === this.#tab) {
      this.#put('play', call.key);
    } else {
      this.#put('tell', { play: call.key, tab });
      this.#put('timer', call.key, PLAY_MS);
    }
  }

  #havePlayed(call, result) {
    if (call.stage === 'sound') this.#played(call, this.#tab, result);
    else this.#put('tell', { played: call.key, tab: this.#tab, result }); // to the one that asked
  }

  #played(call, tab, result) {
    if (call.stage !== 'sound' || tab !== call.asked) return;
    call.asked = null;
    call.bids.get(tab).sounds = NEVER;
    call.result = result;
    if (result === 'rung') {
      this.#tellEnd(call, tab, result);
    } else if (call.isEarly) {
      call.isEarly = false;
      call.stage = 'late'; // others have not had the time to bid
      this.#put('timer', call.key, SETTLE_MS);
    } else {
      this.#sound(call);
    }
  }

  // Not of a tab that knows less: this one is at it.
  #hearEnd(call, tab, result) {
    if (call.stage !== 'sound' && call.stage !== 'late') this.#end(call, tab, result);
  }

  #tellEnd(call, tab, result) {
    this.#put('tell', { sounded: call.key, tab, result });
    this.#end(call, tab, result);
  }

  #end(call, tab, result) {
    if (call.stage === 'over') return;
    call.stage = 'over';
    this.#put('sound', call.message.id, result === 'rung' && tab !== this.#tab ? 'elsewhere' : result);
  }
}

export const keyOf = ({ id, user, epoch }) => [epoch, user, id].join('/');

const BEST = 7;
export const NEVER = -1;

function bidOf({ isVisible, isFocused, isActivated, canSound }) {
  const tells = (isVisible ? 4 : 0) + (isFocused ? 2 : 0) + (isActivated ? 1 : 0);
  const sounds = (isActivated ? 4 : 0) + (isVisible ? 2 : 0) + (isFocused ? 1 : 0);
  return { tells, sounds: canSound ? sounds : NEVER };
}

// The tab of the highest bid; of equal ones the same for all who look. Null where none bids.
function best(bids, what) {
  const all = [...bids].filter(([, bid]) => bid[what] > NEVER);
  all.sort(([a, one], [b, other]) => other[what] - one[what] || (a < b ? -1 : 1));
  return all[0]?.[0] ?? null;
}
