// SPDX-License-Identifier: MIT
// app-standby.mjs - lists, and checks that memory does not answer, through nginx with and without a standby to read, and where
// the CPU time goes.

import { withCpu } from '../proc.mjs';
import { fillInboxes, sendBroadcasts, startDatabase, startSite, userName, writeCalls } from '../site.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const USERS = Number(process.env.BENCH_USERS || 10_000);
const MESSAGES = 30;
const BROADCASTS = 200;
const ASKING = 2000;
const CONNECTIONS = 8;
const SECONDS = 3;
const ROUNDS = 5;
const WORKERS = 4;
const PARTS = ['nginx', 'app', 'PostgreSQL', 'standby'];

const KINDS = [
  { what: 'lists', path: '/doorbell/messages', config: {} },
  { what: 'checks', path: '/doorbell/unread', config: { 'app.check_cache': 0 } },
];

export const title = `GET /messages and GET /unread, ${USERS.toLocaleString('en-US')} users with ${MESSAGES} messages each and ${BROADCASTS} to everybody`;

async function measure(site, calls) {
  const load = () => runLoad(site.address, calls, { connections: CONNECTIONS, seconds: SECONDS });
  const { result, cpu } = await withCpu(site.pids, load);
  return { ...Object.fromEntries(PARTS.map((name) => [name, cpu[name] / result.ok])), rate: result.rate, p50: result.us.p50 / 1000, p99: result.us.p99 / 1000 };
}

async function startSide(scope, database, standby, { what, path, config }, read_url) {
  const site = await startSite(scope, database, { config: { 'app.workers': WORKERS, ...config, ...(read_url ? { 'database.read_url': read_url } : {}) } });
  site.pids.standby = standby.pid;
  const calls = Array.from({ length: ASKING }, (_, n) => ({ path, user: userName(Math.floor((n * USERS) / ASKING)) }));
  return { site, file: writeCalls(site, what, calls) };
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, USERS, MESSAGES);
  await sendBroadcasts(database.db, BROADCASTS);
  const standby = await database.cluster.startStandby();
  const tables = [];
  for (const kind of KINDS) tables.push(await compare(scope, database, standby, kind));
  return tables;
}

async function compare(scope, database, standby, kind) {
  const read_url = `postgresql://doorbell@${encodeURIComponent(standby.dir)}${new URL(database.conninfo).pathname}`;
  const sides = [
    ['the primary', await startSide(scope, database, standby, kind)],
    ['a standby, proved by the primary', await startSide(scope, database, standby, kind, read_url)],
  ];
  const rounds = [];
  for (const [, { site, file }] of sides) await measure(site, file); // not counted: first contacts, cold caches
  for (let i = 0; i < ROUNDS; i++) {
    const round = [];
    for (const [, { site, file }] of sides) round.push(await measure(site, file));
    rounds.push(round);
  }
  const rows = sides.map(([side], n) => [
    side,
    ...PARTS.map((part) => median(rounds.map((round) => round[n][part]))),
    ratioOf(rounds.map((round) => round[n].PostgreSQL / round[0].PostgreSQL)),
    ...['rate', 'p50', 'p99'].map((what) => median(rounds.map((round) => round[n][what]))),
  ]);
  return {
    columns: [`${kind.what} read of`, 'CPU µs: nginx', 'doorbell-app', 'primary', 'standby', 'of the primary: median (range)', 'per second', 'p50, ms', 'p99, ms'],
    rows,
    note: `${ROUNDS} rounds of ${SECONDS} s each, ${WORKERS} workers, all on one machine: only the CPU time tells.`,
  };
}
