// SPDX-License-Identifier: MIT
// Fills a migrated database with any amount of messages, for tests and benchmarks of cost. Rows are written
// in bulk, as sends and marks would leave them; doorbell.recount() finds nothing to say about them.

/** Users 'n0', 'n1', … have a few messages each; 'heavy' has a hundredth of all, unread, in four categories. */
export const heavy = 'heavy';
/** Has `old` messages, all of them read. */
export const old = 'old';

/** Has `grouped` messages, unread, in `groupsOfPopular` groups. */
export const popular = 'popular';
const groupsOfPopular = 50;

const bulk = 10_000; // rows from which on indexes are built after them

// Messages to 100 users each: 'heavy', nine others like that, and 90 of the many; every fifth has no category.
const personalRows = `
WITH m AS (
    INSERT INTO doorbell.message (id, seq, category, live, recipients, sent_at, title)
    SELECT nextval('doorbell.seq'), currval('doorbell.seq'), (ARRAY[0, $3, $4, $5, $3])[1 + i % 5]::integer, true, 100, now(), 'stored'
    FROM generate_series(1, $1::integer / 100) i
    RETURNING id, seq, category
)
INSERT INTO doorbell.inbox (message_id, user_id, seq, category, state)
SELECT id, CASE WHEN k = 0 THEN '${heavy}' WHEN k < 10 THEN '${heavy}' || k ELSE 'n' || (id * 7 + k * 13) % $2::integer END, seq, category, 'unread'
FROM m CROSS JOIN generate_series(0, 99) k ON CONFLICT DO NOTHING`;

// A message each: to 'old' again and again, read; or to a new user each.
const singleRows = `
WITH m AS (
    INSERT INTO doorbell.message (id, seq, live, recipients, sent_at, title)
    SELECT nextval('doorbell.seq'), currval('doorbell.seq'), true, 1, now(), 'stored' FROM generate_series(1, $1::integer)
    RETURNING id, seq
)
INSERT INTO doorbell.inbox (message_id, user_id, seq, state)
SELECT id, CASE WHEN $2::text IS NULL THEN 's' || id ELSE $2::text END, seq, $3::doorbell.inbox_state FROM m`;

// To 'popular', each group in turn, from one of some senders.
const groupedRows = `
WITH m AS (
    INSERT INTO doorbell.message (id, seq, live, recipients, sent_at, title, sender, group_key)
    SELECT nextval('doorbell.seq'), currval('doorbell.seq'), true, 1, now(), 'stored', 's' || i % 777, 'g' || i % ${groupsOfPopular}
    FROM generate_series(1, $1::integer) i
    RETURNING id, seq, sender, group_key
)
INSERT INTO doorbell.inbox (message_id, user_id, seq, state, sender, group_key)
SELECT id, '${popular}', seq, 'unread', sender, group_key FROM m`;

// To all, every second with an expiry to come, every third in a category.
const broadcastRows = `
WITH m AS (
    INSERT INTO doorbell.message (id, seq, feed_id, pos, category, live, sent_at, expires_at, title)
    SELECT nextval('doorbell.seq'), currval('doorbell.seq'), 1, f.last_pos + i, CASE WHEN i % 3 = 0 THEN $2::integer ELSE 0 END, true,
        clock_timestamp(), CASE WHEN i % 2 = 0 THEN now() + interval '10 h' END, 'stored'
    FROM doorbell.feed f CROSS JOIN generate_series(1, $1::integer) i WHERE f.id = 1
    RETURNING pos, seq, category, sent_at, expires_at
), chunks AS (
    INSERT INTO doorbell.chunk AS c (feed_id, category, n, live, to_new, ack)
    SELECT 1, k, doorbell_internal.chunk_of(pos), bit_or(doorbell_internal.bit_of(pos)), 0::doorbell.chunk_bits, 0::doorbell.chunk_bits
    FROM m CROSS JOIN LATERAL (SELECT 0 AS k UNION SELECT m.category) v GROUP BY 1, 2, 3
    ON CONFLICT (feed_id, category, n) DO UPDATE SET live = c.live | EXCLUDED.live
)
UPDATE doorbell.feed f SET last_pos = s.pos, version = s.seq, expires_at = least(f.expires_at, s.expires_at)
FROM (SELECT max(pos) AS pos, max(seq) AS seq, min(expires_at) AS expires_at FROM m) s
WHERE f.id = 1 AND s.pos IS NOT NULL`;

