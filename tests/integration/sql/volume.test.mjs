// SPDX-License-Identifier: MIT
// What a call reads does not grow with what is stored. The plans of every statement inside the functions are
// taken as they ran, with little stored and with much: no table is read from end to end, the rows read are as few,
// and nothing is compiled. Once before the planner has been told of the growth, and once after.
// DOORBELL_VOLUME sets how much (1000000).
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';
import { fillVolume, heavy, old, popular } from '../../harness/volume.mjs';

const volume = Number(process.env.DOORBELL_VOLUME ?? 1_000_000);
const broadcasts = 10_000;
// A group is told of by 100 members at most, and each has that many.
const few = { personal: 1000, broadcasts: 10, groups: 10, grouped: 6000 };
// What has one row or few, whatever is stored, and a queue of which any row will do.
const small = new Set(['incarnation', 'epoch_copy', 'migration', 'purge_cursor', 'seq', 'chunk_gone']);

// A connection that tells the plan of each statement, also inside functions, with what it read. It has the settings that
// functions have, which a look at check_state needs too.
async function connectExplained(database) {
  const db = await database.connect();
  db.plans = [];
  db.on('notice', ({ message }) => {
    const at = message.indexOf('{');
    if (message.includes('plan:') && at >= 0) db.plans.push(JSON.parse(message.slice(at)));
  });
  await db.query(`LOAD 'auto_explain'; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
    SET auto_explain.log_timing = off; SET auto_explain.log_format = json; SET auto_explain.log_level = notice;
    SET auto_explain.log_min_duration = 0; SET statement_timeout = '20s';
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off`);
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
  const found = { rows: 0, scans: [], statements: plans.length, compiled: plans.some((plan) => plan.JIT) };
  for (const node of plans.flatMap(({ Plan }) => [...nodes(Plan)])) {
    if (!node['Relation Name']) continue;
    if (node['Node Type'] === 'Seq Scan' && !small.has(node['Relation Name'])) found.scans.push(node['Relation Name']);
    const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    found.rows += (node['Actual Rows'] + removed) * node['Actual Loops'];
  }
  return found;
}

// Ten chunks of broadcasts where there was one, with their categories and marks, are a few rows each. A planner that
// has not been told may read the same ten again for each group; it must not read the messages, or other users' marks.
const allowance = { 'before ANALYZE': 600, 'after ANALYZE': 200 };

// The proof that kept answers hold, as sql/README.md has it.
const checkState = {
  name: 'check_state',
  text: `SELECT u.n, s.joined_pos, s.version, s.seq, clock_timestamp() FROM unnest($1::text[]) WITH ORDINALITY u (user_id, n)
    CROSS JOIN LATERAL (SELECT * FROM doorbell.check_state c WHERE c.user_id = u.user_id OFFSET 0) s`,
};
const eight = ['plain', old, 'n1', 'n2', 'n3', 'n4', 'n5', 'nobody'];

async function twice(act) {
  await act();
  await act();
}

const listGrouped = (db, user, { before = null, key = null, state = 'all' } = {}) => row(db,
  'SELECT doorbell.list($1, $2, NULL, $3, 20, grouped => $4, group_key => $5)', [user, state, before, key === null, key]);

