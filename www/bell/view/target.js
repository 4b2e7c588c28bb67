// SPDX-License-Identifier: MIT
// target.js - a base class of what has events, as EventTarget; but Safari before 14 lets nobody construct that. So each is a node of
// no page, with nothing of a node but its events.

export class Target {
  constructor() {
    return Object.setPrototypeOf(document.createDocumentFragment(), new.target.prototype);
  }
}
Object.setPrototypeOf(Target.prototype, EventTarget.prototype);
