// SPDX-License-Identifier: MIT
// all.js - what a page loads when it shows its first list; in one file as ../min/list.js.

export { Store } from '../../bell/store.js';
export { default as english } from '../../words/en_lists.js';
export { Popover } from './popover.js';
export { ListView } from './view.js';