/** The calls whose cost is looked at, on a connection. */
function callsOn(db, { id, everybody, audience, position, rest, further, covered, kept }) {
  return {
    'unread, of a plain user': () => call(db, 'unread', 'plain'),
    'unread, in ten groups': () => call(db, 'unread', heavy),
    'unread, of many old messages': () => call(db, 'unread', old),
    'unread of two users': () => call(db, 'unread_many', ['plain', heavy]),
    'state of a user in no group': () => db.query({ ...checkState, values: [['plain']] }),
    'state of eight users': () => db.query({ ...checkState, values: [eight] }),
    'unread by category': () => call(db, 'unread_by_category', heavy),
    'unread of a category': () => call(db, 'unread', heavy, 'news'),
    list: () => list(db, heavy, { limit: 20 }),
    'list of unread': () => list(db, heavy, { limit: 20, state: 'unread' }),
    'list of a category': () => list(db, heavy, { limit: 20, category: 'shop' }),
    'list of archived': () => list(db, heavy, { limit: 20, state: 'archived' }),
    'list of old messages': () => list(db, old, { limit: 20 }),
    'list_after, nothing new': () => call(db, 'list_after', heavy, kept),
    'list_after, all anew': () => call(db, 'list_after', heavy, position.replace(/[0-9a-f]{8}/, kept.match(/[0-9a-f]{8}/)), 'all', null, 20),
    'list_after, marked and new ones': async () => {
      for (const one of [id, everybody]) await call(db, 'mark_read', heavy, one);
      await send(db, { to_all: true, title: 't' });
      await send(db, { to_users: [heavy], title: 't' });
      const { list_after: told } = await call(db, 'list_after', heavy, kept);
      assert.ok(!told.reset && told.messages.length >= 3);
    },
    'grouped list of few groups': () => listGrouped(db, popular),
    'grouped list of unread': () => listGrouped(db, popular, { state: 'unread' }),
    'grouped list of unread, further back': () => listGrouped(db, popular, { before: further, state: 'unread' }),
    [passing]: () => listGrouped(db, popular, { before: covered, state: 'unread' }),
    'grouped list without groups': () => listGrouped(db, heavy),
    'list of a group': () => listGrouped(db, popular, { key: 'g7' }),
    'mark_read_part of a group': () => call(db, 'mark_read_part', popular, null, 10, 'g7'),
    'remove_part of a group': () => call(db, 'remove_part', popular, null, null, false, 10, 'g7'),
    'unread, of many in groups': () => call(db, 'unread', popular),
    message: () => call(db, 'message', heavy, id),
    broadcast: () => call(db, 'broadcast', everybody),
    'mark_read, personal': () => call(db, 'mark_read', heavy, id),
    'mark_read, broadcast': () => call(db, 'mark_read', heavy, everybody),
    'remove, personal, twice': () => twice(() => call(db, 'remove', heavy, id)),
    'remove, broadcast, twice': () => twice(() => call(db, 'remove', heavy, everybody)),
    'mark_read_part, after the first': () => call(db, 'mark_read_part', heavy, rest, 10),
    mark_unread_part: () => call(db, 'mark_unread_part', old, null, 10),
    'archive_part, after the first': () => call(db, 'archive_part', heavy, rest, null, false, 10),
    'archive_part, of a category, what was read': () => call(db, 'archive_part', heavy, null, 'news', true, 10),
    'remove_part, after the first': () => call(db, 'remove_part', heavy, rest, null, false, 10),
    'mark_read_upto, nothing new': () => call(db, 'mark_read_upto', old, position),
    mark_seen: () => call(db, 'mark_seen', old, position),
    'send to one': () => send(db, { to_users: [heavy], title: 't' }),
    'send to one, in a group': () => send(db, { to_users: [popular], title: 't', sender: 's', group_key: 'g7' }),
    'send to one, replace': () => send(db, { to_users: [heavy], title: 't', subject_type: 'a', subject_id: 'b', replace: true }),
    'send to all': () => send(db, { to_all: true, title: 't' }),
    'send to all, replace': () => send(db, { to_all: true, title: 't', subject_type: 'a', subject_id: 'b', replace: true }),
    'send to a group': () => send(db, { to_group: 'g1', title: 't' }),
    'send to several groups': () => send(db, { to_groups: ['g1', 'g2', 'g3'], except_groups: ['g4'], except_users: [heavy, 'plain'], title: 't' }),
    'send to all but a group': () => send(db, { to_all: true, except_groups: ['g1'], title: 't' }),
    'recall of a broadcast': () => call(db, 'recall', everybody),
    'recall of a personal message': () => call(db, 'recall', id),
    'recall of many, of which there is none': () => row(db, "SELECT * FROM doorbell.recall_matching(sender => 'nobody', max_looked => 50)"),
    'recall of many': () => row(db, 'SELECT * FROM doorbell.recall_matching(category => $1, max_rows => 5, max_looked => 50)', ['news']),
    'recall of many, further back': () => row(db, `SELECT * FROM doorbell.recall_matching(category => $1, since => now() - interval '1 year',
      before => 'r1-sent-' || (extract(epoch FROM now()) * 1000000)::bigint, max_rows => 5, max_looked => 50)`, ['news']),
    'explain, personal': () => call(db, 'explain', heavy, id),
    'explain, to all': () => call(db, 'explain', heavy, everybody),
    'explain, to several groups': () => call(db, 'explain', heavy, audience),
    'explain to somebody else': () => call(db, 'explain', 'n1', id),
    'first contact': () => call(db, 'register', 'new', new Date()),
    join: () => call(db, 'group_join', 'g1', 'plain'),
    mute: () => call(db, 'mute', 'plain', ['news']),
    'removal of a category': () => call(db, 'category_remove', 'news').catch(({ code }) => assert.equal(code, 'DB409')),
    activate: () => call(db, 'activate', 100),
    sweep: () => call(db, 'sweep', 100),
    'purge of nothing': () => call(db, 'purge', 100),
    'rings of two': () => call(db, 'outbox_rings', [1, 2]),
  };
}

