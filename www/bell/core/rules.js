// SPDX-License-Identifier: MIT
// rules.js - what the page decides, as pure functions: no I/O, no clock, no page. `random` is a
// function that returns a number in [0, 1), as Math.random does.

export const FIRST_DELAY_MS = 1_000;
export const LONGEST_DELAY_MS = 60_000;
const FIRST_UPGRADE_MS = 60_000;
const LONGEST_UPGRADE_MS = 1_800_000;
const SOCKETS_IN_VAIN = 3;
const LONGEST_RETRY_AFTER_MS = 3_600_000;
const RUNG_MAX = 50;
const DAY_MS = 86_400_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1; // a longer one fires at once

// How `answer` compares with what the page knows, of the same epoch: 'newer' (behind in neither part), 'older' (ahead in
// neither), or 'crossed' (ahead in one, behind in the other: only asking again can tell).
export function compareAnswers(known, answer) {
  if (!known) return 'newer';
  const isBehind = answer.version < known.version || answer.seq < known.seq;
  const isAhead = answer.version > known.version || answer.seq > known.seq;
  if (!isBehind) return 'newer';
  return isAhead ? 'crossed' : 'older';
}

// What to do on a ring: 'take' its answer, 'ignore' it, 'ask' now, or ask 'within' its spread.
export function decideOnRing(known, ring) {
  const has = (name) => Number.isSafeInteger(ring[name]);

  if (has('version') && has('seq') && has('num'))
    return { newer: 'take', older: 'ignore', crossed: 'ask' }[compareAnswers(known, ring)];
  if (has('seq') && !has('version'))
    return known && known.seq >= ring.seq ? 'ignore' : 'within';
  return 'ask';
}

// The answer that a page computes from a ring that it is behind, for one new message to everybody; null where it has to ask. `terms` are
// what the last check told of the user's groups, mutes and quiet hours, {scope, groups, muted, quiet}, and `scope` is the one that holds for `known`. What
// lies between `from` and `seq` is that message alone, which is the newest if it is above all that is known; but others may lie between
// for a member of groups. `tells` is the message to announce, or false: what comes in quiet hours only counts.
export function answerOfStep(known, scope, terms, { from, seq, add, id, category, critical, young }, now) {
  const isNext = known && from <= known.seq && known.version < seq && add > 0;
  if (!isNext || !terms || terms.scope !== scope || terms.groups) return null;
  const { muted, quiet: [start, end] = [] } = terms;
  const isMuted = !critical && muted.includes(category);
  // At the same time of the days after, too, where no check has told the next interval yet.
  const isQuiet = !critical && now >= start && (now - start) % DAY_MS < end - start;
  return { num: known.num + (isMuted ? 0 : add), version: known.version, seq, tells: young && !isMuted && !isQuiet && id };
}

// Full jitter: any moment up to a ceiling that doubles with each failure.
export function backOff(failures, random) {
  return fullJitter(FIRST_DELAY_MS, LONGEST_DELAY_MS, failures, random);
}

// From a stream that does its work back to a socket: there is no hurry.
export function upgradeDelay(failures, random) {
  return fullJitter(FIRST_UPGRADE_MS, LONGEST_UPGRADE_MS, failures, random);
}

function fullJitter(first, longest, failures, random) {
  return random() * Math.min(longest, first * 2 ** Math.min(failures, 30));
}

// For a relay that said "too many": somewhere in the longer half of the longest delay.
export function slowDelay(random) {
  return LONGEST_DELAY_MS * (0.5 + 0.5 * random());
}

// Up to a quarter shorter or longer, so that pages that lost the relay or opened together do not ask together.
export function pollDelay(interval, random) {
  return Math.min(interval * (0.75 + 0.5 * random()), LONGEST_TIMER_MS);
}

// Retry-After is seconds or a date; null when there is none that can be understood.
export function retryAfterMs(header, now) {
  const text = (header ?? '').trim();
  let ms = NaN;
  if (/^\d+$/.test(text)) ms = Number(text) * 1000;
  else if (/^[A-Z][a-z]{2}, /.test(text)) ms = Date.parse(text) - now; // which takes much for a date
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

// What a close of the relay's socket asks for: a new 'login', to 'stop', to go 'slow', to 'retry'.
export function onCloseCode(code) {
  return { 4401: 'login', 4408: 'login', 4403: 'stop', 4429: 'slow', 1013: 'slow' }[code] ?? 'retry';
}

// What an error that the relay tells asks for, in the same words; null where it is not the end. Streams
// have no close codes.
export function onErrorCode(code) {
  const ends = {
    __proto__: null,
    token: 'login', kicked: 'stop', too_many: 'slow', unavailable: 'slow', restart: 'retry', policy: 'retry',
  };
  return ends[code] ?? null;
}

// The transport to try after one of `kind` was lost. `deafSockets` in a row heard nothing of the relay:
// either it is unreachable, or something on the way drops sockets, and then a stream may get through. From
// then on both are tried in turns.
export function transportAfter(kind, wasLive, deafSockets) {
  if (kind === 'events') return wasLive ? 'events' : 'websocket';
  return deafSockets >= SOCKETS_IN_VAIN ? 'events' : 'websocket';
}

// WebSocket takes http: and relative addresses only in newer browsers.
export function socketUrl(url, base) {
  const absolute = new URL(url, base);
  absolute.protocol = absolute.protocol.replace(/^http/, 'ws');
  absolute.hash = '';
  return absolute.href;
}

// The address to link to, or null: only http, https, and what is relative to this site's root.
// Asked of the parser, since browsers see '//evil' in '/\evil' and in '/<tab>/evil'.
export function safeLink(url, base) {
  if (typeof url !== 'string') return null;
  try {
    const target = new URL(url, base);
    const isAbsolute = /^https?:\/\//i.test(url);
    const isRooted = url.startsWith('/') && target.origin === new URL(base).origin;
    return isAbsolute || isRooted ? target.href : null;
  } catch {
    return null;
  }
}

export function badgeText(num) {
  return num > 99 ? '99+' : String(num);
}

// Whether these are one epoch, as far as is known: an older doorbell-app names none.
export function isSameEpoch(one, other) {
  return one === other || (one ?? null) === null || (other ?? null) === null;
}

// Which tab sounds for `ring`, a user's message of `epoch`. `rung` is [[ring, tab, epoch]…], the newest last; it
// stays short. Not merely the highest id: one that was scheduled arrives after younger ones.
export function claimRing(rung, ring, epoch, tab) {
  if (findRing(rung, ring, epoch)) return null;
  return [...rung, [ring, tab, epoch]].slice(-RUNG_MAX);
}

export function ownerOfRing(rung, ring, epoch) {
  return findRing(rung, ring, epoch)?.[1] ?? null;
}

function findRing(rung, ring, epoch) {
  return rung.find(([known, , of]) => known === ring && isSameEpoch(of, epoch));
}
