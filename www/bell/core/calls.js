// SPDX-License-Identifier: MIT
// calls.js - the calls that a page makes for its user: from the arguments to {method, path, body, isOurs(reply), input}, or to
// a refusal. `input` is the engine's, to be completed by the reply; none where the reply says nothing about the badge. Pure.

import { isByCategory, isMessage, isObject, isPage, isPreferences, isState } from './answers.js';
import { demand } from './error.js';

// The API's own limits.
const LIMIT_MAX = 100;
const MARKED_MAX = 1_000;
const STATES = ['all', 'unread', 'archived'];

const get = (path, isOurs, input = null) => ({ method: 'GET', path, isOurs, input });
const write = (method, path, body) => ({ method, path, body, isOurs: isState, input: { type: 'changed' } });
const post = (path, body) => write('POST', path, body);

export const calls = {
  list: (query = {}) => {
    demand(isObject(query), 'the query of list()', 'an object: {state, category, before, limit}', query);
    return get(`/messages${searchOf(query)}`, isPage, { type: 'listed', isNewest: !query.before });
  },
  get: (id) => get(`/messages/${idOf(id)}`, isMessage),
  broadcast: (id, c, seq = '') => get(`/broadcasts/${id}?c=${encodeURIComponent(c)}&seq=${seq}`, isMessage),
  markRead: (id) => (id?.group_key ? putAway('read', id) : mark('read', id)),
  markUnread: (id) => mark('unread', id),
  archive: (id) => putAway('archive', id),
  acknowledge: (id) => post(`/messages/${idOf(id)}/ack`),
  remove: (id) => (typeof id === 'object' ? putAway('delete', id) : write('DELETE', `/messages/${idOf(id)}`)),
  markReadUpto: (position) => post('/messages/read', { upto: positionOf(position) }),
  markAllUnread: () => post('/messages/unread', { all: true }),
  markSubjectRead: (subject) => {
    demand(isObject(subject) && isName(subject.subject_type) && isName(subject.subject_id),
      'the subject', "an object: {subject_type: 'order', subject_id: '7'}", subject);
    return post('/messages/read', { subject_type: String(subject.subject_type), subject_id: String(subject.subject_id) });
  },
  markOldestRead: (n) => {
    demand(isWithin(n, MARKED_MAX), 'how many to mark', `a whole number from 1 to ${MARKED_MAX}`, n);
    return post('/messages/read', { oldest: n });
  },
  seen: (position) => post('/seen', { position: positionOf(position) }),
  wrong: () => post('/seen', { wrong: true }),
  preferences: () => get('/preferences', isPreferences),
  setPreferences: (value) => {
    const isGood = isObject(value) && isPreferences({ muted: [], ...value });
    demand(isGood, 'the preferences', "an object: {muted: ['news']}", value);
    return write('PUT', '/preferences', { muted: value.muted, lang: value.lang, quiet_hours: value.quiet_hours });
  },
  counts: () => get('/unread?by=category', isByCategory, { type: 'listed', isNewest: false }),
};

function mark(how, id) {
  if (!Array.isArray(id)) return post(`/messages/${idOf(id)}/${how}`);
  demand(isWithin(id.length, MARKED_MAX), 'how many ids are given', `from 1 to ${MARKED_MAX}`, id.length);
  return post(`/messages/${how}`, { ids: id.map((one) => Number(idOf(one))) });
}

// One, a list, or by the fields of the call: {group_key}, and but for reading {all}, {read} or {category}, with {upto}.
function putAway(how, which) {
  return isObject(which) ? post(`/messages/${how}`, which) : mark(how, which);
}

function idOf(id) {
  const isId = /^[1-9]\d*$/.test(id) && Number.isSafeInteger(Number(id));
  demand(isId && ['number', 'string'].includes(typeof id), 'the id of a message', 'a whole number from 1 on', id);
  return String(id);
}

function positionOf(position) {
  demand(typeof position === 'string' && position !== '', 'the position', 'the `position` of a list', position);
  return position;
}

const isName = (value) => (typeof value === 'string' && value !== '') || Number.isSafeInteger(value);
const isWithin = (n, most) => Number.isSafeInteger(n) && n >= 1 && n <= most;
const isGiven = (value) => value !== undefined && value !== null;

function searchOf({ state, category, before, limit, grouped, group_key: key, ...others }) {
  const [unknown] = Object.keys(others);
  demand(unknown === undefined, 'a field of the query', 'state, category, before, limit, grouped or group_key', unknown);
  demand(!isGiven(state) || STATES.includes(state), '`state`', "'all', 'unread' or 'archived'", state);
  demand(!isGiven(category) || isName(category), '`category`', 'the name of a category', category);
  demand(!isGiven(key) || isName(key), '`group_key`', 'that of a message', key);
  demand(!isGiven(before) || typeof before === 'string', '`before`', 'the `next` of a list', before);
  demand(!isGiven(limit) || isWithin(limit, LIMIT_MAX), '`limit`', `a whole number from 1 to ${LIMIT_MAX}`, limit);
  const wanted = Object.entries({ state, category, before, limit, grouped: grouped ? 1 : null, group_key: key }).filter(([, value]) => isGiven(value));
  return wanted[0] ? `?${new URLSearchParams(wanted)}` : '';
}
