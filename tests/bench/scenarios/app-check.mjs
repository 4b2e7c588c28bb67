// SPDX-License-Identifier: MIT
// app-check.mjs - GET /unread through nginx, against a FastCGI program that always answers the same.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { top } from '../../harness/index.mjs';
import { withCpu } from '../proc.mjs';
import { fillInboxes, sendBroadcasts, startDatabase, startSite, userName, writeCalls } from '../site.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad, startConstant } from '../tools.mjs';

const USERS = Number(process.env.BENCH_USERS || 100_000);
const MESSAGES = 10;
const ASKING = 2000;
const BROADCASTS = 1000;
const CONNECTIONS = 8;
const SECONDS = 3;
const ROUNDS = 5;
const WORKERS = 4;

export const title = `GET /unread, ${USERS.toLocaleString('en-US')} users with ${MESSAGES} messages each`;

const constantUpstream = (socket) => `upstream constant { server unix:${socket}; }`;

// What doorbell.conf says of the app, said of the constant: the same parameters, the same connecting.
function constantLocation() {
  const conf = readFileSync(path.join(top, 'deploy/nginx/doorbell.conf'), 'utf8');
  const [location] = conf.match(/^location \/doorbell\/ \{[^}]*\}/m);
  return location.replace('/doorbell/', '/constant/').replace('doorbell_app', 'constant');
}

async function measure(site, calls, pids) {
  const load = () => runLoad(site.address, calls, { connections: CONNECTIONS, seconds: SECONDS });
  const { result, cpu } = await withCpu(pids, load);
  const parts = Object.fromEntries(Object.entries(cpu).map(([name, us]) => [name, us / result.ok]));
  const all = Object.values(parts).reduce((sum, us) => sum + us, 0);
  return { ...parts, all, rate: result.rate, p50: result.us.p50 / 1000, p99: result.us.p99 / 1000 };
}

function asking(site, name, target) {
  const calls = Array.from({ length: ASKING }, () => userName(Math.floor(Math.random() * USERS)));
  return writeCalls(site, name, calls.map((user) => ({ path: target, user })));
}

// Both in turn, so that what else the machine does meets them alike.
async function compare(site, files, pids) {
  const rounds = [];
  await measure(site, files.app, site.pids); // not counted: first contacts, cold caches
  for (let i = 0; i < ROUNDS; i++) {
    const constant = await measure(site, files.constant, pids);
    rounds.push({ constant, app: await measure(site, files.app, site.pids) });
  }
  return rounds;
}

function row(name, rounds, side, ratio) {
  const of = (part) => median(rounds.map((round) => round[side][part] ?? NaN));
  return [name, ...['nginx', 'app', 'PostgreSQL', 'all'].map(of), ratio, of('rate'), of('p50'), of('p99')];
}

const ratios = (rounds) => ratioOf(rounds.map((round) => round.app.all / round.constant.all));

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, USERS, MESSAGES);
  const socket = path.join(database.cluster.dir, 'constant.sock');
  const constant = await startConstant(scope, socket, WORKERS);
  const serverOptions = { http: constantUpstream(socket), server: constantLocation() };
  const site = await startSite(scope, database, { serverOptions, config: { 'app.workers': WORKERS } });
  const files = { app: asking(site, 'unread', '/doorbell/unread'), constant: asking(site, 'constant', '/constant/unread') };
  const pids = { nginx: site.pids.nginx, app: constant.pid };

  const without = await compare(site, files, pids);
  await sendBroadcasts(database.db, BROADCASTS);
  const live = await compare(site, files, pids);
  return [
    {
      columns: ['answered by', 'CPU µs: nginx', 'program', 'PostgreSQL', 'all', 'ratio: median (range)', 'per second', 'p50, ms', 'p99, ms'],
      rows: [
        row('libfcgi, a constant', without, 'constant', '1'),
        row('doorbell-app, no broadcast', without, 'app', ratios(without)),
        row('libfcgi, a constant, again', live, 'constant', '1'),
        row(`doorbell-app, ${BROADCASTS} live broadcasts`, live, 'app', ratios(live)),
      ],
      note: `${ROUNDS} rounds of ${SECONDS} s each, ${CONNECTIONS} clients, ${WORKERS} workers, a FastCGI connection per request. Target: at most 1.8, with broadcasts as without.`,
    },
  ];
}
