// SPDX-License-Identifier: MIT
// stack.mjs - the whole line for one test: PostgreSQL, doorbell-app, doorbell-relay, a web server, in
// a folder and on ports of its own. At the end all must stop in order, and no secret may have shown.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import pg from 'pg';

import { Bell } from './bell.mjs';
import { startCluster } from './cluster.mjs';
import { makeFolder, removeFolder } from './folder.mjs';
import { request } from './http.mjs';
import { freePort } from './port.mjs';
import { failRun } from './process.mjs';
import { startApp, startRelay, writeSettings } from './programs.mjs';
import { makeCapability, makeKey, Secrets, signToken } from './secret.mjs';
import { startApache, startNginx } from './servers.mjs';

const PREFIX = '/doorbell';
const LINGER_MS = 200;

// One cluster for all stacks of a test file; it goes when no test wants it any more.
const shared = { cluster: null, users: 0, timer: null };

async function enterSharedCluster() {
  clearTimeout(shared.timer);
  shared.users++;
  shared.cluster ??= startCluster(null);
  return shared.cluster;
}

function leaveSharedCluster() {
  if (--shared.users > 0) return;
  shared.timer = setTimeout(() => {
    const leaving = shared.cluster;
    shared.cluster = null;
    leaving.then((cluster) => cluster.remove()).catch(failRun);
  }, LINGER_MS);
}

export class Stack {
  constructor(dir) {
    this.dir = dir;
    this.confPath = path.join(dir, 'doorbell.conf');
    this.secrets = new Secrets();
    this.sendKey = this.#makeKeyFile('send.key');
    this.publishKey = this.#makeKeyFile('publish.key');
    this.secret = this.#makeKeyFile('auth.secret');
  }

  #makeKeyFile(name) {
    const key = this.secrets.add(makeKey());
    writeFileSync(path.join(this.dir, name), `${key}\n`, { mode: 0o600 });
    return key;
  }

  // send.key with names, {name: 'send metrics' or the lines of its section}: `keys` has the key of each,
  // and that of `service: true` may do everything.
  nameKeys(sections) {
    const all = { everything: 'send manage statistics metrics', ...sections };
    this.keys = {};
    const text = Object.entries(all).map(([name, lines]) => {
      this.keys[name] = name === 'everything' ? this.sendKey : this.secrets.add(makeKey());
      return `[${name}]\nmay = ${lines}\nkey = ${this.keys[name]}\n`;
    });
    writeFileSync(path.join(this.dir, 'send.key'), text.join('\n'), { mode: 0o600 });
  }

  // doorbell-app gets in by its own role; `db` is the owner's.
  async addDatabase(cluster) {
    this.cluster = cluster;
    this.ownerConninfo = await cluster.createDatabase();
    this.conninfo = this.ownerConninfo.replace(/\/\/[^@]*@/, '//doorbell_app@');
    this.db = await this.connectDatabase();
    await this.db.query('ALTER ROLE doorbell_app LOGIN');
  }

  // Once more after the cluster was stopped.
  async connectDatabase() {
    const database = new URL(this.ownerConninfo).pathname.slice(1);
    const client = new pg.Client({ host: this.cluster.dir, port: this.cluster.port, user: 'doorbell', database });
    client.on('error', () => {}); // its end is part of a test
    await client.connect();
    return client;
  }

  // A JWT of `user`; see signToken for claims and header.
  token(user, claims, header) {
    return this.secrets.add(signToken(this.secret, user, claims, header));
  }

  // The text of a message to everybody, as a page asks for it that got the ring: its path.
  async broadcastPath(id, { key = this.sendKey, epoch } = {}) {
    const current = async () => (await this.db.query('SELECT epoch FROM doorbell.current_epoch')).rows[0].epoch;
    const c = makeCapability(key, id, epoch ?? (await current()));
    if (this.server?.name !== 'apache') this.secrets.add(c); // which logs whole addresses
    return `/broadcasts/${id}?c=${c}`;
  }

  // A call of the API: path '/unread' is /doorbell/unread. options: {user, cookie (a user too),
  // service: true, key: a name of nameKeys, headers, json | form | body}.
  async api(method, apiPath, options = {}) {
    const { user, cookie, service, key, headers = {}, ...rest } = options;
    const sent = { ...headers };
    if (user !== undefined) sent.authorization = `Bearer ${this.token(user)}`;
    if (service) sent.authorization = `Bearer ${this.sendKey}`;
    if (key) sent.authorization = `Bearer ${this.keys[key]}`;
    if (cookie !== undefined) sent.cookie = `doorbell_token=${this.token(cookie)}`;
    const full = apiPath.startsWith(`${PREFIX}/`) ? apiPath : PREFIX + apiPath;
    const answer = await request(this.url, method, full, { headers: sent, ...rest });
    this.secrets.add(answer.json?.token);
    return answer;
  }

  // A call of the relay's publish port, with the publish key unless headers name another.
  publish(method, callPath, { headers = {}, ...rest } = {}) {
    const sent = { authorization: `Bearer ${this.publishKey}`, ...headers };
    return request(this.publishUrl, method, callPath, { headers: sent, ...rest });
  }

  // Any call of the web server.
  request(method, callPath, options) {
    return request(this.url, method, callPath, options);
  }

  // A page's bell: straight to the relay, or with through: true by the web server.
  connectRaw({ through = false, ...options } = {}) {
    const url = through ? `${this.url.replace('http', 'ws')}/ws` : `${this.relayUrl}/ws`;
    const bell = new Bell(url, options);
    this.bells.push(bell);
    return bell;
  }

  // The same, logged in as `user`.
  async connect(user, options) {
    const bell = this.connectRaw({ token: this.token(user), ...options });
    await bell.next('welcome');
    return bell;
  }

  logs() {
    const logs = {};
    for (const service of [this.app, this.relay, this.server]) {
      if (service) logs[`the log of ${service.name}`] = service.log;
    }
    for (const name of ['nginx', 'apache']) {
      const file = path.join(this.dir, name, 'access.log');
      if (existsSync(file)) logs[file] = readFileSync(file, 'utf8');
    }
    return logs;
  }

  // All in order, each however the ones before it fared.
  async stop() {
    const faults = [];
    const attempt = async (step) => {
      try {
        await step();
      } catch (error) {
        faults.push(error);
      }
    };
    for (const bell of this.bells) bell.close();
    await attempt(() => this.secrets.assertUnseen({}));
    await attempt(() => this.server?.stop());
    await attempt(() => this.app?.stop());
    await attempt(() => this.relay?.stop());
    await attempt(() => this.secrets.assertUnseen(this.logs()));
    await attempt(() => this.db?.end());
    await attempt(() => this.leaveCluster?.());
    removeFolder(this.dir);
    if (faults.length > 0) failRun(faults.length === 1 ? faults[0] : new AggregateError(faults, faults.join('\n')));
  }
}

