// SPDX-License-Identifier: MIT
// Helpers of the tests that talk to the schema itself: connections, calls by name, and waiting for a lock.
import pg from 'pg';
import { startCluster } from './cluster.mjs';

// bigint as a number: ids stay far below 2^53.
const types = {
  getTypeParser: (oid, format) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format)),
};

/** A migrated database on a cluster, with connections that are closed after the test. */
export async function openDatabase(t, cluster, options = {}) {
  const conn = await cluster.createDatabase(options.name, options);
  const clients = new Set();
  const database = {
    conn,
    async connect(settings = {}) {
      const client = new pg.Client({ connectionString: settings.conn ?? conn, types });
      client.on('error', () => {}); // a backend that the test itself ends
      await client.connect();
      clients.add(client);
      client.pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
      return client;
    },
  };
  t.after(() => Promise.all([...clients].map((client) => client.end().catch(() => {}))));
  return database;
}

export { startCluster };

/** All rows of a statement. */
export async function rows(client, text, values = []) {
  return (await client.query(text, values)).rows;
}

/** The first row of a statement. */
export async function row(client, text, values = []) {
  return (await rows(client, text, values))[0];
}

/** doorbell.send by argument name. */
export function send(client, args) {
  const names = Object.keys(args);
  return row(client, `SELECT * FROM doorbell.send(${names.map((n, i) => `${n} => $${i + 1}`).join(', ')})`, Object.values(args));
}

/** One function of the schema with positional arguments, as a row. */
export function call(client, name, ...args) {
  return row(client, `SELECT * FROM doorbell.${name}(${args.map((_, i) => `$${i + 1}`).join(', ')})`, args);
}

/** First contact, if it was missing, and the check. */
export async function check(client, user) {
  return (await call(client, 'unread', user)) ?? (await call(client, 'register', user), call(client, 'unread', user));
}

/** A list, the whole reply. */
export async function list(client, user, { state = 'all', category = null, before = null, limit = 100 } = {}) {
  await check(client, user);
  return (await row(client, 'SELECT doorbell.list($1, $2, $3, $4, $5) AS page', [user, state, category, before, limit])).page;
}

/** Resolves when the backend waits for a lock: held open by the test, so it stays so until the test goes on. */
export async function untilWaiting(watcher, pid) {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const found = await row(watcher, 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [pid]);
    if (found) return;
    await new Promise(setImmediate);
  }
  throw new Error(`backend ${pid} waits for nothing`);
}
