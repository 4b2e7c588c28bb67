-- SPDX-License-Identifier: MIT
-- Looking up broadcasts, one function for each index. A worker plans a statement once, perhaps long before the
-- planner is told how the tables have grown. Where two indexes fit a look-up and little was stored, they cost the
-- same to it, and it may take the one that later reads all broadcasts. So only one index fits: that by feed and
-- position is on the columns; every other is on an expression that equals feed_id (+ 0, * 1, - 0, / 1) and is written
-- nowhere but in its definition and here. OFFSET 0 keeps other conditions of the caller out, and makes the look-up
-- one for each row that asks. All of these are inlined. So is group_members(), which would else read all messages of a
-- user: its index is on an expression that equals user_id.

CREATE OR REPLACE FUNCTION doorbell_internal.message_at(feed_id integer, pos bigint) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id = $1 AND x.pos = $2 OFFSET 0
$$;
COMMENT ON FUNCTION doorbell_internal.message_at IS 'The broadcast at a position of a feed, looked up by both at once.';

CREATE OR REPLACE FUNCTION doorbell_internal.messages(ids bigint[]) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT m.* FROM unnest($1) u (id)
    CROSS JOIN LATERAL (SELECT * FROM doorbell.message x WHERE x.id = u.id OFFSET 0) m
$$;
COMMENT ON FUNCTION doorbell_internal.messages IS 'These messages, each by its id, whatever else is asked of them.';

CREATE OR REPLACE FUNCTION doorbell_internal.last_broadcast(feed_id integer, seq bigint) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id + 0 = $1 AND x.seq <= $2 ORDER BY x.seq DESC LIMIT 1
$$;
COMMENT ON FUNCTION doorbell_internal.last_broadcast IS 'The newest of a feed up to an order number.';

CREATE OR REPLACE FUNCTION doorbell_internal.broadcasts_since(feed_id integer, seq bigint) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id + 0 = $1 AND x.seq > $2 ORDER BY x.seq
$$;
COMMENT ON FUNCTION doorbell_internal.broadcasts_since IS 'Those of a feed after an order number, the oldest first.';

CREATE OR REPLACE FUNCTION doorbell_internal.broadcasts_changed_since(feed_id integer, seq bigint) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id / 1 = $1 AND x.changed > $2
$$;
COMMENT ON FUNCTION doorbell_internal.broadcasts_changed_since IS 'Those of a feed that were recalled, expired or superseded after a number.';

CREATE OR REPLACE FUNCTION doorbell_internal.inbox_changed_since(user_id text, version bigint) RETURNS SETOF doorbell.inbox
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.inbox i WHERE i.user_id || '' = $1 AND i.changed > $2
$$;
COMMENT ON FUNCTION doorbell_internal.inbox_changed_since IS 'A user''s messages whose state changed after a version, deleted and withdrawn ones too.';

CREATE OR REPLACE FUNCTION doorbell_internal.inbox_expired(user_id text, at timestamptz) RETURNS SETOF doorbell.inbox
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.inbox i WHERE i.user_id = $1 AND i.state = 'unread' AND i.expires_at <= $2
    UNION ALL
    SELECT * FROM doorbell.inbox i WHERE i.user_id || '' = $1 AND i.state IN ('read', 'archived') AND i.expires_at <= $2
$$;
COMMENT ON FUNCTION doorbell_internal.inbox_expired IS 'A user''s messages that have expired and that no sweep has reached.';

CREATE OR REPLACE FUNCTION doorbell_internal.first_broadcast_too_old(oldest timestamptz) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id - 1 = 0 AND x.sent_at <= $1 ORDER BY x.sent_at DESC, x.pos DESC LIMIT 1
$$;
COMMENT ON FUNCTION doorbell_internal.first_broadcast_too_old IS 'The newest one to everybody that was not sent after this.';

CREATE OR REPLACE FUNCTION doorbell_internal.first_message_too_old(oldest timestamptz) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.sent_at <= $1 ORDER BY x.sent_at DESC LIMIT 1
$$;
COMMENT ON FUNCTION doorbell_internal.first_message_too_old IS 'The newest of all that was not sent after this.';

CREATE OR REPLACE FUNCTION doorbell_internal.expiring_broadcasts(feed_id integer) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id * 1 = $1 AND x.live AND x.expires_at IS NOT NULL
$$;
COMMENT ON FUNCTION doorbell_internal.expiring_broadcasts IS 'The live ones of a feed that expire, ordered by the index on expires_at.';

CREATE OR REPLACE FUNCTION doorbell_internal.broadcasts_about(feed_id integer, subject text) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x
    WHERE x.feed_id - 0 = $1 AND x.subject = $2 AND x.live AND NOT x.replaced OFFSET 0
$$;
COMMENT ON FUNCTION doorbell_internal.broadcasts_about IS 'The live ones of a feed about a subject, without superseded ones.';

CREATE OR REPLACE FUNCTION doorbell_internal.group_members(user_id text, group_key text, state doorbell.inbox_state) RETURNS SETOF doorbell.inbox
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.inbox i WHERE i.user_id || '' = $1 AND i.group_key = $2 AND i.state = $3
$$;
COMMENT ON FUNCTION doorbell_internal.group_members IS 'A user''s messages of a group in a state, ordered by the index on seq.';

CREATE OR REPLACE FUNCTION doorbell_internal.marks_of_chunk(feed_id integer, n bigint) RETURNS SETOF doorbell.mark
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.mark k WHERE k.feed_id + 0 = $1 AND k.n = $2
$$;
COMMENT ON FUNCTION doorbell_internal.marks_of_chunk IS 'What all users did with the broadcasts of a chunk.';
