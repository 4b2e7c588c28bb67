// SPDX-License-Identifier: MIT
// picture.js - who has sent a message, as a round picture.

import { safeLink } from '../bell/core/rules.js';
import { h, icon } from './dom.js';
import { BELL } from './icons.js';

// The sender's picture, else their first letter, else a bell.
export function picture({ sender, extra }) {
  const [letter] = String(sender ?? '').trim();
  const src = safeLink(extra?.image, document.baseURI);
  const place = h('span', 'picture', { 'aria-hidden': 'true' }, letter ? letter.toUpperCase() : icon(BELL));
  if (src) {
    const image = h('img', 'image', { src, alt: '', loading: 'lazy', onerror: () => image.remove() });
    place.append(image);
  }
  return place;
}
