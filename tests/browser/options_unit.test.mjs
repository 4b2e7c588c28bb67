// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { completeOptions } from '../../www/bell/core/options.js';

test('what is not given, or undefined, has its default', () => {
  const options = completeOptions({ relay: undefined, events: null });
  assert.deepEqual([options.relay, options.events, options.pollInterval], ['/ws', null, 60_000]);
});

// [option, a value of no use, what the sentence says]
const refusals = [
  ['pollInterval', 'abc', /pollInterval must be a number of milliseconds from 10 on; it is "abc"/],
  ['pollInterval', 0, /from 10 on; it is 0/],
  ['pollInterval', NaN, /number of milliseconds/],
  ['pollInterval', '60000', /number of milliseconds/],
  ['refreshInterval', -1, /0 for never/],
  ['pingInterval', null, /number of milliseconds/],
  ['api', null, /URL of doorbell-app/],
  ['api', '', /URL of doorbell-app/],
  ['relay', false, /null to poll/],
  ['events', 5, /or null/],
  ['token', {}, /a function that returns one/],
  ['badge', 5, /an element, a selector/],
  ['sound', {}, /<audio>/],
  ['title', 'yes', /true or false/],
  ['label', 'unread', /a function/],
  ['onChange', 'show', /a function/],
  ['onMessage', {}, /a function/],
  ['clock', { now: Date.now }, /setTimeout/],
];

for (const [name, value, sentence] of refusals) {
  test(`${name}: ${String(value)} is refused`, () => {
    assert.throws(() => completeOptions({ [name]: value }), { name: 'DoorbellError', code: 'invalid', message: sentence });
  });
}

for (const [name, value] of [['pollInterval', Infinity], ['refreshInterval', 0], ['token', async () => 'a.b.c'], ['token', 'a.b.c'], ['badge', '#badge'],
  ['badge', { setAttribute: () => {} }], ['user', 'bob'], ['worker', false], ['worker', null], ['sound', { play: () => {} }], ['relay', null], ['onChange', null]]) {
  test(`${name}: ${String(value)} is taken`, () => assert.equal(completeOptions({ [name]: value })[name], value));
}
