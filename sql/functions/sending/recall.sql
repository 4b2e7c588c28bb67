-- SPDX-License-Identifier: MIT
-- Recall by the sender.

CREATE OR REPLACE FUNCTION doorbell_internal.withdraw(ids bigint[], users text[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    touched text[];
BEGIN
    WITH old AS (
        SELECT i.message_id, i.user_id, i.category, i.state
        FROM unnest(ids, users) x (id, u) JOIN doorbell.inbox i ON i.message_id = x.id AND i.user_id = x.u
        WHERE i.state < 'gone'
    ), gone AS (
        UPDATE doorbell.inbox i SET state = (CASE o.state WHEN 'unread' THEN 'withdrawn' ELSE 'gone' END)::doorbell.inbox_state FROM old o
        WHERE i.message_id = o.message_id AND i.user_id = o.user_id
    ), sums AS (
        SELECT o.user_id, o.category, count(*) AS n FROM old o WHERE o.state = 'unread' GROUP BY 1, 2
    ), counted AS (
        UPDATE doorbell.unread_count t SET unread = t.unread - s.n FROM sums s
        WHERE t.user_id = s.user_id AND t.category = s.category
    )
    SELECT array_agg(DISTINCT s.user_id ORDER BY s.user_id) INTO touched FROM sums s;
    RETURN coalesce(touched, '{}');
END
$$;
COMMENT ON FUNCTION doorbell_internal.withdraw IS
    'Takes messages from locked readers, as pairs of id and user. Returns those who had one of them unread.';

CREATE OR REPLACE FUNCTION doorbell_internal.clear_broadcasts(ids bigint[], ring boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WITH old AS (
        UPDATE doorbell.message m SET live = false WHERE m.id = ANY (ids) AND m.live
        RETURNING m.feed_id, m.category, m.pos
    )
    UPDATE doorbell.chunk c SET live = c.live & ~ s.bits
    FROM (
        SELECT old.feed_id, k, doorbell_internal.chunk_of(old.pos) AS n, bit_or(doorbell_internal.bit_of(old.pos)) AS bits
        FROM old CROSS JOIN LATERAL (VALUES (0), (old.category)) v (k) GROUP BY 1, 2, 3
    ) s
    WHERE c.feed_id = s.feed_id AND c.category = s.k AND c.n = s.n;

    -- A position below the newest chunk is never given out again.
    WITH dead AS (
        DELETE FROM doorbell.chunk c
        USING (SELECT DISTINCT m.feed_id, doorbell_internal.chunk_of(m.pos) AS n FROM doorbell_internal.messages(ids) m) s,
            doorbell.feed f
        WHERE c.feed_id = s.feed_id AND c.n = s.n AND f.id = s.feed_id AND c.n < doorbell_internal.chunk_of(f.last_pos)
            AND c.live = 0::doorbell.chunk_bits
        RETURNING c.feed_id, c.category, c.n
    )
    INSERT INTO doorbell.chunk_gone (feed_id, n) SELECT d.feed_id, d.n FROM dead d WHERE d.category = 0;

    PERFORM doorbell_internal.change_feeds(ids, ring);
END
$$;
COMMENT ON FUNCTION doorbell_internal.clear_broadcasts IS
    'Takes delivered broadcasts from everybody; the caller holds the broadcast lock. Users'' bits stay, and mean nothing.';

CREATE OR REPLACE FUNCTION doorbell_internal.change_feeds(ids bigint[], ring boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WITH event AS (
        UPDATE doorbell.feed f SET version = nextval('doorbell.seq'), expires_at = coalesce((
            SELECT min(x.expires_at) FROM doorbell_internal.expiring_broadcasts(f.id) x), 'infinity')
        WHERE f.id IN (SELECT m.feed_id FROM doorbell_internal.messages(ids) m)
        RETURNING f.id, f.version
    )
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT e.id, e.version FROM event e WHERE ring;
END
$$;
COMMENT ON FUNCTION doorbell_internal.change_feeds IS
    'Gives the feeds of these broadcasts a new version, and their next expiry; the caller holds the broadcast lock.';

CREATE OR REPLACE FUNCTION doorbell.recall(id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m doorbell.message;
    users text[];
BEGIN
    SELECT * INTO m FROM message x WHERE x.id = recall.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such message' USING ERRCODE = 'DB404';
    END IF;
    IF m.feed_id IS NOT NULL THEN
        PERFORM lock_broadcasts();
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
        WHERE i.message_id = recall.id AND i.state < 'gone';
        users := lock_known_readers(users);
        -- Now nobody else changes these rows.
        SELECT array_agg(i.user_id ORDER BY i.user_id) INTO users FROM inbox i
        WHERE i.message_id = recall.id AND i.state < 'gone' AND i.user_id = ANY (users);
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