async function settingsOf(stack, config) {
  const ports = { web: await freePort(), relay: await freePort(), publish: await freePort() };
  stack.ports = ports;
  stack.appSocket = path.join(stack.dir, 'app.sock');
  stack.url = `http://127.0.0.1:${ports.web}`;
  stack.relayUrl = `ws://127.0.0.1:${ports.relay}`;
  stack.publishUrl = `http://127.0.0.1:${ports.publish}`;
  return {
    'auth.secret_file': path.join(stack.dir, 'auth.secret'),
    'auth.send_key_file': path.join(stack.dir, 'send.key'),
    'auth.publish_key_file': path.join(stack.dir, 'publish.key'),
    'auth.origins': stack.url,
    'app.listen': `unix:${stack.appSocket}`,
    'app.listen_mode': '0666', // the web server's user may be another
    'app.relay_url': stack.publishUrl,
    'database.url': stack.conninfo,
    'relay.listen': `127.0.0.1:${ports.relay}`,
    'relay.publish_listen': `127.0.0.1:${ports.publish}`,
    'relay.drain_window': '50ms',
    ...config,
  };
}

// options: {server: 'nginx' | 'apache' | null, app: true, relay: true, config: {'section.name': value},
// keys (as of nameKeys), serverOptions, appOptions, relayOptions (as of startNginx, startApp, startRelay), ownCluster: true
// for a test that stops PostgreSQL, or options of startCluster}.
export async function startStack(t, options = {}) {
  const { server = 'nginx', app = true, relay = true, config = {} } = options;
  const stack = new Stack(makeFolder());
  stack.bells = [];
  if (options.keys) stack.nameKeys(options.keys);
  t.after(() => stack.stop());
  if (options.ownCluster) {
    const cluster = await startCluster(null, options.ownCluster === true ? {} : options.ownCluster);
    stack.leaveCluster = () => cluster.remove();
    await stack.addDatabase(cluster);
  } else {
    stack.leaveCluster = leaveSharedCluster;
    await stack.addDatabase(await enterSharedCluster());
  }
  stack.settings = await settingsOf(stack, config);
  writeSettings(stack.confPath, stack.settings);
  if (relay) {
    const listens = [stack.settings['relay.listen'], stack.settings['relay.publish_listen']];
    stack.relay = await startRelay(null, { confPath: stack.confPath, listens, ...options.relayOptions });
  }
  if (app) {
    const listens = [stack.settings['app.listen']];
    stack.app = await startApp(null, { confPath: stack.confPath, listens, ...options.appOptions });
  }
  if (server) {
    const start = server === 'apache' ? startApache : startNginx;
    const where = { dir: stack.dir, port: stack.ports.web, appSocket: stack.appSocket, relayPort: stack.ports.relay };
    stack.server = await start(null, where, options.serverOptions);
  }
  return stack;
}
