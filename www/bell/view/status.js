// SPDX-License-Identifier: MIT
// status.js - a place whose text screen readers say when it changes, out of sight.

export function makeStatus() {
  const status = document.createElement('span');
  status.setAttribute('role', 'status');
  Object.assign(status.style, {
    position: 'absolute',
    width: '1px',
    height: '1px',
    overflow: 'hidden',
    clipPath: 'inset(50%)',
    whiteSpace: 'nowrap',
  });
  return status;
}
