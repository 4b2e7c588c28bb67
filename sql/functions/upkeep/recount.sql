-- SPDX-License-Identifier: MIT
-- The proof that the counts are right.

CREATE OR REPLACE FUNCTION doorbell_internal.drift()
RETURNS TABLE (what text, user_id text, feed_id integer, category integer, n bigint, stored bigint, counted bigint)
LANGUAGE sql STABLE AS $$
    SELECT 'unread_count', user_id, NULL::integer, category, NULL::bigint, coalesce(t.unread, 0), coalesce(i.n, 0)
    FROM doorbell.unread_count t FULL JOIN (
        SELECT x.user_id, x.category, count(*) AS n FROM doorbell.inbox x WHERE x.state = 'unread' GROUP BY 1, 2
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
        SELECT x.feed_id, k AS category, doorbell_internal.chunk_of(x.pos) AS n, bit_or(doorbell_internal.bit_of(x.pos)) AS live
        FROM doorbell.message x CROSS JOIN LATERAL (VALUES (0), (x.category)) v (k)
        WHERE x.feed_id IS NOT NULL AND x.live GROUP BY 1, 2, 3
    ) m USING (feed_id, category, n)
    WHERE coalesce(c.live, 0::doorbell.chunk_bits) <> coalesce(m.live, 0::doorbell.chunk_bits)
$$;
COMMENT ON FUNCTION doorbell_internal.drift IS
    'Every unread_count against its inbox rows, every chunk and the next expiry of a feed against its messages, and the '
    'number of a user''s groups against their subscriptions, in one snapshot.';

CREATE OR REPLACE FUNCTION doorbell.recount(repair boolean DEFAULT false)
RETURNS TABLE (what text, user_id text, feed_id integer, category integer, n bigint, stored bigint, counted bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    users text[];
BEGIN
    IF repair THEN
        SELECT array_agg(DISTINCT d.user_id ORDER BY d.user_id) INTO users FROM drift() d;
        PERFORM lock_broadcasts();
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
    'Counts everything from scratch and returns each counter that is off: always no row, or it is a bug. '
    'repair sets those counters right, and changes the versions so that clients ask anew.';

CREATE OR REPLACE FUNCTION doorbell_internal.repair_users(users text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF users = '{}' THEN
        RETURN;
    END IF;
    UPDATE doorbell.unread_count t SET unread = 0 WHERE t.user_id = ANY (users);
    INSERT INTO doorbell.unread_count AS t (user_id, category, unread)
    SELECT i.user_id, i.category, count(*) FROM doorbell.inbox i
    WHERE i.user_id = ANY (users) AND i.state = 'unread' GROUP BY 1, 2
    ON CONFLICT (user_id, category) DO UPDATE SET unread = EXCLUDED.unread;
    UPDATE doorbell.reader r
    SET groups = (SELECT count(*) FROM doorbell.subscription s WHERE s.user_id = r.user_id), scope = nextval('doorbell.seq')
    WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.touch_readers(users, nextval('doorbell.seq'));
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.repair_feeds() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    no_bit constant doorbell.chunk_bits := 0::doorbell.chunk_bits;
BEGIN
    -- What has expired meanwhile was still counted.
    WITH event AS (
        UPDATE doorbell.feed f SET expires_at = d.at, version = nextval('doorbell.seq')
        FROM (
            SELECT m.feed_id, min(m.expires_at) AS at FROM doorbell.message m
            WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at IS NOT NULL GROUP BY 1
        ) d
        WHERE f.id = d.feed_id AND f.expires_at > d.at
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e;
    WITH off AS (
        SELECT DISTINCT d.feed_id, d.category, d.n FROM doorbell_internal.drift() d WHERE d.what = 'chunk'
    ), fixed AS (
        INSERT INTO doorbell.chunk (feed_id, category, n, live, to_new, ack, replaced)
        SELECT o.feed_id, o.category, o.n, coalesce(bit_or(b.bit), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.to_new), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.must_ack), no_bit),
            coalesce(bit_or(b.bit) FILTER (WHERE m.replaced), no_bit)
        FROM off o LEFT JOIN (
            doorbell.message m CROSS JOIN LATERAL (SELECT doorbell_internal.bit_of(m.pos) AS bit) b
        ) ON m.feed_id = o.feed_id AND m.live AND doorbell_internal.chunk_of(m.pos) = o.n AND (o.category = 0 OR m.category = o.category)
        GROUP BY 1, 2, 3
        ON CONFLICT (feed_id, category, n) DO UPDATE
        SET live = EXCLUDED.live, to_new = EXCLUDED.to_new, ack = EXCLUDED.ack, replaced = EXCLUDED.replaced
        RETURNING feed_id, n
    ), back AS (
        DELETE FROM doorbell.chunk_gone g USING fixed x WHERE g.feed_id = x.feed_id AND g.n = x.n
    ), event AS (
        UPDATE doorbell.feed f SET version = s.seq, stale_before = s.seq FROM (SELECT nextval('doorbell.seq') AS seq) s
        WHERE f.id IN (SELECT x.feed_id FROM fixed x)
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e;
    PERFORM doorbell_internal.tell_bases(ARRAY(SELECT a.feed_id FROM doorbell.audience a));
END
$$;
