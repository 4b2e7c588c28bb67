// SPDX-License-Identifier: MIT
// style.js - the looks of toasts, beside those of ../style.js.

export const css = `
:host(doorbell-toasts) { position: fixed; right: 0; bottom: 0; left: 0; z-index: var(--doorbell-z, 1000); display: block; pointer-events: none }
:host(doorbell-toasts[place=top]) { top: 0; bottom: auto }
.toasts { display: grid; justify-items: end; padding: .5em 1em }
.toast {
  display: flex; width: 24em; max-width: 100%; margin: .3em 0; padding: .9em 1em; border-radius: var(--_radius); background: var(--_bg); box-shadow: var(--_shadow);
  color: var(--_fg); overflow-wrap: anywhere; pointer-events: auto; animation: rise .25s ease-out
}
.toast .title { font-weight: 600 }
.toast .body { -webkit-line-clamp: 2 }
.toast .close { align-self: flex-start; margin: -.3em; margin-inline-start: .5em; padding: .3em; border-radius: 50%; color: var(--_dim) }
.toast .close:hover { background: var(--_hover); color: var(--_fg) }
@keyframes rise { from { opacity: 0; transform: translateY(.8em) } }

@media (max-width: 30em) {
  .toasts { justify-items: stretch }
  .toast { width: auto }
}
@media (forced-colors: active) {
  .toast { border: 1px solid }
}
`;
