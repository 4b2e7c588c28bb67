-- SPDX-License-Identifier: MIT
-- Expiry by the clock. Counts and lists are right at the instant of expiry without the sweep; it keeps the
-- expired tail short, and rings.

CREATE OR REPLACE FUNCTION doorbell_internal.sweep_feeds(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- In a variable: what is compared with clock_timestamp() itself is found by no index.
    at constant timestamptz := clock_timestamp();
    ids bigint[];
BEGIN
    PERFORM FROM doorbell.message m
    WHERE m.feed_id IS NOT NULL AND m.live AND m.expires_at <= at LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    IF NOT doorbell_internal.try_lock_broadcasts() THEN
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

CREATE OR REPLACE FUNCTION doorbell_internal.sweep_users(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    due record;
    users text[];
    seq bigint;
BEGIN
    SELECT array_agg(d.message_id) AS ids, array_agg(d.user_id) AS users INTO due FROM (
        SELECT i.message_id, i.user_id FROM doorbell.inbox i
        WHERE i.state < 'gone' AND i.expires_at <= at
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
    seq := nextval('doorbell.seq');
    -- Only those who had it unread see a difference: from the others' lists it went by itself.
    PERFORM doorbell_internal.ring_users(doorbell_internal.withdraw(due.ids, due.users, seq), seq);
    UPDATE doorbell.reader r SET version = seq WHERE r.user_id = ANY (users);
    RETURN cardinality(due.ids);
END
$$;

CREATE OR REPLACE FUNCTION doorbell.sweep(max_rows integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN sweep_feeds(max_rows) + sweep_users(max_rows);
END
$$;
COMMENT ON FUNCTION doorbell.sweep IS
    'Puts away what has expired, and rings those whose badge changed by it. Returns how many; call again until 0. '
    'Skips busy users.';
