-- SPDX-License-Identifier: MIT
-- Keeping house: retention, one user's data, and the proof that the counts are right.

CREATE FUNCTION doorbell_internal.delete_rows(ids bigint[], users text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    touched text[];
    removed integer;
BEGIN
    WITH dead AS (
        DELETE FROM doorbell.inbox i USING unnest(ids, users) x (id, u)
        WHERE i.message_id = x.id AND i.user_id = x.u
        RETURNING i.user_id, i.category, i.state
    ), counted AS (
        UPDATE doorbell.tally t SET unread = t.unread - s.n
        FROM (SELECT d.user_id, d.category, count(*) AS n FROM dead d WHERE d.state = 0 GROUP BY 1, 2) s
        WHERE t.user_id = s.user_id AND t.category = s.category
    )
    SELECT array_agg(DISTINCT d.user_id) FILTER (WHERE d.state < 3), count(*) INTO touched, removed FROM dead d;
    UPDATE doorbell.reader r SET version = s.seq
    FROM (SELECT nextval('doorbell.seq') AS seq WHERE touched IS NOT NULL) s
    WHERE r.user_id = ANY (touched);
    RETURN removed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.delete_rows IS
    'Deletes inbox rows of locked readers, as pairs of id and user: counted, with a new version, without a ring.';

CREATE FUNCTION doorbell_internal.purge_message(m doorbell.message, max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    removed integer := 0;
BEGIN
    IF m.feed_id IS NOT NULL THEN
        IF m.live THEN
            PERFORM doorbell_internal.clear_broadcasts(ARRAY[m.id], false);
        END IF;
    ELSE
        SELECT array_agg(l.user_id) INTO users FROM (
            SELECT i.user_id FROM doorbell.inbox i WHERE i.message_id = m.id ORDER BY i.user_id LIMIT max_rows) l;
        users := doorbell_internal.lock_known_readers(users, true);
        removed := doorbell_internal.delete_rows(array_fill(m.id, ARRAY[cardinality(users)]), users);
        PERFORM FROM doorbell.inbox i WHERE i.message_id = m.id LIMIT 1;
        IF FOUND THEN
            RETURN removed;
        END IF;
    END IF;
    DELETE FROM doorbell.message x WHERE x.id = m.id;
    DELETE FROM doorbell.sent_report s WHERE s.message_id = m.id;
    RETURN removed + 1;
END
$$;

CREATE FUNCTION doorbell_internal.purge_messages(max_rows integer, too_old timestamptz, long_gone timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m doorbell.message;
    removed integer := 0;
    has_line boolean;
BEGIN
    PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;
    has_line := FOUND;
    FOR m IN
        SELECT * FROM doorbell.message x WHERE x.id IN (
            (SELECT o.id FROM doorbell.message o WHERE o.sent_at < too_old ORDER BY o.sent_at LIMIT 100)
            UNION
            (SELECT g.id FROM doorbell.message g
            WHERE least(g.expires_at, g.recalled_at) < long_gone
            ORDER BY least(g.expires_at, g.recalled_at) LIMIT 100))
        ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        CONTINUE WHEN m.feed_id IS NOT NULL AND NOT has_line;
        removed := removed + doorbell_internal.purge_message(m, max_rows - removed);
        EXIT WHEN removed >= max_rows;
    END LOOP;
    RETURN removed;
END
$$;

CREATE FUNCTION doorbell_internal.purge_marks(max_rows integer) RETURNS integer
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
        WHERE d.feed_id = gone.feed_id AND d.n = gone.n LIMIT max_rows);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < max_rows THEN
        DELETE FROM doorbell.chunk_gone c WHERE c.feed_id = gone.feed_id AND c.n = gone.n;
        removed := removed + 1;
    END IF;
    RETURN removed;
END
$$;

CREATE FUNCTION doorbell_internal.purge_over_cap(max_rows integer, user_cap integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    batch text[];
    next_user text;
    removed integer := 0;
    over record;
BEGIN
    SELECT array_agg(b.user_id ORDER BY b.user_id) INTO batch FROM (
        SELECT r.user_id FROM doorbell.reader r
        WHERE r.user_id > (SELECT c.user_id FROM doorbell.purge_cursor c)
        ORDER BY r.user_id LIMIT 1000) b;
    next_user := batch[cardinality(batch)];
    batch := doorbell_internal.lock_known_readers(ARRAY(
        SELECT u FROM unnest(batch) u WHERE user_cap < (
            SELECT count(*) FROM (SELECT FROM doorbell.inbox i
                WHERE i.user_id = u AND i.state IN (0, 1, 2) LIMIT user_cap::bigint + 1) x)), true);
    SELECT array_agg(o.message_id) AS ids, array_agg(o.user_id) AS users INTO over FROM (
        SELECT old.message_id, u AS user_id FROM unnest(batch) u CROSS JOIN LATERAL (
            SELECT i.message_id FROM doorbell.inbox i
            WHERE i.user_id = u AND i.state IN (0, 1, 2) ORDER BY i.seq DESC OFFSET user_cap) old
        LIMIT max_rows) o;
    IF over.ids IS NOT NULL THEN
        removed := doorbell_internal.delete_rows(over.ids, over.users);
    END IF;
    IF removed < max_rows THEN
        UPDATE doorbell.purge_cursor SET user_id = coalesce(next_user, '');
    END IF;
    RETURN CASE WHEN next_user IS NULL THEN removed ELSE greatest(removed, 1) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.purge_over_cap IS
    'Deletes the oldest personal messages of users who have more than user_cap; each call looks at the next 1,000 '
    'users. Answers 0 only at the end of a round over all.';

CREATE FUNCTION doorbell.purge(max_rows integer DEFAULT 1000, max_age_days integer DEFAULT 365,
    gone_days integer DEFAULT 30, user_cap integer DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    too_old constant timestamptz := clock_timestamp() - make_interval(days => max_age_days);
    removed integer;
    keys integer;
BEGIN
    removed := purge_messages(max_rows, too_old, clock_timestamp() - make_interval(days => gone_days))
        + purge_marks(max_rows);
    IF user_cap IS NOT NULL THEN
        removed := removed + purge_over_cap(max_rows, user_cap);
    END IF;
    DELETE FROM send_key k WHERE k.key IN (
        SELECT o.key FROM send_key o WHERE o.at < too_old ORDER BY o.at LIMIT max_rows);
    GET DIAGNOSTICS keys = ROW_COUNT;
    RETURN removed + keys;
END
$$;
COMMENT ON FUNCTION doorbell.purge IS
    'Retention, a batch of about max_rows rows a call: deletes messages older than max_age_days, those that expired '
    'or were recalled more than gone_days ago, marks without a message, keys older than max_age_days, and, with '
    'user_cap, a user''s oldest personal messages beyond that number (each call looks at the next 1,000 users, and answers '
    '0 only after the last). Answers how many rows went: call again until 0. Counts are exact meanwhile; no ring; passes by who is busy.';

CREATE FUNCTION doorbell.erase(user_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    waiting bigint[];
    rung bigint[];
    is_known boolean;
BEGIN
    SELECT array_agg(l.id) INTO waiting FROM (
        SELECT m.id FROM message m WHERE m.seq IS NULL AND m.id IN (
            SELECT p.message_id FROM pending p WHERE erase.user_id = ANY (p.users))
        ORDER BY m.id FOR NO KEY UPDATE) l;
    UPDATE pending SET users = array_remove(users, erase.user_id) WHERE message_id = ANY (waiting);

    PERFORM FROM reader WHERE user_id = erase.user_id FOR UPDATE;
    is_known := FOUND OR waiting IS NOT NULL;
    DELETE FROM inbox WHERE user_id = erase.user_id;
    DELETE FROM tally WHERE user_id = erase.user_id;
    DELETE FROM mark WHERE user_id = erase.user_id;
    DELETE FROM subscription WHERE user_id = erase.user_id;
    DELETE FROM unmute WHERE user_id = erase.user_id;
    -- In one order: another user of the same list may be erased at this moment.
    SELECT array_agg(l.id) INTO rung FROM (
        SELECT o.id FROM outbox o WHERE erase.user_id = ANY (o.user_ids) ORDER BY o.id FOR UPDATE) l;
    UPDATE outbox SET user_ids = array_remove(user_ids, erase.user_id) WHERE id = ANY (rung);
    DELETE FROM outbox WHERE id = ANY (rung) AND user_ids = '{}';
    DELETE FROM arrival WHERE user_id = erase.user_id;
    is_known := is_known OR FOUND;
    DELETE FROM reader WHERE user_id = erase.user_id;
    RETURN is_known;
END
$$;
COMMENT ON FUNCTION doorbell.erase IS
    'Deletes everything that is stored about a user, scheduled messages to him too. The messages themselves stay for '
    'their other users. False if he was not known. Should he come again, he is a new user.';

CREATE FUNCTION doorbell.export(user_id text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    who record;
    ids bigint[];
BEGIN
    SELECT coalesce(r.version, 0) AS version, a.at, a.floor, coalesce(r.seen_r, 0) AS seen_r,
        coalesce(r.seen_b, 0) AS seen_b INTO who
    FROM (VALUES (export.user_id)) u (id)
    LEFT JOIN arrival a ON a.user_id = u.id LEFT JOIN reader r ON r.user_id = u.id
    WHERE a.user_id IS NOT NULL OR r.user_id IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such user' USING ERRCODE = 'DB404';
    END IF;
    SELECT array_agg(x.id) INTO ids FROM (
        SELECT i.message_id AS id FROM inbox i WHERE i.user_id = export.user_id AND i.state < 3
        UNION ALL
        SELECT m.id FROM maps(export.user_id, who.floor, '{}', 0, statement_timestamp()) v
        JOIN message m ON m.feed_id = v.feed_id AND m.pos / 1024 = v.n AND m.live
        WHERE (v.visible & bit_of(m.pos)) <> 0::bit(1024)) x;
    RETURN json_build_object('user', export.user_id, 'version', who.version,
        'first_contact', floor(extract(epoch FROM who.at))::bigint,
        'muted', preferences(export.user_id)->'muted',
        'groups', ARRAY(SELECT f.name FROM subscription s JOIN feed f ON f.id = s.feed_id
            WHERE s.user_id = export.user_id ORDER BY f.name),
        'messages', coalesce((
            SELECT json_agg(message_json(m, c.name,
                m.seq <= CASE WHEN m.feed_id IS NULL THEN who.seen_r ELSE who.seen_b END,
                l.state > 0, l.state = 2) ORDER BY m.seq)
            FROM look(export.user_id, ids, who.floor, '{}', statement_timestamp()) l
            JOIN message m ON m.id = l.id LEFT JOIN category c ON c.id = m.category), '[]'));
END
$$;
COMMENT ON FUNCTION doorbell.export IS
    'Everything about a user as JSON: user, version, first_contact, muted, groups, and his messages as in '
    'doorbell.list(), oldest first, muted ones too. DB404.';

CREATE FUNCTION doorbell_internal.drift()
RETURNS TABLE (what text, user_id text, feed_id integer, category integer, n bigint, stored bigint, counted bigint)
LANGUAGE sql STABLE AS $$
    SELECT 'tally', user_id, NULL::integer, category, NULL::bigint, coalesce(t.unread, 0), coalesce(i.n, 0)
    FROM doorbell.tally t FULL JOIN (
        SELECT x.user_id, x.category, count(*) AS n FROM doorbell.inbox x WHERE x.state = 0 GROUP BY 1, 2
    ) i USING (user_id, category)
    WHERE coalesce(t.unread, 0) <> coalesce(i.n, 0)
    UNION ALL
    SELECT 'groups', r.user_id, NULL, NULL, NULL, r.groups, coalesce(s.n, 0)
    FROM doorbell.reader r LEFT JOIN (
        SELECT x.user_id, count(*) AS n FROM doorbell.subscription x GROUP BY 1
    ) s ON s.user_id = r.user_id
    WHERE r.groups <> coalesce(s.n, 0)
    UNION ALL
    SELECT 'expiry', NULL, f.id, NULL, NULL, extract(epoch FROM nullif(f.expires_at, 'infinity'))::bigint,
        extract(epoch FROM x.at)::bigint
    FROM doorbell.feed f JOIN (
        SELECT m.feed_id, min(m.expires_at) AS at FROM doorbell.message m
        WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at IS NOT NULL GROUP BY 1
    ) x ON x.feed_id = f.id
    WHERE f.expires_at > x.at
    UNION ALL
    SELECT 'chunk', NULL, feed_id, category, n, bit_count(c.live), coalesce(bit_count(m.live), 0)
    FROM doorbell.chunk c FULL JOIN (
        SELECT x.feed_id, k AS category, x.pos / 1024 AS n, bit_or(doorbell_internal.bit_of(x.pos)) AS live
        FROM doorbell.message x CROSS JOIN LATERAL (VALUES (0), (x.category)) v (k)
        WHERE x.feed_id IS NOT NULL AND x.live GROUP BY 1, 2, 3
    ) m USING (feed_id, category, n)
    WHERE coalesce(c.live, 0::bit(1024)) <> coalesce(m.live, 0::bit(1024))
$$;
COMMENT ON FUNCTION doorbell_internal.drift IS
    'Every tally against its inbox rows, every chunk and the next expiry of a feed against its messages, and the '
    'number of a user''s groups against his subscriptions, in one snapshot.';

CREATE FUNCTION doorbell.recount(repair boolean DEFAULT false)
RETURNS TABLE (what text, user_id text, feed_id integer, category integer, n bigint, stored bigint, counted bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
DECLARE
    users text[];
BEGIN
    IF repair THEN
        SELECT array_agg(DISTINCT d.user_id ORDER BY d.user_id) INTO users FROM drift() d;
        PERFORM take_line();
        users := lock_known_readers(users);
    END IF;
    RETURN QUERY SELECT * FROM drift();
    IF repair AND FOUND THEN
        PERFORM repair_users(users);
        PERFORM repair_feeds();
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.recount IS
    'Counts everything from scratch and answers each counter that is off: no row is the right answer, always. '
    'repair sets those counters right, and changes the versions so that clients ask anew.';

CREATE FUNCTION doorbell_internal.repair_users(users text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF users = '{}' THEN
        RETURN;
    END IF;
    UPDATE doorbell.tally t SET unread = 0 WHERE t.user_id = ANY (users);
    INSERT INTO doorbell.tally AS t (user_id, category, unread)
    SELECT i.user_id, i.category, count(*) FROM doorbell.inbox i
    WHERE i.user_id = ANY (users) AND i.state = 0 GROUP BY 1, 2
    ON CONFLICT (user_id, category) DO UPDATE SET unread = EXCLUDED.unread;
    UPDATE doorbell.reader r
    SET groups = (SELECT count(*) FROM doorbell.subscription s WHERE s.user_id = r.user_id)
    WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.touch_readers(users, nextval('doorbell.seq'));
END
$$;

CREATE FUNCTION doorbell_internal.repair_feeds() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    no_bit constant bit(1024) := 0::bit(1024);
BEGIN
    UPDATE doorbell.feed f SET expires_at = d.at
    FROM (
        SELECT m.feed_id, min(m.expires_at) AS at FROM doorbell.message m
        WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at IS NOT NULL GROUP BY 1
    ) d
    WHERE f.id = d.feed_id AND f.expires_at > d.at;
    WITH off AS (
        SELECT DISTINCT d.feed_id, d.category, d.n FROM doorbell_internal.drift() d WHERE d.what = 'chunk'
    ), fixed AS (
        INSERT INTO doorbell.chunk (feed_id, category, n, live, keep, ack, replaced)
        SELECT o.feed_id, o.category, o.n, coalesce(bit_or(b.bit), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.to_new), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.must_ack), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.replaced), no_bit)
        FROM off o LEFT JOIN (
            doorbell.message m CROSS JOIN LATERAL (SELECT doorbell_internal.bit_of(m.pos) AS bit) b
        ) ON m.feed_id = o.feed_id AND m.live AND m.pos / 1024 = o.n AND (o.category = 0 OR m.category = o.category)
        GROUP BY 1, 2, 3
        ON CONFLICT (feed_id, category, n) DO UPDATE
        SET live = EXCLUDED.live, keep = EXCLUDED.keep, ack = EXCLUDED.ack, replaced = EXCLUDED.replaced
        RETURNING feed_id
    ), event AS (
        UPDATE doorbell.feed f SET version = nextval('doorbell.seq') WHERE f.id IN (SELECT x.feed_id FROM fixed x)
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e;
END
$$;

CREATE FUNCTION doorbell_internal.sampled_drift() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    percent constant real := (SELECT least(100, 5000 / greatest(c.reltuples, 1)) FROM pg_class c
        WHERE c.oid = 'doorbell.reader'::regclass);
    newest constant bigint := (SELECT f.last_pos / 1024 FROM doorbell.feed f WHERE f.id = 1);
BEGIN
    RETURN (
        SELECT count(*) FROM (SELECT r.user_id FROM doorbell.reader r TABLESAMPLE SYSTEM (percent) LIMIT 50) s
        JOIN doorbell.tally t ON t.user_id = s.user_id AND t.unread <= 1000
        WHERE t.unread <> (SELECT count(*) FROM doorbell.inbox i
            WHERE i.user_id = t.user_id AND i.category = t.category AND i.state = 0)
    ) + (
        SELECT count(*) FROM doorbell.chunk c WHERE c.feed_id = 1 AND c.category = 0 AND c.n = newest
            AND bit_count(c.live) <> (SELECT count(*) FROM doorbell.message m
                WHERE m.feed_id = 1 AND m.live AND m.pos BETWEEN newest * 1024 AND newest * 1024 + 1024 - 1));
END
$$;
COMMENT ON FUNCTION doorbell_internal.sampled_drift IS
    'Number of wrong counters among about 50 users at random and the newest chunk of ''*''. It is 0; cheap enough to be a metric.';
