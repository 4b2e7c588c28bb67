// SPDX-License-Identifier: MIT
// sql-cost.mjs - what each function of the schema costs, with little stored and with much, and a send to
// all with any number of known users against the commit of one row. PostgreSQL writes to the disk
// before it answers (fsync = on).

import pg from 'pg';

import { fillVolume, heavy, old } from '../../harness/volume.mjs';
import { cpuUs } from '../proc.mjs';
import { startDatabase } from '../site.mjs';
import { digits, median, ratioOf } from '../table.mjs';

const STORED = Number(process.env.BENCH_STORED || 1_000_000);
const KNOWN = [1, 100_000, 1_000_000];
const CALLS = 40;
const ROUNDS = 9;
const ROUND_CALLS = 20;
const user = 'n7'; // one of the many

export const title = `the functions of the schema, with 1,000 and ${STORED.toLocaleString('en-US')} personal messages stored`;

// The arguments of each call; `set` has the ids and positions for them. Reads are for two users: 'heavy' has a hundredth
// of all messages, and 'old' has read everything.
const functions = (set) => [
  ['unread', [heavy]],
  ['unread', [old], 'of old messages'],
  ['unread', ['plain'], 'of a user in no group'],
  ['unread_by_category', [heavy]],
  ['list', [heavy]],
  ['list', [heavy, 'unread', 'news'], 'of a category'],
  ['list', [old], 'of old messages'],
  ['message', [heavy, set.id]],
  ['register', ['new']],
  ['preferences', [user]],
  ['send', { to_users: [user], title: 'x' }, 'to one'],
  ['send', { to_users: [user], title: 'x', subject_type: 'order', subject_id: '7', replace: true, key: 'k' }, 'to one, with key and replace'],
  ['send', { to_users: set.thousand, title: 'x' }, 'to 1,000'],
  ['send', { to_group: 'g1', title: 'x' }, 'to a group'],
  ['send', { to_all: true, title: 'x' }, 'to all'],
  ['send', { to_users: [user], title: 'x', later: true }, 'later'],
  ['activate', [100], 'of nothing'],
  ['mark_read', [user, set.id]],
  ['mark_read', [user, set.broadcast], 'of a broadcast'],
  ['mark_unread', [user, set.read]],
  ['archive', [user, set.id]],
  ['acknowledge', [user, set.ack]],
  ['remove', [user, set.id]],
  ['mark_read_ids', [user, [set.id, set.broadcast]]],
  ['mark_unread_ids', [user, [set.read]]],
  ['mark_read_upto', [user, set.position]],
  ['mark_read_subject', [user, 'order', '7']],
  ['mark_read_oldest', [user, 1]],
  ['mark_read_all', [user]],
  ['mark_unread_all', [user]],
  ['mark_seen', [user, set.position]],
  ['mute', [user, ['news']]],
  ['outbox_waiting', [[], 100, 60], 'of one ring'],
  ['outbox_take', [[set.ring], null, 10], 'of one ring'],
  ['outbox_take', [[set.ring], [], 10], 'of one ring, offline'],
  ['outbox_rings', [[set.ring]], 'of one ring'],
  ['outbox_done', [[set.ring]]],
  ['outbox_retry', [[set.ring]]],
  ['recall', [set.broadcast], 'of a broadcast'],
  ['recall', [set.id], 'of a personal message'],
  ['sent', [set.broadcast], 'of a broadcast'],
  ['sent', [set.id], 'of a personal message'],
  ['sweep', [100], 'of nothing'],
  ['purge', [100], 'of nothing'],
  ['group_join', ['g1', 'plain']],
  ['group_leave', ['g1', user]],
  ['group_change', ['g1', ['plain'], [user]]],
  ['group_members', ['g1']],
  ['categories', []],
  ['category_set', ['news', true]],
  ['category_remove', ['news', true]],
  ['export', [user]],
  ['erase', [user]],
  ['health', []],
];

function statementOf([name, args], i) {
  const isNamed = !Array.isArray(args);
  const list = Object.keys(args).map((key, nth) => (isNamed ? `${key} => $${nth + 1}` : `$${nth + 1}`));
  return { name: `call${i}`, text: `SELECT * FROM doorbell.${name}(${list.join(', ')})`, values: Object.values(args) };
}

// Milliseconds at the caller, and CPU of the backend, of calls that are each rolled back.
async function measureCall(db, statement) {
  const ms = [];
  const us = [];
  for (let i = 0; i < CALLS; i++) {
    await db.query('BEGIN');
    const cpu = cpuUs(db.pid);
    const started = performance.now();
    await db.query(statement);
    ms.push(performance.now() - started);
    us.push(cpuUs(db.pid) - cpu);
    await db.query('ROLLBACK');
  }
  return { ms: median(ms), us: median(us) };
}

