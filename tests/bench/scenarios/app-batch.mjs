// SPDX-License-Identifier: MIT
// app-batch.mjs - messages of one template, each with its own user and extra: one by one, and in batches of 1, 100
// and 1,000; PostgreSQL writes to the disk before it answers (fsync = on).

import { withCpu } from '../proc.mjs';
import { fillInboxes, startDatabase, startSite, userName, writeCalls } from '../site.mjs';
import { median, ratioOf } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const MANY = Number(process.env.BENCH_USERS || 100_000);
const SECONDS = 2;
const ROUNDS = 5;
const CALLS = 50; // different ones of each kind
const PARTS = ['nginx', 'app', 'PostgreSQL', 'relay'];

export const title = `personalised messages to ${MANY.toLocaleString('en-US')} users, one by one and in batches`;

const template = { title: 'Your points of this month', url: '/points' };

function personal() {
  const user = Math.floor(Math.random() * MANY);
  return { to: userName(user), extra: { points: user } };
}

function callsOf(site) {
  const single = () => ({ method: 'POST', path: '/doorbell/messages', json: { ...template, ...personal() } });
  const batch = (size) => () => ({
    method: 'POST', path: '/doorbell/messages/batch', json: { defaults: template, messages: Array.from({ length: size }, personal) },
  });
  const kind = (label, size, make, connections) => (
    { label, size, connections, file: writeCalls(site, label.replace(/\W+/g, '-'), Array.from({ length: size > 1 ? CALLS : 1000 }, make)) });
  return [
    kind('single, 8 clients', 1, single, 8),
    kind('single, 1 client', 1, single, 1),
    kind('batch of 1, 1 client', 1, batch(1), 1),
    kind('batch of 100, 1 client', 100, batch(100), 1),
    kind('batch of 1,000, 1 client', 1000, batch(1000), 1),
  ];
}

async function measure(site, { file, connections, size }) {
  const pids = { ...site.pids, relay: site.relayPid };
  const { result, cpu } = await withCpu(pids, () => runLoad(site.address, file, { connections, seconds: SECONDS }));
  const parts = Object.fromEntries(Object.entries(cpu).map(([name, us]) => [name, us / result.ok / size]));
  const all = Object.values(parts).reduce((sum, us) => sum + us, 0);
  return { ...parts, all, rate: result.rate * size, p50: result.us.p50 / 1000, p99: result.us.p99 / 1000 };
}

// All in turn, so that what else the machine does meets them alike.
async function compare(site, db, calls) {
  const rounds = calls.map(() => []);
  for (const one of calls) await measure(site, one); // not counted: cold caches
  for (let i = 0; i < ROUNDS; i++) {
    for (const [n, one] of calls.entries()) rounds[n].push(await measure(site, one));
    await db.query('VACUUM doorbell.reader, doorbell.unread_count, doorbell.outbox');
  }
  return rounds;
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, MANY, 1);
  const site = await startSite(scope, database);
  const calls = callsOf(site);
  const rounds = await compare(site, database.db, calls);
  const row = ({ label }, n) => {
    const of = (what) => median(rounds[n].map((round) => round[what]));
    const ratio = ratioOf(rounds[n].map((round, i) => round.all / rounds[0][i].all));
    return [label, ...[...PARTS, 'all'].map(of), ratio, of('rate'), of('p50'), of('p99')];
  };
  return [{
    columns: ['a message', 'CPU µs: nginx', 'program', 'PostgreSQL', 'relay', 'all', 'ratio: median (range)', 'messages per second', 'p50 of a call, ms', 'p99, ms'],
    rows: calls.map(row),
    note: `${ROUNDS} rounds of ${SECONDS} s each, nobody online, without keys. With the rings: the publisher looks and asks meanwhile.`,
  }];
}
