// SPDX-License-Identifier: MIT
// client.js - one user's Doorbell without a page around it: what comes in from relay, API, tabs and browser becomes an
// input of the engine, and what that decides is carried out. Whatever it touches is passed in, so that it runs in
// node under a clock that is not real; doorbell.js gives it the browser's, and a page to show things on.

import { Api, DoorbellError, Tokens } from './network/api.js';
import { Connection } from './network/connection.js';
import { Engine } from './core/engine.js';
import { Poller } from './core/poller.js';

export class Client {
  #clock;
  #isHidden;
  #on;
  #tokens;
  #api;
  #engine;
  #poller;
  #connection = null;
  #openChannel;
  #channel = null; // to the other tabs, while it runs
  #timers = {};

  // options: {api, relay (null: none), events (null: none), all absolute; token, pollInterval, pingInterval}.
  // world: {clock: {now, random, setTimeout, clearTimeout}, fetch, WebSocket, EventSource, preference,
  // openChannel(), isHidden()}; openChannel returns a BroadcastChannel, or null.
  // on: {badge(num), announce(id, user), emit(type, detail)}.
  constructor({ api, relay, events, token, pollInterval, pingInterval }, world, on) {
    const { clock, fetch, WebSocket, EventSource, preference, openChannel, isHidden } = world;

    this.#clock = clock;
    this.#isHidden = isHidden;
    this.#openChannel = openChannel;
    this.#on = on;
    this.#tokens = new Tokens(token);
    this.#api = new Api(api, this.#tokens, { fetch, clock });
    this.#engine = new Engine(
      { hasRelay: relay !== null, isByCookie: () => this.#tokens.isByCookie, pollInterval },
      clock.random,
    );
    this.#poller = this.#makePoller();
    if (relay === null) return;
    const options = { relay, events, tokens: this.#tokens, pingInterval, preference, WebSocket, EventSource };
    this.#connection = new Connection(options, this.#makeEars(), clock);
  }

  #makePoller() {
    const on = {
      answer: (answer, isLast) => !this.step({ type: 'answered', answer, isLast }).some(([what]) => what === 'crossed'),
      failure: (error) => {
        this.step({ type: 'failed', error });
        return error.status !== 401; // for that, the polls go on
      },
    };
    return new Poller(() => this.#api.unread(), on, this.#clock);
  }

  // What the connection tells.
  #makeEars() {
    return {
      up: (user) => this.step({ type: 'welcomed', user, transport: this.#connection.transport }),
      down: () => this.step({ type: 'lost' }),
      refused: (why) => this.step({ type: 'refused', why }),
      ring: (ring) => this.step({ type: 'rung', ring, isHidden: this.#isHidden() }),
    };
  }

  // {num, version, seq}, or null while it is not known.
  get known() {
    return this.#engine.known;
  }

  get user() {
    return this.#engine.user;
  }

  // {state, transport}
  get told() {
    return this.#engine.told;
  }

  start() {
    this.#channel ??= this.#openChannel();
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.step({ type: 'heard', word: data });
    this.step({ type: 'start' });
  }

  stop() {
    this.#channel?.close();
    this.#channel = null;
    this.step({ type: 'stop' });
  }

  // The user has logged in anew; `token` null: by cookie.
  login(token) {
    this.#tokens.replace(token);
    this.step({ type: 'login' });
  }

  list(query) {
    return this.#asUser(this.#api.messages(query, this.user), { type: 'listed', isNewest: !query.before });
  }

  write(path, body) {
    return this.#asUser(this.#api.post(path, body, this.user), { type: 'changed' });
  }

  async markAllRead() {
    if (this.#engine.position === null) await this.list({ limit: 1 });
    return this.write('/messages/read', { upto: this.#engine.position });
  }

  // What was asked for one user must not be shown to the next.
  async #asUser(call, input) {
    const { login } = this.#engine;
    const answer = await call.catch((error) => {
      this.step({ type: 'denied', error });
      throw error;
    });
    if (login === this.#engine.login) this.step({ ...input, answer });
    if (login === this.#engine.login) return answer;
    throw new DoorbellError('another user has logged in', { code: 'another_user' });
  }

  // An input of the engine's; returns its outputs, which have been carried out.
  step(input) {
    const outputs = this.#engine.step(this.#clock.now(), input);
    for (const [what, ...args] of outputs) this.#outputs[what](...args);
    return outputs;
  }

  #outputs = {
    connect: () => this.#connection.start(),
    disconnect: () => this.#connection?.stop(),
    resume: () => this.#connection?.resume(),
    relogin: () => this.#connection?.relogin(),
    wake: (isOnline) => this.#connection?.wake(isOnline),
    ask: (spread) => this.#poller.ask(spread),
    reset: () => this.#poller.reset(),
    crossed: () => {}, // the poller learns it from the outputs
    forget: () => this.#api.forget(),
    badge: (num) => this.#on.badge(num),
    announce: (id, user) => this.#on.announce(id, user),
    emit: (type, detail) => this.#on.emit(type, detail),
    tell: (word) => this.#channel?.postMessage(word),
    timer: (name, ms) => this.#setTimer(name, ms),
  };

  #setTimer(name, ms) {
    this.#clock.clearTimeout(this.#timers[name]);
    if (ms === null) delete this.#timers[name];
    else this.#timers[name] = this.#clock.setTimeout(() => this.step({ type: `${name}-due` }), ms);
  }
}