async function connect(scope, { conninfo }) {
  const db = new pg.Client({ connectionString: conninfo });
  await db.connect();
  scope.after(() => db.end());
  db.pid = (await db.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  await db.query('SET jit = off'); // as the app has it
  return db;
}

// Messages to act upon.
async function prepare(db) {
  const one = async (text, values) => Object.values((await db.query(text, values)).rows[0])[0];
  const send = (args) => {
    const names = Object.keys(args);
    return one(`SELECT id FROM doorbell.send(${names.map((name, i) => `${name} => $${i + 1}`).join(', ')})`, Object.values(args));
  };
  const to_users = [user, heavy, 'plain', old];
  await one("SELECT doorbell.register(u) FROM unnest($1::text[]) u", [to_users]);
  const set = {
    read: await send({ to_users, title: 'x' }),
    id: await send({ to_users, title: 'x', subject_type: 'order', subject_id: '7' }),
    ack: await send({ to_users, title: 'x', ack: true }),
    broadcast: await send({ to_all: true, title: 'x' }),
    thousand: Array.from({ length: 1000 }, (_, i) => `n${i}`),
  };
  await one('SELECT num FROM doorbell.mark_read($1, $2)', [user, set.read]);
  set.position = (await one('SELECT doorbell.list($1)', [user])).position;
  await db.query('TRUNCATE doorbell.outbox');
  await send({ to_users: [user], title: 'x' });
  set.ring = await one('SELECT id FROM doorbell.outbox');
  return set;
}

async function measureFunctions(scope, database, volume) {
  await fillVolume(database.db, volume);
  const set = await prepare(database.db);
  const db = await connect(scope, database); // as a worker that starts on a database of this size
  const costs = [];
  for (const statement of functions(set).map(statementOf)) costs.push(await measureCall(db, statement));
  return costs;
}

async function functionTable(scope, database) {
  const few = await measureFunctions(scope, database, { personal: 1000, broadcasts: 10, groups: 10 });
  const many = await measureFunctions(scope, database, { personal: STORED, old: 100_000, broadcasts: 10_000, readers: 2000 });
  const label = ([name, , how]) => (how ? `${name}, ${how}` : name);
  return {
    columns: ['function', 'ms, 1,000 stored', `ms, ${STORED.toLocaleString('en-US')} stored`, 'CPU µs, 1,000 stored', `CPU µs, ${STORED.toLocaleString('en-US')} stored`],
    rows: functions({}).map((one, i) => [label(one), few[i].ms, many[i].ms, few[i].us, many[i].us]),
    note: `Medians of ${CALLS} calls on one connection, each rolled back, so without a commit. Much stored: also 100,000 read messages of '${old}', and 10,000 live broadcasts, read by three users here and 2,000 others. Calls for the messages of '${user}' act on those of that user.`,
  };
}

async function timed(work) {
  const started = performance.now();
  for (let i = 0; i < ROUND_CALLS; i++) await work();
  return (performance.now() - started) / ROUND_CALLS;
}

// Rows that one send to all writes. What earlier transactions wrote may still be among the counts.
async function rowsWritten(db, send) {
  const written = async () => (await db.query(
    "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::integer AS n FROM pg_stat_xact_user_tables WHERE schemaname = 'doorbell'")).rows[0].n;
  await db.query('BEGIN');
  const before = await written();
  await db.query(send);
  const after = await written();
  await db.query('ROLLBACK');
  return after - before;
}

async function makeKnown(db, count) {
  await db.query("INSERT INTO doorbell.reader (user_id) SELECT 'k' || i FROM generate_series(1, $1::integer) i ON CONFLICT DO NOTHING", [count]);
  await db.query('INSERT INTO doorbell.first_seen (user_id, joined_pos) SELECT user_id, -1 FROM doorbell.reader ON CONFLICT DO NOTHING');
  await db.query('VACUUM ANALYZE');
  await db.query('CHECKPOINT');
}

async function sendTable(scope) {
  const database = await startDatabase(scope);
  const db = await connect(scope, database);
  await db.query('CREATE TABLE bench_row (id bigserial PRIMARY KEY, body text NOT NULL)');
  const row = { name: 'row', text: "INSERT INTO bench_row (body) VALUES ('a row of some forty bytes, as a title is')" };
  const send = { name: 'send', text: "SELECT * FROM doorbell.send(to_all => true, title => 'a message', body => 'its text')" };
  const rows = [];
  for (const known of KNOWN) {
    await makeKnown(db, known);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push({ row: await timed(() => db.query(row)), send: await timed(() => db.query(send)) });
    rows.push([known.toLocaleString('en-US'), digits(median(rounds.map((round) => round.row))), digits(median(rounds.map((round) => round.send))),
      ratioOf(rounds.map((round) => round.send / round.row)), String(await rowsWritten(db, send))]);
  }
  return {
    columns: ['users known', 'one durable row, ms', 'send to all, ms', 'ratio: median (range)', 'rows written'],
    rows,
    note: `${ROUNDS} rounds of ${ROUND_CALLS} commits a side, one connection. Target: at most 3, with any number of users.`,
  };
}

export async function run(scope) {
  const sends = await sendTable(scope);
  return [sends, await functionTable(scope, await startDatabase(scope))];
}
