// SPDX-License-Identifier: MIT
// dom.js - makes elements and puts them in order. Texts go in as text, never as HTML.

// An element of class and part `name`; of `props`, on… are listeners, the others properties or attributes. Children
// are elements and texts; null and undefined are left out.
export function h(tag, name, props, ...children) {
  const element = document.createElement(tag);
  if (name) {
    element.className = name;
    element.setAttribute('part', name);
  }
  for (const [key, value] of Object.entries({ ...(tag === 'button' && { type: 'button' }), ...props }))
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Makes `nodes` the children of `parent`. Moves nothing that is in its place, so that the focus stays where it is.
export function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!kept.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

// `d`: one of icons.js.
export function icon(d) {
  const make = (tag, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const svg = make('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' });
  svg.append(make('path', { d }));
  return svg;
}

// A button that shows an icon, and says `label`.
export function iconButton(name, label, d, onclick, props) {
  return h('button', name, { title: label, 'aria-label': label, onclick, ...props }, icon(d));
}
