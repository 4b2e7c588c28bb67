// SPDX-License-Identifier: MIT
// pages.js - what a list shows, as pure functions: which messages a filter takes, what a change that is not yet
// answered makes of them, and how pages are put together.

// Filters are {state: 'all' (the default), 'unread' or 'archived', category: a name, or none}.
export const keyOf = ({ state = 'all', category = null }) => `${state}/${category || ''}`;

// What each kind of change makes of a message.
export const changes = {
  read: { read: true },
  unread: { read: false, archived: false },
  acknowledge: { read: true, ack: true },
  archive: { read: true, archived: true },
  remove: { isGone: true },
};

export function fits({ state = 'all', category = null }, message) {
  if (message.isGone) return false;
  if (category !== null && message.category !== category) return false;
  return message.archived === (state === 'archived') && !(state === 'unread' && message.read);
}

// What must be acknowledged is marked by nothing else, so other changes leave it alone.
export const mayChange = (kind, { ack }) => (kind === 'acknowledge' ? ack === false : ack !== false);

// `pending`: [{ids: a Set, kind}…], the oldest first.
export function changed(message, pending) {
  const kinds = pending.filter(({ ids }) => ids.has(message.id)).map(({ kind }) => changes[kind]);
  return kinds.length > 0 ? Object.assign({}, message, ...kinds) : message;
}

// How much a change adds to the number of unread messages. A change to the row of a group applies to the whole group, but `unread` to
// that message alone.
export function stepOf(message, kind) {
  const isUnread = ({ read, isGone }) => !read && !isGone;
  const step = isUnread({ ...message, ...changes[kind] }) - isUnread(message);
  return message.group && step < 0 ? -message.group.unread : step;
}

// What is shown, newest first, with what must be acknowledged on top.
export function shown(filter, messages, pending) {
  const all = messages.map((message) => changed(message, pending)).filter((message) => fits(filter, message));
  const isOnTop = ({ ack }) => ack === false && filter.state !== 'archived';
  return { onTop: all.filter(isOnTop), others: all.filter((message) => !isOnTop(message)) };
}

// The messages of one page after those of the pages before it: what has moved meanwhile comes once.
export function joined(messages, more) {
  const ids = new Set(messages.map(({ id }) => id));
  return [...messages, ...more.filter(({ id }) => !ids.has(id))];
}

// Whether `read`, read anew from the newest on, covers all that was loaded.
export function covers(read, loaded, limit) {
  const last = loaded[loaded.length - 1];
  return !last || read.length >= loaded.length + limit || read.some(({ id }) => id === last.id);
}
