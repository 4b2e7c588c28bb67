// SPDX-License-Identifier: MIT
// en.js - English, of what every page shows; en_lists.js has the rest. Both together are the list of all texts: another language may
// leave some out, and gets these.
export default {
  inbox: 'Inbox',
  count: { zero: 'No unread messages', one: '{n} unread message', other: '{n} unread messages' },
  close: 'Close',
  failed: 'The messages could not be loaded',
  retry: 'Try again',
  news: 'New: {title}.',
  newsFrom: 'New: {title}, from {sender}.',
  unreadNow: { other: '{n} unread' },
};
