// SPDX-License-Identifier: MIT
// world.mjs - app, relay and browser around whole clients, all of it small: a model that protocol.test.mjs holds against
// what they really say. With `locks`, the tabs agree on a leader.

import { Client } from '../../www/bell/client.js';
import { FakeClock, FakeLockManager, fakePreference, fakeWebSocket, settle } from './fakes.mjs';

// The servers, and the browser that holds the cookie `user`.
export class World {
  clock = new FakeClock();
  WebSocket = fakeWebSocket();
  user = 'bob';
  states = {};
  isAppUp = true;
  epoch = 'old';
  writes = [];
  questions = 0;
  words = []; // between tabs
  #channels = new Set();
  #locks = null;
  #tabs = 0;

  constructor({ locks = false } = {}) {
    if (locks) this.#locks = new FakeLockManager();
  }

  stateOf(user) {
    this.states[user] ??= { num: 0, hit: 0, latest: 0, version: 0, seq: 0, epoch: this.epoch, user };
    return this.states[user];
  }

  send(user, { isLost = false } = {}) {
    const state = this.stateOf(user);
    Object.assign(state, { num: state.num + 1, version: state.version + 1, hit: 1, latest: state.latest + 1 });
    const { num, version, seq, hit, latest: id, epoch } = state;
    if (!isLost) this.tell({ type: 'ring', version, seq, num, hit, id, epoch }, (one) => one.user === user);
  }

  // What the relay says to those who are there.
  tell(frame, isFor = () => true) {
    this.WebSocket.sockets.filter((one) => !one.isClosed && one.user && isFor(one)).forEach((one) => one.tell(frame));
    return settle();
  }

  // Another history, in which nothing has happened yet.
  failOver(epoch = 'new') {
    this.epoch = epoch;
    this.states = {};
  }

  fetch = async (url, { method, headers }) => {
    await null;
    if (!this.isAppUp) throw new TypeError('network');
    const [status, json] = this.#answer(method, headers['Doorbell-User']);
    return { status, headers: new Headers(), text: async () => JSON.stringify(json) };
  };

  #answer(method, expected) {
    if (this.user === null) return [401, {}];
    if (expected !== undefined && expected !== this.user) return [409, { error: { code: 'another_user', message: '' } }];
    const state = this.stateOf(this.user);
    if (method === 'GET') this.questions++;
    if (method === 'GET') return [200, { ...state, messages: [], next: null, position: 'p1' }];
    this.writes.push(this.user);
    Object.assign(state, { num: 0, version: state.version + 1, hit: 0 });
    return [200, { ...state }];
  }

  // The relay lets in all who wait.
  async welcome() {
    await settle();
    for (const socket of this.WebSocket.sockets.filter((one) => !one.isClosed && !one.user)) {
      socket.user = this.user;
      socket.tell({ type: 'welcome', user: this.user });
    }
    await settle();
  }

  #openChannel(tab) {
    const channel = {
      tab,
      // Later, and in order, as of a browser; not to those that are frozen.
      postMessage: (data) => {
        this.words.push(data);
        const others = [...this.#channels].filter((one) => one !== channel);
        const copy = structuredClone(data);
        queueMicrotask(() => others.filter((one) => this.#channels.has(one) && !one.tab.isFrozen).forEach((one) => one.onmessage({ data: copy })));
      },
      close: () => this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }

  open(more = {}) {
    const tab = { badge: null, announced: [], states: [], isHidden: false, isFrozen: false, questions: 0 };
    const options = { api: 'https://x/doorbell', relay: 'wss://x/ws', events: null, token: null, pollInterval: 60_000, refreshInterval: 900_000, pingInterval: 25_000, ...more };
    const { clock, WebSocket } = this;
    const fetch = (url, request) => {
      if (request.method === 'GET' && url.endsWith('/unread')) tab.questions++;
      return this.fetch(url, request);
    };
    const locks = this.#locks?.of(tab) ?? null;
    const own = { preference: fakePreference(), openChannel: () => this.#openChannel(tab), isHidden: () => tab.isHidden, locks, tab: `tab${++this.#tabs}` };
    tab.client = new Client(options, { clock, fetch, WebSocket, EventSource: null, ...own }, {
      badge: (num) => { tab.badge = num; },
      announce: ({ id, epoch }) => tab.announced.push(epoch === 'old' ? id : `${id} ${epoch}`),
      emit: (type, detail) => type === 'state' && tab.states.push(detail.state),
    });
    tab.client.start();
    return tab;
  }
}

