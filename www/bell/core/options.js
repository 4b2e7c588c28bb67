// SPDX-License-Identifier: MIT
// options.js - the options of a Doorbell: their defaults, and what each may be. Pure.

import { demand } from './error.js';

const SHORTEST_MS = 10; // what is shorter, or no number, would be asked for as fast as the browser can

const isText = (value) => typeof value === 'string' && value !== '';
const isFunction = (value) => typeof value === 'function';
const isInterval = (value) => typeof value === 'number' && value >= SHORTEST_MS;
const isWith = (...names) => (value) => typeof value === 'object' && names.every((name) => typeof value[name] === 'function');
const orNull = (isGood) => (value) => value === null || isGood(value);
const either = (...kinds) => (value) => kinds.some((isGood) => isGood(value));

const label = (num) => (num === 1 ? '1 unread message' : `${num || 'No'} unread messages`);
const handler = [null, orNull(isFunction), 'a function, or null'];
const milliseconds = `a number of milliseconds from ${SHORTEST_MS} on`;

// name: [default, whether a value is good, what it must be]
const known = {
  api: ['/doorbell', isText, "the URL of doorbell-app, as '/doorbell'"],
  relay: ['/ws', orNull(isText), "the URL of doorbell-relay, as '/ws', or null to poll"],
  events: ['/events', orNull(isText), "the URL of the event stream, as '/events', or null"],
  token: [null, orNull(either(isText, isFunction)), 'a token, a function that returns one, or null for the cookie'],
  user: [null, orNull(isText), 'the user for whom the page was made, or null'],
  worker: [true, (value) => value === null || typeof value === 'boolean', 'true or false'],
  badge: [null, orNull(either(isText, isWith('setAttribute'))), 'an element, a selector, or null'],
  title: [true, (value) => typeof value === 'boolean', 'true or false'],
  sound: [null, orNull(either(isText, isWith('play'))), 'the URL of a sound, an <audio> element, or null'],
  label: [label, isFunction, 'a function from the number to a text'],
  pollInterval: [60_000, isInterval, milliseconds],
  refreshInterval: [900_000, either(isInterval, (value) => value === 0), `${milliseconds}, or 0 for never`],
  pingInterval: [25_000, isInterval, milliseconds], // the relay's setting ping_interval
  onChange: handler,
  onMessage: handler,
  clock: [null, orNull(isWith('now', 'random', 'setTimeout', 'clearTimeout')), 'an object with now, random, setTimeout and clearTimeout, or null'],
};

// `given` with its defaults; throws where one is of no use. What it does not know is left alone: a cached, older
// doorbell.js may be given the options of a newer one.
export function completeOptions(given) {
  const options = { ...given };
  for (const [name, [byDefault, isGood, wanted]] of Object.entries(known)) {
    if (options[name] === undefined) options[name] = byDefault;
    demand(isGood(options[name]), `the option ${name}`, wanted, options[name]);
  }
  return options;
}
