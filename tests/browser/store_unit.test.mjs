// SPDX-License-Identifier: MIT
// The messages of a page's lists: pages that lose nothing, changes before the answer, undo. A Doorbell of our own
// plays the server, which holds back each reply until the test lets it go, where one asks for that.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import { FakeDoorbell, message } from './fake_doorbell.mjs';
import { Store } from '../../www/bell/store.js';
import { changed, covers, fits, joined, keyOf, shown, stepOf } from '../../www/bell/core/pages.js';

class FakeClock {
  timers = new Map();
  random = () => 0.5;
  setTimeout = (call, ms) => (this.timers.set(call, ms), call);
  clearTimeout = (timer) => this.timers.delete(timer);

  run(ms) {
    for (const [call, after] of [...this.timers]) if (after === ms) this.timers.delete(call) && call();
  }
}

async function settle() {
  for (let i = 0; i < 20; i++) await turn();
}

async function open(count, { fields, filter = {} } = {}) {
  const doorbell = new FakeDoorbell(count, fields);
  const clock = new FakeClock();
  const store = new Store(doorbell, { clock });
  store.watch(filter);
  await settle();
  const ids = () => store.view(filter).others.map(({ id }) => id);
  return { doorbell, clock, store, ids, view: () => store.view(filter) };
}

const numbered = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => from - i);

test('a filter takes what it says', () => {
  const rows = [
    [{}, {}, true], [{}, { read: true }, true], [{}, { archived: true, read: true }, false],
    [{ state: 'unread' }, {}, true], [{ state: 'unread' }, { read: true }, false],
    [{ state: 'archived' }, { archived: true, read: true }, true], [{ state: 'archived' }, {}, false],
    [{ category: 'news' }, { category: 'news' }, true], [{ category: 'news' }, {}, false], [{}, { isGone: true }, false],
  ];
  for (const [filter, fields, expected] of rows) assert.equal(fits(filter, message(1, fields)), expected, JSON.stringify([filter, fields]));
  assert.equal(keyOf({}), keyOf({ state: 'all', category: null }));
});

test('a change moves the number by what it changes', () => {
  const rows = [['read', {}, -1], ['read', { read: true }, 0], ['unread', { read: true }, 1], ['archive', {}, -1], ['remove', {}, -1], ['remove', { read: true }, 0]];
  for (const [kind, fields, expected] of rows) assert.equal(stepOf(message(1, fields), kind), expected, kind);
});

test('later changes lie over earlier ones', () => {
  const pending = [{ ids: new Set([1]), kind: 'read' }, { ids: new Set([1]), kind: 'unread' }, { ids: new Set([2]), kind: 'remove' }];
  assert.equal(changed(message(1), pending).read, false);
  assert.deepEqual(shown({}, [message(2), message(1)], pending).others.map(({ id }) => id), [1]);
});

test('pages are joined without doubles, and cover what was loaded', () => {
  const all = numbered(5, 1).map((id) => message(id));
  assert.deepEqual(joined(all.slice(0, 3), all.slice(2)).map(({ id }) => id), [5, 4, 3, 2, 1]);
  assert.ok(covers([], [], 20) && covers(all, all, 20) && !covers(all.slice(0, 2), all, 20));
  assert.ok(covers(all, [message(99)], 4)); // it has gone: enough is read
});

test('what must be acknowledged is on top, until it is', async () => {
  const { store, view, doorbell } = await open(3, { fields: (id) => ({ ack: id === 1 ? false : null }) });
  assert.deepEqual(view().onTop.map(({ id }) => id), [1]);
  assert.deepEqual(view().others.map(({ id }) => id), [3, 2]);
  await store.change('read', view().onTop[0]);
  await store.change('archive', view().onTop[0]);
  assert.equal(doorbell.asked.length, 1); // nothing but the list
  await store.change('acknowledge', view().onTop[0]);
  assert.deepEqual(view().onTop, []);
  assert.equal(store.num, 2);
});