// Where nothing is left but older members of groups, so many messages are looked at: 10,000, after tries with fewer.
const passing = 'grouped list below all groups';
const passedMax = 13_000;

async function measure(db, fixed) {
  const costs = {};
  const further = (await listGrouped(db, popular, { state: 'unread' })).list.next;
  const { seq } = await row(db, 'SELECT seq FROM doorbell.inbox WHERE user_id = $1 ORDER BY seq DESC OFFSET 100 LIMIT 1', [popular]);
  const kept = (await list(db, heavy)).position;
  const what = { ...fixed, further, covered: further.replace(/\d+$/, seq), kept };
  for (const [name, act] of Object.entries(callsOn(db, what))) costs[name] = await cost(db, act);
  return costs;
}

function assertFlat(before, after, when) {
  for (const name of Object.keys(before)) {
    assert.ok(after[name].statements > 0, `${name}: its plans were not told`);
    assert.deepEqual(after[name].scans, [], `${name}, ${when}: a table is read from end to end`);
    assert.equal(after[name].compiled, false, `${name}, ${when}: a plan was compiled`);
    const most = name === passing ? passedMax : before[name].rows + allowance[when];
    assert.ok(after[name].rows <= most, `${name}, ${when}: ${before[name].rows} rows read, then ${after[name].rows}`);
  }
}

const all = { grouped: 100_000, broadcasts, readers: 2000, analyze: false };
for (const [shape, fills] of [
  [`${volume} rows, a user in a hundred has many`, [{ personal: volume, old: 100_000, ...all }]],
  // The planner has last looked when there was nothing to everybody.
  ['100,000 users with a message each, and one with 100,000', [{ singles: 100_000, old: 100_000 }, all]],
]) {
  test(`calls read as much with little stored as with ${shape}`, async (t) => {
    const cluster = await startCluster(t, { settings: { autovacuum: 'off' } });
    const database = await openDatabase(t, cluster);
    const filler = await database.connect();
    await fillVolume(filler, few);
    const { id } = await send(filler, { to_users: [heavy, 'plain', old], title: 't' });
    const everybody = (await send(filler, { to_all: true, title: 't' })).id;
    for (let g = 0; g < few.groups; g++) await send(filler, { to_group: `g${g}`, title: 't' });
    const audience = (await send(filler, { to_groups: ['g0', 'g1'], except_groups: ['nobody'], title: 't' })).id;
    await check(filler, 'plain');
    const { position } = await list(filler, old);
    await filler.query('BEGIN');
    const { next: rest } = await call(filler, 'mark_read_part', heavy, null, 1);
    await filler.query('ROLLBACK');
    const what = { id, everybody, audience, position, rest };
    const little = await measure(await connectExplained(database), what);

    const started = Date.now();
    for (const fill of fills) await fillVolume(filler, fill);
    t.diagnostic(`filled in ${Date.now() - started} ms`);
    const { id: last } = await send(filler, { to_all: true, title: 't' });
    const surprised = await measure(await connectExplained(database), what);
    await filler.query('VACUUM ANALYZE');
    const known = await measure(await connectExplained(database), what); // as a worker that starts on it
    for (const [name, { rows: n }] of Object.entries(little)) t.diagnostic(`${name}: ${n} rows read, then ${surprised[name].rows}, ${known[name].rows}`);

    const stored = (await row(filler, 'SELECT count(*) FROM doorbell.inbox WHERE user_id = $1 AND state = $2', [heavy, 'unread'])).count;
    const { num, latest } = await check(filler, heavy);
    assert.deepEqual([num, latest], [stored + few.groups + 2, last], 'all broadcasts but the last are read');
    assert.deepEqual(await rows(filler, 'SELECT * FROM doorbell.recount()'), []);
    assertFlat(little, surprised, 'before ANALYZE');
    assertFlat(little, known, 'after ANALYZE');
  });
}
