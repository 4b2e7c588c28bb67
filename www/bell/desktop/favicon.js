// SPDX-License-Identifier: MIT
// favicon.js - a dot on the page's icon while something is unread. It is drawn, so a policy must allow `img-src data:`; where it does
// not, or the icon is another site's, the icon stays as it is.

import { showNumber } from './number.js';

const SIZE_PX = 64;
const DOT = { x: 46, y: 18, radius: 18, color: '#cf2a20' };

// Until the returned stop() is called.
export function start(doorbell) {
  const links = [...document.querySelectorAll('link[rel~=icon]')];
  const plain = links.map(({ href, type }) => ({ href, type }));
  let dotted = null; // a promise of the icon with its dot
  let isWanted = false;

  async function show(num) {
    isWanted = num > 0;
    if (links.length === 0) return;
    if (isWanted) dotted ??= withDot(links[links.length - 1].href);
    const icon = isWanted && (await dotted.catch(() => null));
    if (isWanted !== num > 0) return; // it has changed meanwhile
    links.forEach((link, i) => Object.assign(link, icon ? { href: icon, type: 'image/png' } : plain[i]));
  }
  return showNumber(doorbell, show);
}

async function withDot(href) {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIZE_PX, height: SIZE_PX });
  const context = canvas.getContext('2d');
  context.drawImage(await imageOf(href), 0, 0, SIZE_PX, SIZE_PX);
  context.fillStyle = DOT.color;
  context.arc(DOT.x, DOT.y, DOT.radius, 0, 2 * Math.PI);
  context.fill();
  const icon = canvas.toDataURL('image/png');
  await imageOf(icon); // the policy may forbid it
  return icon;
}

async function imageOf(src) {
  const image = Object.assign(new Image(), { src });
  await image.decode();
  return image;
}