test('older messages come part by part, and nothing that was loaded is dropped', async () => {
  const { doorbell, store, ids, view } = await open(250);
  assert.deepEqual(ids(), numbered(250, 231));
  for (let i = 0; i < 6; i++) await store.more({});
  assert.deepEqual(ids(), numbered(250, 111));
  doorbell.asked = [];
  doorbell.add();
  await settle();
  assert.deepEqual(ids(), numbered(251, 52));
  assert.deepEqual(doorbell.asked.map(([, limit]) => limit), [100, 100]);
  for (let i = 0; i < 3; i++) await store.more({});
  assert.deepEqual([ids(), view().hasMore], [numbered(251, 1), false]);
  await store.more({});
  assert.equal(ids().length, 251);
});

test('older messages that are asked for while all is read anew come after that', async () => {
  const { doorbell, store, ids } = await open(60);
  doorbell.add();
  await store.more({});
  assert.deepEqual(ids(), numbered(61, 2)); // two parts were read anew
});

test('what another tab did is seen also far below', async () => {
  const { doorbell, store, view } = await open(60);
  await store.more({});
  await doorbell.markRead(25);
  await doorbell.remove(60);
  doorbell.ring();
  await settle();
  const { others } = view();
  assert.equal(others.find(({ id }) => id === 25).read, true);
  assert.equal(others[0].id, 59);
});

test('a change is shown at once, and stays', async () => {
  const { doorbell, store, view } = await open(3);
  const done = store.change('read', view().others[0]);
  assert.deepEqual([view().others[0].read, store.num], [true, 2]);
  await done;
  await settle();
  assert.deepEqual([view().others[0].read, store.num, doorbell.num], [true, 2, 2]);
});

test('a change that is refused is taken back, and told', async () => {
  const { doorbell, store, view } = await open(3);
  doorbell.refusal = Object.assign(new Error('no'), { status: 503 });
  const done = store.change('read', view().others[0]);
  assert.equal(store.num, 2);
  await assert.rejects(done, /no/);
  assert.deepEqual([view().others[0].read, store.num], [false, 3]);
});

test('a list that was asked for before a change does not bring the old state back', async () => {
  const { doorbell, store, view } = await open(3);
  let letGo;
  doorbell.gate = new Promise((resolve) => (letGo = resolve));
  const late = store.refresh({});
  await store.change('read', view().others[0]);
  letGo();
  await late;
  assert.equal(view().others[0].read, true);
});

test('an archived message goes at once, and comes back by undo', async () => {
  const { doorbell, clock, store, ids, view } = await open(3);
  const done = store.change('archive', view().others[0]);
  assert.deepEqual([ids(), store.num], [[2, 1], 2]);
  assert.equal(store.undoable.kind, 'archive');
  store.undoable.undo();
  await done;
  assert.deepEqual([ids(), store.num, store.undoable, clock.timers.size], [[3, 2, 1], 3, null, 0]);
  assert.ok(doorbell.asked.every(([call]) => call === 'list'));
});

test('what was not undone in time is done', async () => {
  const { doorbell, clock, store, ids, view } = await open(3);
  const done = store.change('remove', view().others[0]);
  assert.equal(doorbell.messages.length, 3);
  clock.run(5_000);
  await done;
  await settle();
  assert.deepEqual([ids(), doorbell.messages.length, store.undoable], [[2, 1], 2, null]);
});

test('a page that goes does at once what could still be undone', async () => {
  const { doorbell, store, view } = await open(3);
  store.change('archive', view().others[0]);
  store.change('remove', view().others[1]);
  store.flush();
  await settle();
  assert.deepEqual(doorbell.asked.slice(1, 3), [['archive', 3], ['remove', 1]]);
});

