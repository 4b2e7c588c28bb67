// SPDX-License-Identifier: MIT
// Random operations of every kind from many connections at once, some rolled back, some cut off in the middle.
// At quiet points the count, the lists and a recount from scratch, message by message, must be the same, and the grouped list what
// the recount makes of groups. All the while
// a kept answer must be what doorbell.unread() returns, for as long as unread_many() promised; and so must what a page computes
// from a kept answer and the steps of rings; and a list that is kept by what list_after() tells must be what doorbell.list() returns.
// DOORBELL_PROPERTY_OPS sets the number of operations (for a long run: 100000), DOORBELL_PROPERTY_SEED the choices
// of each connection; how these meet is not repeated.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answerOfStep, decideOnRing } from '../../../www/bell/core/rules.js';
import { makeRandom } from '../../harness/random.mjs';
import { startCluster, openDatabase, row, rows, send, call, check } from '../../harness/sql.mjs';

const operations = Number(process.env.DOORBELL_PROPERTY_OPS ?? 8000);
const seed = Number(process.env.DOORBELL_PROPERTY_SEED ?? Date.now() % 1e9);
const connections = 10;
const roundOps = 40;
const quietOps = 40; // one after another, at a quiet point
const liveMax = 60; // broadcasts that a quiet point leaves
const explainedMax = 60; // messages that each user is told about at a quiet point
const chunkSize = 8;
const members = ['ann', 'bob', 'cat', 'dan', 'a/b%ü 中'];
const begun = new Date(Date.now() + 5000); // of those who appear during the test some are known before it, some are not
const users = [...members, 'eve', 'fay']; // whose pages may compute, since they are in no group
const groups = ['g1', 'g2', 'g3'];
const categories = ['news', 'shop', 'alarm'];
const subjects = ['1', '2', '3'];
const keys = ['like:1', 'like:2'];
const senders = ['Ann', 'Bob', 'Cy', 'Dee', 'Eve'];
const templates = (title) => JSON.stringify({ en: { title: `${title} {sender}` } });

// Choices that can be repeated.
function random(start) {
  const draw = makeRandom(start);
  const next = () => draw(2 ** 32) / 2 ** 32;
  return {
    chance: (p) => next() < p,
    int: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
    some: (list) => list.filter(() => next() < 0.5),
  };
}

function message(r) {
  const args = { title: 't' };
  if (r.chance(0.6)) args.category = r.pick(categories);
  if (args.category && r.chance(0.4)) delete args.title; // the category's
  if (r.chance(0.2)) args.expires_in = 1 + r.int(3);
  if (r.chance(0.15)) args.ack = true;
  if (r.chance(0.15)) args.to_new_users = true;
  if (r.chance(0.4)) {
    args.subject_type = 'order';
    args.subject_id = r.pick(subjects);
    args.replace = r.chance(0.5);
  }
  if (r.chance(0.1)) args.later = true;
  if (r.chance(0.1)) args.send_at = new Date(Date.now() + r.int(1500));
  if (r.chance(0.1)) args.key = `k${r.int(50)}`;
  return args;
}

// Several groups, or all but some, or those who were known when this began.
function anAudience(r) {
  const [first, ...others] = [...groups].sort(() => r.int(3) - 1);
  const args = r.pick([{ to_groups: [first, ...r.some(others)] }, { to_group: first }, { to_all: true }]);
  const excepted = others.filter((g) => !args.to_groups?.includes(g) && r.chance(0.4));
  if (excepted.length) args.except_groups = excepted;
  if (r.chance(0.3)) args.except_users = r.some(users);
  if (r.chance(0.2)) args.known_before = begun;
  return args;
}

// To users, so that it may be in a group.
function personal(r) {
  const args = message(r);
  if (r.chance(0.8)) args.sender = r.pick(senders);
  if (!args.ack && r.chance(0.6)) args.group_key = r.pick(keys);
  return args;
}

async function someIds(db, r, user, count) {
  const all = await rows(db, `SELECT id FROM (
      SELECT message_id AS id FROM doorbell.inbox WHERE user_id = $1
      UNION ALL SELECT id FROM doorbell.message WHERE feed_id IS NOT NULL) x ORDER BY id DESC LIMIT 60`, [user]);
  return all.length ? Array.from({ length: count }, () => r.pick(all).id) : [1];
}

