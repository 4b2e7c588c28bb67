// SPDX-License-Identifier: MIT
// world.mjs - one site: a database, two relays' hosts of which one has the relay's name, two apps, some pages of two users;
// and what is between them.

import { pathToFileURL } from 'node:url';
import path from 'node:path';

import { top } from '../harness/index.mjs';
import { makeRandom } from '../harness/random.mjs';
import { FakeLockManager } from '../browser/fakes.mjs';
import { App } from './app.mjs';
import { Database } from './database.mjs';
import { Page } from './page.mjs';
import { Publisher } from './publisher.mjs';
import { Relay } from './relay.mjs';
import { START_MS, Timeline } from './timeline.mjs';

export const users = ['alice', 'bob'];

const OLD_PAGE = 'tests/browser/landed/3_folders';

const clientIn = async (folder) => (await import(pathToFileURL(path.resolve(top, folder, 'bell/client.js')))).Client;

export class World {
  timeline = new Timeline();
  lines = []; // the trace
  pages = [];
  inFlight = 0; // that the network has
  isSlow = false;
  ids = []; // of messages
  reports = []; // of pages that were wrong
  #opened = 0;
  #locks = {}; // of each user's browser

  // `www`: the folder of the pages' scripts, for a test that breaks them.
  static async make(seed, server, www) {
    const world = new World();
    world.random = makeRandom(seed);
    world.database = await Database.open(server, world.timeline, users);
    world.app = new App(world);
    // One world in three has programs and pages of before epochs among its own; epochs do not end there.
    world.isMixed = world.random(3) === 0;
    world.relays = [1, 2].map((n) => new Relay(world, `10.0.0.${n}`, world.isMixed && world.random(2) === 0));
    world.relay = world.relays[0];
    world.publishers = ['app1', 'app2'].map((name) => new Publisher(world, name));
    world.Client = await clientIn(www);
    world.OldClient = await clientIn(OLD_PAGE);
    await world.relay.start();
    for (const publisher of world.publishers) await publisher.start();
    for (const user of [...users, ...users]) world.openPage(user);
    return world;
  }

  trace(text) {
    this.lines.push(`${String(this.timeline.now - START_MS).padStart(7)} ${text}`);
  }

  // The network is late, now and then by much.
  delay = () => {
    const most = this.isSlow ? 4_000 : 20;
    return 1 + this.random(this.random(20) === 0 ? most * 5 : most);
  };

  pick(list) {
    return list[this.random(list.length)];
  }

  locksOf(user) {
    this.#locks[user] ??= new FakeLockManager();
    return this.#locks[user];
  }

  openPage(user) {
    const isOld = this.isMixed && this.random(2) === 0;
    const page = new Page(this, `page${++this.#opened}`, user, isOld ? this.OldClient : this.Client);
    page.isOld = isOld;
    this.pages.push(page);
    this.trace(`${page.name} of ${user} opens${isOld ? ', an old one' : ''}`);
    page.start();
  }

  closePage(page) {
    this.pages = this.pages.filter((other) => other !== page);
    page.close();
  }

  // One app has written, and knows.
  wakeOne() {
    this.pick(this.publishers).wake();
  }

  get violations() {
    return [...this.reports, ...this.pages.flatMap(({ violations }) => violations)];
  }

  get isQuiet() {
    return this.inFlight === 0 && this.publishers.every(({ isCalling }) => !isCalling) && !this.relay.isWalking &&
      this.pages.every((page) => page.isQuiet);
  }

  // What of each page is not as in the database; none once all is quiet.
  async findWrong() {
    const wrong = [];
    for (const page of this.pages) {
      const { num } = await this.database.truthOf(page.user);
      if (page.badge !== num) wrong.push(`${page.name} of ${page.user} shows ${page.badge}, and true is ${num}`);
    }
    return wrong;
  }

  // The trace is the same in each run of a seed: no name by chance.
  get text() {
    return this.database.withoutNames(this.lines.join('\n').replaceAll('\\"', '"'));
  }

  async close() {
    for (const { core } of [...this.relays, ...this.publishers]) await core?.kill();
    await this.database.close();
  }
}