test('"all read" can be undone where all that were unread are loaded', async () => {
  const { doorbell, store, view } = await open(3, { fields: (id) => ({ read: id === 2 }) });
  const done = store.readAll();
  assert.equal(store.num, 0);
  await done;
  await settle();
  assert.ok(view().others.every(({ read }) => read));
  await store.undoable.undo();
  await settle();
  assert.deepEqual(doorbell.messages.map(({ read }) => read), [false, true, false]);
  assert.equal(store.undoable, null);

  const many = await open(30);
  await many.store.readAll();
  assert.equal(many.store.undoable, null);
});

// 6 and 4 of one group, 5 and 3 of another, 2 and 1 alone; 3 and 4 are read.
const inGroups = { fields: (id) => ({ group_key: [null, null, null, 'b', 'a', 'b', 'a'][id], sender: `S${id}`, read: id === 3 || id === 4 }) };

test('a group is one row, which is read with all of it', async () => {
  const { doorbell, store, ids, view } = await open(6, { fields: (id) => ({ ...inGroups.fields(id), read: id === 4 }) });
  assert.deepEqual(ids(), [6, 5, 2, 1]);
  assert.deepEqual(view().others.map(({ group }) => group?.count ?? 1), [2, 2, 1, 1]);
  const done = store.change('read', view().others[1]);
  assert.deepEqual([view().others[1].read, store.num], [true, 3]);
  await done;
  await settle();
  assert.deepEqual(doorbell.asked.filter(([call]) => call !== 'list'), [['markRead', { group_key: 'b', upto: 'p6' }]]);
  assert.deepEqual([view().others[1].read, store.num, ids()], [true, 3, [6, 5, 2, 1]]);
});

test('a group whose newest was read is unread still, and made unread it is its newest alone', async () => {
  const { doorbell, store, view } = await open(4, { fields: (id) => ({ group_key: id > 1 ? 'a' : null, read: id === 4 }) });
  assert.deepEqual([view().others[0].read, store.num], [false, 3]);
  await store.change('read', view().others[0]);
  await settle();
  assert.deepEqual([view().others[0].read, store.num], [true, 1]);
  await store.change('unread', view().others[0]);
  await settle();
  assert.deepEqual(doorbell.asked.filter(([call]) => call === 'markUnread'), [['markUnread', 4]]);
  assert.deepEqual([view().others[0].group.unread, store.num], [1, 2]);
});

test('a group is archived and deleted as a whole, comes back by undo, and in the archive each is by itself', async () => {
  const { clock, store, ids, view } = await open(6, inGroups);
  store.change('archive', view().others[0]);
  assert.deepEqual([ids(), store.num], [[5, 2, 1], 3]);
  await store.undoable.undo();
  assert.deepEqual([ids(), store.num], [[6, 5, 2, 1], 4]);
  store.change('archive', view().others[0]);
  clock.run(5000);
  await settle();
  store.change('remove', view().others[0]);
  clock.run(5000);
  await settle();
  assert.deepEqual([ids(), store.num], [[2, 1], 2]);
  store.watch({ state: 'archived' });
  await settle();
  assert.deepEqual(store.view({ state: 'archived' }).others.map(({ id }) => id), [6, 4]);
});

test('"all read" counts what is in groups, and cannot be undone where it is not loaded', async () => {
  const { store, view } = await open(6, inGroups);
  const done = store.readAll();
  assert.equal(store.num, 0);
  await done;
  await settle();
  assert.ok(view().others.every(({ read }) => read));
});

test('what comes into a group moves its row up', async () => {
  const { doorbell, ids, view } = await open(6, inGroups);
  doorbell.add({ group_key: 'b', sender: 'New' });
  await settle();
  assert.deepEqual(ids(), [7, 6, 2, 1]);
  assert.deepEqual(view().others[0].group, { key: 'b', count: 3, unread: 2, senders: ['New', 'S5', 'S3'], others: 0 });
});