// Positions that were answered some time ago, by user.
const positions = new Map(users.map((user) => [user, []]));

async function takePosition(db, r, user) {
  const state = r.pick(['all', 'unread', 'archived']);
  const category = r.chance(0.3) ? r.pick(categories) : null;
  const [isGrouped, key] = r.pick([[false, null], [true, null], [false, r.pick(keys)]]);
  const page = (await row(db, 'SELECT doorbell.list($1, $2, $3, grouped => $4, group_key => $5) AS page', [user, state, category, isGrouped, key])).page;
  if (page === null) return; // erased at this moment
  const known = positions.get(user);
  known.push(page.position);
  if (known.length > 20) known.shift();
}

// Lists that are kept, as a reader keeps them who has them all: {user, state, category, position, shown: Map of messages by id}.
const followed = [];
let followedEqual = 0;
const startedAgain = new Set(); // sizes of lists

const listText = `WITH RECURSIVE pages (nth, page) AS (
    SELECT 1, doorbell.list($1, $2, $3, NULL, 100)
    UNION ALL
    SELECT nth + 1, doorbell.list($1, $2, $3, page->>'next', 100) FROM pages WHERE page->>'next' IS NOT NULL
)
SELECT (SELECT page->>'position' FROM pages WHERE nth = 1) AS position, (SELECT coalesce(json_agg(m ORDER BY nth, i), '[]')
        FROM pages CROSS JOIN LATERAL json_array_elements(page->'messages') WITH ORDINALITY x (m, i)) AS messages,
    CASE WHEN $4::text IS NOT NULL THEN doorbell.list_after($1, $4, $2, $3, $5) END AS told`;
const byId = (messages) => new Map(messages.map((message) => [message.id, message]));

async function beginToFollow(db, r, user) {
  const one = { user, state: r.pick(['all', 'all', 'unread', 'archived']), category: r.chance(0.2) ? r.pick(categories) : null };
  const { position, messages } = await row(db, listText, [user, one.state, one.category, null, null]);
  if (position !== null) followed.push({ ...one, position, shown: byId(messages) });
  followed.splice(0, followed.length - 60);
}

async function follow(db, r) {
  if (followed.length === 0) return;
  const [old] = followed.splice(r.int(followed.length), 1);
  if (r.chance(0.3)) followed.push(old); // a reader that comes back later still
  const { user, state, category, position } = old;
  const limit = r.pick([3, 20, 100]);
  await check(db, user);
  const { messages, told } = await row(db, listText, [user, state, category, position, limit]);
  if (told === null) return; // erased at this moment
  const shown = byId(messages);
  if (told.reset) {
    assert.deepEqual(told.messages, messages.slice(0, limit), `the list of ${user} from the beginning`);
    startedAgain.add(limit);
  } else {
    const kept = new Map([...old.shown].map(([id, message]) => [id, { ...message, seen: message.seen || told.all_seen }]));
    for (const message of told.messages) kept.set(message.id, message);
    for (const id of told.gone) kept.delete(id);
    const sorted = (map) => [...map].sort(([a], [b]) => a - b);
    assert.deepEqual(sorted(kept), sorted(shown), `list ${state} ${category} of ${user} after ${position}: ${JSON.stringify(told)}`);
    assert.ok(told.messages.length <= limit);
    followedEqual++;
  }
  followed.push({ ...old, position: told.position, shown });
}

// Answers of unread_many() that are kept, by user, with those that were computed from them.
const kept = new Map(users.map((user) => [user, []]));
const hitWindow = 1; // s, so that hits end while the test runs
let keptEqual = 0;
let computedEqual = 0;

// Takes the rings that wait, up to 100. False: there were none.
async function publish(db) {
  const waiting = await rows(db, "SELECT id FROM doorbell.outbox_waiting('{}', 100, 60)");
  const taken = await rows(db, 'SELECT * FROM doorbell.outbox_take($1, NULL, 5, $2)', [waiting.map(({ id }) => id), hitWindow]);
  await call(db, 'outbox_done', taken.map(({ id }) => id));
  for (const { ring } of taken) if (ring?.from !== undefined) await computeFrom(db, ring);
  return waiting.length > 0;
}

