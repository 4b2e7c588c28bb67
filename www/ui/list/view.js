// SPDX-License-Identifier: MIT
// view.js - a list of messages, as <doorbell-list> shows it, and <doorbell-inbox> in its popover. Tabs, messages by day,
// states, keys. It draws what the store has, and changes nothing by itself.

import { isHidden } from '../../bell/shared.js';
import { Store } from '../../bell/store.js';
import { Times } from '../../words/times.js';
import { arrange, h, icon, iconButton } from '../dom.js';
import { dress } from '../dress.js';
import { BELL, CHECK, GEAR } from '../icons.js';
import { Row } from './row.js';
import { settingsOf } from './settings.js';
import { css } from './style.js';

const TICK_MS = 60_000;
const KEYS = { e: 'archive', u: 'unread', r: 'read' };

export class ListView {
  #rows = new Map(); // id → Row
  #order = []; // the rows as shown
  #filter = { state: 'all' };
  #known = new Set(); // ids that have been shown: others on top are new
  #unwatch = null;
  #leave = () => {}; // stops following the view that is shown
  #panel = null; // of the settings
  #seen = null; // the position that was told
  #told = ''; // what did not work
  #chosen = ''; // the name of the tab that is shown
  #hasMissed = false; // a change, while the page was hidden

  // host: the element, with {shared, words, until, listen}. options: {buttons: more for the head, footer}.
  constructor(host, place, { buttons = [], footer = null } = {}) {
    const { words } = host;
    this.host = host;
    this.shared = host.shared;
    this.words = words;
    this.times = new Times(words.lang);
    this.readAll = iconButton('read-all', words.say('readAll'), CHECK, () => this.#try(this.shared.store.readAll()));
    this.gear = iconButton('gear', words.say('settings'), GEAR, () => this.#toggleSettings());
    this.heading = h('h2', 'heading', { tabIndex: -1 }, words.say('inbox'));
    this.tabs = h('div', 'tabs', { role: 'group', 'aria-label': words.say('inbox') });
    this.body = h('div', 'scroll', { role: 'group', tabIndex: -1, onkeydown: (event) => this.#key(event) });
    this.older = h('button', 'older', { onclick: () => this.#more() }, words.say('older'));
    this.bar = h('div', 'undo-bar', { hidden: true });
    this.root = h('div', 'inbox', host.tongue,
      h('div', 'head', {}, this.heading, this.readAll, this.gear, ...buttons), this.tabs, this.body, this.bar, footer);
    this.shared.makeStore(Store);
    dress(host.shadowRoot, css);
    place.append(this.root);
  }

  // Loads, and follows every change, until close(). A hidden page waits until it is shown.
  open() {
    const { shared, host } = this;
    if (this.#unwatch) return;
    const redraw = () => this.draw();
    const count = () => shared.store.count().catch(() => {});
    const turn = () => {
      this.#follow(!this.#hasMissed);
      if (!isHidden() && this.#hasMissed) {
        this.#hasMissed = false;
        count();
      }
      this.draw();
    };
    const recount = ({ detail }) => {
      if (isHidden()) this.#hasMissed = true;
      else if (detail.num !== null && Object.keys(shared.store.categories).length > 0) count();
    };
    const timer = setInterval(() => this.#rows.forEach((row) => row.tick()), TICK_MS);
    const ends = [shared.store.subscribe(redraw), () => clearInterval(timer), this.#autoload()];
    for (const [target, type, listener] of [[shared.doorbell, 'state', redraw], [shared.doorbell, 'change', recount], [document, 'visibilitychange', turn]]) {
      target.addEventListener(type, listener);
      ends.push(() => target.removeEventListener(type, listener));
    }
    this.#unwatch = () => {
      for (const end of ends) end();
      this.#leave();
      this.#unwatch = null;
    };
    host.until(() => this.close());
    this.#hasMissed = isHidden();
    this.#show(this.#filter);
    if (!this.#hasMissed) count();
  }

  close() {
    if (this.#unwatch) this.#unwatch();
  }

  #follow(isFresh = false) {
    this.#leave();
    this.#leave = isHidden() ? () => {} : this.shared.store.watch(this.#filter, isFresh);
  }

  #show(filter) {
    this.#filter = filter;
    this.#known.clear();
    this.#panel = null;
    this.#follow();
    this.draw();
  }

  draw() {
    const { shared, words } = this;
    const view = shared.store.view(this.#filter);
    const count = view.onTop.length + view.others.length;
    const state = shared.isLoggedOut ? 'out' : view.status === 'ready' && count === 0 && !view.hasMore ? 'empty' : view.status;

    this.root.dataset.state = state;
    this.readAll.disabled = !shared.store.num || state === 'out' || shared.store.num <= view.onTop.length;
    this.gear.disabled = state === 'out';
    this.tabs.hidden = state === 'out' || this.#panel !== null;
    this.#drawTabs();
    this.#drawBar();
    this.body.setAttribute('aria-busy', state === 'loading');
    this.body.setAttribute('aria-label', this.#panel ? words.say('settings') : this.#chosen);
    this.older.hidden = !view.hasMore;
    this.older.disabled = view.isBusy;
    this.older.textContent = words.say(view.isBusy ? 'loading' : 'older');
    if (this.#panel) arrange(this.body, [this.#panel]);
    else if (state === 'ready') this.#drawRows(view);
    else if (this.#order.length > 0 || this.body.dataset.state !== state || !this.body.firstChild) this.#drawState(state);
    this.body.dataset.state = this.#panel ? 'settings' : state;
    if (state === 'ready') this.#look(view);
  }

  #drawTabs() {
    const { shared, words } = this;
    const { categories, num } = shared.store;
    const tabs = [
      [words.say('all'), { state: 'all' }, num],
      [words.say('unread'), { state: 'unread' }, 0],
      ...Object.keys(categories).sort().map((category) => [words.category(category), { state: 'all', category }, categories[category]]),
      [words.say('archived'), { state: 'archived' }, 0],
    ];
    const sign = JSON.stringify([tabs, this.#filter]);
    if (this.tabs.dataset.sign === sign) return;
    this.tabs.dataset.sign = sign;
    const old = [...this.tabs.children];
    arrange(this.tabs, tabs.map(([label, filter, n], i) => {
      const tab = old[i] || h('button', 'tab');
      tab.onclick = () => this.#show(filter);
      const isChosen = JSON.stringify(filter) === JSON.stringify(this.#filter);
      if (isChosen) this.#chosen = label;
      tab.setAttribute('aria-pressed', isChosen);
      tab.textContent = '';
      tab.append(h('bdi', null, {}, label), ...(n ? [' ', h('span', 'count', {}, words.number(n))] : []));
      return tab;
    }));
  }

  // What can be undone, or what did not work.
  #drawBar() {
    const { words, bar, shared } = this;
    const { undoable } = shared.store;
    const text = undoable ? words.say(`did${undoable.kind[0].toUpperCase()}${undoable.kind.slice(1)}`) : this.#told;
    bar.hidden = !text;
    if (bar.dataset.text === text) return;
    bar.dataset.text = text;
    bar.textContent = text;
    if (text) shared.say(text);
    if (undoable) bar.append(h('button', 'undo', { onclick: () => this.#undo() }, words.say('undo')));
  }

  #undo() {
    const { undoable } = this.shared.store;
    if (undoable) this.#try(undoable.undo());
    this.body.focus();
  }

  #drawState(state) {
    const { words } = this;
    const { login } = this.host;
    const bars = () => h('div', 'bone', {}, h('span', 'picture'), h('div', 'text', {}, h('i', 'line'), h('i', 'line')));
    const texts = { empty: { unread: 'emptyUnread', archived: 'emptyArchived' }[this.#filter.state] || 'empty', failed: 'failed', out: 'loggedOut' };
    this.#order = [];
    this.#rows.clear();
    if (state === 'loading') {
      arrange(this.body, [h('p', 'hidden', {}, words.say('loading')), bars(), bars(), bars()]);
      return;
    }
    const link = login && safeHref(login);
    arrange(this.body, [h('div', 'state', {}, icon(state === 'empty' ? CHECK : BELL), h('p', null, {}, words.say(texts[state])),
      state === 'failed' ? h('button', 'action', { onclick: () => this.shared.store.refresh(this.#filter) }, words.say('retry')) : null,
      state === 'out' && link ? h('a', 'action', { href: link }, words.say('login')) : null)]);
  }

  #drawRows({ onTop, others }) {
    const focused = this.#order.findIndex(({ root }) => root.contains(root.getRootNode().activeElement));
    const focusedRow = this.#order[focused];
    const rows = new Map();
    const nodes = [];
    const group = (label, messages) => {
      const list = h('ul', 'list', { role: 'list', 'aria-label': label });
      const old = [...this.body.children].find((node) => node.localName === 'ul' && node.getAttribute('aria-label') === label);
      const heading = old ? old.previousSibling : h('h3', 'day', {}, label);
      arrange(old || list, messages.map((message) => rowOf(message).root));
      nodes.push(heading, old || list);
    };
    const rowOf = (message) => {
      const old = rows.get(message.id) || this.#rows.get(message.id);
      const row = old?.says(message) ? old : new Row(message, this);
      if (row.message !== message) row.update(message);
      rows.set(message.id, row);
      return row;
    };

    this.#markNew(others, rowOf);
    if (onTop.length > 0) group(this.words.say('toAcknowledge'), onTop);
    for (const [day, messages] of byDay(others, this.times)) group(day, messages);
    arrange(this.body, [...nodes, this.older]);
    this.#rows = rows;
    this.#order = [...onTop, ...others].map(({ id }) => rows.get(id));
    if (focusedRow) this.#refocus(focusedRow, focused);
  }

  #markNew(messages, rowOf) {
    let isNew = this.#known.size > 0;
    for (const message of messages) {
      if (this.#known.has(message.id)) isNew = false;
      else if (isNew) rowOf(message).root.classList.add('new');
    }
    for (const { id } of messages) this.#known.add(id);
  }

  // The row moved, or has gone: the focus goes with it, or to the row in its place.
  #refocus(row, index) {
    if (row.root.contains(row.root.getRootNode().activeElement)) return;
    const next = this.#order.includes(row) ? row : this.#order[Math.min(index, this.#order.length - 1)];
    (next ? next.title : this.body).focus();
  }

  // What is on the screen has been looked at.
  #look({ position, onTop, others }) {
    if (isHidden() || position === this.#seen || this.#filter.state !== 'all' || this.#filter.category) return;
    this.#seen = position;
    if ([...onTop, ...others].some(({ seen }) => seen === false)) this.shared.store.seen(position).catch(() => (this.#seen = null));
  }

  act(kind, message) {
    return this.#try(this.shared.store.change(kind, message));
  }

  tell(text) {
    this.#told = text;
    this.draw();
  }

  async #try(promise) {
    this.#told = '';
    try {
      await promise;
    } catch ({ status, code }) {
      if (status !== 401 && code !== 'another_user') this.tell(this.words.say('notDone'));
    }
  }

  #more() {
    const last = this.#order[this.#order.length - 1];
    const hadFocus = this.older.getRootNode().activeElement === this.older;
    return this.shared.store.more(this.#filter).then(() => {
      const next = this.#order[this.#order.indexOf(last) + 1];
      if (hadFocus && next) next.title.focus();
    });
  }

  // The older ones come by themselves when their button is scrolled to.
  #autoload() {
    if (!globalThis.IntersectionObserver) return () => {};
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#more());
    observer.observe(this.older);
    return () => observer.disconnect();
  }

  #toggleSettings() {
    this.#panel = this.#panel ? null : settingsOf(this);
    this.#order = [];
    this.gear.setAttribute('aria-expanded', this.#panel !== null);
    this.draw();
  }

  // j and k go down and up; on a message, Enter opens it, e archives, r reads, u unreads.
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.localName === 'input') return;
    const at = this.#order.findIndex(({ root }) => root.contains(event.target));
    const row = this.#order[at];
    const step = { j: 1, k: -1 }[event.key];
    const kind = KEYS[event.key];
    if (step) this.#order[Math.max(0, Math.min(at + step, this.#order.length - 1))]?.title.focus();
    else if (row && kind && row.actions.some(([one]) => one === kind)) row.act(kind);
    else return;
    event.preventDefault();
  }
}

function byDay(messages, times) {
  const days = new Map();
  for (const message of messages) {
    const day = times.day(message.created_at * 1000, Date.now());
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(message);
  }
  return days;
}

function safeHref(url) {
  const { protocol, href } = new URL(url, document.baseURI);
  return /^https?:$/.test(protocol) ? href : null;
}
