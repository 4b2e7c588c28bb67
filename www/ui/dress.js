// SPDX-License-Identifier: MIT
// dress.js - gives a shadow root a style sheet. One made by script is what a strict Content-Security-Policy allows; browsers before
// these (Chrome 73, Firefox 101, Safari 16.4) take a <style>.

import { h } from './dom.js';

const sheets = new Map(); // css → its sheet

export function dress(root, css) {
  if (!('adoptedStyleSheets' in root && 'replaceSync' in CSSStyleSheet.prototype)) {
    root.append(h('style', null, { textContent: css }));
    return;
  }
  if (!sheets.has(css)) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    sheets.set(css, sheet);
  }
  const worn = [...root.adoptedStyleSheets];
  if (!worn.includes(sheets.get(css))) root.adoptedStyleSheets = [...worn, sheets.get(css)];
}
