// SPDX-License-Identifier: MIT
// storage.js - what the browser keeps from page to page, 'local' or 'session'. It may be full, or forbidden: then nothing is kept.

export function read(kind, name) {
  try {
    return globalThis[`${kind}Storage`].getItem(name);
  } catch {
    return null;
  }
}

export function write(kind, name, text) {
  try {
    globalThis[`${kind}Storage`].setItem(name, text);
  } catch {
    // for this page alone, then
  }
}
