// SPDX-License-Identifier: MIT
// style.js - the looks of the elements, but for what only lists or toasts have, which is in list/style.js and toasts/style.js. A page
// changes them by --doorbell-… and by ::part; light and dark follow the page's color-scheme, or the attribute theme="light" or "dark".

const colors = {
  bg: ['#fff', '#1d1f24'],
  fg: ['#1c1e23', '#eceef2'],
  dim: ['#60656f', '#a0a6b1'],
  line: ['#e4e6eb', '#34373f'],
  hover: ['#f4f5f8', '#282b32'],
  accent: ['#3d4fd1', '#a3aefc'],
  'accent-fg': ['#fff', '#14151a'],
  fresh: ['#eef0ff', '#2a2e4d'],
  badge: ['#cf2a20', '#cf2a20'],
  'badge-fg': ['#fff', '#fff'],
};
const each = (make) => Object.entries(colors).map(([name, both]) => `--_${name}:var(--doorbell-${name},${make(both)});`).join('');
const light = each(([day]) => day);
const dark = each(([, night]) => night);
const both = each(([day, night]) => `light-dark(${day},${night})`);

export const css = `
:host {
  ${light}
  --_shadow: 0 0 0 1px rgba(0, 0, 0, .06), 0 12px 32px rgba(0, 0, 0, .18);
  --_radius: var(--doorbell-radius, 12px);
}
.bell, .inbox, .toasts {
  font: var(--doorbell-font, 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans', sans-serif);
}
:host([hidden]) { display: none }
:host([theme=dark]) { color-scheme: dark; ${dark} }
:host([theme=light]) { color-scheme: light }
@supports (color: light-dark(red, red)) {
  :host, :host([theme]) { ${both} }
}
* { box-sizing: border-box }
[hidden] { display: none !important }
button, a { color: inherit; font: inherit; text-align: inherit; text-decoration: none }
button { border: 0; background: none; padding: 0; cursor: pointer }
:focus { outline: none }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px }
p, ul { margin: 0; padding: 0; list-style: none }
.icon { display: block; width: 1.4em; height: 1.4em; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round }

button.bell { display: inline-grid; vertical-align: middle; width: 2.75em; height: 2.75em; border-radius: 50%; color: var(--doorbell-bell, inherit) }
.bell > * { grid-area: 1 / 1 }
.bell .icon { width: 1.6em; height: 1.6em; place-self: center }
.bell:hover { background: var(--doorbell-bell-hover, rgba(128, 128, 128, .16)) }
.bell:focus-visible { outline-color: currentColor }
.badge {
  place-self: start end; min-width: 1.7em; padding: 0 .4em; border-radius: 1em; background: var(--_badge); color: var(--_badge-fg);
  font-size: .7em; font-weight: 700; line-height: 1.7; text-align: center; font-variant-numeric: tabular-nums
}

.retry { color: var(--_accent); font-weight: 600 }
.picture {
  flex: none; position: relative; display: grid; place-items: center; width: 2.4em; height: 2.4em; border-radius: 50%; overflow: hidden;
  margin-inline-end: .8em; background: var(--_hover); color: var(--_dim); font-weight: 600
}
.image { position: absolute; top: 0; left: 0; width: 100%; height: 100%; object-fit: cover; background: var(--_hover) }
.text { flex: 1; min-width: 0 }
.body { color: var(--_dim); white-space: pre-line }
.body:not(.open) { display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 4 }

@media (prefers-reduced-motion: reduce) {
  * { animation: none !important }
}
`;