// As a page does, by its own rule.
async function computeFrom(db, ring) {
  const message = await row(db, `SELECT ${micros('expires_at')} AS until FROM doorbell.message WHERE id = $1`, [ring.id]);
  for (const list of kept.values()) {
    for (const old of [...list]) {
      const answer = decideOnRing(old, ring) === 'within' ? answerOfStep(old, old.scope, { ...old, quiet: [] }, ring) : null;
      const until = Math.min(old.until ?? Infinity, message?.until ?? Infinity);
      if (answer) list.push({ ...old, ...answer, until, isComputed: true });
    }
    list.splice(0, list.length - 40);
  }
}

const micros = (at) => `(extract(epoch FROM nullif(${at}, 'infinity')) * 1000000)::bigint`;

async function keep(db) {
  const answers = await rows(db, `SELECT *, ${micros('at')} AS from, ${micros('valid_until')} AS until FROM doorbell.unread_many($1, $2)`, [users, hitWindow]);
  for (const { n, ...answer } of answers) {
    const list = kept.get(users[n - 1]);
    list.push(answer);
    if (list.length > 40) list.shift();
  }
}

// The clock is read after the snapshot was taken, so that what is swept in it had expired by that time.
const nowText = `
SELECT s.*, u.num, u.hit, u.latest, u.quiet, u.version AS unread_version, u.seq AS unread_seq,
    ${micros('statement_timestamp()')} AS at, ${micros('clock_timestamp()')} AS clock
FROM doorbell.check_state s CROSS JOIN LATERAL doorbell.unread(s.user_id, NULL, $2) u WHERE s.user_id = ANY ($1)`;

async function compareKept(db) {
  const candidates = new Map([...kept].map(([user, list]) => [user, [...list]]));
  for (const now of await rows(db, nowText, [users, hitWindow])) {
    assert.deepEqual([now.version, now.seq], [now.unread_version, now.unread_seq], `state of ${now.user_id}`);
    for (const old of candidates.get(now.user_id)) {
      if (['joined_pos', 'version', 'seq'].some((name) => old[name] !== now[name])) continue;
      if (now.at < old.from || now.clock >= (old.until ?? Infinity)) continue;
      const what = `${old.isComputed ? 'computed' : 'kept'} answer of ${now.user_id}: ${JSON.stringify({ old, now })}`;
      assert.equal(now.num, old.num, what);
      if (old.isComputed) {
        if (old.tells) assert.equal(now.latest, old.tells, what);
        computedEqual++;
      } else {
        assert.deepEqual([now.hit, now.latest, now.quiet], [old.hit, old.latest, old.quiet], what);
        keptEqual++;
      }
    }
  }
}

function importOne(db, r, user) {
  const expiry = r.chance(0.3) ? new Date(Date.now() + r.int(3000)) : null;
  return db.query(`SELECT doorbell_internal.import(ARRAY[ROW($1, $2, 't', 'b', NULL, NULL, $3, NULL, $4, $5, $6)::doorbell_internal.import_row])`, [`i${r.int(1e6)}`, user, r.chance(0.5) ? r.pick(categories) : null, r.chance(0.5), new Date(Date.now() - r.int(1500)), expiry]);
}

// To the end, or to where the caller gives up.
async function inParts(db, r, name, user, position, ...key) {
  const size = 1 + r.int(5);
  do {
    position = (await call(db, name, user, position, size, ...key))?.next; // no row: erased at this moment
  } while (position && r.chance(0.95));
}

function sendBatch(db, r) {
  const toUsers = () => ({ to_users: r.pick([[r.pick(users)], r.some(users)]), ...personal(r) });
  const toFeed = () => ({ ...r.pick([{ to_group: r.pick(groups) }, { to_all: true }, anAudience(r)]), ...message(r) });
  const messages = Array.from({ length: 1 + r.int(6) }, () => r.pick([toUsers, toFeed])());
  return call(db, 'send_batch', JSON.stringify(messages), r.chance(0.5));
}

// Archiving or deleting of many, as inParts().
async function putAway(db, r, name, user) {
  const [category, onlyRead, size] = [r.chance(0.5) ? r.pick(categories) : null, r.chance(0.5), 1 + r.int(5)];
  const key = r.chance(0.4) ? r.pick(keys) : null;
  let position = positions.get(user).length && r.chance(0.6) ? r.pick(positions.get(user)) : null;
  do {
    position = (await call(db, name, user, position, category, onlyRead, size, key))?.next;
  } while (position && r.chance(0.95));
}

