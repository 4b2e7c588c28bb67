// SPDX-License-Identifier: MIT
// menu.js - the menu of a row: opened by its button, left by Escape, Tab, a choice, or a click elsewhere.

import { h } from '../dom.js';

export function openMenu(row) {
  const { root, menu: button, view, actions } = row;
  const host = root.getRootNode();
  if (button.getAttribute('aria-expanded') === 'true') return;
  const items = actions.map(([kind, word]) =>
    h('button', 'item', { role: 'menuitem', tabIndex: -1, onclick: () => choose(kind) }, view.words.say(word)));
  const menu = h('div', 'menu', { role: 'menu', 'aria-label': button.title }, ...items);

  const close = (isBack) => {
    menu.remove();
    button.setAttribute('aria-expanded', false);
    document.removeEventListener('pointerdown', onOutside, true);
    if (isBack) button.focus();
  };
  const choose = (kind) => {
    close(true);
    row.act(kind);
  };
  const onOutside = (event) => event.composedPath().includes(menu) || close(false);

  menu.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = items.indexOf(host.activeElement);
    event.stopPropagation();
    if (step) items[(at + step + items.length) % items.length].focus();
    else if (event.key === 'Escape' || event.key === 'Tab') close(true);
    else return;
    if (event.key !== 'Tab') event.preventDefault();
  });
  button.setAttribute('aria-expanded', true);
  document.addEventListener('pointerdown', onOutside, true);
  root.append(menu);
  const { bottom } = menu.getBoundingClientRect();
  menu.classList.toggle('up', bottom > limitOf(root));
  items[0].focus();
}

// Below it, the scrolling list or the window would cut the menu off.
function limitOf(root) {
  const scroll = root.closest('.scroll').getBoundingClientRect();
  return Math.min(scroll.bottom, document.documentElement.clientHeight);
}
