-- SPDX-License-Identifier: MIT
-- The outbox: rings wait here from the commit that causes them until the relay has them. doorbell-app
-- claims by a lease and holds no lock while it calls.

CREATE OR REPLACE FUNCTION doorbell_internal.ring_users(users text[], seq bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(users) BETWEEN 1 AND 1000 THEN
        INSERT INTO doorbell.outbox (user_ids, seq) VALUES (users, $2);
    ELSE
        INSERT INTO doorbell.outbox (user_ids, seq)
        SELECT users[first:first + 999], $2 FROM generate_series(1, cardinality(users), 1000) first;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.touch_readers(users text[], seq bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.reader r SET version = $2 WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.ring_users(users, $2);
END
$$;
COMMENT ON FUNCTION doorbell_internal.touch_readers IS 'Gives locked readers a new version, and rings them.';

CREATE OR REPLACE FUNCTION doorbell_internal.commit_lazily() RETURNS void
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

CREATE OR REPLACE FUNCTION doorbell_internal.lock_rings(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(ids) > 1 THEN
        PERFORM FROM doorbell.outbox o WHERE o.id = ANY (ids) ORDER BY o.id FOR UPDATE;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_rings IS
    'Locks rings in the order in which erase() does, which takes a user off the lists of several.';

CREATE OR REPLACE FUNCTION doorbell.outbox_take(max_rows integer, lease_s integer, max_age_s integer,
    hit_window integer DEFAULT 300, group_ring_max integer DEFAULT 10000)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql VOLATILE AS $$
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

CREATE OR REPLACE FUNCTION doorbell.outbox_claim(max_rows integer, lease_s integer, max_age_s integer) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_at constant timestamptz := clock_timestamp();
    ids bigint[];
    stale integer;
BEGIN
    -- Asked four times a second: mostly nothing waits.
    PERFORM FROM outbox o WHERE o.leased_until <= now_at LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    LOOP
        WITH picked AS (
            SELECT o.id, o.at < now_at - make_interval(secs => max_age_s) AS stale FROM outbox o
            WHERE o.leased_until <= now_at
            ORDER BY o.id LIMIT max_rows FOR UPDATE SKIP LOCKED
        ), dropped AS (
            DELETE FROM outbox o USING picked p WHERE o.id = p.id AND p.stale
        ), claimed AS (
            UPDATE outbox o SET leased_until = now_at + make_interval(secs => lease_s),
                attempts = o.attempts + 1
            FROM picked p WHERE o.id = p.id AND NOT p.stale
            RETURNING o.id
        )
        SELECT (SELECT array_agg(c.id ORDER BY c.id) FROM claimed c), (SELECT count(*) FROM picked p WHERE p.stale)
        INTO ids, stale;
        -- Only stale ones came first: look further.
        EXIT WHEN ids IS NOT NULL OR stale = 0;
    END LOOP;
    RETURN QUERY SELECT * FROM unnest(ids);
END
$$;
COMMENT ON FUNCTION doorbell.outbox_claim IS
    'Leases up to max_rows rings, oldest first, for lease_s seconds, and returns their ids; rings that '
    'are leased already are skipped. Those older than max_age_s are dropped: a client asks anew whenever it connects. '
    'Commit before calling doorbell.outbox_rings(), and finish with doorbell.outbox_done() or doorbell.outbox_retry().';

CREATE OR REPLACE FUNCTION doorbell.outbox_rings(ids bigint[], hit_window integer DEFAULT 300, group_ring_max integer DEFAULT 10000)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    newer bigint;
    has record;
BEGIN
    -- A check that returns this seq or a higher one was taken after all commits that are rung here.
    SELECT last_value + 1 INTO newer FROM doorbell.seq;
    SELECT bool_or(cardinality(o.user_ids) = 1) AS users, bool_or(cardinality(o.user_ids) > 1) AS lists,
        bool_or(o.feed_id = 1) AS everybody, bool_or(o.feed_id > 1) AS groups
    INTO has FROM outbox o WHERE o.id = ANY (ids);

    IF has.users THEN
        RETURN QUERY
        SELECT x.id, CASE WHEN u.version IS NULL THEN json_build_object('to', json_build_array(x.user_id), 'seq', newer)
            ELSE json_build_object('to', json_build_array(x.user_id), 'version', u.version, 'seq', u.seq,
                'num', u.num, 'hit', u.hit, 'id', u.latest) END
        FROM (
            SELECT max(o.id) AS id, o.user_ids[1] AS user_id FROM outbox o
            WHERE o.id = ANY (ids) AND cardinality(o.user_ids) = 1 GROUP BY o.user_ids[1]
        ) x LEFT JOIN LATERAL unread(x.user_id, NULL, hit_window) u ON true;
    END IF;
    IF has.lists THEN
        RETURN QUERY
        SELECT o.id, json_build_object('to', to_json(o.user_ids), 'seq', newer)
        FROM outbox o WHERE o.id = ANY (ids) AND cardinality(o.user_ids) > 1;
    END IF;
    IF has.everybody THEN
        RETURN QUERY
        SELECT max(o.id), json_build_object('all', true, 'seq', max(o.seq))
        FROM outbox o WHERE o.id = ANY (ids) AND o.feed_id = 1;
    END IF;
    IF has.groups THEN
        RETURN QUERY
        SELECT g.id, CASE WHEN cardinality(g.members) > group_ring_max THEN json_build_object('all', true, 'seq', g.seq)
            ELSE json_build_object('to', to_json(g.members), 'seq', g.seq) END
        FROM (
            SELECT max(o.id) AS id, max(o.seq) AS seq, ARRAY(
                SELECT s.user_id FROM subscription s WHERE s.feed_id = o.feed_id
                ORDER BY s.user_id LIMIT group_ring_max::bigint + 1) AS members
            FROM outbox o WHERE o.id = ANY (ids) AND o.feed_id > 1 GROUP BY o.feed_id
        ) g WHERE g.members <> '{}';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_rings IS
    'The rings of claimed ids, each an element of the relay''s "rings", computed now in one snapshot, so that '
    'they are true when they are sent. Several ids of one user or feed make one ring, under the newest id; '
    'an id whose group is empty makes none. A group rings its members while there are at most group_ring_max, '
    'else everybody.';

CREATE OR REPLACE FUNCTION doorbell.outbox_done(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM commit_lazily();
    PERFORM lock_rings(ids);
    DELETE FROM outbox o WHERE o.id = ANY (ids);
END
$$;
COMMENT ON FUNCTION doorbell.outbox_done IS 'The relay has these rings (or needs none): all claimed ids, with or without a ring.';

CREATE OR REPLACE FUNCTION doorbell.outbox_retry(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM lock_rings(ids);
    UPDATE outbox o SET leased_until = '-infinity' WHERE o.id = ANY (ids);
END
$$;
COMMENT ON FUNCTION doorbell.outbox_retry IS 'The relay could not be reached: gives the leases back.';
