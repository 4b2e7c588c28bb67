// SPDX-License-Identifier: MIT
// elements.js - Doorbell for a page: defines <doorbell-inbox>, <doorbell-list> and <doorbell-toasts>, and exports what a page may
// need besides. doorbell.mjs and doorbell.min.js are this file with all that it imports at once; what only some pages need comes later.

import { DoorbellInbox } from './ui/inbox.js';
import { DoorbellList } from './ui/list.js';
import { DoorbellToasts } from './ui/toasts.js';

export { Doorbell, DoorbellError } from './doorbell.js';
export { addWords } from './words/words.js';
export { useDoorbell } from './ui/shared.js';

const elements = { 'doorbell-inbox': DoorbellInbox, 'doorbell-list': DoorbellList, 'doorbell-toasts': DoorbellToasts };
for (const name of Object.keys(elements)) if (!customElements.get(name)) customElements.define(name, elements[name]);
