// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  backOff, badgeText, claimRing, upgradeDelay, compareAnswers, decideOnRing, onCloseCode, onErrorCode,
  ownerOfRing, pollDelay, retryAfterMs, safeLink, slowDelay, socketUrl, transportAfter,
} from '../../www/bell/core/rules.js';

const never = () => 0;
const almost = () => 0.999999;

// [name, expected, known [version, seq] or null, answer [version, seq]]
const answers = [
  ['behind in both is older', 'older', [5, 5], [4, 4]],
  ['behind in its version is older', 'older', [5, 5], [4, 5]],
  ['behind in its seq is older', 'older', [5, 5], [5, 4]],
  ['ahead in its version, behind in its seq is crossed', 'crossed', [5, 5], [6, 4]],
  ['ahead in its seq, behind in its version is crossed', 'crossed', [5, 5], [4, 6]],
  ['the same is taken: only the clock can have changed it', 'newer', [5, 5], [5, 5]],
  ['ahead in its version is newer', 'newer', [5, 5], [6, 5]],
  ['ahead in its seq is newer', 'newer', [5, 5], [5, 6]],
  ['ahead in both is newer', 'newer', [5, 5], [6, 6]],
  ['the first is newer than none', 'newer', null, [0, 0]],
];

for (const [name, expected, known, [version, seq]] of answers) {
  test(`an answer: ${name}`, () => {
    const state = known && { version: known[0], seq: known[1] };
    assert.equal(compareAnswers(state, { version, seq }), expected);
  });
}

// [name, expected, known [version, seq] or null, ring]
const rings = [
  ['without fields asks', 'ask', [5, 5], {}],
  ['without fields asks also at first', 'ask', null, {}],
  ['with a number that is none asks', 'ask', [5, 5], { version: 6, seq: 5, num: '3' }],
  ['with a version but no seq asks', 'ask', [5, 5], { version: 6, num: 3 }],
  ['with a version but no num asks', 'ask', [5, 5], { version: 6, seq: 6 }],
  ['personal, older, is ignored', 'ignore', [5, 5], { version: 4, seq: 5, num: 3 }],
  ['personal, crossed, asks', 'ask', [5, 5], { version: 6, seq: 4, num: 3 }],
  ['personal, newer, is taken', 'take', [5, 5], { version: 6, seq: 5, num: 3 }],
  ['personal is taken at first', 'take', null, { version: 6, seq: 5, num: 3 }],
  ['for many, already seen, is ignored', 'ignore', [5, 95], { seq: 95, spread_ms: 0 }],
  ['for many, older, is ignored', 'ignore', [5, 95], { seq: 94, spread_ms: 0 }],
  ['for many, newer, asks within its spread', 'within', [5, 94], { seq: 95, spread_ms: 10 }],
  ['for many asks at first', 'within', null, { seq: 1, spread_ms: 0 }],
];

for (const [name, expected, known, ring] of rings) {
  test(`a ring ${name}`, () => {
    const state = known && { version: known[0], seq: known[1] };
    assert.equal(decideOnRing(state, { type: 'ring', ...ring }), expected);
  });
}

test('back-off is any moment up to a ceiling that doubles up to a minute', () => {
  assert.equal(backOff(0, never), 0);
  assert.equal(backOff(50, never), 0);
  const ceilings = [0, 1, 2, 3, 4, 5, 6, 7, 50, 5000].map((failures) => Math.round(backOff(failures, almost)));
  assert.deepEqual(ceilings, [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000]);
});

test('upgrades come at any moment up to a ceiling that doubles, to half an hour', () => {
  assert.equal(upgradeDelay(0, never), 0);
  const minutes = [0, 1, 2, 3, 4, 5, 50, 5000].map((failures) => Math.round(upgradeDelay(failures, almost) / 60_000));
  assert.deepEqual(minutes, [1, 2, 4, 8, 16, 30, 30, 30]);
});

test('going slow is half a minute to a minute', () => {
  assert.equal(slowDelay(never), 30_000);
  assert.equal(Math.round(slowDelay(almost)), 60_000);
});

test('polls keep a quarter off their interval to either side', () => {
  assert.equal(pollDelay(60_000, never), 45_000);
  assert.equal(Math.round(pollDelay(60_000, almost)), 75_000);
  assert.equal(pollDelay(Infinity, never), 2 ** 31 - 1); // a browser's timer takes no more
});

