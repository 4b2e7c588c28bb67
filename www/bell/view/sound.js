// SPDX-License-Identifier: MIT
// sound.js - a sound, where the browser lets the page play one.

export class Sound {
  isOn = true;
  #audio;

  // `sound` is an address or an <audio> element.
  constructor(sound) {
    this.#audio = typeof sound === 'string' ? new Audio(sound) : sound;
    this.#audio.preload = 'auto';
  }

  // 'rung', or 'blocked' by a browser that wants to see a click first.
  async play() {
    try {
      this.#audio.currentTime = 0;
      await this.#audio.play();
      return 'rung';
    } catch {
      return 'blocked';
    }
  }
}
