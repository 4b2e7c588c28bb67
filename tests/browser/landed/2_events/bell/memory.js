// SPDX-License-Identifier: MIT
// memory.js - one word that this tab keeps from page to page, where the browser allows it.

export class Memory {
  #name;

  constructor(name) {
    this.#name = name;
  }

  get() {
    try {
      return sessionStorage.getItem(this.#name);
    } catch {
      return null;
    }
  }

  set(word) {
    try {
      sessionStorage.setItem(this.#name, word);
    } catch {
      // full, or forbidden
    }
  }
}