// 'heavy', 'old', 'popular' and $1 of the many have read every broadcast.
const markRows = `
INSERT INTO doorbell.mark (user_id, feed_id, n, read, archived, gone)
SELECT u, 1, c.n, c.live, 0::doorbell.chunk_bits, 0::doorbell.chunk_bits
FROM doorbell.chunk c CROSS JOIN (
    VALUES ('${heavy}'), ('${old}'), ('${popular}') UNION ALL SELECT 'n' || i FROM generate_series(0, $1::integer - 1) i) r (u)
WHERE c.feed_id = 1 AND c.category = 0
ON CONFLICT (user_id, feed_id, n) DO UPDATE SET read = EXCLUDED.read`;

const counters = [
  `INSERT INTO doorbell.unread_count SELECT user_id, category, count(*) FILTER (WHERE state = 'unread') FROM doorbell.inbox GROUP BY 1, 2
    ON CONFLICT (user_id, category) DO UPDATE SET unread = EXCLUDED.unread`,
  `INSERT INTO doorbell.reader (user_id, version) SELECT user_id, max(seq) FROM doorbell.inbox GROUP BY 1
    ON CONFLICT (user_id) DO UPDATE SET version = greatest(doorbell.reader.version, EXCLUDED.version)`,
  'INSERT INTO doorbell.first_seen (user_id, joined_pos) SELECT user_id, -1 FROM doorbell.reader ON CONFLICT DO NOTHING',
  'TRUNCATE doorbell.outbox',
];

// Runs `work` with those indexes of inbox away that hold no constraint: the same ones are built after it.
async function withoutIndexes(db, work) {
  const { rows } = await db.query(`SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = 'doorbell.inbox'::regclass AND NOT indisprimary ORDER BY indexrelid`);
  for (const { name } of rows) await db.query(`DROP INDEX ${name}`);
  await work();
  for (const { definition } of rows) await db.query(definition);
}

async function categoryIds(db) {
  const { rows } = await db.query("SELECT doorbell_internal.category_named(name) AS id FROM unnest('{news,shop,team}'::text[]) name");
  return rows.map(({ id }) => id);
}

/**
 * Adds `personal` inbox rows of unread messages, spread over `users` users, `singles` users with one message each,
 * `old` read messages of user 'old', `grouped` unread ones of user 'popular', `broadcasts` messages to all, which 'heavy', 'old', 'popular' and `readers` of the many
 * have read, and `groups` groups of 300 users and 'heavy'. analyze: false leaves the planner with what it knew before.
 */
export async function fillVolume(db, options) {
  const { users = 20000, personal = 0, singles = 0, old: read = 0, grouped = 0, broadcasts = 0, readers = 0, groups = 0, analyze = true } = options;
  const members = [heavy, ...Array.from({ length: Math.min(300, users) }, (_, i) => `n${i}`)];
  for (let g = 0; g < groups; g++) await db.query('SELECT doorbell.group_change($1, $2, NULL)', [`g${g}`, members]);
  const categories = await categoryIds(db);
  const store = async () => {
    await db.query(personalRows, [personal, users, ...categories]);
    await db.query(singleRows, [singles, null, 'unread']);
    await db.query(singleRows, [read, old, 'read']);
    await db.query(groupedRows, [grouped]);
  };
  await (personal + singles + read + grouped < bulk ? store() : withoutIndexes(db, store));
  await db.query(broadcastRows, [broadcasts, categories[0]]);
  for (const statement of counters) await db.query(statement);
  if (broadcasts > 0) await db.query(markRows, [readers]);
  if (analyze) await db.query('VACUUM ANALYZE');
}
