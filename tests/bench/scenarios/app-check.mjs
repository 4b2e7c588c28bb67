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
const ROUNDS = 3;
const WORKERS = 4;
const KEPT = 16; // by each of nginx's two worker processes, as the shipped configuration says
const CLIENTS = [8, 64];
const MODES = [['', 'a connection for each'], ['_kept', 'kept connections']];

export const title = `GET /unread, ${USERS.toLocaleString('en-US')} users with ${MESSAGES} messages each`;

const upstreams = (constant) => `
    upstream constant { server unix:${constant}; }
    upstream constant_kept { server unix:${constant}_kept; keepalive ${KEPT}; }`;

// What doorbell.conf says of the app, at another place, for another upstream, with a new connection for each
// request or not: the same parameters.
function locations() {
  const conf = readFileSync(path.join(top, 'deploy/nginx/doorbell.conf'), 'utf8');
  const [location] = conf.replace(/^    location [^}]*\}\n/m, '').match(/^location \/doorbell\/ \{[^}]*\}/m);
  const kept = (place, upstream) =>
    location.replace('/doorbell/', place).replace('doorbell_app', upstream).replace('$request_uri', '/doorbell/unread');
  const each = (place, upstream) => kept(place, upstream).replace('fastcgi_keep_conn on', 'fastcgi_keep_conn off');
  return [each('/constant/', 'constant'), kept('/constant_kept/', 'constant_kept'), each('/app/', 'doorbell_app')].join('\n');
}

async function measure(site, calls, clients, pids) {
  const load = () => runLoad(site.address, calls, { connections: clients, seconds: SECONDS });
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
async function compare(site, files, clients, pids) {
  const rounds = [];
  await measure(site, files.app, clients, site.pids); // not counted: first contacts, cold caches
  for (let i = 0; i < ROUNDS; i++) {
    const constant = await measure(site, files.constant, clients, pids);
    rounds.push({ constant, app: await measure(site, files.app, clients, site.pids) });
  }
  return rounds;
}

function row(name, rounds, side, ratio) {
  const of = (part) => median(rounds.map((round) => round[side][part] ?? NaN));
  return [name, ...['nginx', 'app', 'PostgreSQL', 'all'].map(of), ratio, of('rate'), of('p50'), of('p99')];
}

const ratios = (rounds) => ratioOf(rounds.map((round) => round.app.all / round.constant.all));

// The constant in each mode: a thread of libfcgi stays with a kept connection, so that each needs its own.
async function startConstants(scope, socket) {
  const each = await startConstant(scope, socket, WORKERS);
  const kept = await startConstant(scope, `${socket}_kept`, 2 * KEPT + CLIENTS.at(-1));
  return { '': each.pid, _kept: kept.pid };
}

async function compareAll(site, constants, what) {
  const rows = [];
  for (const [mode, modeTitle] of MODES) {
    const files = { app: asking(site, `app${mode}`, `/${mode ? 'doorbell' : 'app'}/unread`), constant: asking(site, `constant${mode}`, `/constant${mode}/unread`) };
    const pids = { nginx: site.pids.nginx, app: constants[mode] };
    for (const clients of CLIENTS) {
      const rounds = await compare(site, files, clients, pids);
      rows.push(row(`libfcgi, a constant, ${modeTitle}, ${clients} clients`, rounds, 'constant', '1'));
      rows.push(row(`doorbell-app, ${what}`, rounds, 'app', ratios(rounds)));
    }
  }
  return rows;
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, USERS, MESSAGES);
  const socket = path.join(database.cluster.dir, 'constant.sock');
  const constants = await startConstants(scope, socket);
  const serverOptions = { http: upstreams(socket), server: locations() };
  const site = await startSite(scope, database, { serverOptions, config: { 'app.workers': WORKERS } });
  const rows = await compareAll(site, constants, 'no broadcast');
  await sendBroadcasts(database.db, BROADCASTS);
  rows.push(...(await compareAll(site, constants, `${BROADCASTS} live broadcasts`)));
  return [
    {
      columns: ['answered by', 'CPU µs: nginx', 'program', 'PostgreSQL', 'all', 'ratio: median (range)', 'per second', 'p50, ms', 'p99, ms'],
      rows,
      note: `${ROUNDS} rounds of ${SECONDS} s each, ${WORKERS} workers. Target: at most 1.8, with broadcasts as without, in each mode.`,
    },
  ];
}
