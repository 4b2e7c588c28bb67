// SPDX-License-Identifier: MIT
// style.js - the looks of a list, over those of ../style.js.

export const css = `
h2, h3 { margin: 0; font-size: inherit }
button:disabled { opacity: .4; cursor: default }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }

.popover {
  position: fixed; top: var(--_top, 0); left: var(--_left, 0); right: auto; bottom: var(--_bottom, auto); z-index: var(--doorbell-z, 1000); margin: 0; border: 0; padding: 0;
  width: var(--doorbell-width, 26em); max-width: calc(100vw - 16px); height: auto; max-height: min(var(--doorbell-height, 38em), var(--_room, 100vh));
  border-radius: var(--_radius); overflow: hidden; background: var(--_bg); box-shadow: var(--_shadow); color: var(--_fg); text-align: start
}
.popover:not([hidden]) { display: flex; flex-direction: column }
.popover > .inbox { flex: 1; min-height: 0 }
.inbox { display: flex; flex-direction: column; background: var(--_bg); color: var(--_fg) }
:host(doorbell-list) { display: block }
:host(doorbell-list) .inbox { border: 1px solid var(--_line); border-radius: var(--_radius) }
.head { display: flex; align-items: center; padding: .6em .6em .3em 1em; padding-inline: 1em .6em }
.heading { flex: 1; font-size: 1.2em; font-weight: 700; line-height: 1.3 }
.head button { padding: .55em; border-radius: 50%; color: var(--_dim) }
.head button:hover:enabled { background: var(--_hover); color: var(--_fg) }
:host(doorbell-inbox) .close { display: none }
.older, .see-all { display: block; width: 100%; padding: .8em; text-align: center }
.see-all { border-top: 1px solid var(--_line) }
.state { display: grid; justify-items: center; padding: 3.5em 1em; color: var(--_dim); text-align: center }
.action, .acknowledge {
  display: inline-block; margin-top: .5em; margin-inline-end: .6em; padding: .35em .9em; border: 1px solid var(--_line); border-radius: calc(var(--_radius) * .6);
  background: var(--_bg); color: var(--_fg); font-weight: 600
}
.action:hover { border-color: var(--_dim) }

.gear[aria-expanded=true] { color: var(--_accent) !important }
.tabs { flex: none; display: flex; overflow-x: auto; padding: 0 .7em; border-bottom: 1px solid var(--_line); scrollbar-width: none }
.tabs::-webkit-scrollbar { display: none }
.tab { flex: none; padding: .55em .6em; border-bottom: 2px solid transparent; color: var(--_dim); white-space: nowrap }
.tab:hover { color: var(--_fg) }
.tab[aria-pressed=true] { border-color: var(--_accent) }
.count { display: inline-block; padding: 0 .5em; border-radius: 1em; background: var(--_hover); font-size: .8em; font-variant-numeric: tabular-nums }

.scroll { flex: 1; min-height: 9em; overflow-x: hidden; overflow-y: auto; overscroll-behavior: contain }
:host(doorbell-list) .scroll { overflow: visible }
.day { padding: .9em 1.2em .3em; color: var(--_dim); font-size: .85em; font-weight: 600 }
.row { position: relative; display: flex; padding: .75em 1em; touch-action: pan-y; overflow-wrap: anywhere }
.row + .row::before { content: ''; position: absolute; top: 0; left: 4em; right: 1em; border-top: 1px solid var(--_line) }
.row:hover .picture { background: var(--_line) }
.top { display: flex; align-items: baseline }
.title { flex: 1; min-width: 0; color: var(--_dim) }
.unread .title { color: var(--_fg); font-weight: 600 }
.row .title::after { content: ''; position: absolute; top: 0; right: 0; bottom: 0; left: 0 }
.title:focus-visible { outline: 0 }
.title:focus-visible::after { outline: 2px solid var(--_accent); outline-offset: -2px; border-radius: var(--_radius) }
.dot, .top .count { flex: none; margin-inline-start: .6em }
.dot { width: .6em; height: .6em; border-radius: 50%; background: var(--_accent) }
.unread .body { color: var(--_fg) }
.more, .action, .acknowledge, .menu-button, .menu { position: relative; z-index: 1 }
.more, .undo, .older, .see-all, .tab[aria-pressed=true] { color: var(--_accent); font-weight: 600 }
.buttons:not(:empty) { display: flex; flex-wrap: wrap }
.acknowledge { border-color: var(--_accent); background: var(--_accent); color: var(--_accent-fg) }
.meta { margin-top: .2em; color: var(--_dim); font-size: .85em }
.sender + .time::before { content: ' · ' }
.menu-button { flex: none; align-self: flex-start; margin: -.25em 0; margin-inline: .2em -.4em; padding: .4em; border-radius: 50%; color: var(--_dim) }
.menu-button .icon { stroke-width: 3 }
.menu-button:hover { background: var(--_hover); color: var(--_fg) }
.menu {
  position: absolute; top: 2.8em; right: .8em; z-index: 2; min-width: 11em; padding: .3em; border-radius: calc(var(--_radius) * .8); background: var(--_bg); box-shadow: var(--_shadow)
}
[dir=rtl] .menu { right: auto; left: .8em }
.menu.up { top: auto; bottom: calc(100% - 2.4em) }
.item { display: block; width: 100%; padding: .5em .8em; border-radius: calc(var(--_radius) * .6) }
.new { animation: fresh 3s ease-out }
@keyframes fresh { from { background: var(--_fresh) } }

.state .icon { width: 2.6em; height: 2.6em; margin-bottom: .6em; stroke-width: 1.25 }
.bone { display: flex; padding: .9em 1em; animation: pulse 1.4s ease-in-out infinite alternate }
.line { display: block; width: 85%; height: .8em; margin: .3em 0; border-radius: .4em; background: var(--_hover) }
.line + .line { width: 55% }
@keyframes pulse { to { opacity: .45 } }
.undo-bar, .setting { display: flex; align-items: center; justify-content: space-between; padding: .7em 1em }
.undo-bar { border-top: 1px solid var(--_line); background: var(--_hover) }
.undo { padding: .2em .6em }
.settings { padding: .4em 0 1em }
.setting { cursor: pointer }
.older:hover:enabled, .see-all:hover, .row:hover, .row:focus-within, .item:hover, .item:focus, .setting:hover { background: var(--_hover) }
.switch { width: 1.2em; height: 1.2em; margin: 0; accent-color: var(--_accent) }
@media (max-width: 30em) {
  .popover { top: 0; bottom: auto; left: 0; width: 100vw; max-width: none; height: 100vh; height: 100dvh; max-height: none; border-radius: 0 }
  :host(doorbell-inbox) .close { display: block }
}
@media (forced-colors: active) {
  .dot { background: Highlight }
  .popover, .menu { border: 1px solid }
}
`;
