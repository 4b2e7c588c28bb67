// SPDX-License-Identifier: MIT
// Fills a migrated database with any amount of messages, for tests and benchmarks of cost. Rows are written
// in bulk, as sends would leave them; doorbell.recount() finds nothing to say about them.

/** Users 'n0', 'n1', … have a few messages each, 'heavy' has a hundredth of all. */
export const heavy = 'heavy';

// Messages to 100 users each: 'heavy', nine like him, and 90 of the many.
const personalRows = `
WITH m AS (
    INSERT INTO doorbell.message (id, seq, live, recipients, sent_at, title)
    SELECT nextval('doorbell.seq'), currval('doorbell.seq'), true, 100, now(), 'stored' FROM generate_series(1, $1::integer / 100)
    RETURNING id, seq
)
INSERT INTO doorbell.inbox (message_id, user_id, seq, state)
SELECT id, CASE WHEN k = 0 THEN '${heavy}' WHEN k < 10 THEN '${heavy}' || k ELSE 'n' || (id * 7 + k * 13) % $2::integer END, seq, 0
FROM m CROSS JOIN generate_series(0, 99) k ON CONFLICT DO NOTHING`;

const broadcastRows = (count) => `
DO $$ BEGIN
    FOR i IN 1..${count} LOOP
        PERFORM doorbell.send(to_all => true, title => 'stored', expires_in => CASE WHEN i % 2 = 0 THEN 36000 END);
        IF i % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$`;

const settle = [
  `INSERT INTO doorbell.tally SELECT user_id, 0, count(*) FROM doorbell.inbox WHERE state = 0 AND category = 0 GROUP BY 1
    ON CONFLICT (user_id, category) DO UPDATE SET unread = EXCLUDED.unread`,
  `INSERT INTO doorbell.reader (user_id, version) SELECT user_id, max(seq) FROM doorbell.inbox GROUP BY 1
    ON CONFLICT (user_id) DO UPDATE SET version = greatest(doorbell.reader.version, EXCLUDED.version)`,
  'INSERT INTO doorbell.arrival (user_id, floor) SELECT user_id, -1 FROM doorbell.reader ON CONFLICT DO NOTHING',
  'TRUNCATE doorbell.outbox',
  'VACUUM ANALYZE',
];

/**
 * Adds `personal` inbox rows of unread messages, spread over `users` users, `broadcasts` messages to all, half of
 * them with an expiry to come, and `groups` groups of 300 users and 'heavy'.
 */
export async function fillVolume(db, { users = 20000, personal = 0, broadcasts = 0, groups = 0 }) {
  const members = [heavy, ...Array.from({ length: Math.min(300, users) }, (_, i) => `n${i}`)];
  for (let g = 0; g < groups; g++) await db.query('SELECT doorbell.group_change($1, $2, NULL)', [`g${g}`, members]);
  await db.query(personalRows, [personal, users]);
  if (broadcasts > 0) await db.query(broadcastRows(Number(broadcasts)));
  for (const statement of settle) await db.query(statement);
}
