// SPDX-License-Identifier: MIT
// toast.js - one message for some seconds; a page that has <doorbell-toasts> loads it, as ../min/toasts.js.

import { mayChange } from '../../bell/core/pages.js';
import { safeLink } from '../../bell/core/rules.js';
import { h, iconButton } from '../dom.js';
import { CLOSE } from '../icons.js';
import { picture } from '../picture.js';

export { css } from './style.js';

const SHOWN_MS = 7_000;

// An element that removes itself, but stays while the pointer or the focus is on it. `host` is its <doorbell-toasts>.
export function makeToast(host, message) {
  const { words, doorbell } = host;
  const href = safeLink(message.url, document.baseURI);
  let timer = null;
  const hide = () => {
    clearTimeout(timer);
    toast.remove();
  };
  const wait = () => (timer = setTimeout(hide, Number(host.getAttribute('duration')) || SHOWN_MS));
  const stay = () => clearTimeout(timer);
  const opened = () => {
    hide();
    if (mayChange('read', message)) doorbell.markRead(message.id).catch(() => {});
  };
  const props = { dir: 'auto', onclick: opened, onauxclick: ({ button }) => button === 1 && opened() };
  const toast = h('li', 'toast', { onpointerenter: stay, onpointerleave: wait, onfocusin: stay, onfocusout: wait },
    picture(message),
    h('div', 'text', {},
      href ? h('a', 'title', { ...props, href, rel: 'noopener noreferrer' }, message.title) : h('span', 'title', { dir: 'auto' }, message.title),
      message.body ? h('p', 'body', { dir: 'auto' }, message.body) : null),
    iconButton('close', words.say('close'), CLOSE, hide));
  wait();
  return toast;
}
