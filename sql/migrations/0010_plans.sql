-- SPDX-License-Identifier: MIT
-- Plans that hold whatever the planner knows, one call less for each ring, and one order of locks for
-- categories and rings.
--
-- A worker plans a statement once, perhaps long before the planner is told how the tables have grown. Where two
-- indexes fit a look-up and little was stored, they cost the same to it, and it may take the one that later
-- reads all broadcasts, or all messages of a user. So each look-up is left one index:
--   * by feed and position: message_feed_pos_key, behind OFFSET 0 (below). The other indexes for a feed are each on an expression of their
--     own (feed_id + 0, * 1, - 0), which only the statements that mean them ask for, in their conditions too.
--   * by message: message_pkey, row by row, behind OFFSET 0, which nothing is pulled up from.
--   * by message and user: inbox_pkey. The planner is told that a user has a hundredth of all rows, since the one
--     who has many must be served as fast as those with one.
-- Plans are not compiled: that takes longer than any of these statements runs, and the high cost that
-- enable_seqscan = off puts on reading a small table from end to end would set it off.

DROP INDEX doorbell.message_feed_pos_key, doorbell.message_feed_seq_key, doorbell.message_feed_sent_at_idx,
    doorbell.message_feed_expires_at_idx, doorbell.message_feed_subject_idx, doorbell.mark_feed_idx;
CREATE UNIQUE INDEX message_feed_pos_key ON doorbell.message (feed_id, pos) WHERE pos IS NOT NULL;
CREATE UNIQUE INDEX message_feed_seq_key ON doorbell.message ((feed_id + 0), seq) WHERE feed_id + 0 IS NOT NULL;
CREATE INDEX message_feed_expires_at_idx ON doorbell.message ((feed_id * 1), expires_at)
    WHERE feed_id * 1 IS NOT NULL AND live AND expires_at IS NOT NULL;
CREATE INDEX message_feed_subject_idx ON doorbell.message ((feed_id - 0), subject)
    WHERE feed_id - 0 IS NOT NULL AND live AND NOT replaced AND subject IS NOT NULL;
CREATE INDEX message_all_sent_at_idx ON doorbell.message (sent_at, pos) WHERE feed_id - 1 = 0;
CREATE INDEX mark_feed_idx ON doorbell.mark ((feed_id + 0), n);
ALTER TABLE doorbell.inbox ALTER COLUMN user_id SET (n_distinct = 100);

CREATE FUNCTION doorbell_internal.message_at(feed_id integer, pos bigint) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT * FROM doorbell.message x WHERE x.feed_id = $1 AND x.pos = $2 OFFSET 0
$$;
COMMENT ON FUNCTION doorbell_internal.message_at IS 'The broadcast at a position of a feed, looked up by both at once.';

CREATE OR REPLACE FUNCTION doorbell.contact(user_id text, since timestamptz DEFAULT NULL, backlog_days integer DEFAULT 7)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    oldest timestamptz := coalesce(since, clock_timestamp() - make_interval(days => backlog_days));
BEGIN
    PERFORM FROM arrival WHERE user_id = contact.user_id;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM check_user(contact.user_id);
    INSERT INTO arrival (user_id, floor)
    SELECT contact.user_id, coalesce((
        SELECT pos FROM message WHERE feed_id - 1 = 0 AND sent_at <= oldest
        ORDER BY sent_at DESC, pos DESC LIMIT 1), -1)
    ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.maps(user_id text, floor bigint, muted integer[], category integer, at timestamptz)
RETURNS TABLE (feed_id integer, joined bigint, version bigint, n bigint,
    visible bit, read bit, archived bit, ack bit, replaced bit)