// Rarely from the beginning to the end, or few messages would live. Two calls in one transaction may deadlock: the second may wait for
// the broadcast lock, after the first has locked users.
async function recallMatching(db, r, _user, isInTransaction) {
  const filter = r.pick([['order', r.pick(subjects), null], [null, null, r.pick(categories)], ['order', r.pick(subjects), r.pick(categories)]]);
  let next = null;
  do {
    ({ next } = await row(db, `SELECT * FROM doorbell.recall_matching(subject_type => $1, subject_id => $2, category => $3, before => $4,
      since => $5, max_rows => $6, max_looked => $7)`, [...filter, next, r.chance(0.2) ? new Date(Date.now() - 2000) : null, 1 + r.int(3), 1 + r.int(20)]));
  } while (next && !isInTransaction && r.chance(0.6));
}

// Those that begin and end in these minutes, so that some do in the run.
function setQuietHours(db, r, user) {
  const at = () => `to_char(now() AT TIME ZONE zone + make_interval(mins => ${r.int(5) - 2}), 'HH24:MI')`;
  const hours = r.chance(0.3) ? "'null'" : `jsonb_build_object('from', ${at()}, 'to', ${at()}, 'timezone', zone)`;
  return db.query(`SELECT p.* FROM (VALUES ($2::text)) z (zone), doorbell.set_preferences($1, quiet_hours => ${hours}) p`, [user, r.pick(['UTC', 'Asia/Kathmandu'])]);
}

const one = (name) => async (db, r, user) => call(db, name, user, (await someIds(db, r, user, 1))[0]);

const kinds = [
  [8, 'send to one', (db, r, user) => send(db, { to_users: [user], ...personal(r) })],
  [6, 'send to some', (db, r) => send(db, { to_users: r.some(users), ...personal(r) })],
  [8, 'send to a group', (db, r) => send(db, { to_group: r.pick(groups), ...message(r) })],
  [5, 'send to an audience', (db, r) => send(db, { ...anAudience(r), ...message(r) })],
  [6, 'send to all', (db, r) => send(db, { to_all: true, ...message(r) })],
  [4, 'send a batch', sendBatch],
  [6, 'read', one('mark_read')],
  [4, 'unread', one('mark_unread')],
  [4, 'archive', one('archive')],
  [4, 'remove', one('remove')],
  [4, 'acknowledge', one('acknowledge')],
  [3, 'read ids', async (db, r, user) => call(db, 'mark_read_ids', user, await someIds(db, r, user, 5))],
  [2, 'unread ids', async (db, r, user) => call(db, 'mark_unread_ids', user, await someIds(db, r, user, 5))],
  [2, 'read all', (db, r, user) => call(db, 'mark_read_all', user)],
  [1, 'unread all', (db, r, user) => call(db, 'mark_unread_all', user)],
  [2, 'read all in parts', (db, r, user) => inParts(db, r, 'mark_read_part', user, null)],
  [1, 'unread all in parts', (db, r, user) => inParts(db, r, 'mark_unread_part', user, null)],
  [2, 'read up to in parts', (db, r, user) => positions.get(user).length && inParts(db, r, 'mark_read_part', user, r.pick(positions.get(user)))],
  [3, 'read a group in parts', (db, r, user) => inParts(db, r, 'mark_read_part', user, positions.get(user).length && r.chance(0.5) ? r.pick(positions.get(user)) : null, r.pick(keys))],
  [1, 'archive ids', async (db, r, user) => call(db, 'archive_ids', user, await someIds(db, r, user, 5))],
  [1, 'remove ids', async (db, r, user) => call(db, 'remove_ids', user, await someIds(db, r, user, 5))],
  [2, 'archive in parts', (db, r, user) => putAway(db, r, 'archive_part', user)],
  [1, 'remove in parts', (db, r, user) => putAway(db, r, 'remove_part', user)],
  [6, 'list', takePosition],
  [4, 'read up to', (db, r, user) => positions.get(user).length && call(db, 'mark_read_upto', user, r.pick(positions.get(user)))],
  [2, 'seen', (db, r, user) => positions.get(user).length && call(db, 'mark_seen', user, r.pick(positions.get(user)))],
  [2, 'read subject', (db, r, user) => call(db, 'mark_read_subject', user, 'order', r.pick(subjects))],
  [2, 'read oldest', (db, r, user) => call(db, 'mark_read_oldest', user, 1 + r.int(4))],
  [4, 'recall', async (db, r, user) => call(db, 'recall', (await someIds(db, r, user, 1))[0])],
  [1, 'recall matching', recallMatching],
  [4, 'join', (db, r) => call(db, 'group_join', r.pick(groups), r.pick(members))],
  [3, 'leave', (db, r, user) => call(db, 'group_leave', r.pick(groups), user)],
  [2, 'change a group', (db, r) => {
    const add = r.some(members);
    return call(db, 'group_change', r.pick(groups), add, members.filter((u) => !add.includes(u) && r.chance(0.5)));
  }],
  [2, 'mute', (db, r, user) => call(db, 'mute', user, r.some(categories.slice(0, 2)))],
  [2, 'quiet hours', setQuietHours],
  [2, 'category', (db, r) => call(db, 'category_set', 'shop', r.chance(0.5), null, r.chance(0.5) ? templates(r.int(3)) : null)],
  [1, 'remove a category', (db, r) => call(db, 'category_remove', 'shop', r.chance(0.8))],
  [4, 'sweep', (db, r) => call(db, 'sweep', 1 + r.int(50))],
  [6, 'activate', (db, r) => call(db, 'activate', 1 + r.int(20))],
  [2, 'purge', (db, r) => call(db, 'purge', 1 + r.int(20), r.chance(0.1) ? 0 : 1, 0, r.chance(0.3) ? 30 : null)],
  [1, 'erase', (db, r) => r.chance(0.2) && call(db, 'erase', r.pick(users))],
  [1, 'import', importOne],
  [1, 'repair', (db) => call(db, 'recount', true)],
  [2, 'begin to follow a list', beginToFollow],
  [6, 'follow a list', follow],
  [4, 'keep answers', keep],
  [6, 'compare kept answers', compareKept],
  [4, 'rings', publish],
  [2, 'statistics', async (db, r, user) => call(db, 'sent', (await someIds(db, r, user, 1))[0])],
];
const wheel = kinds.flatMap(([weight, name, run]) => Array(weight).fill({ name, run }));

