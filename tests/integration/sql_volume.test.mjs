// SPDX-License-Identifier: MIT
// What a call reads does not grow with what is stored. The plans of every statement inside the functions are
// taken as they ran, with little stored and with much: no table is read from end to end, and the rows read are as
// few. DOORBELL_VOLUME sets how much (100000; for a long run 1000000 and more).
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../harness/sql.mjs';
import { fillVolume, heavy } from '../harness/volume.mjs';

const volume = Number(process.env.DOORBELL_VOLUME ?? 100000);
const broadcasts = 5000;
// What has one row or few, whatever is stored, and a queue of which any row will do.
const small = new Set(['migration', 'purge_cursor', 'seq', 'chunk_gone']);

// A connection that tells the plan of each statement, also inside functions, with what it read.
async function connectExplained(database) {
  const db = await database.connect();
  db.plans = [];
  db.on('notice', ({ message }) => {
    const at = message.indexOf('{');
    if (message.includes('plan:') && at >= 0) db.plans.push(JSON.parse(message.slice(at)));
  });
  await db.query(`LOAD 'auto_explain'; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
    SET auto_explain.log_timing = off; SET auto_explain.log_format = json; SET auto_explain.log_level = notice;
    SET auto_explain.log_min_duration = 0`);
  return db;
}

function* nodes(plan) {
  yield plan;
  for (const inner of plan.Plans ?? []) yield* nodes(inner);
}

// Rows read, tables read from end to end, and statements of one call, which is rolled back.
async function cost(db, act) {
  await db.query('BEGIN');
  db.plans = [];
  await act();
  const plans = db.plans;
  await db.query('ROLLBACK');
  const found = { rows: 0, scans: [], statements: plans.length };
  for (const node of plans.flatMap(({ Plan }) => [...nodes(Plan)])) {
    if (!node['Relation Name']) continue;
    if (node['Node Type'] === 'Seq Scan' && !small.has(node['Relation Name'])) found.scans.push(node['Relation Name']);
    const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    found.rows += (node['Actual Rows'] + removed) * node['Actual Loops'];
  }
  return found;
}

test(`calls read as much with ${volume} rows as with 1,000`, async (t) => {
  const cluster = await startCluster(t);
  const database = await openDatabase(t, cluster);
  let db = await connectExplained(database);
  const filler = await database.connect();
  await fillVolume(filler, { personal: 1000, broadcasts: 10, groups: 10 });
  const { id } = await send(filler, { to_users: [heavy, 'plain'], title: 't' });
  const everybody = (await send(filler, { to_all: true, title: 't' })).id;
  await check(filler, 'plain');

  const calls = {
    'unread, of a plain user': () => call(db, 'unread', 'plain'),
    'unread, in ten groups': () => call(db, 'unread', heavy),
    list: () => list(db, heavy, { limit: 20 }),
    'list of unread': () => list(db, heavy, { limit: 20, state: 'unread' }),
    message: () => call(db, 'message', heavy, id),
    'mark_read, personal': () => call(db, 'mark_read', heavy, id),
    'mark_read, broadcast': () => call(db, 'mark_read', heavy, everybody),
    'send to one': () => send(db, { to_users: [heavy], title: 't' }),
    'send to all': () => send(db, { to_all: true, title: 't' }),
    'recall of a broadcast': () => call(db, 'recall', everybody),
    'first contact': () => call(db, 'contact', 'new', new Date()),
    activate: () => call(db, 'activate', 100),
    sweep: () => call(db, 'sweep', 100),
    'purge of nothing': () => call(db, 'purge', 100),
    'rings of nobody': () => call(db, 'outbox_rings', []),
  };
  const measure = async () => {
    const costs = {};
    for (const [name, act] of Object.entries(calls)) costs[name] = await cost(db, act);
    return costs;
  };
  const few = await measure();

  await fillVolume(filler, { personal: volume, broadcasts });
  db = await connectExplained(database); // as a worker that starts on a database of this size
  const many = await measure();
  t.diagnostic(JSON.stringify(Object.fromEntries(Object.keys(calls).map((name) => [name, [few[name].rows, many[name].rows]]))));

  const stored = (await row(filler, 'SELECT count(*) FROM doorbell.inbox WHERE user_id = $1 AND state = 0', [heavy])).count;
  assert.ok(stored > volume / 110);
  assert.equal((await check(filler, heavy)).num, stored + 10 + 1 + broadcasts);
  assert.deepEqual(await rows(filler, 'SELECT * FROM doorbell.recount()'), []);
  for (const name of Object.keys(calls)) {
    assert.ok(many[name].statements > 0, `${name}: its plans were not told`);
    assert.deepEqual(many[name].scans, [], `${name} reads a table from end to end`);
    // Five chunks of broadcasts where there was one: a few rows each.
    assert.ok(many[name].rows <= few[name].rows + 60, `${name}: ${few[name].rows} rows read with 1,000 stored, ${many[name].rows} with ${volume}`);
  }
});