test('the first list that fails says so, and is tried again', async () => {
  const doorbell = new FakeDoorbell(1);
  doorbell.refusal = Object.assign(new Error('no'), { status: 0 });
  const clock = new FakeClock();
  const store = new Store(doorbell, { clock });
  store.watch({});
  await settle();
  assert.equal(store.view({}).status, 'failed');
  doorbell.refusal = null;
  clock.run(500);
  await settle();
  assert.equal(store.view({}).status, 'ready');
});

test('a later failure leaves what is shown', async () => {
  const { doorbell, store, ids, view } = await open(2);
  doorbell.refusal = Object.assign(new Error('no'), { status: 503 });
  doorbell.ring();
  await settle();
  assert.deepEqual([ids(), view().status], [[2, 1], 'ready']);
  await store.more({});
});

test('another user\'s page forgets the messages, and what was about to be done to them', async () => {
  const { doorbell, clock, store, ids, view } = await open(3);
  store.change('archive', view().others[0]);
  doorbell.ring(null);
  assert.deepEqual([ids(), view().status, store.undoable, clock.timers.size], [[], 'loading', null, 0]);
});

test('a list that was asked for as the user before, while another logged in, is asked for again', async () => {
  const { doorbell, clock, ids } = await open(2);
  let release;
  doorbell.gate = new Promise((resolve) => { release = resolve; });
  doorbell.refusal = Object.assign(new Error('no'), { code: 'another_user' });
  doorbell.add(); // is asked for, and refused
  doorbell.refusal = null;
  doorbell.ring(); // of the next user
  release();
  await settle();
  clock.run(0);
  await settle();
  assert.deepEqual(ids(), [3, 2, 1]);
});

test('another epoch replaces all that was loaded', async () => {
  const { doorbell, store, ids } = await open(60);
  await store.more({});
  doorbell.epoch = 'e2';
  doorbell.messages = [message(7)];
  doorbell.ring();
  await settle();
  assert.deepEqual(ids(), [7]);
});

test('categories stay known when nothing in them is unread', async () => {
  const { doorbell, store } = await open(2, { fields: (id) => ({ category: id === 1 ? 'news' : 'orders' }) });
  await store.count();
  assert.deepEqual(store.categories, { news: 1, orders: 1 });
  await doorbell.markRead(1);
  await store.count();
  assert.deepEqual(store.categories, { news: 0, orders: 1 });
});

test('a view that nobody watches asks nothing', async () => {
  const doorbell = new FakeDoorbell(2);
  const store = new Store(doorbell, { clock: new FakeClock() });
  const unwatch = store.watch({});
  await settle();
  unwatch();
  unwatch(); // changes nothing more
  doorbell.add();
  await settle();
  assert.deepEqual([doorbell.asked.length, store.isWatched], [1, false]);
  store.watch({});
  assert.equal(store.isWatched, true);
  await settle();
  store.destroy();
});

// A Doorbell whose changes have versions, as the engine's have.
async function openVersioned() {
  const opened = await open(3);
  const { doorbell } = opened;
  let version = 7;
  doorbell.ring = () => doorbell.dispatchEvent(Object.assign(new Event('change'), { detail: { num: doorbell.num, version: ++version, seq: 1 } }));
  doorbell.ring();
  await settle();
  doorbell.asked = [];
  return opened;
}

test('what the user changes here is not read anew', async () => {
  const { doorbell, store, view } = await openVersioned();
  await store.change('read', view().others[0]);
  await Promise.all([store.change('read', view().others[1]), store.change('unread', view().others[0])]);
  await settle();
  assert.deepEqual(doorbell.asked.filter(([call]) => call === 'list'), []);
  assert.deepEqual(view().others.map(({ read }) => read), [false, true, false]);
});

test('what changes elsewhere at the same time is', async () => {
  const { doorbell, store, view, ids } = await openVersioned();
  const done = store.change('read', view().others[0]);
  doorbell.add();
  await done;
  await settle();
  assert.deepEqual(ids(), [4, 3, 2, 1]);
});
