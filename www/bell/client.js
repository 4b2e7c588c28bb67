// SPDX-License-Identifier: MIT
// client.js - one user's Doorbell without a page around it: what comes in from relay, API, tabs and browser becomes an
// input of the engine, and what that decides is carried out. Whatever it touches is passed in, so that it runs in
// node under a clock that is not real; doorbell.js gives it the browser's, and a page to show things on.

import { Api, Tokens } from './network/api.js';
import { calls } from './core/calls.js';
import { Connection } from './network/connection.js';
import { DoorbellError } from './core/error.js';
import { Engine } from './core/engine.js';
import { groupOf } from './core/tabs.js';
import { Leadership } from './network/leadership.js';
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
  #leadership = null; // where tabs can agree
  #timers = {};

  // options: {api, relay (null: none), events (null: none), all absolute; token, user (null: not known), pollInterval,
  // refreshInterval, pingInterval}.
  // world: {clock: {now, random, setTimeout, clearTimeout}, fetch, WebSocket, EventSource, preference,
  // openChannel(), isHidden(), locks, tab}; openChannel returns a BroadcastChannel, or null; `locks` are Web Locks, or null,
  // and `tab` is this tab's name.
  // on: {badge(num), announce(message) as the arbiter has it, emit(type, detail)}.
  constructor({ api, relay, events, token, user, pollInterval, refreshInterval, pingInterval }, world, on) {
    const { clock, fetch, WebSocket, EventSource, preference, openChannel, isHidden, locks = null, tab = '' } = world;
    const group = locks ? groupOf({ api, relay, events }) : null;

    this.#clock = clock;
    this.#isHidden = isHidden;
    this.#openChannel = openChannel;
    this.#on = on;
    this.#tokens = new Tokens(token);
    this.#api = new Api(api, this.#tokens, { fetch, clock });
    this.#engine = new Engine(
      { hasRelay: relay !== null, isByCookie: () => this.#tokens.isByCookie, pollInterval, refreshInterval, tab, group, user },
      clock.random,
    );
    this.#poller = this.#makePoller();
    if (group) this.#leadership = this.#makeLeadership(locks, group);
    if (relay === null) return;
    const options = { relay, events, tokens: this.#tokens, pingInterval, preference, WebSocket, EventSource };
    this.#connection = new Connection(options, this.#makeEars(), clock);
  }

  #makeLeadership(locks, group) {
    const tell = (type) => () => this.step({ type });
    const on = { elected: tell('elected'), deposed: tell('deposed'), alone: tell('alone') };
    return new Leadership(locks, `doorbell:leader:${group}`, on);
  }

  #makePoller() {
    const on = {
      answer: (input) => this.step(input),
      failure: (error) => {
        this.step({ type: 'failed', error });
        return error.status !== 401; // for that, the polls go on
      },
    };
    return new Poller(() => this.#ask(), on, this.#clock);
  }

  async #ask() {
    const asked = this.#engine.moment;
    return { type: 'answered', asked, answer: await this.#api.unread() };
  }

  // What the connection tells.
  #makeEars() {
    return {
      up: (user, epoch) => this.step({ type: 'welcomed', user, epoch, transport: this.#connection.transport }),
      down: () => this.step({ type: 'lost' }),
      refused: (why) => this.step({ type: 'refused', why }),
      ring: (ring) => this.step({ type: 'rung', ring, isHidden: this.#isHidden() }),
      ping: (ping) => this.step({ type: 'pinged', ping, isHidden: this.#isHidden() }),
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
    if (this.#channel)
      this.#channel.onmessage = ({ data }) => this.step({ type: 'heard', word: data, isHidden: this.#isHidden() });
    this.step({ type: 'start' });
  }

  stop() {
    this.step({ type: 'stop' });
    this.#channel?.close();
    this.#channel = null;
  }

  // The user has logged in anew; `token` null: by cookie.
  login(token) {
    this.#tokens.replace(token);
    this.step({ type: 'login' });
  }

  // One of core/calls.js, by its name; the reply. What was asked for one user must not be shown to the next.
  async call(name, ...args) {
    const { input, ...request } = calls[name](...args);
    const asked = this.#engine.moment;
    const answer = await this.#api.call(request, this.user).catch((error) => {
      this.step({ type: 'denied', error });
      throw error;
    });
    if (input && asked.login === this.#engine.login) this.step({ ...input, answer, asked });
    if (asked.login === this.#engine.login) return answer;
    throw new DoorbellError('another user has logged in', { code: 'another_user' });
  }

  // What the message says: where its ring gave `c`, from what the web server keeps for all pages.
  async read(id, c) {
    const own = () => this.call('get', id);
    return c ? this.call('broadcast', id, c, this.known?.seq).catch(own) : own();
  }

  async markAllRead() {
    return this.call('markReadUpto', await this.#newestPosition());
  }

  async seen(position) {
    return this.call('seen', position ?? (await this.#newestPosition()));
  }

  // Up to where the user could have seen the list, which is loaded where none was.
  async #newestPosition() {
    if (this.#engine.position === null) await this.call('list', { limit: 1 });
    return this.#engine.position;
  }

  // An input of the engine's, whose outputs are carried out.
  step(input) {
    const outputs = this.#engine.step(this.#clock.now(), input);
    for (const [what, ...args] of outputs) this.#outputs[what](...args);
  }

  #outputs = {
    connect: () => this.#connection.start(),
    disconnect: () => this.#connection?.stop(),
    resume: () => this.#connection?.resume(),
    relogin: () => this.#connection?.relogin(),
    wake: (isOnline) => this.#connection?.wake(isOnline),
    ask: (spread) => this.#poller.ask(spread),
    confirm: () => this.#poller.ask(),
    join: () => this.#leadership.join(),
    steal: () => this.#leadership.steal(),
    leave: () => this.#leadership.leave(),
    reset: () => this.#poller.reset(),
    forget: () => this.#api.forget(),
    wrong: () => this.call('wrong').catch(() => {}),
    badge: (num) => this.#on.badge(num),
    announce: (id, user, epoch, num, c) => this.#on.announce({ id, user, epoch, num, ...(c && { c }) }),
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
