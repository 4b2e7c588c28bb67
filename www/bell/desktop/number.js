// SPDX-License-Identifier: MIT
// number.js - shows the number of unread messages somewhere, as long as it is wanted there.

// Calls show(num) now and at every change, until the returned stop() is called, which shows 0.
export function showNumber(doorbell, show) {
  const onChange = ({ detail }) => show(detail.num);

  doorbell.addEventListener('change', onChange);
  show(doorbell.num);
  return {
    stop() {
      doorbell.removeEventListener('change', onChange);
      show(0);
    },
  };
}