LANGUAGE sql STABLE AS $$
    SELECT f.id, s.joined, f.version, c.n,
        c.live
            & (doorbell_internal.above(c.n, s.floor) | c.keep)
            & (~ c.replaced | coalesce(m.read, 0::bit(1024)))
            & ~ coalesce(m.gone, 0::bit(1024))
            & CASE WHEN f.expires_at > $5 THEN ~ 0::bit(1024) ELSE ~ coalesce((
                SELECT bit_or(CASE WHEN x.pos / 1024 = c.n THEN doorbell_internal.bit_of(x.pos) END)
                FROM doorbell.message x
                WHERE x.feed_id * 1 = f.id AND x.live AND x.expires_at <= $5), 0::bit(1024)) END
            & CASE WHEN $3 = '{}' THEN ~ 0::bit(1024) ELSE ~ coalesce((
                SELECT bit_or(x.live) FROM doorbell.chunk x
                WHERE x.feed_id = f.id AND x.category = ANY ($3) AND x.n = c.n), 0::bit(1024)) END,
        coalesce(m.read, 0::bit(1024)), coalesce(m.archived, 0::bit(1024)), c.ack, c.replaced
    FROM (
        SELECT 1 AS feed_id, $2 AS floor, 0::bigint AS joined
        UNION ALL
        SELECT s.feed_id, s.floor, s.seq FROM doorbell.subscription s WHERE s.user_id = $1
    ) s
    JOIN doorbell.feed f ON f.id = s.feed_id
    LEFT JOIN doorbell.chunk c ON c.feed_id = f.id AND c.category = $4
    LEFT JOIN doorbell.mark m ON m.user_id = $1 AND m.feed_id = c.feed_id AND m.n = c.n
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.unread_general(user_id text, category text, hit_window integer)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    who record;
    wanted integer := 0;
    mine record;
    feeds record;
BEGIN
    SELECT * INTO who FROM doorbell_internal.reader_state(unread_general.user_id);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF unread_general.category IS NOT NULL THEN
        wanted := doorbell_internal.category_id(unread_general.category);
    END IF;

    IF wanted = 0 AND who.muted = '{}' THEN
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.tally t WHERE t.user_id = unread_general.user_id), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 0 AND i.expires_at <= at) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
            WHERE i.user_id = unread_general.user_id AND i.state < 2 AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    ELSE
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.tally t WHERE t.user_id = unread_general.user_id
                AND t.category <> ALL (who.muted) AND (wanted = 0 OR t.category = wanted)), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 0 AND i.expires_at <= at
                    AND i.category <> ALL (who.muted) AND (wanted = 0 OR i.category = wanted)) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state
            FROM doorbell.tally t CROSS JOIN (VALUES (0::smallint), (1::smallint)) s (state) CROSS JOIN LATERAL (
                SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.category = t.category AND i.state = s.state
                    AND (i.expires_at IS NULL OR i.expires_at > at)
                ORDER BY i.seq DESC LIMIT 1) i
            WHERE t.user_id = unread_general.user_id AND t.category <> ALL (who.muted)
                AND (wanted = 0 OR t.category = wanted)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    END IF;

    WITH v AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.version, m.visible, m.archived, m.read
        FROM doorbell_internal.maps(unread_general.user_id, who.floor, who.muted, wanted, at) m
    )
    SELECT (SELECT coalesce(sum(bit_count(v.visible & ~ v.read)), 0) FROM v) AS num,
        (SELECT max(v.version) FROM v) AS seq_max, top.id, top.seq, top.sent_at, top.is_unread
    INTO feeds
    FROM (VALUES (1)) one LEFT JOIN LATERAL (
        SELECT x.id, x.seq, x.sent_at, (v.read & doorbell_internal.bit_of(x.pos)) = 0::bit(1024) AS is_unread
        FROM v CROSS JOIN LATERAL doorbell_internal.message_at(
            v.feed_id, v.n * 1024 + 1024 - position(B'1' IN v.visible & ~ v.archived)) x
        WHERE (v.visible & ~ v.archived) <> 0::bit(1024)
        ORDER BY x.seq DESC LIMIT 1) top ON true;

    num := mine.num + feeds.num;
    version := who.version;
    seq := greatest(feeds.seq_max, who.seq_min);
    hit := 0;
    IF mine.seq IS NOT NULL AND (feeds.seq IS NULL OR mine.seq > feeds.seq) THEN
        latest := mine.message_id;
        IF mine.state = 0 THEN
            hit := (SELECT m.sent_at > at - make_interval(secs => hit_window)
                FROM doorbell.message m WHERE m.id = mine.message_id)::integer;
        END IF;
    ELSE
        latest := coalesce(feeds.id, 0);
        hit := coalesce(feeds.is_unread AND feeds.sent_at > at - make_interval(secs => hit_window), false)::integer;
    END IF;
    RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.unread(user_id text, category text DEFAULT NULL, hit_window integer DEFAULT 300)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    young constant timestamptz := at - make_interval(secs => hit_window);
    floor bigint;
    seq_min bigint;
    is_plain boolean;
    latest_seq bigint;
    is_hit boolean;
    own_id bigint;
    own_seq bigint;
    own_state smallint;
