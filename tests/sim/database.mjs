// SPDX-License-Identifier: MIT
// database.mjs - a real PostgreSQL whose clock is the timeline's, and what was ever true in it. One statement runs at a
// time, so that each is one step.

import { mkdtempSync, chmodSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import pg from 'pg';

import { findLibrary } from '../harness/clock.mjs';
import { startCluster } from '../harness/index.mjs';

// The server of all runs of a process.
export class Server {
  #serial = 0;

  static async start() {
    const server = new Server();
    server.folder = mkdtempSync(path.join(tmpdir(), 'doorbell-sim-'));
    chmodSync(server.folder, 0o711);
    const file = path.join(server.folder, 'time');
    server.clock = openSync(file, 'w', 0o644);
    server.setClock(Date.UTC(2026, 0, 1));
    server.cluster = await startCluster(null, {
      settings: { autovacuum: 'off', synchronous_commit: 'off', timezone: 'UTC' }, // plans do not change in a run
      env: {
        TZ: 'UTC', LD_PRELOAD: await findLibrary(), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DISABLE_SHM: '1',
      },
    });
    await server.cluster.createDatabase('sim_empty');
    server.admin = await server.connect('postgres');
    return server;
  }

  // In one write of the same length, since backends read it at any time.
  setClock(ms) {
    if (ms === this.ms) return;
    this.ms = ms;
    writeSync(this.clock, `${new Date(ms).toISOString().replace('T', ' ').slice(0, -1)}\n`, 0);
  }

  async connect(name) {
    const client = new pg.Client({ connectionString: this.cluster.connString(name), types });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async copy(from) {
    const name = `sim_${this.#serial++}`;
    await this.admin.query(`CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY file_copy`);
    return name;
  }

  drop(name) {
    return this.admin.query(`DROP DATABASE ${name}`);
  }

  async stop() {
    await this.admin.end();
    await this.cluster.remove();
    rmSync(this.folder, { recursive: true });
  }
}

// bigint as a number, and all else as text, as doorbell-app has it.
const types = { getTypeParser: (oid) => (oid === 20 ? Number : (text) => text) };

// What changes no user's state.
const reads = /^(waiting|take|rings|done|retry|pulse|revoked|unread|list)$/;

export class Database {
  epoch = 0; // of the history, counted; the database's own name for it is by chance
  isDown = false;
  #names = new Map(); // the database's, of epochs
  #truths = new Map(); // of "epoch user": [{num, version, seq, muted, from, to}]
  #steps = []; // that rings told of: [{epoch, from, seq, category, critical}]
  #trueUntil = 0; // by the clock alone
  #copies = [];

  // on: {now()}, `users` are all there are.
  static async open(server, timeline, users) {
    const database = new Database();
    Object.assign(database, { server, timeline, users });
    database.name = await server.copy('sim_empty');
    database.#connectTo(await server.connect(database.name));
    server.setClock(timeline.now);
    await database.client.query('SELECT doorbell.keep_epoch()');
    await database.client.query('DELETE FROM doorbell.outbox');
    for (const user of users) await database.client.query('SELECT doorbell.register($1, NULL, 7)', [user]);
    await database.#note();
    return database;
  }

  #connectTo(client) {
    this.client = client;
  }

  // Rows as arrays. `name` says what kind of statement it is.
  async run(name, text, values = []) {
    const { timeline, server, client } = this;
    server.setClock(timeline.now);
    if (timeline.now >= this.#trueUntil) await this.#note();
    const { rows } = await client.query({ text, values, rowMode: 'array' });
    if (!reads.test(name) || !this.#isNamed) await this.#note();
    if (name === 'take' || name === 'rings') this.#noteSteps(rows);
    return rows;
  }

  #noteSteps(rows) {
    const rings = rows.filter(([, ring]) => ring !== null).map(([, ring]) => JSON.parse(ring));
    this.#steps.push(...rings.filter(({ from }) => from !== undefined).map((ring) => ({ ...ring, epoch: this.epoch })));
  }

  get #isNamed() {
    return [...this.#names.values()].includes(this.epoch);
  }

  async #note() {
    const { rows } = await this.client.query({
      name: 'truth', values: [this.users],
      text: `SELECT n, num, version, seq, muted, extract(epoch FROM nullif(valid_until, 'infinity')) * 1000 AS until,
          (SELECT epoch::text FROM doorbell.current_epoch) AS epoch FROM doorbell.unread_many($1::text[])`,
    });
    const [{ epoch }] = rows;
    if (epoch && !this.#names.has(epoch)) this.#names.set(epoch, this.epoch);
    this.#trueUntil = Math.min(...rows.map(({ until }) => (until ? Math.max(Number(until), this.timeline.now + 1) : Infinity)));
    for (const { n, num, version, seq, muted } of rows) this.#remember(this.users[n - 1], { num, version, seq, muted: JSON.parse(muted) });
  }

  #remember(user, now) {
    const key = `${this.epoch} ${user}`;
    const list = this.#truths.get(key) ?? [];
    const last = list.at(-1);
    this.#truths.set(key, list);
    if (last && last.num === now.num && last.version === now.version && last.seq === now.seq) return;
    if (last) last.to = this.timeline.now;
    list.push({ ...now, from: this.timeline.now, to: Infinity });
  }

  // Whether this was true for the user in that epoch, at some time from `since` on; or would have been, had the steps that led to
  // `seq` come before what else has happened to the user.
  wasTrue(epoch, user, { num, version, seq }, since) {
    const list = this.#truths.get(`${epoch} ${user}`) ?? [];
    return list.some((truth) => truth.num === num && truth.version === version && truth.seq === seq && truth.to >= since) ||
      this.#statesAt(epoch, list, version, seq).some((state) => state.num === num);
  }

  // What the user's state of that version becomes by the steps that end at `seq`: [{num, muted}].
  #statesAt(epoch, list, version, seq) {
    return this.#steps.filter((step) => step.epoch === epoch && step.seq === seq).flatMap((step) => {
      const isBefore = (one) => one.seq >= step.from && one.seq < seq;
      const states = list.filter((truth) => truth.version === version && isBefore(truth));
      const earlier = [...new Set(this.#steps.filter((one) => one.epoch === epoch && isBefore(one)).map((one) => one.seq))];
      states.push(...earlier.flatMap((one) => this.#statesAt(epoch, list, version, one)));
      const isMuted = ({ muted }) => !step.critical && muted.includes(step.category);
      return states.map(({ num, muted }) => ({ num: num + (isMuted({ muted }) ? 0 : step.add), muted }));
    });
  }

  async truthOf(user) {
    this.server.setClock(this.timeline.now);
    await this.#note();
    return this.#truths.get(`${this.epoch} ${user}`).at(-1);
  }

  // The number of the epoch of that name; null where nobody has told of one.
  epochNamed(name) {
    return this.#names.get(name) ?? null;
  }

  // A text in which epochs have their numbers, and positions do not tell of them and of the hour: the same in each run.
  withoutNames(text) {
    for (const [name, number] of this.#names) text = text.replaceAll(`"${name}"`, `"e${number}"`);
    return text.replace(/("position":"p1(?:-\w+){6})-[0-9a-f]{8}/g, '$1-basis');
  }

  async countWaiting() {
    return (await this.client.query('SELECT count(*) FROM doorbell.outbox')).rows[0].count;
  }

  // --- what ends an epoch ---

  // The operator's command.
  async begin() {
    this.epoch++;
    await this.run('new_epoch', 'SELECT doorbell.new_epoch()');
  }

  // What recovery leaves: unlogged tables are empty.
  async crash() {
    this.epoch++;
    await this.client.query('DELETE FROM doorbell.incarnation');
  }

  async backUp() {
    await this.client.end();
    this.#copies.push(await this.server.copy(this.name));
    this.#connectTo(await this.server.connect(this.name));
  }

  get hasBackUp() {
    return this.#copies.length > 0;
  }

  // A failover that has lost the last commits, or a dump put back: the last copy takes the database's place.
  async restore() {
    await this.client.end();
    await this.server.drop(this.name);
    this.name = await this.server.copy(this.#copies.at(-1));
    this.#connectTo(await this.server.connect(this.name));
    this.epoch++;
    this.server.setClock(this.timeline.now);
    await this.#note();
  }

  async close() {
    await this.client.end();
    for (const name of [this.name, ...this.#copies]) await this.server.drop(name);
  }
}
