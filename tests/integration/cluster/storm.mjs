// SPDX-License-Identifier: MIT
// storm.mjs - several relays of a site, while their ways to Redis, Redis and they themselves fail at random. Pages come back and
// ask, as real ones do; the publisher tells an event again until a relay has taken it, as the outbox does. What a page has to
// know is the last event of its user: it has heard of it, or has asked since. Pings tell these pages nothing.

import assert from 'node:assert/strict';

import { until, within } from '../../harness/index.mjs';
import { delay } from '../../harness/wait.mjs';
import { joined } from './scene.mjs';

const WELCOME_MS = 2_000; // then a page tries another relay
const TAKEN_MS = 1_000; // and a publisher
const PAUSE_MS = 100; // at most, between two steps
const users = ['1', '2', '3', '4'];
const many = [...users, ...Array.from({ length: 40 }, (_, i) => `other-${i}`)]; // told to all relays at once

class Page {
  known = 0;
  isOver = false;

  constructor(storm, user) {
    Object.assign(this, { storm, user });
    this.ended = this.#live();
  }

  get isOpen() {
    return this.bell?.closed === null && this.bell.frames.length > 0;
  }

  async #live() {
    while (!this.isOver) {
      const relay = this.storm.pick(this.storm.relays);
      this.bell = relay.bell({ token: relay.token(this.user) });
      const { bell } = this;
      const { hear } = bell;
      bell.hear = (frame) => {
        this.#learn(frame);
        hear.call(bell, frame);
      };
      if (await bell.next('welcome', { timeoutMs: WELCOME_MS }).catch(() => null)) await bell.next(() => false, { timeoutMs: 2 ** 30 }).catch(() => {});
      bell.close();
      await delay(this.storm.random(PAUSE_MS));
    }
  }

  #learn({ type, seq }) {
    if (type === 'welcome' || (type === 'ring' && seq === undefined)) this.known = this.storm.lastOf(this.user);
    else if (type === 'ring') this.known = Math.max(this.known, seq);
  }

  leave() {
    this.bell.close();
  }

  end() {
    this.isOver = true;
    this.bell.close();
    return this.ended;
  }
}

export class Storm {
  #seq = 0;
  #last = new Map();
  #publishing = new Set();

  /** ways: of each relay to Redis, {modes, silent, gone, set(mode)}: the first mode is without a fault; in `silent` nothing gets through and nobody is told;
   *  in `gone` what was under way is lost, if that can be. */
  constructor(t, { relays, ways, redis, random }) {
    Object.assign(this, { relays, ways, redis, random });
    this.pages = [...users, ...users, ...users].map((user) => new Page(this, user));
    t.after(() => Promise.all(this.pages.map((page) => page.end())));
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  lastOf(user) {
    return this.#last.get(user) ?? 0;
  }

  // An event, which the pages of `to` have to know of from now on; its ring.
  #happen(to) {
    const seq = ++this.#seq;
    for (const user of to === 'all' ? users : to) this.#last.set(user, seq);
    return { rings: [to === 'all' ? { all: true, seq } : { to, seq }], ...(this.random(4) === 0 && { report: true }) };
  }

  async #offer(relay, body) {
    const answer = await relay.call('POST', '/publish', { json: body, timeoutMs: TAKEN_MS }).catch(() => null);
    if (answer) assert.equal(answer.status, 200, answer.text);
    return answer !== null;
  }

  #tell(body) {
    const tell = async () => {
      while (!(await this.#offer(this.pick(this.relays), body))) await delay(this.random(PAUSE_MS));
    };
    const told = tell().finally(() => this.#publishing.delete(told));
    this.#publishing.add(told);
  }

  #publish(to) {
    this.#tell(this.#happen(to));
  }

  // What a relay that is cut off was told, only it knows. One that has died before it was linked again takes that along.
  async #isLinked(relay) {
    const { json } = await relay.call('GET', '/health', { timeoutMs: TAKEN_MS }).catch(() => ({}));
    return json?.cluster === 'linked';
  }

  async #kill(relay) {
    if (relay.relay.isRunning && (await this.#isLinked(relay))) await relay.relay.kill();
  }

  // A relay takes a ring that does not get through, and dies.
  async #takeAlong() {
    const i = this.random(this.relays.length);
    const relay = this.relays[i];
    if (!relay.relay.isRunning || !(await this.#isLinked(relay))) return;
    await this.ways[i].set(this.ways[i].silent);
    const body = this.#happen([this.pick(users)]);
    const isTaken = await this.#offer(relay, body);
    await relay.relay.kill();
    await this.ways[i].set(this.ways[i].gone);
    if (!isTaken) this.#tell(body);
  }

  async #stop(relay) {
    if (relay.relay.isRunning && (await this.#isLinked(relay))) await relay.relay.stop();
  }

  #signal(service, name) {
    if (service.isRunning) service.signal(name);
  }

  async #start(service) {
    if (!service.isRunning) await service.start();
  }

  #steps() {
    const way = () => this.pick(this.ways);
    const relay = () => this.pick(this.relays);
    const two = () => [this.pick(users), this.pick(users)].filter((user, i, all) => all.indexOf(user) === i);
    return [
      ...Array(4).fill(() => this.#publish([this.pick(users)])),
      ...Array(2).fill(() => this.#publish(two())),
      () => this.#publish(many),
      () => this.#publish('all'),
      () => this.pick(this.pages).leave(),
      ...Array(3).fill(() => {
        const one = way();
        return one.set(this.pick(one.modes));
      }),
      () => {
        const one = way();
        return one.set(one.modes[0]);
      },
      () => this.#signal(relay().relay, 'SIGSTOP'),
      () => Promise.all(this.relays.map((one) => this.#signal(one.relay, 'SIGCONT'))),
      () => this.#kill(relay()),
      () => this.#takeAlong(),
      () => this.#stop(relay()),
      () => Promise.all(this.relays.map((one) => this.#start(one.relay))),
      () => this.#signal(this.redis, 'SIGSTOP'),
      () => this.#signal(this.redis, 'SIGCONT'),
      () => (this.random(3) === 0 ? this.redis.kill() : null),
      () => this.#start(this.redis),
    ];
  }

  // So many random steps, of random kinds: where all kinds happen, one hides what another has done.
  async #rage(count) {
    const steps = this.#steps().filter((step, i) => i === 0 || this.random(2));
    for (let i = 0; i < count; i++) {
      await this.pick(steps)();
      await delay(this.random(PAUSE_MS)); // the random point
    }
  }

  /** So many rounds of so many steps; after each every page knows of the last event of its user. */
  async rounds(count, steps) {
    for (let round = 0; round < count; round++) {
      await this.#rage(steps);
      await this.#calm();
      await this.#untilTrue();
      await this.#takeAlong(); // in a calm, where no other fault makes pages ask
      await this.#calm();
      await this.#untilTrue();
    }
  }

  // All faults end.
  async #calm() {
    for (const way of this.ways) await way.set(way.modes[0]);
    for (const { relay } of this.relays) this.#signal(relay, 'SIGCONT');
    this.#signal(this.redis, 'SIGCONT');
    await this.#start(this.redis);
    for (const { relay } of this.relays) await this.#start(relay);
    await within(Promise.all(this.#publishing), 'a relay to take every ring');
    await joined(this.relays);
  }

  // Every page is there, and knows of the last event of its user.
  async #untilTrue() {
    for (const page of this.pages) {
      await until(`a page of ${page.user} to know`, () => {
        assert.ok(page.isOpen, 'it is open');
        assert.equal(page.known, Math.max(page.known, this.lastOf(page.user)));
        return true;
      });
    }
  }
}

