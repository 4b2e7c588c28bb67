// SPDX-License-Identifier: MIT
// store.js - the messages of a page's lists, without a page: loaded part by part for each filter, kept up to date,
// changed before the server has answered, and changed back by undo.
//
// Each view keeps what the server last said; what the user did since lies over it, and is taken away when the server's
// word includes it, or when it is refused. After any change a view reads anew as much as it had loaded.

import { backOff } from './core/rules.js';
import { changes, covers, joined, keyOf, mayChange, shown, stepOf } from './core/pages.js';

const LIMIT = 20;
const LIMIT_MAX = 100; // the API's own limit
const UNDO_MS = 5_000;
const DEFERRED = ['archive', 'remove']; // what is done once it can no longer be undone

const calls = { read: 'markRead', unread: 'markUnread' }; // the others have the names of their kinds
const realClock = {
  random: () => Math.random(),
  setTimeout: (call, ms) => setTimeout(call, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

export class Store {
  #doorbell;
  #clock;
  #undoMs;
  #views = new Map();
  #pending = []; // changes that the server's word does not include: {kind, ids, step, timer}
  #listeners = new Set();
  #writes = 0; // that have been answered: a list that was asked for before may not know them
  #own = null; // our calls under way: {count, pending, before: what was known when the first was made}
  #known = {}; // {version, seq}, as last told
  #onChange;

  // The categories that are known, with the number of unread messages in each.
  categories = {};
  // The last change that can be undone: {kind, undo()}, or null.
  undoable = null;

  constructor(doorbell, { clock = realClock, undoMs = UNDO_MS } = {}) {
    this.#doorbell = doorbell;
    this.#clock = clock;
    this.#undoMs = undoMs;
    this.#onChange = ({ detail }) => this.#changed(detail);
    doorbell.addEventListener('change', this.#onChange);
  }

  // Unread messages, with what the user has just done; null while unknown.
  get num() {
    const { num } = this.#doorbell;
    return num === null ? null : Math.max(0, this.#pending.reduce((sum, { step }) => sum + step, num));
  }

  // Calls `listener` after every change. Returns a function that ends this.
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // What a filter shows: {status: 'loading', 'ready' or 'failed', onTop, others, hasMore, isBusy, position}.
  view(filter) {
    const { status, messages, next, isBusy, position } = this.#viewOf(filter);
    return { status, ...shown(filter, messages, this.#pending), hasMore: next !== null, isBusy, position };
  }

  // Loads a view, unless nothing has changed since it was last watched, and keeps it up to date until the returned
  // function is called.
  watch(filter, isFresh = false) {
    const view = this.#viewOf(filter);
    let isWatching = true;
    view.watchers++;
    if (!isFresh) this.#refresh(view);
    return () => {
      if (isWatching) view.watchers--;
      isWatching = false;
    };
  }

  refresh(filter) {
    return this.#refresh(this.#viewOf(filter));
  }

  // The next part of a view, after what is being read.
  async more(filter) {
    const view = this.#viewOf(filter);
    if (view.isMoreWanted) return;
    view.isMoreWanted = true;
    while (view.isBusy) await view.reading;
    if (view.next !== null) await this.#readMore(view);
    view.isMoreWanted = false;
  }

  async #readMore(view) {
    const writes = this.#writes;
    await this.#busily(view, async () => {
      const page = await this.#ask(view, LIMIT, view.next);
      if (page.epoch !== view.epoch || writes !== this.#writes) view.isStale = true;
      else this.#take(view, joined(view.messages, page.messages), page);
    });
    if (view.isStale) await this.#refresh(view);
  }

  // Changes one message: 'read', 'unread', 'acknowledge', 'archive' or 'remove'. The last two can be undone for a
  // while, and are done after it. Rejects with a DoorbellError when the server refuses; then nothing has changed.
  async change(kind, message) {
    if (!mayChange(kind, message)) return;
    const { id, members } = message;
    const change = { kind, ids: new Set([id]), step: stepOf(message, kind), members };
    const call = () => this.#doorbell[calls[kind] ?? kind]((kind !== 'unread' && members) || id);
    this.#pending.push(change);
    if (DEFERRED.includes(kind)) await this.#defer(change, call);
    else await this.#send(change, call);
  }

  // Marks all read that the newest list could show. It can be undone where all that were unread are loaded.
  async readAll() {
    const unread = new Map();
    for (const { messages } of this.#views.values())
      for (const message of messages)
        if (!message.read && mayChange('read', message)) unread.set(message.id, message);
    const isWhole = unread.size > 0 && unread.size === this.num;
    const step = [...unread.values()].reduce((sum, message) => sum + stepOf(message, 'read'), 0);
    const change = { kind: 'read', ids: new Set(unread.keys()), step };
    this.#pending.push(change);
    await this.#send(change, () => this.#doorbell.markAllRead());
    if (!isWhole) return;
    const undone = { kind: 'unread', ids: change.ids, step: unread.size };
    this.#offer('readAll', () => {
      this.#pending.push(undone);
      return this.#send(undone, () => this.#doorbell.markUnread([...undone.ids]));
    });
  }

  // The user has looked at what the list of this position shows.
  seen(position) {
    return this.#asOwn(() => this.#doorbell.seen(position));
  }

  // Whether a list is open.
  get isWatched() {
    return [...this.#views.values()].some(({ watchers }) => watchers > 0);
  }

  // Asks how many are unread in each category.
  async count() {
    const { categories = {} } = await this.#doorbell.counts();
    for (const name in this.categories) this.categories[name] = 0;
    Object.assign(this.categories, categories);
    this.#tell();
  }

  // Does at once what could still be undone: the page goes.
  flush() {
    this.undoable = null;
    for (const { finish } of [...this.#pending]) finish?.();
  }

  destroy() {
    this.flush();
    this.#doorbell.removeEventListener('change', this.#onChange);
    for (const view of this.#views.values()) this.#clock.clearTimeout(view.timer);
    this.#views.clear();
    this.#listeners.clear();
  }

  #viewOf(filter) {
    const key = keyOf(filter);
    if (!this.#views.has(key))
      this.#views.set(key, {
        filter, status: 'loading', messages: [], next: null, position: null, epoch: null, user: null,
        watchers: 0, isBusy: false, reading: null, isMoreWanted: false, isStale: false, failures: 0, timer: null,
      });
    return this.#views.get(key);
  }

  #changed({ num, version, seq }) {
    this.#known = { version, seq };
    if (num === null) this.#forget();
    else if (this.#own) this.#tell();
    else this.#refreshAll();
  }

  // A call that changes something. What it changes is known, so nothing is read anew unless more has changed meanwhile:
  // each call moves the version by one at most, and what comes from elsewhere moves it further, or moves seq.
  async #asOwn(call) {
    const own = (this.#own ??= { count: 0, pending: 0, before: this.#known });
    own.count++;
    own.pending++;
    try {
      return await call();
    } finally {
      if (--own.pending === 0) {
        const { before, count } = own;
        const { version, seq } = this.#known;
        this.#own = null;
        if (!(version - before.version <= count && seq === before.seq)) this.#refreshAll();
      }
    }
  }

  // Whose messages these were is gone; what they did last is theirs to lose.
  #forget() {
    for (const change of this.#pending) this.#clock.clearTimeout(change.timer);
    this.#pending = [];
    this.undoable = null;
    this.categories = {};
    this.#writes++;
    for (const view of this.#views.values()) Object.assign(view, { status: 'loading', messages: [], next: null, position: null });
    this.#tell();
  }

  #refreshAll() {
    for (const view of this.#views.values())
      if (view.watchers > 0) this.#refresh(view);
    this.#tell();
  }

  // One reading at a time; what changes while it is under way makes another.
  async #refresh(view) {
    view.isStale = true;
    if (view.isBusy) return;
    await this.#busily(view, async () => {
      while (view.isStale) {
        view.isStale = false;
        const writes = this.#writes;
        const [messages, page] = await this.#readAnew(view);
        if (writes === this.#writes) this.#take(view, messages, page);
        else view.isStale = true;
      }
    });
  }

  // As much as was loaded, from the newest on.
  async #readAnew(view) {
    const limit = Math.min(LIMIT_MAX, Math.max(LIMIT, view.messages.length));
    let page = await this.#ask(view, limit);
    let { messages } = page;
    while (page.next !== null && page.epoch === view.epoch && !covers(messages, view.messages, LIMIT)) {
      page = { ...(await this.#ask(view, limit, page.next)), position: page.position };
      messages = joined(messages, page.messages);
    }
    return [messages, page];
  }

  // The row of a group is read once the whole group is. The archive is not grouped: messages are taken out of it one by one.
  async #ask({ filter }, limit, before) {
    const { state = 'all', category = null } = filter;
    const page = await this.#doorbell.list({ state, category, limit, before, grouped: state !== 'archived' });
    for (const message of page.messages)
      if (message.group) Object.assign(message, { read: !message.group.unread, members: { group_key: message.group_key, upto: page.position } });
    return page;
  }

  #take(view, messages, { next, position, epoch }) {
    Object.assign(view, { status: 'ready', messages, next, position, epoch, failures: 0 });
    for (const { category } of messages) if (category !== null) this.categories[category] ??= 0;
  }

  #busily(view, work) {
    return (view.reading = this.#run(view, work));
  }

  async #run(view, work) {
    this.#clock.clearTimeout(view.timer);
    view.isBusy = true;
    this.#tell();
    try {
      await work();
    } catch (error) {
      this.#failed(view, error);
    }
    view.isBusy = false;
    this.#tell();
  }

  // Where nobody is logged in, or somebody else, the next change says who it is.
  #failed(view, { status, code }) {
    const hasChanged = view.isStale; // since this was asked for: it may be who is logged in
    view.isStale = false;
    if (status === 401 || code === 'another_user') {
      if (hasChanged) view.timer = this.#clock.setTimeout(() => this.#refresh(view), 0);
      return;
    }
    if (view.status === 'loading') view.status = 'failed';
    if (view.watchers === 0) return;
    view.timer = this.#clock.setTimeout(() => this.#refresh(view), backOff(view.failures++, this.#clock.random));
  }

  #defer(change, call) {
    return new Promise((resolve, reject) => {
      change.finish = () => {
        this.#clock.clearTimeout(change.timer);
        change.finish = null;
        if (this.undoable?.change === change) this.undoable = null;
        this.#send(change, call).then(resolve, reject);
      };
      change.timer = this.#clock.setTimeout(() => change.finish(), this.#undoMs);
      this.undoable = {
        kind: change.kind,
        change,
        undo: () => {
          this.#clock.clearTimeout(change.timer);
          this.undoable = null;
          this.#drop(change);
          resolve();
        },
      };
      this.#tell();
    });
  }

  #offer(kind, undo) {
    const offer = { kind, undo: () => ((this.undoable = null), undo()) };
    this.undoable = offer;
    this.#tell();
    this.#clock.setTimeout(() => {
      if (this.undoable !== offer) return;
      this.undoable = null;
      this.#tell();
    }, this.#undoMs);
  }

  async #send(change, call) {
    this.#tell();
    try {
      await this.#asOwn(async () => {
        await call();
        this.#keep(change);
      });
    } finally {
      this.#drop(change);
      if (change.members) this.#refreshAll(); // what else there was in the group is not known here
    }
  }

  // What the server has done is as good as its word.
  #keep({ kind, ids }) {
    this.#writes++;
    const keep = (message) => (ids.has(message.id) ? { ...message, ...changes[kind] } : message);
    for (const view of this.#views.values()) view.messages = view.messages.map(keep);
  }

  #drop(change) {
    this.#pending = this.#pending.filter((one) => one !== change);
    this.#tell();
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener();
  }
}