// What a call may answer here, beside success. 40P01 is not among them: single calls never deadlock. 40001 is
// what a list may meet when one of its users is erased at that moment.
const expected = new Set(['DB404', 'DB409', 'DB422', '40001']);

async function operate(db, r, fate = r.int(100)) {
  const kind = r.pick(wheel);
  const user = r.pick(users);
  try {
    await check(db, user); // alone: two calls in one transaction may deadlock, as those of a site may
    if (fate < 10) await db.query('BEGIN');
    await kind.run(db, r, user, fate < 10);
    if (fate === 0) {
      await db.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {});
      return 'cut off';
    }
    if (fate < 10) await db.query('ROLLBACK');
  } catch (error) {
    if (fate < 10) await db.query('ROLLBACK').catch(() => {});
    if (!expected.has(error.code)) {
      error.message = `${kind.name}: ${error.message} ${error.detail ?? ''}`;
      throw error;
    }
    if (error.code === 'DB422' && !/critical|no such category|must differ/.test(error.message)) throw error;
    if (error.code === '40001' && !/erased/.test(error.message)) throw error;
  }
  return kind.name;
}

// Everything about one user in one statement, hence one snapshot and one time. `truth` reads the rows of
// messages and users alone, a message at a time, and knows nothing of unread_count and chunk.
const snapshot = `
WITH RECURSIVE muted AS (
    SELECT c.id FROM doorbell.reader r JOIN doorbell.category c ON c.id = ANY (r.muted) AND NOT c.critical WHERE r.user_id = $1
), truth AS (
    SELECT i.message_id AS id, i.seq, i.category, i.state, i.must_ack FROM doorbell.inbox i
    WHERE i.user_id = $1 AND i.state < 'gone' AND (i.expires_at IS NULL OR i.expires_at > statement_timestamp())
    UNION ALL
    SELECT m.id, m.seq, m.category, (CASE WHEN s.archived = 1 THEN 'archived' WHEN s.read = 1 THEN 'read' ELSE 'unread' END)::doorbell.inbox_state, m.must_ack
    FROM doorbell.message m
    JOIN LATERAL (
        SELECT m.pos > s.joined_pos AS comes_after FROM (
            SELECT 1 AS feed_id, joined_pos FROM doorbell.first_seen WHERE user_id = $1
            UNION ALL SELECT feed_id, joined_pos FROM doorbell.subscription WHERE user_id = $1) s WHERE s.feed_id = m.feed_id
        UNION ALL
        SELECT bool_or(m.seq > s.since) FROM doorbell.audience a JOIN (
            SELECT 1 AS feed_id, joined_seq AS since FROM doorbell.first_seen WHERE user_id = $1
            UNION ALL SELECT feed_id, joined_version FROM doorbell.subscription WHERE user_id = $1) s
            ON EXISTS (SELECT FROM doorbell.audience_base b WHERE b.feed_id = a.feed_id AND b.base_id = s.feed_id)
        WHERE a.feed_id = m.feed_id AND (SELECT least(at, since) FROM doorbell.first_seen WHERE user_id = $1) < a.known_before
            AND NOT EXISTS (SELECT FROM doorbell.subscription x WHERE x.user_id = $1 AND x.feed_id = ANY (a.none_of))
        HAVING count(*) > 0) f ON true
    LEFT JOIN doorbell.mark k ON k.user_id = $1 AND k.feed_id = m.feed_id AND k.n = m.pos / ${chunkSize}
    CROSS JOIN LATERAL (SELECT ${chunkSize} - 1 - (m.pos % ${chunkSize})::integer AS i) b
    CROSS JOIN LATERAL (SELECT coalesce(get_bit(k.read, b.i), 0) AS read, coalesce(get_bit(k.archived, b.i), 0) AS archived,
        coalesce(get_bit(k.gone, b.i), 0) AS gone) s
    WHERE m.live AND (f.comes_after OR m.to_new) AND (NOT m.replaced OR s.read = 1) AND s.gone = 0
        AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp())
), visible AS (
    SELECT * FROM truth WHERE category NOT IN (SELECT id FROM muted)
), pages (state, page) AS (
    SELECT s, doorbell.list($1, s, NULL, NULL, 7) FROM unnest('{all,unread,archived}'::text[]) s
    UNION ALL
    SELECT state, doorbell.list($1, state, NULL, page->>'next', 7) FROM pages WHERE page->>'next' IS NOT NULL
), grouped_pages (state, category, nth, page) AS (
    SELECT s, c, 1, doorbell.list($1, s, c, NULL, $3, grouped => true)
    FROM (VALUES ('all', NULL), ('unread', NULL), ('archived', NULL), ('all', 'news')) v (s, c)
    UNION ALL
    SELECT state, category, nth + 1, doorbell.list($1, state, category, page->>'next', $3, grouped => true)
    FROM grouped_pages WHERE page->>'next' IS NOT NULL
), listed AS (
    SELECT p.state, array_agg((m->>'id')::bigint ORDER BY (p.page->'messages'->0->>'id'), nth) AS ids
    FROM pages p CROSS JOIN LATERAL json_array_elements(p.page->'messages') WITH ORDINALITY x (m, nth) GROUP BY 1
)
SELECT (SELECT row_to_json(u) FROM doorbell.unread($1) u) AS unread,
    doorbell.unread_by_category($1) AS parts,
    (SELECT coalesce(json_object_agg(state, ids), '{}') FROM listed) AS listed,
    (SELECT coalesce(json_object_agg(name, num), '{}') FROM (
        SELECT c.name, (SELECT num FROM doorbell.unread($1, c.name)) AS num FROM doorbell.category c) x) AS by_category,
    (SELECT coalesce(json_object_agg(name, num), '{}') FROM (
        SELECT c.name, (SELECT count(*) FROM visible v WHERE v.category = c.id AND v.state = 'unread') AS num FROM doorbell.category c) x) AS true_by_category,
    (SELECT json_build_object(
        'all', coalesce(json_agg(id ORDER BY seq DESC) FILTER (WHERE state IN ('unread', 'read')), '[]'),
        'unread', coalesce(json_agg(id ORDER BY seq DESC) FILTER (WHERE state = 'unread'), '[]'),
        'archived', coalesce(json_agg(id ORDER BY seq DESC) FILTER (WHERE state = 'archived'), '[]')) FROM visible) AS truth,
    (SELECT coalesce(json_object_agg(x.id, json_build_object('told', x.told, 'is', CASE WHEN v.id IS NOT NULL THEN v.state::text
            WHEN t.id IS NOT NULL THEN 'muted' END)), '{}')
        FROM (SELECT m.id, doorbell.explain($1, m.id) AS told FROM doorbell.message m ORDER BY m.id DESC LIMIT ${explainedMax}) x
        LEFT JOIN truth t ON t.id = x.id LEFT JOIN visible v ON v.id = x.id) AS explained,
    (SELECT coalesce(json_agg(json_build_object('state', g.state, 'category', g.category, 'id', m->'id', 'group', m->'group')
            ORDER BY g.nth, x.nth), '[]')
        FROM grouped_pages g CROSS JOIN LATERAL json_array_elements(g.page->'messages') WITH ORDINALITY x (m, nth)) AS grouped,
    (SELECT coalesce(json_object_agg(k, (SELECT coalesce(json_agg(m->'id'), '[]') FROM json_array_elements(
            doorbell.list($1, 'all', NULL, NULL, 100, group_key => k)->'messages') m)), '{}') FROM unnest($2::text[]) k) AS members,
    (SELECT coalesce(json_agg(json_build_object('id', v.id, 'state', v.state, 'category', c.name, 'key', m.group_key, 'sender', m.sender)
            ORDER BY v.seq DESC), '[]')
        FROM visible v JOIN doorbell.message m ON m.id = v.id LEFT JOIN doorbell.category c ON c.id = v.category) AS seen,
    coalesce((SELECT id FROM visible WHERE state IN ('unread', 'read') ORDER BY seq DESC LIMIT 1), 0) AS latest,
    (SELECT greatest(max(f.version), max(r.seq_min)) FROM doorbell.feed f LEFT JOIN doorbell.reader r ON r.user_id = $1
        WHERE f.id = 1 OR f.id IN (SELECT feed_id FROM doorbell.subscription WHERE user_id = $1)) AS seq`;

