// SPDX-License-Identifier: MIT
// site.mjs - PostgreSQL that is durable, doorbell-app and nginx as on a site, with users and messages,
// and calls of its API for load.c.

import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import pg from 'pg';

import { freePort, makeFolder, makeKey, request, signToken, startApp, startCluster, startNginx, startRelay, writeSettings } from '../harness/index.mjs';
import { writeRequests } from './tools.mjs';

const execute = promisify(execFile);
// autovacuum's turn would fall into one round and not into the next: settle() vacuums in between.
const DURABLE = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  autovacuum: 'off',
};
const LISTS_MAX = 100_000;

export const userName = (n) => `u${n}`;

// {cluster, conninfo, db}
export async function startDatabase(scope) {
  const cluster = await startCluster(scope, { settings: DURABLE });
  const conninfo = await cluster.createDatabase();
  const db = new pg.Client({ connectionString: conninfo });
  await db.connect();
  scope.after(() => db.end());
  return { cluster, conninfo, db };
}

// Sends `messages` personal ones to each of users 0…count-1, and settles what that leaves to do.
export async function fillInboxes(db, count, messages) {
  for (let i = 0; i < messages; i++) {
    for (let from = 0; from < count; from += LISTS_MAX) {
      const users = Array.from({ length: Math.min(LISTS_MAX, count - from) }, (_, n) => userName(from + n));
      await db.query('SELECT doorbell.send(to_users => $1, title => $2)', [users, `message ${i}`]);
    }
  }
  await settle(db);
}

export async function sendBroadcasts(db, count) {
  for (let i = 0; i < count; i++) await db.query('SELECT doorbell.send(to_all => true, title => $1)', [`to all ${i}`]);
  await settle(db);
}

// No rings are left to publish, no tables to vacuum, and no checkpoint is due soon.
async function settle(db) {
  await db.query('TRUNCATE doorbell.outbox');
  await db.query('VACUUM ANALYZE');
  await db.query('CHECKPOINT');
}

async function makeSettings(site, config) {
  const file = (name) => path.join(site.dir, name);
  for (const name of ['auth', 'send', 'publish']) {
    site.keys[name] = makeKey();
    writeFileSync(file(`${name}.key`), `${site.keys[name]}\n`, { mode: 0o600 });
  }
  writeSettings(site.confPath, {
    'auth.secret_file': file('auth.key'),
    'auth.send_key_file': file('send.key'),
    'auth.publish_key_file': file('publish.key'),
    'app.listen': `unix:${site.appSocket}`,
    'app.listen_mode': '0666',
    'app.relay_url': `http://${site.publish}`,
    'database.url': site.conninfo,
    'relay.listen': site.clients,
    'relay.publish_listen': site.publish,
    'relay.drain_window': '0',
    ...config,
  });
}

// nginx, app and relay before a database of startDatabase(). options: {serverOptions as startNginx() takes
// them, config, listeners: {clients, publish, start(confPath)}, for a relay on listeners of another's}.
export async function startSite(scope, { cluster, conninfo }, { serverOptions, config, listeners } = {}) {
  const dir = makeFolder(scope);
  const site = { dir, conninfo, keys: {}, confPath: path.join(dir, 'doorbell.conf'), appSocket: path.join(dir, 'app.sock') };
  const [port, relayPort] = [await freePort(), await freePort()];
  site.address = `127.0.0.1:${port}`;
  site.clients = listeners?.clients ?? `127.0.0.1:${relayPort}`;
  site.publish = listeners?.publish ?? `127.0.0.1:${await freePort()}`;
  await makeSettings(site, config);
  const { confPath } = site;
  const relay = listeners ? await listeners.start(confPath) : await startRelay(scope, { confPath, listens: [site.publish] });
  const app = await startApp(scope, { confPath: site.confPath, listens: [`unix:${site.appSocket}`] });
  const nginx = await startNginx(scope, { dir, port, appSocket: site.appSocket, relayPort }, serverOptions);
  site.pids = { nginx: nginx.pid, app: app.pid, PostgreSQL: cluster.pid };
  site.relayPid = relay.pid;
  return site;
}

export async function send(site, to) {
  const answer = await request(`http://${site.address}`, 'POST', '/doorbell/messages', {
    headers: { authorization: `Bearer ${site.keys.send}` },
    json: { to, title: 'News' },
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
}

// A file of calls of the API for load.c; call: {method, path, user | service: true, json}.
export function writeCalls(site, name, calls) {
  const requests = calls.map(({ method, path: target, user, json }) => {
    const key = user === undefined ? site.keys.send : signToken(site.keys.auth, user);
    const headers = { Authorization: `Bearer ${key}` };
    if (json !== undefined) headers['Content-Type'] = 'application/json';
    return { method, path: target, headers, body: json === undefined ? '' : JSON.stringify(json) };
  });
  const file = path.join(site.dir, `${name}.requests`);
  writeRequests(file, requests);
  return file;
}

// One connection that runs the statement again and again; answers {ms: of one, count}.
export async function pgbench(conninfo, bin, dir, statement, seconds) {
  mkdirSync(dir, { recursive: true });
  const script = path.join(dir, 'statement.sql');
  writeFileSync(script, `${statement}\n`);
  const args = ['-n', '-M', 'prepared', '-c', '1', '-T', String(seconds), '-f', script, conninfo];
  const { stdout } = await execute(path.join(bin, 'pgbench'), args, { timeout: (seconds + 30) * 1000 });
  const number = (pattern) => Number(stdout.match(pattern)[1]);
  const failed = number(/number of failed transactions: (\d+)/);
  if (failed > 0) throw new Error(stdout);
  return { ms: number(/latency average = ([\d.]+) ms/), count: number(/actually processed: (\d+)/) };
}
