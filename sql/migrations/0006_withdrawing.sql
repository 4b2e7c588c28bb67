-- SPDX-License-Identifier: MIT
-- Taking back: recall by the sender, expiry by the clock, and what became of a message. Counts and lists are
-- right at the instant of expiry without the sweep; it keeps the expired tail short, and rings.

CREATE FUNCTION doorbell_internal.clear_broadcasts(ids bigint[], ring boolean) RETURNS void
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
        USING (SELECT DISTINCT m.feed_id, m.pos / 1024 AS n FROM doorbell.message m WHERE m.id = ANY (ids)) s,
            doorbell.feed f
        WHERE c.feed_id = s.feed_id AND c.n = s.n AND f.id = s.feed_id AND c.n < f.last_pos / 1024
            AND c.live = 0::bit(1024)
        RETURNING c.feed_id, c.category, c.n
    )
    INSERT INTO doorbell.chunk_gone (feed_id, n) SELECT d.feed_id, d.n FROM dead d WHERE d.category = 0;

    WITH event AS (
        UPDATE doorbell.feed f SET version = nextval('doorbell.seq'), expires_at = coalesce((
            SELECT min(x.expires_at) FROM doorbell.message x
            WHERE x.feed_id = f.id AND x.live AND x.expires_at IS NOT NULL), 'infinity')
        WHERE f.id IN (SELECT m.feed_id FROM doorbell.message m WHERE m.id = ANY (ids))
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e WHERE ring;
END
$$;
COMMENT ON FUNCTION doorbell_internal.clear_broadcasts IS
    'Takes delivered broadcasts from everybody; the caller holds the LINE. Users'' bits stay, and mean nothing.';

CREATE FUNCTION doorbell.recall(id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    m doorbell.message;
    users text[];
BEGIN
    SELECT * INTO m FROM message x WHERE x.id = recall.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such message' USING ERRCODE = 'DB404';
    END IF;
    IF m.feed_id IS NOT NULL THEN
        PERFORM take_line();
    END IF;
    SELECT * INTO m FROM message x WHERE x.id = recall.id FOR NO KEY UPDATE;
    IF m.recalled_at IS NOT NULL OR NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE message x SET recalled_at = clock_timestamp() WHERE x.id = recall.id;
    IF m.seq IS NULL THEN
        DELETE FROM pending p WHERE p.message_id = recall.id;
    ELSIF m.feed_id IS NOT NULL THEN
        PERFORM clear_broadcasts(ARRAY[recall.id], true) WHERE m.live;
    ELSE
        SELECT array_agg(i.user_id ORDER BY i.user_id) INTO users FROM inbox i
        WHERE i.message_id = recall.id AND i.state < 3;
        users := lock_known_readers(users);
        -- Now nobody else changes these rows.
        SELECT array_agg(i.user_id ORDER BY i.user_id) INTO users FROM inbox i
        WHERE i.message_id = recall.id AND i.state < 3 AND i.user_id = ANY (users);
        IF users IS NOT NULL THEN
            PERFORM withdraw(array_fill(recall.id, ARRAY[cardinality(users)]), users);
            PERFORM touch_readers(users, nextval('seq'));
        END IF;
        UPDATE message x SET live = false WHERE x.id = recall.id;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION doorbell.recall IS
    'Takes a message back from every inbox, from this transaction''s commit on, and corrects open badges; one not '
    'yet delivered is not delivered. False if it was recalled before. DB404.';

CREATE FUNCTION doorbell_internal.sweep_feeds(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- In a variable: what is compared with clock_timestamp() itself is found by no index.
    at constant timestamptz := clock_timestamp();
    ids bigint[];
BEGIN
    PERFORM FROM doorbell.message m
    WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at <= at LIMIT 1;
    IF FOUND THEN
        PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT array_agg(d.id) INTO ids FROM (
        SELECT m.id FROM doorbell.message m
        WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at <= at
        ORDER BY m.expires_at LIMIT max_rows) d;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM doorbell_internal.clear_broadcasts(ids, true);
    RETURN cardinality(ids);
END
$$;

CREATE FUNCTION doorbell_internal.sweep_users(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    due record;
    users text[];
    touched text[];
BEGIN
    SELECT array_agg(d.message_id) AS ids, array_agg(d.user_id) AS users INTO due FROM (
        SELECT i.message_id, i.user_id FROM doorbell.inbox i
        WHERE i.state < 3 AND i.expires_at <= at
        ORDER BY i.expires_at LIMIT max_rows) d;
    IF due.ids IS NULL THEN
        RETURN 0;
    END IF;
    users := doorbell_internal.lock_known_readers(due.users, true);
    SELECT array_agg(x.id) AS ids, array_agg(x.u) AS users INTO due
    FROM unnest(due.ids, due.users) x (id, u) WHERE x.u = ANY (users);
    IF due.ids IS NULL THEN
        RETURN 0;
    END IF;
    -- Only who had it unread sees a difference: from the others' lists it went by itself.
    touched := doorbell_internal.withdraw(due.ids, due.users);
    IF touched <> '{}' THEN
        PERFORM doorbell_internal.touch_readers(touched, nextval('doorbell.seq'));
    END IF;
    RETURN cardinality(due.ids);
END
$$;

CREATE FUNCTION doorbell.sweep(max_rows integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN sweep_feeds(max_rows) + sweep_users(max_rows);
END
$$;
COMMENT ON FUNCTION doorbell.sweep IS
    'Puts away what has expired, and rings those whose badge changed by it. Answers how many; call again until 0. '
    'Passes by who is busy.';

CREATE FUNCTION doorbell_internal.count_readers(m doorbell.message)
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
        WHERE k.feed_id = m.feed_id AND k.n = m.pos / 1024 AND (k.read & at_bit) <> 0::bit(1024);
    END IF;
END
$$;

CREATE FUNCTION doorbell.sent(id bigint) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    m doorbell.message;
    report sent_report;
BEGIN
    SELECT * INTO m FROM message x WHERE x.id = sent.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such message' USING ERRCODE = 'DB404';
    END IF;
    SELECT * INTO report FROM sent_report s
    WHERE s.message_id = sent.id AND s.as_of > clock_timestamp() - interval '60 seconds';
    IF NOT FOUND THEN
        INSERT INTO sent_report AS s (message_id, seen, read, acked, as_of)
        SELECT m.id, c.seen, c.read, CASE WHEN m.must_ack THEN c.read END, clock_timestamp() FROM count_readers(m) c
        ON CONFLICT (message_id) DO UPDATE
        SET seen = EXCLUDED.seen, read = EXCLUDED.read, acked = EXCLUDED.acked, as_of = EXCLUDED.as_of
        RETURNING * INTO report;
    END IF;
    RETURN json_build_object('recipients', m.recipients, 'seen', report.seen, 'read', report.read,
        'acked', report.acked, 'recalled', m.recalled_at IS NOT NULL,
        'as_of', floor(extract(epoch FROM report.as_of))::bigint);
END
$$;
COMMENT ON FUNCTION doorbell.sent IS
    'What became of a message: {"recipients": number or null for group and all, "seen", "read", "acked": null when '
    'nothing was to be acknowledged, "recalled", "as_of"}. Exact as of as_of, which is at most 60 s old. DB404.';
