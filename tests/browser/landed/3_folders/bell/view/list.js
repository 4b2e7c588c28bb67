// SPDX-License-Identifier: MIT
// list.js - the messages on the page, newest first, kept up to date. Texts go in as text, never as
// HTML; only addresses that safeLink accepts become links. The looks are the page's own: the
// classes are doorbell-list, doorbell-message, is-unread, and those set below.

import { backOff, safeLink } from '../core/rules.js';

const LIMIT = 20;
const LIMIT_MAX = 100; // the API's own limit

const defaultTexts = {
  markRead: 'Mark read',
  markAllRead: 'Mark all read',
  acknowledge: 'Acknowledge',
  older: 'Older messages',
  empty: 'No messages yet.',
  failed: 'The messages cannot be loaded right now.',
  notDone: 'That did not work. Please try again.',
  unread: 'Unread',
  time: (date) => date.toLocaleString(),
};

export class MessageList {
  #doorbell;
  #texts;
  #parts;
  #items = new Map(); // id → the elements of a message
  #next = null;
  #last = Promise.resolve(); // the load that is under way
  #isReloading = false; // or about to
  #failures = 0;
  #timer = null;
  #isStale = true; // while hidden

  // `element` is filled; `doorbell` need not have been started.
  constructor(element, doorbell, texts = {}) {
    this.#doorbell = doorbell;
    this.#texts = { ...defaultTexts, ...texts };
    this.#parts = this.#build();
    const { all, list, note, older } = this.#parts;
    element.replaceChildren(all, note, list, older);
    all.addEventListener('click', () => this.#act(() => doorbell.markAllRead()));
    older.addEventListener('click', () => this.#showOlder());
    doorbell.addEventListener('change', ({ detail }) => this.#changed(detail.num));
    document.addEventListener('visibilitychange', () => this.#isStale && this.reload());
  }

  // As many of the newest as are shown. A hidden page waits until it is seen.
  reload() {
    this.#isStale = document.visibilityState === 'hidden';
    if (this.#isStale || this.#isReloading) return;
    this.#isReloading = true;
    this.#afterwards(async () => {
      this.#isReloading = false; // what changes from here on, the answer may not know
      const limit = Math.min(LIMIT_MAX, Math.max(LIMIT, this.#items.size));
      const page = await this.#load({ limit });
      if (page) this.#show(page, page.messages);
    });
  }

  // null: whose messages these were is gone.
  #changed(num) {
    if (num !== null) this.reload();
    else this.#show({ num: 0, next: null }, null);
  }

  #showOlder() {
    this.#afterwards(async () => {
      const page = await this.#load({ limit: LIMIT, before: this.#next });
      if (!page) return;
      const shown = [...this.#items.values()].map(({ message }) => message);
      this.#show(page, [...shown, ...page.messages]);
      this.#items.get(page.messages[0]?.id)?.root.focus();
    });
  }

  // One after the other: each starts from what the last has shown.
  #afterwards(step) {
    this.#last = this.#last.then(step);
  }

  // The page, or null when it failed.
  async #load(query) {
    clearTimeout(this.#timer);
    this.#parts.list.setAttribute('aria-busy', 'true');
    const [page, error] = await this.#doorbell.list(query).then((p) => [p], (e) => [null, e]);
    this.#parts.list.removeAttribute('aria-busy');
    if (page) this.#failures = 0;
    else if (!isOfUser(error)) this.#retry();
    this.#tell(page || isOfUser(error) ? '' : this.#texts.failed);
    return page;
  }

  #retry() {
    this.#timer = setTimeout(() => this.reload(), backOff(this.#failures++, Math.random));
  }

  // What it changes comes back as a change.
  async #act(call) {
    try {
      await call();
    } catch (error) {
      if (!isOfUser(error)) this.#tell(this.#texts.notDone);
    }
  }

  #tell(text) {
    this.#parts.note.textContent = text;
    this.#parts.note.hidden = !text;
  }

  #build() {
    const list = make('ol', 'doorbell-list');
    list.setAttribute('role', 'list'); // Safari forgets it where the bullets are styled away
    const note = make('p', 'doorbell-note');
    note.setAttribute('role', 'status');
    note.hidden = true;
    const all = make('button', 'doorbell-all', this.#texts.markAllRead);
    const older = make('button', 'doorbell-older', this.#texts.older);
    all.type = older.type = 'button';
    all.disabled = older.hidden = true;
    return { all, list, note, older };
  }

  // `messages` null: not known.
  #show(page, messages) {
    const { all, list, older } = this.#parts;
    this.#next = page.next;
    older.hidden = !page.next;
    all.disabled = !page.num || page.num <= (messages ?? []).filter(mustAcknowledge).length;
    this.#arrange(messages ?? []);
    if (messages?.length === 0) list.append(make('li', 'doorbell-empty', this.#texts.empty));
  }

  // Moves nothing that is in its place, so that the focus stays where it is.
  #arrange(messages) {
    const { list } = this.#parts;
    const items = new Map();

    for (const message of messages) {
      const item = this.#items.get(message.id) ?? this.#create(message);
      items.set(message.id, item);
      this.#update(item, message);
    }
    for (const root of [...list.children]) if (!items.has(Number(root.dataset.id))) root.remove();
    let at = list.firstElementChild;
    for (const { root } of items.values()) {
      if (root === at) at = at.nextElementSibling;
      else list.insertBefore(root, at);
    }
    this.#items = items;
  }

  #create(message) {
    const { id, body, sender, created_at: createdAt } = message;
    const root = make('li', 'doorbell-message');
    const button = this.#button(message, root);
    const unread = make('span', 'doorbell-unread', this.#texts.unread);
    const date = new Date(createdAt * 1000);
    const time = make('time', 'doorbell-time', this.#texts.time(date));

    root.dataset.id = id;
    root.tabIndex = -1;
    time.dateTime = date.toISOString();
    root.append(this.#heading(message), unread);
    if (body) root.append(make('p', 'doorbell-body', body));
    if (sender) root.append(make('span', 'doorbell-sender', sender));
    root.append(time, button);
    return { root, button, unread };
  }

  #button({ id, title, ack }, root) {
    const isAck = ack !== null && ack !== undefined; // both before and after
    const text = isAck ? this.#texts.acknowledge : this.#texts.markRead;
    const button = make('button', isAck ? 'doorbell-acknowledge' : 'doorbell-read', text);

    button.type = 'button';
    button.setAttribute('aria-label', `${text}: ${title}`);
    button.addEventListener('click', () => {
      root.focus(); // the button is about to go
      this.#act(() => (isAck ? this.#doorbell.acknowledge(id) : this.#doorbell.markRead(id)));
    });
    return button;
  }

  #heading({ id, title, url, ack }) {
    const heading = make('h3', 'doorbell-title');
    const href = safeLink(url, document.baseURI);

    if (!href) {
      heading.textContent = title;
      return heading;
    }
    const link = make('a', 'doorbell-link', title);
    link.href = href;
    link.rel = 'noopener noreferrer';
    if (!mustAcknowledge({ ack })) link.addEventListener('click', () => this.#act(() => this.#doorbell.markRead(id)));
    heading.append(link);
    return heading;
  }

  #update(item, message) {
    item.message = message;
    item.root.classList.toggle('is-unread', !message.read);
    item.button.hidden = message.read;
    item.unread.hidden = message.read;
  }
}

function mustAcknowledge({ ack }) {
  return ack === false;
}

// Nobody is logged in, or somebody else: the next change says who it is.
function isOfUser({ status, code }) {
  return status === 401 || code === 'another_user';
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
