// SPDX-License-Identifier: MIT
// relay.mjs - a relay's host: the real core as a process, its loop, and the connections of pages to it.

import { Core } from './core.mjs';

const TICK_MS = 100;

// A page's connection: what each end says arrives in order, and late. `socket` is the page's WebSocket.
export class Line {
  static #ids = 0;
  isOpen = true; // both ends are there, as far as the way between them knows
  isBlocked = false; // the page's end takes no more
  isSilent = false; // the way swallows all, and neither end is told
  #arrivals = { page: 0, relay: 0 };

  constructor(world, relay, socket) {
    Object.assign(this, { world, relay, socket, id: null });
  }

  // `call` once what was sent before has arrived.
  send(to, call) {
    const { timeline, delay } = this.world;
    const at = Math.max(this.#arrivals[to], timeline.now + delay());
    this.#arrivals[to] = at;
    this.world.inFlight++;
    timeline.after(at - timeline.now, () => {
      this.world.inFlight--;
      return this.isOpen && !this.isSilent ? call() : undefined;
    });
  }

  // The page is told, unless it has left by itself.
  end(code) {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.socket.ended(code);
  }
}

export class Relay {
  core = null;
  lines = new Map();
  #walker = null;
  #serial = 0;
  #life = 0;

  // `isOld`: of a version that knows no epochs and no questions about who is online.
  constructor(world, address, isOld) {
    Object.assign(this, { world, address, isOld });
    this.settings = { ping_interval: '5s', pace: 20 };
  }

  get isUp() {
    return this.core !== null;
  }

  get isWalking() {
    return this.#walker !== null;
  }

  #settingLines() {
    return Object.entries(this.settings).map(([name, value]) => `${name} = ${value}`);
  }

  async start() {
    this.core = new Core('relay');
    const life = ++this.#life;
    const tick = async () => {
      if (life !== this.#life || !this.isUp) return;
      await this.#turn('tick');
      this.world.timeline.after(TICK_MS, tick);
    };
    await this.#turn('config', ...this.#settingLines());
    this.world.timeline.after(TICK_MS, tick);
  }

  // Its host is cut off, too, where `isSilent`: no page is told.
  async crash(isSilent) {
    const { timeline, delay } = this.world;
    const { core, lines } = this;
    this.core = null;
    this.#life++;
    this.lines = new Map();
    timeline.cancel(this.#walker);
    this.#walker = null;
    await core.kill();
    for (const line of lines.values()) {
      line.id = null;
      if (isSilent) line.isSilent = true;
      else timeline.after(delay(), () => line.end(1006));
    }
  }

  async reload(settings) {
    Object.assign(this.settings, settings);
    await this.#turn('config', ...this.#settingLines());
  }

  async drain() {
    await this.#turn('drain');
  }

  // One event of its loop, with what it says; returns the answer to a publish call.
  async #turn(...words) {
    const { core, world } = this;
    let answer = null;
    core.say(world.timeline.now, ...words);
    for (;;) {
      const [what, ...args] = await core.hear();
      if (what === 'answer') answer = { status: Number(args[0]), body: args[1] };
      else if (what === 'done') {
        this.#setWalker(Number(args[0]));
        return answer;
      } else this.#said(what, this.lines.get(Number(args[0])), args[1]);
    }
  }

  #setWalker(ms) {
    if (ms < 0 || this.#walker !== null) return;
    const life = this.#life;
    this.#walker = this.world.timeline.after(ms, async () => {
      if (life !== this.#life) return;
      this.#walker = null;
      await this.#turn('walk');
    });
  }

  #said(what, line, argument) {
    if (!line) return;
    if (what === 'frame') line.send('page', () => line.socket.heard(argument));
    else if (what === 'refused') {
      this.lines.delete(line.id);
      line.send('page', () => line.end(1006));
    } else {
      // The close is answered, or the cut noticed, in a later turn.
      line.send('page', () => line.end(what === 'close' ? Number(argument) : 1006));
      this.world.timeline.after(this.world.delay(), () => this.gone(line));
    }
  }

  // --- what pages do ---

  async open(line, token) {
    if (!this.isUp) return line.end(1006);
    line.id = this.#serial++;
    this.lines.set(line.id, line);
    await this.#turn('open', line.id, token);
    if (this.lines.has(line.id)) line.send('page', () => line.socket.opened());
  }

  async hear(line, text) {
    if (this.lines.get(line.id) === line) await this.#turn('text', line.id, text);
  }

  async gone(line) {
    if (this.lines.get(line.id) !== line) return;
    this.lines.delete(line.id);
    await this.#turn('gone', line.id);
  }

  // Whether what it says to that page arrives.
  reaches(line) {
    return this.lines.get(line.id) === line && line.isOpen && !line.isSilent && !line.isBlocked;
  }

  // The page's side takes nothing for so long.
  async block(line, ms) {
    if (this.lines.get(line.id) !== line) return;
    await this.#turn('blocked', line.id);
    line.isBlocked = true;
    this.world.timeline.after(ms, async () => {
      line.isBlocked = false;
      if (this.lines.get(line.id) === line) await this.#turn('writable', line.id);
    });
  }

  // --- what apps do ---

  async post(path, body) {
    if (this.isOld && path !== '/publish') return { status: 404, body: '{"error":{}}' };
    return this.#turn('post', path, this.isOld ? withoutEpochs(body) : body);
  }
}

// What a relay from before epochs makes of a call: it skips what it does not know.
function withoutEpochs(body) {
  const { rings } = JSON.parse(body);
  return JSON.stringify({ rings: rings.map(({ epoch, scope, from, ...ring }) => ring) });
}
