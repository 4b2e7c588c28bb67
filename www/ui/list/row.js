// SPDX-License-Identifier: MIT
// row.js - one message of a list: a link that reads on opening, what can be done with it, who sent it and when.

import { safeLink } from '../../bell/core/rules.js';
import { h, iconButton } from '../dom.js';
import { DOTS } from '../icons.js';
import { picture } from '../picture.js';
import { openMenu } from './menu.js';
import { onSwipe } from './swipe.js';

const ACTIONS_MAX = 2;

const wordsOf = ({ title, body, url, sender, extra, created_at: at, group }) =>
  JSON.stringify([title, body, url, sender, extra, at, { ...group, unread: 0 }]);

// view: {words, times, act(kind, message)}
export class Row {
  constructor(message, view) {
    const { words, times } = view;
    const { id } = message;
    const [count, sender] = groupOf(message, words);
    this.view = view;
    this.at = message.created_at * 1000;
    this.title = titleOf(message, () => this.#opened());
    this.time = h('time', 'time', { id: `time-${id}`, dateTime: new Date(this.at).toISOString(), title: times.full(this.at) });
    this.dot = h('span', 'dot', { id: `dot-${id}`, role: 'img', 'aria-label': words.say('unread') });
    const label = (word) => `${words.say(word)}: ${message.title}`;
    this.ack = h('button', 'acknowledge', { 'aria-label': label('acknowledge'), onclick: () => this.act('acknowledge') }, words.say('acknowledge'));
    this.menu = iconButton('menu-button', label('actions'), DOTS, () => openMenu(this), { 'aria-haspopup': 'menu', 'aria-expanded': false });
    this.root = h('li', 'row', {},
      picture(message),
      h('div', 'text', {}, h('div', 'top', {}, this.title, count, this.dot), ...bodyOf(message, words), this.#buttons(message),
        h('div', 'meta', {}, sender && h('bdi', 'sender', { id: `sender-${id}` }, sender), this.time)),
      this.menu);
    onSwipe(this);
    this.tick();
    this.update(message);
  }

  // What a screen reader says besides the title of one that has the focus.
  #describe() {
    const parts = [...this.root.querySelectorAll('[id]')].filter(({ hidden }) => !hidden);
    this.title.setAttribute('aria-describedby', parts.map(({ id }) => id).join(' '));
  }

  // Whether these are its words. Another history may have another message of the same id.
  says(message) {
    return wordsOf(message) === wordsOf(this.message);
  }

  update(message) {
    this.message = message;
    const mustAck = message.ack === false;
    this.root.classList.toggle('unread', !message.read);
    this.root.setAttribute('part', message.read ? 'row' : 'row unread');
    this.dot.hidden = message.read;
    this.#describe();
    this.ack.hidden = !mustAck;
    this.menu.hidden = mustAck;
  }

  // What can be done with it now: [[kind, word]…].
  get actions() {
    const { read, archived, ack } = this.message;
    if (ack === false) return [];
    const marks = read ? [['unread', 'unreadAgain']] : [['read', 'read']];
    return [...(ack === true ? [] : marks), ...(archived ? [] : [['archive', 'archive']]), ['remove', 'remove']];
  }

  act(kind) {
    return this.view.act(kind, this.message);
  }

  tick() {
    this.time.textContent = this.view.times.ago(this.at, Date.now());
  }

  #opened() {
    if (!this.message.read) this.act('read'); // the store leaves alone what must be acknowledged
  }

  #buttons({ extra }) {
    const offered = Array.isArray(extra?.actions) ? extra.actions : [];
    const links = offered.slice(0, ACTIONS_MAX).map((action) => {
      const href = safeLink(action?.url, document.baseURI);
      if (!href || typeof action.label !== 'string') return null;
      return h('a', 'action', { href, rel: 'noopener noreferrer', dir: 'auto', onclick: () => this.#opened() }, action.label);
    });
    return h('div', 'buttons', {}, this.ack, ...links);
  }
}

// Of a group, how many it has and who is in it; only its newest 100 messages are counted.
function groupOf({ id, sender, group }, words) {
  if (!group || group.count < 2) return [null, sender];
  const { senders, others } = group;
  const atLeast = (n) => (group.count > 99 ? `${n}+` : n);
  const n = atLeast(group.count);
  const names = others ? [...senders, words.say('others', { n: atLeast(others) })] : senders;
  return [
    h('span', 'count', { id: `count-${id}`, role: 'img', 'aria-label': words.say('messages', { n }) }, words.number(n)),
    Intl.ListFormat ? new Intl.ListFormat(words.lang).format(names) : names.join(', '),
  ];
}

// A link, or what looks like one and only reads. The middle button opens, too.
function titleOf({ title, url }, onOpened) {
  const href = safeLink(url, document.baseURI);
  const props = { dir: 'auto', onclick: onOpened, onauxclick: ({ button }) => button === 1 && onOpened() };
  return href ? h('a', 'title', { ...props, href, rel: 'noopener noreferrer' }, title) : h('button', 'title', props, title);
}

// Four lines of it, and a button for the rest where there is one.
function bodyOf({ body }, words) {
  if (!body) return [];
  const text = h('p', 'body', { dir: 'auto' }, body);
  const more = h('button', 'more', { hidden: true, 'aria-expanded': false }, words.say('more'));
  more.addEventListener('click', () => {
    const isOpen = text.classList.toggle('open');
    more.textContent = words.say(isOpen ? 'less' : 'more');
    more.setAttribute('aria-expanded', isOpen);
  });
  if (globalThis.ResizeObserver) {
    const measure = () => !text.classList.contains('open') && (more.hidden = text.scrollHeight <= text.clientHeight + 1);
    new ResizeObserver(measure).observe(text);
  }
  return [text, more];
}
