// SPDX-License-Identifier: MIT
// app_badge.js - the number on the icon of a site that was installed as an app.

import { showNumber } from './number.js';

// Until the returned stop() is called.
export function start(doorbell) {
  return showNumber(doorbell, (num) => {
    const done = num ? navigator.setAppBadge?.(num) : navigator.clearAppBadge?.();
    done?.catch(() => {}); // not an app
  });
}
