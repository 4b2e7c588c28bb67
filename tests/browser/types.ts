// SPDX-License-Identifier: MIT
// types.ts - what a page may write, for tsc: tests/lint/page checks doorbell.d.ts and doorbell.d.mts with it.
import { Doorbell, DoorbellError, Store } from '../../www/doorbell.js';
import { addWords, useDoorbell } from '../../www/doorbell.mjs';

const doorbell = new Doorbell({ relay: null, token: async () => 'token', onMessage: ({ id, title }) => console.log(id, title) }).start();
const store = new Store(doorbell);
const unwatch = store.watch({ state: 'unread', category: 'news' });
store.subscribe(() => console.log(store.view({}).others[0]?.title, store.num));
addWords('de', { inbox: 'Nachrichten', categories: { news: 'Neues' } });
useDoorbell(doorbell);
document.querySelector('doorbell-inbox')?.doorbell?.login();
doorbell.markRead([1, '2']).catch((error: DoorbellError) => console.log(error.retryAfter));
doorbell.archive({ read: true, upto: 'p1' }).then(() => doorbell.remove([1, 2]));
doorbell.list({ after: 'p1-…' }).then(({ reset, gone, position }) => !reset && gone.includes(813) && position);
doorbell.list({ grouped: true }).then(({ messages: [{ group }], position }) => group && doorbell.markRead({ group_key: group.key, upto: position }));
// @ts-expect-error one way to say which
doorbell.remove({ upto: 'p1' });
// @ts-expect-error there is no such state
store.watch({ state: 'seen' });
unwatch();
