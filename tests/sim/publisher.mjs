// SPDX-License-Identifier: MIT
// publisher.mjs - the host of a doorbell-app: its real publisher as a process. What that asks for, a statement, a call
// or a rest, is given to it by the database, the network and the timeline.

import { Core } from './core.mjs';

const CALL_MS = 3_000; // the timeouts of relay_client.c
const KEPT_MS = 5_000;

export class Publisher {
  core = null;
  way = { mode: 'open' }; // to the relay: open, cut, deaf, or {mode: 'refusing', status, body}
  settings = { ring_max_age: '1s' };
  isCalling = false;
  #kept = null; // the relay that its connection goes to
  #keptSince = 0;
  #rest = null; // its sleep
  #isWoken = false;
  #orders = [];

  constructor(world, name) {
    Object.assign(this, { world, name });
  }

  get isUp() {
    return this.core !== null;
  }

  #settingLines() {
    return Object.entries(this.settings).map(([name, value]) => `${name} = ${value}`);
  }

  async start() {
    this.core = new Core('app');
    this.#kept = this.#rest = null;
    this.#isWoken = this.isCalling = false;
    this.#orders = [];
    await this.#go('config', ...this.#settingLines());
  }

  async crash() {
    const { core } = this;
    this.core = null;
    this.isCalling = false;
    this.world.timeline.cancel(this.#rest);
    await core.kill();
  }

  reload(settings) {
    Object.assign(this.settings, settings);
    this.#order('config', ...this.#settingLines());
  }

  // It ends in order: what it has leased goes out first.
  stop() {
    this.#order('stop');
  }

  wake() {
    this.#order('wake');
  }

  #order(...words) {
    if (!this.isUp) return;
    this.#orders.push(words);
    if (this.#rest) this.#awake();
  }

  // Tells it what it has asked for, and hears what it asks for next.
  async #go(...words) {
    const { core, world } = this;
    core.say(world.timeline.now, ...words);
    let asked = await core.hear().catch(() => null);
    for (; asked?.[0] === 'log'; asked = await core.hear().catch(() => null)) world.trace(`${this.name}: ${asked[2]}`);
    if (asked === null) {
      await this.crash();
      world.trace(`${this.name} has stopped`);
    } else this.#give(core, asked);
  }

  #give(core, [what, ...args]) {
    const { timeline, random } = this.world;
    const later = (ms, call) => timeline.after(ms, () => (core === this.core ? call() : undefined));

    if (what === 'query') later(random(3), () => this.#query(args));
    else if (what === 'call') this.#call(core, args);
    else if (what === 'linger') later(Number(args[0]), () => this.#go());
    else if (this.#orders.length > 0) later(0, () => this.#go(...this.#orders.shift()));
    else {
      this.#rest = later(Number(args[0]), () => {
        this.#rest = null;
        return this.#go();
      });
    }
  }

  #awake() {
    const { timeline } = this.world;
    const { core } = this;
    timeline.cancel(this.#rest);
    this.#rest = null;
    timeline.after(1, () => (core === this.core ? this.#go(...this.#orders.shift()) : undefined));
  }

  async #query([name, , text, ...values]) {
    const { database, timeline } = this.world;
    if (database.isDown) return this.#go();
    const rows = await database.run(name, text, values.map((value) => (value === '\\N' ? null : value)));
    const lines = [['rows', rows.length, rows[0]?.length ?? 0], ...rows.flat().map((value) => [value ?? '\\N'])];
    for (const line of lines.slice(0, -1)) this.core.say(timeline.now, ...line);
    return this.#go(...lines.at(-1));
  }

  // --- calls ---

  // The relay's host by its name, anew when the connection is old or gone.
  #connect() {
    const { timeline, relay } = this.world;
    if (this.#kept?.isUp && timeline.now - this.#keptSince < KEPT_MS) return this.#kept;
    this.#kept = relay;
    this.#keptSince = timeline.now;
    return relay;
  }

  #call(core, [url, body]) {
    const { timeline, delay } = this.world;
    const path = new URL(url).pathname;
    const relay = this.#connect();
    const { way } = this;
    let isOver = false;
    const finish = async (...answer) => {
      if (isOver || core !== this.core) return;
      isOver = true;
      this.isCalling = false;
      if (answer.length === 0) this.#kept = null;
      this.world.trace(`${this.name} ${path} ${body} -> ${answer.slice(1).join(' ') || 'nothing'}`);
      await this.#go(...answer);
    };
    this.isCalling = true;
    if (way.mode === 'cut') return timeline.after(delay(), () => finish());
    if (way.mode === 'refusing') return timeline.after(delay(), () => finish(relay.address, way.status, way.body));
    timeline.after(CALL_MS, () => finish());
    this.world.inFlight++;
    timeline.after(delay(), async () => {
      this.world.inFlight--;
      if (!relay.isUp) return finish();
      const { status, body: reply } = await relay.post(path, body);
      if (way.mode !== 'deaf') timeline.after(delay(), () => finish(relay.address, status, reply));
    });
  }
}