BEGIN
    SELECT a.floor, coalesce(r.version, 0), coalesce(r.seq_min, 0),
        unread.category IS NULL AND coalesce(r.groups = 0 AND r.muted = '{}', true)
    INTO floor, version, seq_min, is_plain
    FROM arrival a LEFT JOIN reader r ON r.user_id = a.user_id WHERE a.user_id = unread.user_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Most users are in no group and mute nothing: one statement answers them at half the cost of the
    -- general way. It gives no row while a broadcast has expired and is not swept.
    IF is_plain THEN
        SELECT f.version, x.id, x.seq, x.sent_at > young AND broadcast.newest[2] = 0,
            own.message_id, own.seq, own.state,
            broadcast.num + coalesce((SELECT sum(t.unread) FROM tally t WHERE t.user_id = unread.user_id), 0)
                - (SELECT count(*) FROM inbox i
                    WHERE i.user_id = unread.user_id AND i.state = 0 AND i.expires_at <= at)
        INTO seq, latest, latest_seq, is_hit, own_id, own_seq, own_state, num
        FROM feed f
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(bit_count(v.visible & ~ v.read)::integer), 0) AS num,
                max(ARRAY[v.n * 1024 + 1024 - v.place, get_bit(v.read, v.place - 1)]) FILTER (WHERE v.place > 0) AS newest
            FROM (
                SELECT b.n, b.visible, b.read, position(B'1' IN b.visible & ~ b.archived) AS place
                FROM (
                    SELECT c.n, coalesce(k.read, 0::bit(1024)) AS read, coalesce(k.archived, 0::bit(1024)) AS archived,
                        c.live & (above(c.n, floor) | c.keep) & (~ c.replaced | coalesce(k.read, 0::bit(1024)))
                            & ~ coalesce(k.gone, 0::bit(1024)) AS visible
                    FROM chunk c LEFT JOIN mark k ON k.user_id = unread.user_id AND k.feed_id = 1 AND k.n = c.n
                    WHERE c.feed_id = 1 AND c.category = 0 OFFSET 0
                ) b OFFSET 0
            ) v
        ) broadcast
        LEFT JOIN LATERAL message_at(1, broadcast.newest[1]) x ON true
        LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM inbox i
            WHERE i.user_id = unread.user_id AND i.state < 2 AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT 1) own ON true
        WHERE f.id = 1 AND f.expires_at > at;
    END IF;
    IF NOT is_plain OR NOT FOUND THEN
        RETURN QUERY SELECT * FROM unread_general(unread.user_id, unread.category, hit_window);
        RETURN;
    END IF;
    seq := greatest(seq, seq_min);
    IF own_seq > coalesce(latest_seq, 0) THEN
        latest := own_id;
        is_hit := own_state = 0 AND (SELECT m.sent_at > young FROM message m WHERE m.id = own_id);
    END IF;
    latest := coalesce(latest, 0);
    hit := coalesce(is_hit, false)::integer;
    RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.deliver_to_feed(m doorbell.message, replace boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_bit constant bit(1024) := doorbell_internal.bit_of(m.pos);
    no_bit constant bit(1024) := 0::bit(1024);
BEGIN
    INSERT INTO doorbell.chunk AS c (feed_id, category, n, live, keep, ack)
    SELECT m.feed_id, k, m.pos / 1024, at_bit,
        CASE WHEN m.to_new THEN at_bit ELSE no_bit END, CASE WHEN m.must_ack THEN at_bit ELSE no_bit END
    FROM unnest(CASE WHEN m.category = 0 THEN ARRAY[0] ELSE ARRAY[0, m.category] END) k
    ON CONFLICT (feed_id, category, n) DO UPDATE
    SET live = c.live | EXCLUDED.live, keep = c.keep | EXCLUDED.keep, ack = c.ack | EXCLUDED.ack;

    IF replace THEN
        WITH old AS (
            UPDATE doorbell.message x SET replaced = true
            WHERE x.feed_id - 0 = m.feed_id AND x.subject = m.subject AND x.live AND NOT x.replaced AND x.pos < m.pos
            RETURNING x.category, x.pos
        )
        UPDATE doorbell.chunk c SET replaced = c.replaced | s.bits
        FROM (
            SELECT k, old.pos / 1024 AS n, bit_or(doorbell_internal.bit_of(old.pos)) AS bits
            FROM old CROSS JOIN LATERAL (VALUES (0), (old.category)) v (k) GROUP BY 1, 2
        ) s
        WHERE c.feed_id = m.feed_id AND c.category = s.k AND c.n = s.n;
    END IF;
    INSERT INTO doorbell.outbox (feed_id, seq) VALUES (m.feed_id, m.seq);
END
$$;

CREATE OR REPLACE FUNCTION doorbell.mark_read_subject(user_id text, subject_type text, subject_id text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    about text;
    who standing;
    ids bigint[];
BEGIN
    IF subject_type IS NULL OR subject_id IS NULL THEN
        RAISE EXCEPTION 'subject_type and subject_id go together' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_text('subject_type', subject_type, 64), check_text('subject_id', subject_id, 255);
    about := subject_of(subject_type, subject_id);
    who := begin_change(mark_read_subject.user_id);
    SELECT array_agg(x.id) INTO ids FROM (
        SELECT i.message_id AS id FROM inbox i
        WHERE i.user_id = mark_read_subject.user_id AND i.state = 0 AND i.subject = about
        UNION ALL
        SELECT m.id FROM message m
        WHERE m.live AND NOT m.replaced AND m.subject = about AND m.feed_id - 0 IN (
            SELECT 1 UNION ALL SELECT s.feed_id FROM subscription s WHERE s.user_id = mark_read_subject.user_id)
    ) x;
    RETURN QUERY SELECT * FROM end_change(mark_read_subject.user_id,
        change_ids(mark_read_subject.user_id, 'read', who, ids, 'any'));
END
$$;

CREATE OR REPLACE FUNCTION doorbell.mark_read_oldest(user_id text, count integer)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    who standing;
    ids bigint[];
BEGIN
    IF mark_read_oldest.count IS NULL OR mark_read_oldest.count NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'oldest is 1 to 1000' USING ERRCODE = 'DB422';
    END IF;
    who := begin_change(mark_read_oldest.user_id);
    WITH map AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible & ~ m.read & ~ m.ack AS bits
        FROM maps(mark_read_oldest.user_id, who.floor, who.muted, 0, who.at) m
    ), unread AS (
        (SELECT i.message_id AS id, i.seq FROM inbox i
        WHERE i.user_id = mark_read_oldest.user_id AND i.state = 0 AND NOT i.must_ack
            AND i.category <> ALL (who.muted) AND (i.expires_at IS NULL OR i.expires_at > who.at)
        ORDER BY i.seq LIMIT mark_read_oldest.count)
        UNION ALL
        SELECT m.id, m.seq
        FROM map CROSS JOIN LATERAL (
            SELECT map.n * 1024 + i AS pos FROM generate_series(0, 1024 - 1) i
            WHERE get_bit(map.bits, 1024 - 1 - i) = 1 ORDER BY i LIMIT mark_read_oldest.count) p
        CROSS JOIN LATERAL message_at(map.feed_id, p.pos) m
        WHERE map.bits <> 0::bit(1024)
    )
    SELECT array_agg(x.id) INTO ids
    FROM (SELECT u.id FROM unread u ORDER BY u.seq LIMIT mark_read_oldest.count) x;
    RETURN QUERY SELECT * FROM end_change(mark_read_oldest.user_id,
        change_ids(mark_read_oldest.user_id, 'read', who, ids, 'any'));
END
$$;

CREATE FUNCTION doorbell_internal.messages(ids bigint[]) RETURNS SETOF doorbell.message
LANGUAGE sql STABLE AS $$
    SELECT m.* FROM unnest($1) u (id)
    CROSS JOIN LATERAL (SELECT * FROM doorbell.message x WHERE x.id = u.id OFFSET 0) m
$$;
COMMENT ON FUNCTION doorbell_internal.messages IS 'These messages, each by its id, whatever else is asked of them.';

CREATE OR REPLACE FUNCTION doorbell_internal.look(user_id text, ids bigint[], floor bigint, muted integer[], at timestamptz)
RETURNS TABLE (id bigint, feed_id integer, pos bigint, state smallint, must_ack boolean, replaced boolean)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, NULL::integer, NULL::bigint, i.state, i.must_ack, false
    FROM doorbell.inbox i
    WHERE i.message_id = ANY ($2) AND i.user_id = $1 AND i.state < 3
        AND (i.expires_at IS NULL OR i.expires_at > $5) AND i.category <> ALL ($4)
    UNION ALL
    SELECT x.id, x.feed_id, x.pos,
        CASE WHEN (m.archived & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024) THEN 2::smallint
            WHEN (m.read & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024) THEN 1::smallint
            ELSE 0::smallint END,
        x.must_ack, x.replaced
    FROM doorbell_internal.messages($2) x
    JOIN doorbell_internal.maps($1, $3, $4, 0, $5) m ON m.feed_id = x.feed_id AND m.n = x.pos / 1024
    WHERE x.live AND (m.visible & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024)
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.change_ids(user_id text, action text, who doorbell_internal.standing,
    ids bigint[], mode text)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    one record;
    found_ids bigint[];
    own bigint[];
    feeds record;
    changed integer := 0;
BEGIN
    IF mode = 'one' THEN
        SELECT * INTO one FROM doorbell_internal.look(change_ids.user_id, change_ids.ids, who.floor, who.muted, who.at);
        IF FOUND THEN
            PERFORM doorbell_internal.refuse(action, one.state, one.must_ack, one.replaced);
            found_ids := ARRAY[one.id];
            own := CASE WHEN one.feed_id IS NULL THEN found_ids END;
        END IF;
    ELSE
        SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.feed_id IS NULL) INTO found_ids, own
        FROM doorbell_internal.look(change_ids.user_id, change_ids.ids, who.floor, who.muted, who.at) l;
    END IF;
    IF found_ids IS NULL AND mode <> 'any' THEN
        RAISE EXCEPTION 'this user has no such message' USING ERRCODE = 'DB404';
    END IF;
    IF own IS NOT NULL THEN
        changed := doorbell_internal.change_inbox(change_ids.user_id, action, own);
    END IF;
    IF cardinality(found_ids) > coalesce(cardinality(own), 0) THEN
        SELECT array_agg(s.feed_id) AS feed_ids, array_agg(s.n) AS ns, array_agg(s.bits) AS bits INTO feeds
        FROM (
            SELECT x.feed_id, x.pos / 1024 AS n, bit_or(doorbell_internal.bit_of(x.pos)) AS bits
            FROM doorbell_internal.messages(found_ids) x WHERE x.feed_id IS NOT NULL GROUP BY 1, 2
        ) s;
        changed := changed + doorbell_internal.change_marks(change_ids.user_id, action, who,
            feeds.feed_ids, feeds.ns, feeds.bits);
    END IF;
    RETURN changed;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.clear_broadcasts(ids bigint[], ring boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WITH old AS (
        UPDATE doorbell.message m SET live = false WHERE m.id = ANY (ids) AND m.live
        RETURNING m.feed_id, m.category, m.pos
    )
    UPDATE doorbell.chunk c SET live = c.live & ~ s.bits
    FROM (
        SELECT old.feed_id, k, old.pos / 1024 AS n, bit_or(doorbell_internal.bit_of(old.pos)) AS bits
        FROM old CROSS JOIN LATERAL (VALUES (0), (old.category)) v (k) GROUP BY 1, 2, 3
    ) s
    WHERE c.feed_id = s.feed_id AND c.category = s.k AND c.n = s.n;

    -- A position below the newest chunk is never given out again.
    WITH dead AS (
        DELETE FROM doorbell.chunk c
        USING (SELECT DISTINCT m.feed_id, m.pos / 1024 AS n FROM doorbell_internal.messages(ids) m) s,
            doorbell.feed f
        WHERE c.feed_id = s.feed_id AND c.n = s.n AND f.id = s.feed_id AND c.n < f.last_pos / 1024
            AND c.live = 0::bit(1024)
        RETURNING c.feed_id, c.category, c.n
    )
    INSERT INTO doorbell.chunk_gone (feed_id, n) SELECT d.feed_id, d.n FROM dead d WHERE d.category = 0;

    WITH event AS (
        UPDATE doorbell.feed f SET version = nextval('doorbell.seq'), expires_at = coalesce((
            SELECT min(x.expires_at) FROM doorbell.message x
            WHERE x.feed_id * 1 = f.id AND x.live AND x.expires_at IS NOT NULL), 'infinity')
        WHERE f.id IN (SELECT m.feed_id FROM doorbell_internal.messages(ids) m)
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e WHERE ring;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.list(user_id text, state text DEFAULT 'all', category text DEFAULT NULL,
    before text DEFAULT NULL, max_rows integer DEFAULT 20)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    tag constant text := user_tag(list.user_id);
    who record;
    total record;
    wanted integer := category_id(list.category);
    states smallint[];
    below bigint := 9223372036854775807;
    map record;
    feed integer := 0;
    room integer;
    bits bit(1024);
    i integer;
    mine bigint[];
    feed_ids integer[] := '{}';
    positions bigint[] := '{}';
    reads boolean[] := '{}';
    page record;
BEGIN
    states := CASE list.state WHEN 'all' THEN '{0,1}' WHEN 'unread' THEN '{0}' WHEN 'archived' THEN '{2}' END;
    IF states IS NULL THEN
        RAISE EXCEPTION 'state is one of all, unread, archived' USING ERRCODE = 'DB422';
    END IF;
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'limit is 1 to 100' USING ERRCODE = 'DB422';
    END IF;
    IF before IS NOT NULL THEN
        IF before !~ '^c1-[0-9a-f]{8}-[0-9]{1,18}$' OR split_part(before, '-', 2) <> tag THEN
            RAISE EXCEPTION 'before is not a "next" of this user''s list' USING ERRCODE = 'DB422';
        END IF;
        below := split_part(before, '-', 3)::bigint;
    END IF;
    SELECT * INTO who FROM reader_state(list.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread(list.user_id);

    IF wanted = 0 AND who.muted = '{}' THEN
        SELECT array_agg(i.message_id) INTO mine
        FROM unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT i.message_id FROM inbox i
            WHERE i.user_id = list.user_id AND i.state = s.state AND i.seq < below
                AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT max_rows + 1) i;
    ELSE
        SELECT array_agg(i.message_id) INTO mine
        FROM tally t CROSS JOIN unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT i.message_id FROM inbox i
            WHERE i.user_id = list.user_id AND i.category = t.category AND i.state = s.state
                AND i.seq < below AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT max_rows + 1) i
        WHERE t.user_id = list.user_id AND t.category <> ALL (who.muted)
            AND (wanted = 0 OR t.category = wanted);
    END IF;

    -- Chunks downwards: what is not wanted costs a bit, not a row.
    FOR map IN
        SELECT m.feed_id, m.n, m.read,
            (m.visible & CASE list.state WHEN 'all' THEN ~ m.archived WHEN 'unread' THEN ~ m.read
                ELSE m.archived END
            & CASE WHEN before IS NULL THEN ~ 0::bit(1024) ELSE ~ above(m.n, coalesce((
                SELECT x.pos FROM message x WHERE x.feed_id + 0 = m.feed_id AND x.seq < below
                ORDER BY x.seq DESC LIMIT 1), -1)) END) AS bits
        FROM maps(list.user_id, who.floor, who.muted, wanted, at) m
        ORDER BY m.feed_id, m.n DESC
    LOOP
        IF map.feed_id <> feed THEN
            feed := map.feed_id;
            room := max_rows + 1;
        END IF;
        bits := map.bits;
        LOOP
            i := position(B'1' IN bits);
            EXIT WHEN coalesce(i, 0) = 0 OR room = 0;
            bits := set_bit(bits, i - 1, 0);
            room := room - 1;
            feed_ids := feed_ids || feed;
            positions := positions || (map.n * 1024 + 1024 - i);
            reads := reads || (get_bit(map.read, i - 1) = 1);
        END LOOP;
    END LOOP;

    WITH picked AS (
        SELECT i.message_id AS id, i.seq, i.seq <= who.seen_r AS seen, i.state > 0 AS read
        FROM inbox i WHERE i.message_id = ANY (mine) AND i.user_id = list.user_id
        UNION ALL
        SELECT x.id, x.seq, x.seq <= who.seen_b, p.read
        FROM unnest(feed_ids, positions, reads) p (feed_id, pos, read)
        CROSS JOIN LATERAL message_at(p.feed_id, p.pos) x
        ORDER BY seq DESC LIMIT max_rows + 1
    ), numbered AS (
        SELECT picked.*, row_number() OVER (ORDER BY seq DESC) AS nth FROM picked
    )
    SELECT coalesce(json_agg(message_json(l.m, c.name, p.seen, p.read, list.state = 'archived') ORDER BY p.seq DESC)
            FILTER (WHERE p.nth <= max_rows), '[]') AS messages,
        max(p.seq) AS first, min(p.seq) FILTER (WHERE p.nth <= max_rows) AS last, count(*) > max_rows AS more
    INTO page
    FROM numbered p
    CROSS JOIN LATERAL (SELECT x FROM message x WHERE x.id = p.id OFFSET 0) l (m)
    LEFT JOIN category c ON c.id = (l.m).category;

    RETURN json_build_object('messages', page.messages,
        'next', CASE WHEN page.more THEN concat_ws('-', 'c1', tag, page.last) END,
        'position', concat_ws('-', 'p1', tag, coalesce(page.first, 0), total.version, total.seq,
            greatest(wanted, 0), (list.state = 'archived' OR wanted < 0)::integer),
        'num', total.num, 'version', total.version, 'seq', total.seq);
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.mark_run(user_id text, who doorbell_internal.standing, action text,
    cut bigint, r bigint, b bigint, wanted integer)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    hidden integer[];
    own bigint[];
    feeds record;
BEGIN
    -- What was muted when that answer was given could not be seen in it.
    hidden := who.muted || ARRAY(
        SELECT u.category FROM doorbell.unmute u WHERE u.user_id = mark_run.user_id AND u.seq > r);
    SELECT array_agg(i.message_id) INTO own FROM doorbell.inbox i
    WHERE i.user_id = mark_run.user_id AND i.state = CASE action WHEN 'read' THEN 0 ELSE 1 END
        AND i.seq <= least(cut, r) AND (i.expires_at IS NULL OR i.expires_at > who.at)
        AND NOT i.must_ack AND i.category <> ALL (hidden) AND (wanted = 0 OR i.category = wanted);

    SELECT array_agg(m.feed_id) AS feed_ids, array_agg(m.n) AS ns, array_agg(
        ~ doorbell_internal.above(m.n, coalesce((
            SELECT x.pos FROM doorbell.message x WHERE x.feed_id + 0 = m.feed_id AND x.seq <= least(cut, b)
            ORDER BY x.seq DESC LIMIT 1), -1))
        & ~ m.archived
        & CASE WHEN hidden = who.muted THEN ~ 0::bit(1024) ELSE ~ coalesce((
            SELECT bit_or(c.live) FROM doorbell.chunk c
            WHERE c.feed_id = m.feed_id AND c.category = ANY (hidden) AND c.n = m.n), 0::bit(1024)) END
        ) AS bits
    INTO feeds
    FROM doorbell_internal.maps(mark_run.user_id, who.floor, who.muted, wanted, who.at) m
    WHERE m.joined <= r AND m.visible <> 0::bit(1024);
    IF wanted > 0 THEN
        SELECT array_agg(s.feed_id) AS feed_ids, array_agg(s.n) AS ns, array_agg(s.bits & c.live) AS bits INTO feeds
        FROM unnest(feeds.feed_ids, feeds.ns, feeds.bits) s (feed_id, n, bits)
        JOIN doorbell.chunk c ON c.feed_id = s.feed_id AND c.category = wanted AND c.n = s.n;
    END IF;
    RETURN CASE WHEN own IS NULL THEN 0 ELSE
            doorbell_internal.change_inbox(mark_run.user_id, action, own) END
        + CASE WHEN feeds.ns IS NULL THEN 0 ELSE
            doorbell_internal.change_marks(mark_run.user_id, action, who, feeds.feed_ids, feeds.ns, feeds.bits) END;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.count_readers(m doorbell.message)
RETURNS TABLE (seen bigint, read bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at_bit constant bit(1024) := doorbell_internal.bit_of(m.pos);
BEGIN
    IF m.seq IS NULL THEN
        RETURN QUERY SELECT 0::bigint, 0::bigint;
    ELSIF m.feed_id IS NULL THEN
        RETURN QUERY SELECT count(*) FILTER (WHERE i.state IN (1, 2, 3) OR i.seq <= r.seen_r),
            count(*) FILTER (WHERE i.state IN (1, 2, 3))
        FROM doorbell.inbox i LEFT JOIN doorbell.reader r ON r.user_id = i.user_id
        WHERE i.message_id = m.id;
    ELSE
        RETURN QUERY SELECT
            (SELECT count(*) FROM doorbell.reader r
            WHERE r.seen_b >= m.seq AND (
                SELECT a.floor < m.pos OR m.to_new FROM doorbell.arrival a
                WHERE m.feed_id = 1 AND a.user_id = r.user_id
                UNION ALL
                SELECT s.floor < m.pos OR m.to_new FROM doorbell.subscription s
                WHERE m.feed_id > 1 AND s.feed_id = m.feed_id AND s.user_id = r.user_id))
            + count(*) FILTER (WHERE r.seen_b IS NULL OR r.seen_b < m.seq), count(*)
        FROM doorbell.mark k LEFT JOIN doorbell.reader r ON r.user_id = k.user_id
        WHERE k.feed_id + 0 = m.feed_id AND k.n = m.pos / 1024 AND (k.read & at_bit) <> 0::bit(1024);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.purge_marks(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    gone doorbell.chunk_gone;
    removed integer := 0;
BEGIN
    SELECT * INTO gone FROM doorbell.chunk_gone LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM doorbell.mark k WHERE (k.user_id, k.feed_id, k.n) IN (
        SELECT d.user_id, d.feed_id, d.n FROM doorbell.mark d
        WHERE d.feed_id + 0 = gone.feed_id AND d.n = gone.n LIMIT max_rows);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < max_rows THEN
        DELETE FROM doorbell.chunk_gone c WHERE c.feed_id = gone.feed_id AND c.n = gone.n;
        removed := removed + 1;
    END IF;
    RETURN removed;
END
$$;

-- A send that lists a removed category again locks its row before it takes the LINE: so must these.
CREATE OR REPLACE FUNCTION doorbell.category_set(name text, critical boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
DECLARE
    category integer;
BEGIN
    IF category_set.name IS NULL OR category_set.critical IS NULL THEN
        RAISE EXCEPTION 'name and critical are needed' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_text('category', category_set.name, 64);
    category := category_named(category_set.name);
    UPDATE category c SET listed = true WHERE c.id = category;
    PERFORM take_line();
    PERFORM set_critical(category, category_set.critical);
END
$$;

CREATE OR REPLACE FUNCTION doorbell.category_remove(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
DECLARE
    category integer;
BEGIN
    UPDATE category c SET listed = false WHERE c.name = category_remove.name AND c.listed RETURNING c.id INTO category;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB404';
    END IF;
    PERFORM take_line();
    PERFORM set_critical(category, false);
END
$$;

CREATE FUNCTION doorbell_internal.commit_lazily() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    setting text;
BEGIN
    setting := set_config('synchronous_commit', 'off', true);
END
$$;
COMMENT ON FUNCTION doorbell_internal.commit_lazily IS
    'The transaction ends without waiting for the disk: for leases and what was rung, which a crash may undo, since a '
    'ring that comes twice does no harm.';

CREATE FUNCTION doorbell_internal.lock_rings(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(ids) > 1 THEN
        PERFORM FROM doorbell.outbox o WHERE o.id = ANY (ids) ORDER BY o.id FOR UPDATE;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_rings IS
    'Locks rings in the order in which erase() does, which takes a user off the lists of several.';

CREATE OR REPLACE FUNCTION doorbell.outbox_done(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM commit_lazily();
    PERFORM lock_rings(ids);
    DELETE FROM outbox o WHERE o.id = ANY (ids);
END
$$;

CREATE OR REPLACE FUNCTION doorbell.outbox_retry(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM lock_rings(ids);
    UPDATE outbox o SET leased_until = '-infinity' WHERE o.id = ANY (ids);
END
$$;

CREATE FUNCTION doorbell.outbox_take(max_rows integer, lease_s integer, max_age_s integer,
    hit_window integer DEFAULT 300, group_ring_max integer DEFAULT 10000)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    ids bigint[];
BEGIN
    ids := ARRAY(SELECT outbox_claim(max_rows, lease_s, max_age_s));
    IF ids = '{}' THEN
        RETURN;
    END IF;
    PERFORM commit_lazily();
    -- A snapshot of its own, later than the commits of the rows that were just found.
    RETURN QUERY
    SELECT c.id, r.ring FROM unnest(ids) c (id)
    LEFT JOIN outbox_rings(ids, hit_window, group_ring_max) r ON r.id = c.id;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_take IS
    'doorbell.outbox_claim() and doorbell.outbox_rings() in one call: every claimed id, with its ring or, where '
    'another id has it or nobody is to be rung, without. Alone in its transaction, as outbox_done() is: neither waits for the disk.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA doorbell, doorbell_internal FROM PUBLIC;
DO $$
DECLARE
    routine regprocedure;
BEGIN
    IF to_regrole('doorbell_app') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION doorbell.outbox_take TO doorbell_app;
    END IF;
    FOR routine IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'doorbell'::regnamespace AND 'enable_seqscan=off' = ANY (p.proconfig)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET jit = off', routine);
    END LOOP;
END
$$;
