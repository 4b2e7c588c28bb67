// SPDX-License-Identifier: MIT
// error.js - how a call fails, and how what a page gives is refused: in a sentence that says what to give.

export class DoorbellError extends Error {
  constructor(message, { status = 0, code = '', retryAfter = null } = {}) {
    super(message);
    this.name = 'DoorbellError';
    this.status = status; // 0: no answer at all
    this.code = code;
    this.retryAfter = retryAfter; // ms, or null
  }
}

// `what` must be `wanted`; else it throws.
export function demand(isGood, what, wanted, value) {
  if (!isGood) throw new DoorbellError(`${what} must be ${wanted}; it is ${textOf(value)}`, { code: 'invalid' });
}

function textOf(value) {
  try {
    return JSON.stringify(value).slice(0, 100);
  } catch {
    return typeof value; // it has no such text
  }
}