// What a grouped list must be: `seen` are the messages that it could show, newest first, and a group the newest 100 of its own.
function groupedFrom(seen) {
  const rows = [];
  for (const { id, key } of seen) {
    if (key !== null && rows.some(({ group }) => group?.key === key)) continue;
    const members = seen.filter((one) => one.key === key).slice(0, 100);
    const names = [...new Set(members.map(({ sender }) => sender).filter(Boolean))];
    const group = { key, count: members.length, unread: members.filter(({ state }) => state === 'unread').length,
      senders: names.slice(0, 3), others: Math.max(0, names.length - 3) };
    rows.push({ id, group: key === null ? null : group });
  }
  return rows;
}

function checkGroups({ grouped, members, seen }, user) {
  for (const [state, category, states] of [['all', null, ['unread', 'read']], ['unread', null, ['unread']], ['archived', null, ['archived']], ['all', 'news', ['unread', 'read']]]) {
    const shown = seen.filter((one) => states.includes(one.state) && (category === null || one.category === category));
    const listed = grouped.filter((one) => one.state === state && one.category === category).map(({ id, group }) => ({ id, group }));
    assert.deepEqual(listed, groupedFrom(shown), `grouped list ${state} ${category} of ${user}`);
    largestGroup = Math.max(largestGroup, ...listed.map(({ group }) => group?.count ?? 0));
  }
  for (const key of keys) {
    const ids = seen.filter((one) => one.key === key && one.state !== 'archived').map(({ id }) => id);
    assert.deepEqual(members[key], ids.slice(0, 100), `members of ${key} of ${user}`);
  }
}