const now = Date.parse('2026-01-01T00:00:00Z');
const retries = [
  [null, null],
  ['', null],
  ['soon', null],
  ['-5', null],
  ['1.5', null],
  ['0', 0],
  ['5', 5000],
  [' 120 ', 120_000],
  ['99999999999999999999', 3_600_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
  ['Fri, 01 Jan 2027 00:00:00 GMT', 3_600_000],
];

for (const [header, expected] of retries) {
  test(`Retry-After ${JSON.stringify(header)} is ${expected}`, () => {
    assert.equal(retryAfterMs(header, now), expected);
  });
}

const closes = {
  4401: 'login', 4408: 'login', 4403: 'stop', 4429: 'slow', 1013: 'slow',
  1000: 'retry', 1006: 'retry', 1008: 'retry', 1009: 'retry', 1012: 'retry', 4999: 'retry',
};

for (const [code, expected] of Object.entries(closes)) {
  test(`close code ${code}: ${expected}`, () => assert.equal(onCloseCode(Number(code)), expected));
}

// [code that a stream was told, the close code that a socket gets for the same]
const sameEnds = [
  ['token', 4401], ['kicked', 4403], ['too_many', 4429], ['restart', 1012], ['unavailable', 1013], ['policy', 1008],
];

for (const [code, closeCode] of sameEnds) {
  test(`the error ${code} asks for what ${closeCode} does`, () => {
    assert.equal(onErrorCode(code), onCloseCode(closeCode));
  });
}

test('an error that is none of these asks for nothing', () => {
  for (const code of ['unknown_type', 'constructor', '', null, undefined, 4401]) assert.equal(onErrorCode(code), null);
});

// [lost, was it live, sockets that heard nothing, next]
const transports = [
  ['websocket', false, 1, 'websocket'],
  ['websocket', false, 2, 'websocket'],
  ['websocket', false, 3, 'events'],
  ['websocket', false, 100, 'events'],
  ['websocket', true, 0, 'websocket'],
  ['events', false, 3, 'websocket'],
  ['events', true, 3, 'events'],
  ['events', true, 0, 'events'],
];

for (const [kind, wasLive, deafSockets, expected] of transports) {
  test(`after ${wasLive ? 'a live ' : ''}${kind} and ${deafSockets} deaf sockets: ${expected}`, () => {
    assert.equal(transportAfter(kind, wasLive, deafSockets), expected);
  });
}

const base = 'https://example.org/inbox/?page=2#top';

test('the relay is found from http, ws and relative addresses', () => {
  assert.equal(socketUrl('/ws', base), 'wss://example.org/ws');
  assert.equal(socketUrl('ws', base), 'wss://example.org/inbox/ws');
  assert.equal(socketUrl('/ws', 'http://127.0.0.1:8080/'), 'ws://127.0.0.1:8080/ws');
  assert.equal(socketUrl('https://bell.example.org/ws#x', base), 'wss://bell.example.org/ws');
  assert.equal(socketUrl('ws://127.0.0.1:2120/ws', base), 'ws://127.0.0.1:2120/ws');
});

const links = [
  [undefined, null],
  [null, null],
  [42, null],
  ['', null],
  ['javascript:alert(1)', null],
  ['JaVaScRiPt:alert(1)', null],
  [' javascript:alert(1)', null],
  ['java\nscript:alert(1)', null],
  ['data:text/html,<script>', null],
  ['vbscript:x', null],
  ['ftp://example.org/', null],
  ['//evil.example/', null],
  ['/\\evil.example/', null],
  ['/\t/evil.example/', null],
  ['\\\\evil.example', null],
  ['orders/12', null],
  ['http:orders', null],
  ['https://', null],
  ['/orders/12', 'https://example.org/orders/12'],
  ['/', 'https://example.org/'],
  ['/orders?a=1#b', 'https://example.org/orders?a=1#b'],
  ['http://other.example/x', 'http://other.example/x'],
  ['HTTPS://other.example/x', 'https://other.example/x'],
];

for (const [url, expected] of links) {
  test(`a link to ${JSON.stringify(url)}: ${expected ?? 'none'}`, () => {
    assert.equal(safeLink(url, base), expected);
  });
}

test('the badge stops counting at 99', () => {
  assert.deepEqual([1, 99, 100, 12345].map(badgeText), ['1', '99', '99+', '99+']);
});

test('a message is claimed once, by one tab, also when its id is lower than the last', () => {
  const first = claimRing([], 813, null, 'a');
  assert.deepEqual(first, [[813, 'a', null]]);
  assert.equal(claimRing(first, 813, null, 'a'), null);
  assert.equal(claimRing(first, 813, null, 'b'), null);
  const second = claimRing(first, 800, null, 'b');
  assert.equal(ownerOfRing(second, 813, null), 'a');
  assert.equal(ownerOfRing(second, 800, null), 'b');
  assert.equal(ownerOfRing(second, 1, null), null);
});

test('a message of another epoch is another one, unless an epoch is not known', () => {
  const rung = claimRing([], 813, 'old', 'a');
  assert.equal(claimRing(rung, 813, 'old', 'b'), null);
  assert.equal(claimRing(rung, 813, null, 'b'), null);
  assert.equal(claimRing([[813, 'a']], 813, 'old', 'b'), null); // as an older page has claimed it
  const both = claimRing(rung, 813, 'new', 'b');
  assert.deepEqual([ownerOfRing(both, 813, 'old'), ownerOfRing(both, 813, 'new')], ['a', 'b']);
});

test('the list of claims stays short and keeps the newest', () => {
  let rung = [];
  for (let id = 1; id <= 500; id++) rung = claimRing(rung, id, null, 'a');
  assert.equal(rung.length, 50);
  assert.equal(claimRing(rung, 500, null, 'b'), null);
  assert.equal(claimRing(rung, 451, null, 'b'), null);
});
