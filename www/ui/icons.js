// SPDX-License-Identifier: MIT
// icons.js - the lines of each icon, 24 by 24, as the `d` of a path.

export const BELL = 'M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21.5h4';
export const CHECK = 'M2 13l4.5 4.5L15 8M12 15.5l2 2L22.5 8';
export const CLOSE = 'M6 6l12 12M18 6L6 18';
export const DOTS = 'M5 12h.01M12 12h.01M19 12h.01';
export const GEAR = 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5';