let largestGroup = 0;
let checks = 0;
const reasons = new Set(); // that doorbell.explain() gave

async function checkUser(db, user) {
  await check(db, user);
  const s = await row(db, snapshot, [user, keys, [2, 7, 30][checks++ % 3]]); // pages of any size
  const sorted = (ids = []) => [...ids].sort((a, b) => a - b);
  assert.equal(s.unread.num, s.truth.unread.length, `num of ${user}`);
  assert.equal(s.parts.num, s.unread.num, `num with parts of ${user}`);
  assert.equal(s.unread.latest, s.latest, `latest of ${user}`);
  assert.equal(s.unread.seq, s.seq, `seq of ${user}`);
  assert.deepEqual(s.by_category, s.true_by_category, `categories of ${user}`);
  const parts = Object.fromEntries(Object.entries(s.true_by_category).filter(([, n]) => n > 0));
  assert.deepEqual(s.parts.categories, parts, `parts of ${user}`);
  for (const [id, { told, is }] of Object.entries(s.explained)) {
    const what = `message ${id} to ${user}: ${JSON.stringify(told)}`;
    assert.ok(told.reason && told.message, what);
    assert.equal(told.visible, ['unread', 'read', 'archived'].includes(is), what);
    if (is !== null) assert.equal(told.reason, is, what);
    reasons.add(told.reason);
  }
  for (const state of ['all', 'unread', 'archived']) {
    assert.deepEqual(sorted(s.listed[state]), sorted(s.truth[state]), `list ${state} of ${user}`);
  }
  checkGroups(s, user);
}

