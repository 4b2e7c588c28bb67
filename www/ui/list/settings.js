// SPDX-License-Identifier: MIT
// settings.js - what a user can set: the sound, notifications of the desktop, and which categories they see.

import { h } from '../dom.js';

// view: {words, shared, tell(text)}. Returns an element that fills itself.
export function settingsOf(view) {
  const { words, shared } = view;
  const { doorbell, store, desktop: { notifications } } = shared;
  const panel = h('div', 'settings');
  const toggle = (label, checked, onchange) =>
    h('label', 'setting', {}, h('bdi', null, {}, label), h('input', 'switch', { type: 'checkbox', role: 'switch', checked, onchange }));

  async function fill() {
    const { muted } = await doorbell.preferences();
    await store.count();
    const names = [...new Set([...Object.keys(store.categories), ...muted])].sort();
    if (names.length > 0) panel.append(h('h3', 'day', {}, words.say('shown')));
    for (const name of names) panel.append(toggle(words.category(name), !muted.includes(name), (event) => mute(name, event.target)));
  }

  // The browser asks the user.
  async function notify(input) {
    const isWanted = input.checked;
    input.checked = await notifications.setOn(isWanted);
    if (input.checked !== isWanted) view.tell(words.say('notDone'));
  }

  async function mute(name, input) {
    try {
      const { muted } = await doorbell.preferences();
      const others = muted.filter((one) => one !== name);
      await doorbell.setPreferences({ muted: input.checked ? others : [...others, name] });
    } catch {
      input.checked = !input.checked;
      view.tell(words.say('notDone'));
    }
  }

  if (shared.hasSound) panel.append(toggle(words.say('sound'), doorbell.soundOn, ({ target }) => shared.setSound(target.checked)));
  if (notifications) panel.append(toggle(words.say('notifications'), notifications.isOn, ({ target }) => notify(target)));
  fill().catch(() => view.tell(words.say('failed')));
  return panel;
}
