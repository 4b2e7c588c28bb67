// SPDX-License-Identifier: MIT
// preference.js - which transport this tab prefers: one word, kept from page to page where the browser
// allows it.

export class Preference {
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