// What a call changes while nobody else does, against the answers from before it.
async function compareEach(db, r) {
  while (await publish(db));
  for (let n = 0; n < quietOps; n++) {
    await keep(db);
    await operate(db, r, 1 + r.int(99));
    await publish(db);
    await compareKept(db);
    await follow(db, r);
  }
  // The step of one that every page may take, however few chance has made.
  await keep(db);
  await send(db, { to_all: true, title: 't' });
  await publish(db);
  await compareKept(db);
}

async function quietPoint(db) {
  for (const user of users) await checkUser(db, user);
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.recount()'), []);
}

// Old broadcasts are taken back and what is gone is purged, so that the last round costs what the first did.
async function tidy(db) {
  await keep(db);
  while ((await call(db, 'purge', 1000, 1, 0, 20)).purge > 0);
  await compareKept(db);
  await db.query('SELECT doorbell.recall(id) FROM (SELECT id FROM doorbell.message WHERE live AND feed_id IS NOT NULL ORDER BY seq DESC OFFSET $1) m', [liveMax]);
  while ((await call(db, 'purge', 1000, 1, 0)).purge > 0);
  await quietPoint(db);
}

test(`count, list and recount agree over ${operations} random operations (seed ${seed})`, async (t) => {
  const cluster = await startCluster(t);
  const database = await openDatabase(t, cluster, { chunkSize });
  const watcher = await database.connect();
  await watcher.query('SET jit = off');
  const clients = await Promise.all(Array.from({ length: connections }, () => database.connect()));
  const generators = clients.map((_, i) => random(seed + i * 7919));
  for (const name of categories) await call(watcher, 'category_set', name, false, null, templates(name));

  const done = new Map();
  for (let count = 0; count < operations; count += connections * roundOps) {
    await Promise.all(clients.map(async (_, i) => {
      for (let n = 0; n < roundOps; n++) {
        const name = await operate(clients[i], generators[i]);
        done.set(name, (done.get(name) ?? 0) + 1);
        if (name === 'cut off') clients[i] = await database.connect();
      }
    }));
    await quietPoint(watcher);
    await compareEach(watcher, generators[0]);
    await tidy(watcher);
    if (count % 10000 < connections * roundOps) t.diagnostic(`agreed after ${count + connections * roundOps} operations`);
  }
  t.diagnostic(`${keptEqual} times a kept answer was still the answer`);
  assert.ok(operations < 2000 || keptEqual > operations / 10, 'few answers were kept');
  t.diagnostic(`${computedEqual} times a computed answer was the answer`);
  assert.ok(operations < 2000 || computedEqual > operations / 100, 'few answers were computed');
  t.diagnostic(`${followedEqual} times a list that was kept was the list`);
  assert.ok(operations < 2000 || followedEqual > operations / 100, 'few lists were kept');
  assert.ok(operations < 2000 || startedAgain.size === 3, 'few had to start again');
  t.diagnostic(JSON.stringify(Object.fromEntries(done)));
  assert.ok(operations < 2000 || largestGroup > 5, `groups had ${largestGroup} members at most`);
  t.diagnostic([...reasons].join(' '));
  assert.ok(operations < 2000 || reasons.size > 10, 'few reasons were given');
  for (const { name } of wheel) assert.ok(operations < 2000 || done.get(name) > 0, `${name} was never done`);
});
