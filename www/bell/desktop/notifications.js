// SPDX-License-Identifier: MIT
// notifications.js - a new message as a notification of the desktop, where the user has turned that on and looks at another window.
// Doorbell tells of a message once in a browser, so there is one for all tabs.

import { mayChange } from '../core/pages.js';
import { safeLink } from '../core/rules.js';
import { read, write } from '../network/storage.js';

const key = `doorbell:notifications:${location.host}`;
const isAllowed = () => globalThis.Notification?.permission === 'granted';

// Until the returned stop() is called. `isOn` is the user's own choice, off until setOn(true) is called in a click of theirs: the browser
// asks them then. It resolves to what came of it.
export function start(doorbell) {
  const shown = new Set();
  const closeAll = () => shown.forEach((one) => one.close());

  const onMessage = ({ detail }) => {
    const isSeen = document.visibilityState === 'visible' && document.hasFocus();
    if (detail.title !== undefined && !isSeen && notifications.isOn) show(detail, doorbell, shown);
  };
  const onChange = ({ detail }) => detail.num || closeAll(); // all is read, or the user is gone
  doorbell.addEventListener('message', onMessage);
  doorbell.addEventListener('change', onChange);

  const notifications = {
    get isOn() {
      return isAllowed() && read('local', key) === 'on';
    },
    async setOn(isOn) {
      if (isOn && !isAllowed()) await globalThis.Notification?.requestPermission();
      write('local', key, isOn ? 'on' : 'off');
      return notifications.isOn;
    },
    stop() {
      doorbell.removeEventListener('message', onMessage);
      doorbell.removeEventListener('change', onChange);
      closeAll();
    },
  };
  return notifications;
}

function show(message, doorbell, shown) {
  const { id, title, body, url, extra } = message;
  const href = safeLink(url, document.baseURI);
  const icon = safeLink(extra?.image, document.baseURI) ?? undefined;
  try {
    const one = new Notification(title, { body, icon, tag: `doorbell:${doorbell.user}:${id}` });
    shown.add(one);
    one.onclose = () => shown.delete(one);
    one.onclick = () => {
      one.close();
      window.focus();
      if (href) window.open(href, '_blank', 'noopener');
      if (mayChange('read', message)) doorbell.markRead(id).catch(() => {});
    };
  } catch {
    // phones want a service worker for that
  }
}
