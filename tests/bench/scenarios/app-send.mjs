// SPDX-License-Identifier: MIT
// app-send.mjs - sending to one and to all, against the commit of one row; PostgreSQL writes to the
// disk before it answers (fsync = on).

import { readdirSync } from 'node:fs';
import path from 'node:path';

import { startPhp, writeInserts } from '../php.mjs';
import { withCpu } from '../proc.mjs';
import { fillInboxes, pgbench, startDatabase, startSite, userName, writeCalls } from '../site.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const MANY = Number(process.env.BENCH_USERS || 100_000);
const SECONDS = 2;
const ROUNDS = 5;

export const title = `sending to one, and to all of 1 and of ${MANY.toLocaleString('en-US')} users`;

const STATEMENTS = {
  row: "INSERT INTO bench_row (body) VALUES ('a row of some forty bytes, as a title is')",
  one: "SELECT * FROM doorbell.send(to_users => ARRAY['u0'], title => 'a message', body => 'its text')",
  all: "SELECT * FROM doorbell.send(to_all => true, title => 'a message', body => 'its text')",
};

function postgresPrograms() {
  const root = '/usr/lib/postgresql';
  const [version] = readdirSync(root).filter((name) => Number(name) >= 15).sort();
  return path.join(root, version, 'bin');
}

async function measureStatement(database, statement) {
  const { conninfo, cluster } = database;
  const dir = path.join(database.scratch, 'pgbench');
  const { result, cpu } = await withCpu({ PostgreSQL: cluster.pid }, () =>
    pgbench(conninfo, database.bin, dir, statement, SECONDS),
  );
  return { ms: result.ms, us: cpu.PostgreSQL / result.count };
}

// The statements in turn, round by round.
async function compareStatements(database, names) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    const round = {};
    for (const name of names) round[name] = await measureStatement(database, STATEMENTS[name]);
    rounds.push(round);
    await database.db.query('TRUNCATE doorbell.outbox');
  }
  return rounds;
}

function statementRow(label, rounds, name) {
  const of = (what) => median(rounds.map((round) => round[name][what]));
  const ratio = (what) => ratioOf(rounds.map((round) => round[name][what] / round.row[what]));
  return [label, of('ms'), ratio('ms'), of('us'), ratio('us')];
}

async function measureCalls(site, pids, { file, connections }) {
  const { result, cpu } = await withCpu(pids, () => runLoad(site.address, file, { connections, seconds: SECONDS }));
  const parts = Object.fromEntries(Object.entries(cpu).map(([name, us]) => [name, us / result.ok]));
  const all = Object.values(parts).reduce((sum, us) => sum + us, 0);
  return { ...parts, all, rate: result.rate, p50: result.us.p50 / 1000, p99: result.us.p99 / 1000 };
}

function callsOf(site, php) {
  const call = (to) => ({ method: 'POST', path: '/doorbell/messages', json: { to, title: 'a message', body: 'its text' } });
  const users = Array.from({ length: 1000 }, () => userName(Math.floor(Math.random() * MANY)));
  const toOne = writeCalls(site, 'one', users.map(call));
  const { nginx, PostgreSQL } = site.pids;
  const ours = { ...site.pids, relay: site.relayPid };
  const theirs = { nginx, app: php.pid, PostgreSQL };
  return [
    { label: 'php-fpm, two inserts, 8 clients', pids: theirs, file: writeInserts(site, users, true), connections: 8 },
    { label: 'php-fpm, a connection for each, 8 clients', pids: theirs, file: writeInserts(site, users, false), connections: 8 },
    { label: 'to one, 8 clients', pids: ours, file: toOne, connections: 8 },
    { label: 'to one, 1 client', pids: ours, file: toOne, connections: 1 },
    { label: 'to all, 1 client', pids: ours, file: writeCalls(site, 'all', [call('*')]), connections: 1 },
  ];
}

// All in turn, so that what else the machine does meets them alike.
async function compareCalls(site, calls) {
  const rounds = calls.map(() => []);
  for (const one of calls) await measureCalls(site, one.pids, one); // not counted: cold caches
  for (let i = 0; i < ROUNDS; i++) {
    for (const [n, one] of calls.entries()) rounds[n].push(await measureCalls(site, one.pids, one));
  }
  return rounds;
}

async function callTable(scope, database) {
  const php = await startPhp(scope, database);
  const site = await startSite(scope, database, { serverOptions: { server: php.server } });
  const calls = callsOf(site, php);
  const rounds = await compareCalls(site, calls);
  const row = ({ label }, n) => {
    const of = (what) => median(rounds[n].map((round) => round[what] ?? NaN));
    const ratio = ratioOf(rounds[n].map((round, i) => round.all / rounds[0][i].all));
    return [label, ...['nginx', 'app', 'PostgreSQL', 'relay', 'all'].map(of), ratio, of('rate'), of('p50'), of('p99')];
  };
  return {
    columns: ['POST /messages', 'CPU µs: nginx', 'program', 'PostgreSQL', 'relay', 'all', 'ratio: median (range)', 'per second', 'p50, ms', 'p99, ms'],
    rows: calls.map(row),
    note: `${ROUNDS} rounds of ${SECONDS} s each. With the rings: the publisher asks, computes and publishes meanwhile, and the relay has no session. php-fpm rings nobody. Target: to one, 8 clients, at most 0.75.`,
  };
}

export async function run(scope) {
  const database = await startDatabase(scope);
  database.bin = postgresPrograms();
  database.scratch = database.cluster.dir;
  await database.db.query('CREATE TABLE bench_row (id bigserial PRIMARY KEY, body text NOT NULL)');
  await fillInboxes(database.db, 1, 1);
  const few = await compareStatements(database, ['row', 'one', 'all']);
  await fillInboxes(database.db, MANY, 1);
  const many = await compareStatements(database, ['row', 'all']);
  return [
    {
      columns: ['SQL, one connection', 'ms', 'ratio: median (range)', 'CPU µs of PostgreSQL', 'ratio'],
      rows: [
        statementRow('one durable row', few, 'row'),
        statementRow('send to one', few, 'one'),
        statementRow('send to all, 1 user', few, 'all'),
        statementRow('one durable row, again', many, 'row'),
        statementRow(`send to all, ${MANY.toLocaleString('en-US')} users`, many, 'all'),
      ],
      note: `${ROUNDS} rounds of ${SECONDS} s. Target: send to all at most 3, with any number of users.`,
    },
    await callTable(scope, database),
  ];
}
