// SPDX-License-Identifier: MIT
// settings.js - what a user can set: the sound, notifications of the desktop, quiet hours, and which categories they see.

import { h } from '../dom.js';

// view: {words, shared, tell(text)}. Returns an element that fills itself.
export function settingsOf(view) {
  const { words, shared } = view;
  const { doorbell, store, desktop: { notifications } } = shared;
  const panel = h('div', 'settings');
  const field = (label, name, props, onchange) =>
    h('label', 'setting', {}, h('bdi', null, {}, label), h('input', name, { ...props, onchange: ({ target }) => onchange(target) }));
  const toggle = (label, checked, onchange) => field(label, 'switch', { type: 'checkbox', role: 'switch', checked }, onchange);

  async function fill() {
    const { muted, quiet_hours: hours } = await doorbell.preferences();
    panel.append(...quietOf(hours));
    await store.count();
    const names = [...new Set([...Object.keys(store.categories), ...muted])].sort();
    if (names[0]) panel.append(h('h3', 'day', {}, words.say('shown')));
    for (const name of names) panel.append(toggle(words.category(name), !muted.includes(name), (input) => mute(name, input)));
  }

  // By the clock that the user sees. While they are off, the times are those that the switch would set.
  function quietOf(hours) {
    const change = (input) =>
      save(input, () => {
        const [on, from, to] = fields.map(({ lastChild }) => lastChild);
        const { timeZone: timezone } = Intl.DateTimeFormat().resolvedOptions();
        return { quiet_hours: on.checked ? { from: from.value, to: to.value, timezone } : null };
      });
    const times = { from: '22:00', to: '07:00', ...hours };
    const time = (name) => field(words.say(name), null, { type: 'time', value: times[name] }, change);
    const fields = [toggle(words.say('quiet'), hours, change), time('from'), time('to')];
    return fields;
  }

  // The browser asks the user.
  async function notify(input) {
    const isWanted = input.checked;
    input.checked = await notifications.setOn(isWanted);
    if (input.checked !== isWanted) view.tell(words.say('notDone'));
  }

  // A switch goes back where that fails.
  async function save(input, change) {
    try {
      await doorbell.setPreferences(await change());
    } catch {
      input.checked = !input.checked;
      view.tell(words.say('notDone'));
    }
  }

  const mute = (name, input) =>
    save(input, async () => {
      const { muted } = await doorbell.preferences();
      const others = muted.filter((one) => one !== name);
      return { muted: input.checked ? others : [...others, name] };
    });

  if (shared.hasSound) panel.append(toggle(words.say('sound'), doorbell.soundOn, ({ checked }) => shared.setSound(checked)));
  if (notifications) panel.append(toggle(words.say('notifications'), notifications.isOn, notify));
  fill().catch(() => view.tell(words.say('failed')));
  return panel;
}
