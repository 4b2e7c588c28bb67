// SPDX-License-Identifier: MIT
// swipe.js - on touch, a row that is drawn aside: towards its end archives, towards its start reads or unreads.

const START_PX = 12;
const ENOUGH_PX = 90;

export function onSwipe(row) {
  const { root } = row;
  let from = null;
  let by = 0;

  const draw = (px) => {
    by = px;
    root.style.transform = px ? `translateX(${px}px)` : '';
  };
  const actionOf = () => {
    const isToEnd = by > 0 === (getComputedStyle(root).direction === 'ltr');
    const kinds = row.actions.map(([kind]) => kind);
    return kinds.find((kind) => (isToEnd ? kind === 'archive' : kind === 'read' || kind === 'unread'));
  };
  const end = () => {
    const kind = Math.abs(by) >= ENOUGH_PX && actionOf();
    if (by) root.addEventListener('click', swallow, { capture: true, once: true });
    setTimeout(() => root.removeEventListener('click', swallow, true));
    from = null;
    draw(0);
    if (kind) row.act(kind);
  };

  root.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' && event.isPrimary) from = event.clientX;
  });
  root.addEventListener('pointermove', ({ clientX }) => {
    if (from !== null && Math.abs(clientX - from) > START_PX) draw(clientX - from);
  });
  root.addEventListener('pointerup', end);
  root.addEventListener('pointercancel', () => {
    from = null;
    draw(0);
  });
}

// It was no click on the link.
function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}
