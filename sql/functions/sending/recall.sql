-- SPDX-License-Identifier: MIT
-- Recall by the sender.

CREATE OR REPLACE FUNCTION doorbell_internal.withdraw(ids bigint[], users text[], seq bigint) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    touched text[];
BEGIN
    WITH old AS (
        SELECT i.message_id, i.user_id, i.category, i.state
        FROM unnest(ids, users) x (id, u) JOIN doorbell.inbox i ON i.message_id = x.id AND i.user_id = x.u
        WHERE i.state < 'gone'
    ), gone AS (
        UPDATE doorbell.inbox i
        SET state = (CASE o.state WHEN 'unread' THEN 'withdrawn' ELSE 'gone' END)::doorbell.inbox_state, changed = withdraw.seq FROM old o
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
    'Takes messages from locked readers, as pairs of id and user, with the number that is or becomes their version. Returns those who had '
    'one of them unread.';

CREATE OR REPLACE FUNCTION doorbell_internal.clear_broadcasts(ids bigint[], ring boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number constant bigint := nextval('doorbell.seq');
BEGIN
    WITH old AS (
        UPDATE doorbell.message m SET live = false, changed = number WHERE m.id = ANY (ids) AND m.live
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
    PERFORM doorbell_internal.tell_bases(array_agg(DISTINCT m.feed_id)) FROM doorbell_internal.messages(ids) m;
END
$$;
COMMENT ON FUNCTION doorbell_internal.change_feeds IS
    'Gives the feeds of these broadcasts a new version, and their next expiry; the caller holds the broadcast lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.recall_from_users(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    held record;
    seq bigint;
BEGIN
    users := doorbell_internal.lock_known_readers(
        ARRAY(SELECT DISTINCT i.user_id COLLATE "C" FROM doorbell_internal.held_by_users(ids) i));
    -- Now nobody else changes these rows; whoever was erased meanwhile has none.
    SELECT array_agg(i.message_id) AS ids, array_agg(i.user_id) AS users INTO held FROM doorbell_internal.held_by_users(ids) i;
    IF held.ids IS NOT NULL THEN
        seq := nextval('doorbell.seq');
        PERFORM doorbell_internal.withdraw(held.ids, held.users, seq);
        PERFORM doorbell_internal.touch_readers(ARRAY(SELECT DISTINCT u COLLATE "C" FROM unnest(held.users) u ORDER BY 1), seq);
    END IF;
    UPDATE doorbell.message x SET live = false WHERE x.id = ANY (ids);
END
$$;
COMMENT ON FUNCTION doorbell_internal.recall_from_users IS
    'Takes delivered messages to lists of users from all who still have them; the caller has locked the messages.';

CREATE OR REPLACE FUNCTION doorbell_internal.held_by_users(ids bigint[]) RETURNS TABLE (message_id bigint, user_id text)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, i.user_id FROM unnest($1) u (id)
    CROSS JOIN LATERAL (
        SELECT x.message_id, x.user_id FROM doorbell.inbox x WHERE x.message_id = u.id AND x.state < 'gone' OFFSET 0) i
$$;
COMMENT ON FUNCTION doorbell_internal.held_by_users IS 'Who still has these messages to lists of users. Inlined.';

CREATE OR REPLACE FUNCTION doorbell_internal.recall_messages(ids bigint[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken bigint[];
    kinds record;
BEGIN
    IF EXISTS (SELECT FROM doorbell_internal.messages(ids) m WHERE m.feed_id IS NOT NULL) THEN
        PERFORM doorbell_internal.lock_broadcasts();
    END IF;
    PERFORM FROM doorbell.message x WHERE x.id = ANY (ids) ORDER BY x.id FOR NO KEY UPDATE;
    WITH recalled AS (
        UPDATE doorbell.message x SET recalled_at = clock_timestamp() WHERE x.id = ANY (ids) AND x.recalled_at IS NULL RETURNING x.id
    )
    SELECT array_agg(r.id) INTO taken FROM recalled r;
    SELECT array_agg(m.id) FILTER (WHERE m.seq IS NULL) AS waiting,
        array_agg(m.id) FILTER (WHERE m.feed_id IS NOT NULL AND m.live) AS broadcasts,
        array_agg(m.id) FILTER (WHERE m.feed_id IS NULL AND m.seq IS NOT NULL) AS personal
    INTO kinds FROM doorbell_internal.messages(taken) m;
    IF kinds.waiting IS NOT NULL THEN
        DELETE FROM doorbell.pending p WHERE p.message_id = ANY (kinds.waiting);
    END IF;
    IF kinds.broadcasts IS NOT NULL THEN
        PERFORM doorbell_internal.clear_broadcasts(kinds.broadcasts, true);
    END IF;
    IF kinds.personal IS NOT NULL THEN
        PERFORM doorbell_internal.recall_from_users(kinds.personal);
    END IF;
    RETURN coalesce(cardinality(taken), 0);
END
$$;
COMMENT ON FUNCTION doorbell_internal.recall_messages IS
    'Takes messages back, under the locks of all. Returns how many were not recalled before.';

CREATE OR REPLACE FUNCTION doorbell.recall(id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM message x WHERE x.id = recall.id) THEN
        RAISE EXCEPTION 'there is no such message' USING ERRCODE = 'DB404';
    END IF;
    RETURN recall_messages(ARRAY[recall.id]) > 0;
END
$$;
COMMENT ON FUNCTION doorbell.recall IS
    'Takes a message back from every inbox, from this transaction''s commit on, and corrects open badges; one not '
    'yet delivered is not delivered. False if it was recalled before. DB404.';
