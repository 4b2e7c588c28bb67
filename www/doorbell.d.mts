// SPDX-License-Identifier: MIT
// doorbell.d.mts - the types of doorbell.mjs, and of elements.js.

import type { Doorbell } from './doorbell.js';

export { Doorbell, DoorbellError } from './doorbell.js';
export type * from './doorbell.js';

export function addWords(lang: string, texts: Record<string, string | Record<string, string>>): void;
export function useDoorbell(doorbell: Doorbell): void;

export interface DoorbellElement extends HTMLElement {
  readonly doorbell: Doorbell | undefined;
}

declare global {
  interface HTMLElementTagNameMap {
    'doorbell-inbox': DoorbellElement;
    'doorbell-list': DoorbellElement;
    'doorbell-toasts': DoorbellElement;
  }
}
