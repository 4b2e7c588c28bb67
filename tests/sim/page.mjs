// SPDX-License-Identifier: MIT
// page.mjs - a page: the real client in node, with a clock, a network and tabs that are simulated; and what its badge
// must never show.

import { signToken } from '../harness/index.mjs';
import { START_MS } from './timeline.mjs';
import { Line } from './relay.mjs';

const SECRET = 'the-key-of-all-simulated-programs-for-tokens';

export class Page {
  badge = null;
  isHidden = false;
  isFrozen = false;
  isAlone = false; // no call of it reaches an app
  asking = 0; // calls under way
  violations = [];
  #cause = null; // what the page is being told: {epoch, since}, as far as that is known
  #shown = null; // {epoch, version, seq} of the last badge
  #line = null;

  // `Client` of this or of an older version.
  constructor(world, name, user, Client) {
    Object.assign(this, { world, name, user });
    const issued = START_MS / 1000;
    this.token = signToken(SECRET, user, { iat: issued, exp: issued + 86_000 });
    const options = {
      api: 'http://a.example/doorbell', relay: 'ws://a.example/ws', events: null, token: null,
      pollInterval: 600_000, refreshInterval: 0, pingInterval: 5_000,
    };
    this.client = new Client(options, this.#makeWorld(), {
      badge: (num) => this.#show(num),
      announce: () => {},
      emit: (type, detail) => type === 'state' && this.#note(`is ${detail.state}`),
    });
  }

  #note(text) {
    this.world.trace(`${this.name} ${text}`);
  }

  // It hears the relay, or follows a tab that does, and waits for nothing.
  get isQuiet() {
    const isReached = !this.#line?.isOpen || this.world.relay.reaches(this.#line);
    return this.client.told.state === 'live' && this.asking === 0 && isReached;
  }

  start() {
    this.client.start();
  }

  close() {
    this.client.stop();
    this.isClosed = true;
  }

  // What the user does. An older client has other names for it.
  markRead(id) {
    return this.isOld ? this.client.write(`/messages/${id}/read`) : this.client.call('markRead', id);
  }

  list(query) {
    return this.isOld ? this.client.list(query) : this.client.call('list', query);
  }

  // As browsers do with pages that nobody looks at; another tab leads from then on.
  freeze(isFrozen) {
    if (this.isOld || this.isFrozen === isFrozen) return;
    this.isFrozen = isFrozen;
    this.client.step({ type: isFrozen ? 'suspended' : 'back' });
  }

  hide(isHidden) {
    this.isHidden = isHidden;
    if (!isHidden) this.client.step({ type: 'shown' });
  }

  // The page's network, as a fault of its line.
  get line() {
    return this.#line?.isOpen && this.#line.id !== null ? this.#line : null;
  }

  #makeWorld() {
    const { timeline, random } = this.world;
    const page = this;
    return {
      clock: {
        now: () => timeline.now,
        random: () => random(2 ** 32) / 2 ** 32,
        setTimeout: (call, ms) => timeline.after(ms, () => {
          this.#cause = null;
          call();
        }),
        clearTimeout: (timer) => timer && timeline.cancel(timer),
      },
      fetch: (url, request) => this.#fetch(url, request),
      WebSocket: class extends Socket {
        constructor() {
          super(page);
        }
      },
      preference: { get: () => null, set: () => {} },
      openChannel: () => this.#openChannel(),
      isHidden: () => this.isHidden,
      locks: this.world.locksOf(this.user).of(this),
      tab: this.name,
    };
  }

  // --- the network ---

  connect(socket) {
    const line = new Line(this.world, this.world.relay, socket);
    this.#line = line;
    line.send('relay', () => line.relay.open(line, this.token));
    return line;
  }

  // One that it has left itself: it may follow another tab from here on.
  leave(line) {
    if (this.#line === line) this.#line = null;
  }

  // What the relay says is of an epoch that it names, computed nobody knows when.
  hear(text, tell) {
    const { epoch } = JSON.parse(text);
    this.#cause = { epoch: epoch === undefined ? null : this.world.database.epochNamed(epoch), since: 0 };
    this.#note(`hears ${text}`);
    tell();
  }

  #fetch(url, { method, headers, body, signal }) {
    const { timeline, delay, app, database } = this.world;
    const since = timeline.now;
    this.asking++;
    return new Promise((resolve, reject) => {
      const fail = () => reject(new TypeError('the network fails'));
      const arrive = async (answer, epoch) => {
        this.#cause = { epoch, since };
        this.#note(`${method} ${new URL(url).pathname} -> ${answer?.status ?? 'nothing'} ${answer?.body ?? ''}`);
        if (answer === null) fail();
        else resolve(new Response(answer.body, { status: answer.status, headers: answer.headers }));
      };
      signal.addEventListener('abort', fail);
      timeline.after(delay(), async () => {
        const answer = this.isAlone ? null : await app.handle({ user: this.user, method, url, headers, body });
        const { epoch } = database;
        timeline.after(delay(), () => arrive(this.isAlone ? null : answer, epoch));
      });
    }).finally(() => {
      this.asking--;
    });
  }

  // --- other tabs ---

  #openChannel() {
    const channel = { onmessage: null, close: () => {}, postMessage: (word) => this.#tellTabs(word, this.#cause) };
    this.channel = channel;
    return channel;
  }

  // What a leader tells it knows, since whenever; and so does a follower whose leader knows less.
  #tellTabs(word, told) {
    const shown = this.#shown;
    const isShown = shown && word.answer?.version === shown.version && word.answer.seq === shown.seq;
    const cause = word.leader || isShown ? { epoch: shown?.epoch ?? null } : told;
    for (const tab of this.world.pages) {
      if (tab === this || tab.user !== this.user || tab.isOld !== this.isOld) continue;
      this.world.inFlight++;
      this.world.timeline.after(1, () => {
        this.world.inFlight--;
        if (tab.isClosed) return;
        tab.#cause = cause && { ...cause, since: 0 };
        tab.channel.onmessage({ data: word });
      });
    }
  }

  // --- what must be so ---

  // After each step. A page that has forgotten its numbers, in another epoch, has none to fall behind.
  look() {
    if (this.client.known === null) this.#shown = null;
  }

  #show(num) {
    const { database } = this.world;
    this.badge = num;
    const { known } = this.client;
    this.#note(`shows ${num}`);
    if (num === null || known === null) return;
    const fault = this.#findFault(database, { ...known, num });
    if (fault) this.violations.push(`${this.name} of ${this.user} shows ${JSON.stringify(known)}: ${fault}`);
    this.#shown = { epoch: this.#cause?.epoch ?? null, version: known.version, seq: known.seq };
  }

  #findFault(database, truth) {
    const { epoch, since } = this.#cause ?? { epoch: null, since: 0 };
    const epochs = epoch === null ? [...Array(database.epoch + 1).keys()] : [epoch];
    if (!epochs.some((e) => database.wasTrue(e, this.user, truth, since))) return `never true in epoch ${epoch ?? 'of any number'} since ${since}`;
    const before = this.#shown;
    const isBack = before && before.epoch === epoch && (truth.version < before.version || truth.seq < before.seq);
    return isBack ? `older than ${JSON.stringify(before)}` : null;
  }
}

// A page's WebSocket.
class Socket {
  onopen = () => {};
  onmessage = () => {};
  onclose = () => {};

  constructor(page) {
    this.page = page;
    this.line = page.connect(this);
  }

  send(text) {
    this.line.send('relay', () => this.line.relay.hear(this.line, text));
  }

  close() {
    this.page.leave(this.line);
    this.line.send('relay', () => this.line.relay.gone(this.line));
  }

  opened() {
    this.onopen();
  }

  heard(text) {
    this.page.hear(text, () => this.onmessage({ data: text }));
  }

  ended(code) {
    this.onclose({ code });
  }
}
