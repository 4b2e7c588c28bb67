-- SPDX-License-Identifier: MIT
-- Scheduled messages.

CREATE OR REPLACE FUNCTION doorbell_internal.schedule(m doorbell.message, users text[], ttl interval, replace boolean,
    due_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO doorbell.message SELECT m.*;
    INSERT INTO doorbell.pending (message_id, due_at, users, expires_in, replace)
    VALUES (m.id, schedule.due_at, schedule.users, ttl, coalesce(schedule.replace, false));
END
$$;
COMMENT ON FUNCTION doorbell_internal.schedule IS 'Stores a message and leaves its delivery to activate().';

CREATE OR REPLACE FUNCTION doorbell.activate(max_rows integer DEFAULT 100) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- In a variable: what is compared with clock_timestamp() itself is found by no index.
    at constant timestamptz := clock_timestamp();
    done integer;
BEGIN
    PERFORM FROM pending WHERE pending.due_at <= at LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Both lock readers, each in one order, and the second after the first would break it.
    done := activate_feeds(max_rows);
    RETURN CASE WHEN done > 0 THEN done ELSE activate_users(max_rows) END;
END
$$;
COMMENT ON FUNCTION doorbell.activate IS
    'Delivers messages that are due (send_at, later), and writes their rings, in the caller''s transaction. '
    'Returns how many; call again until 0. Safe from many callers at once: the second skips what the first has.';

CREATE OR REPLACE FUNCTION doorbell_internal.activate_feeds(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    ids bigint[];
    due record;
    m doorbell.message;
    seq_before bigint;
    done integer := 0;
BEGIN
    PERFORM FROM doorbell.pending p WHERE p.due_at <= at AND p.users IS NULL LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- Somebody's open send must not hold up the rings of all others.
    IF NOT doorbell_internal.try_lock_broadcasts() THEN
        RETURN 0;
    END IF;
    ids := ARRAY(SELECT p.message_id FROM doorbell.pending p WHERE p.due_at <= at AND p.users IS NULL
        ORDER BY p.due_at, p.message_id LIMIT max_rows);
    PERFORM doorbell_internal.lock_readers(array_agg(DISTINCT u COLLATE "C" ORDER BY u COLLATE "C"))
    FROM doorbell_internal.messages(ids) x CROSS JOIN unnest(x.excepted) u WHERE x.seq IS NULL;
    FOR due IN
        SELECT p.* FROM doorbell.pending p WHERE p.message_id = ANY (ids) ORDER BY p.due_at, p.message_id
    LOOP
        SELECT * INTO m FROM doorbell.message x WHERE x.id = due.message_id AND x.seq IS NULL FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        SELECT s.seq, s.pos, s.sent_at, s.seq_before INTO m.seq, m.pos, m.sent_at, seq_before
        FROM doorbell_internal.next_place(m.feed_id, due.expires_in) s;
        m.expires_at := m.sent_at + due.expires_in;
        UPDATE doorbell.message x
        SET seq = m.seq, pos = m.pos, sent_at = m.sent_at, expires_at = m.expires_at, live = true
        WHERE x.id = m.id;
        PERFORM doorbell_internal.deliver_to_feed(m, due.replace, seq_before);
        DELETE FROM doorbell.pending p WHERE p.message_id = m.id;
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.activate_users(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    due record;
    ids bigint[];
    m doorbell.message;
BEGIN
    SELECT array_agg(x.id) INTO ids FROM (
        SELECT x.id FROM doorbell.message x
        WHERE x.seq IS NULL AND x.id IN (
            SELECT s.message_id FROM (
                SELECT p.message_id, sum(cardinality(p.users)) OVER w - cardinality(p.users) AS users_before
                FROM doorbell.pending p WHERE p.due_at <= at AND p.users IS NOT NULL
                WINDOW w AS (ORDER BY p.due_at, p.message_id) LIMIT max_rows
            ) s WHERE s.users_before < 10000)
        FOR NO KEY UPDATE SKIP LOCKED) x;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    -- All readers of the batch in one order, so that two lists that overlap do not deadlock.
    PERFORM doorbell_internal.lock_readers(array_agg(DISTINCT u COLLATE "C" ORDER BY u COLLATE "C"))
    FROM doorbell.pending p CROSS JOIN unnest(p.users) u WHERE p.message_id = ANY (ids);
    FOR due IN
        SELECT p.* FROM doorbell.pending p WHERE p.message_id = ANY (ids) ORDER BY p.due_at, p.message_id
    LOOP
        UPDATE doorbell.message x
        SET seq = nextval('doorbell.seq'), sent_at = clock_timestamp(),
            expires_at = clock_timestamp() + due.expires_in, live = true
        WHERE x.id = due.message_id
        RETURNING * INTO m;
        UPDATE doorbell.reader r SET version = m.seq WHERE r.user_id = ANY (due.users);
        PERFORM doorbell_internal.deliver_to_users(m, due.users, due.replace, true);
    END LOOP;
    DELETE FROM doorbell.pending p WHERE p.message_id = ANY (ids);
    RETURN cardinality(ids);
END
$$;
