// SPDX-License-Identifier: MIT
// worker.js - the script of a shared worker: one more tab, which shows nothing and never tells of a message or sounds, but may lead
// and goes on while the user goes from page to page. bell/network/background.js starts it.

import { Client } from './client.js';
import { browserClock } from './clock.js';
import { keyOf } from './core/arbiter.js';

const NO_BID = { tells: -1, sounds: -1 };
const begun = new Set(); // addresses

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => {
    begin(data);
    await navigator.locks.query(); // after the request of ours
    port.postMessage(null);
  };
};

function begin(options) {
  const key = [options.api, options.relay, options.events].join(' ');
  if (begun.has(key)) return;
  begun.add(key);
  const name = `doorbell:${options.api}`;
  const tab = Math.random().toString(36).slice(2);
  const openChannel = () => new BroadcastChannel(name);
  const bell = new Crier(name, tab);
  const world = {
    clock: browserClock, fetch: (...args) => fetch(...args), WebSocket, EventSource: self.EventSource, preference: { get: () => null, set: () => {} },
    openChannel, isHidden: () => true, locks: navigator.locks, tab,
  };
  const client = new Client({ ...options, token: null }, world, {
    badge: () => {},
    announce: (id, user, epoch, num, c) => bell.cry({ id, user, epoch, num, c }),
    emit: () => {},
  });
  client.start();
  bell.listen();
}

// Calls messages out to the arbiters of the tabs (core/arbiter.js). Where no page is open, to the next one that asks what the leader knows.
class Crier {
  #tab;
  #bell;
  #channel;
  #untold = null;

  constructor(name, tab) {
    this.#tab = tab;
    this.#channel = name;
    this.#bell = new BroadcastChannel(`${name}:bell`);
    this.#bell.onmessage = ({ data }) => {
      if (this.#untold && data.sounded === keyOf(this.#untold)) this.#untold = null;
    };
  }

  // Once the client has a channel: it answers first.
  listen() {
    new BroadcastChannel(this.#channel).onmessage = ({ data }) => data.wants === 'state' && this.#untold && this.cry(this.#untold);
  }

  cry(message) {
    this.#untold = message;
    this.#bell.postMessage({ call: message, tab: this.#tab, bid: NO_BID });
  }
}
