// SPDX-License-Identifier: MIT
// worker.js - the script of a shared worker: one more tab, which shows nothing and never tells of a message or sounds, but may lead
// and goes on while the user goes from page to page. bell/network/background.js starts it.

import { Client } from './client.js';
import { browserClock } from './clock.js';
import { keyOf, NEVER } from './core/arbiter.js';
import { bellOf, channelOf, groupOf } from './core/tabs.js';

const NO_BID = { tells: NEVER, sounds: NEVER };
const begun = new Set(); // groups

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => {
    begin(data);
    await navigator.locks.query(); // after the request of ours
    port.postMessage(null);
  };
};

function begin(options) {
  const group = groupOf(options);
  if (begun.has(group)) return;
  begun.add(group);
  const tab = Math.random().toString(36).slice(2);
  const openChannel = () => new BroadcastChannel(channelOf(options.api));
  const bell = new Crier(options.api, tab);
  const world = {
    clock: browserClock, fetch: (...args) => fetch(...args), WebSocket, EventSource: self.EventSource, preference: { get: () => null, set: () => {} },
    openChannel, isHidden: () => true, locks: navigator.locks, tab,
  };
  const client = new Client({ ...options, token: null }, world, {
    badge: () => {},
    announce: (message) => bell.cry(message),
    emit: () => {},
  });
  client.start();
  bell.listenTo(openChannel()); // after the client, which answers first
}

// Calls messages out to the arbiters of the tabs (core/arbiter.js). Where no page is open, to the next one that asks what the leader knows.
class Crier {
  #tab;
  #bell;
  #untold = null;

  constructor(api, tab) {
    this.#tab = tab;
    this.#bell = new BroadcastChannel(bellOf(api));
    this.#bell.onmessage = ({ data }) => {
      if (this.#untold && data.sounded === keyOf(this.#untold)) this.#untold = null;
    };
  }

  listenTo(channel) {
    channel.onmessage = ({ data }) => data.wants === 'state' && this.#untold && this.cry(this.#untold);
  }

  cry(message) {
    this.#untold = message;
    this.#bell.postMessage({ call: message, tab: this.#tab, bid: NO_BID });
  }
}
