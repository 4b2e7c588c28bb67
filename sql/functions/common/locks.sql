-- SPDX-License-Identifier: MIT
-- Locks, in the order that 0002_tables.sql gives. What a call names comes before, in the order of groups, audiences, categories and keys of sends, and each
-- kind in one order.

CREATE OR REPLACE FUNCTION doorbell_internal.lock_broadcasts() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_broadcasts IS 'Waits for the broadcast lock and holds it until the transaction ends.';

CREATE OR REPLACE FUNCTION doorbell_internal.try_lock_broadcasts() RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION doorbell_internal.try_lock_broadcasts IS
    'lock_broadcasts() for upkeep, which waits for nobody: false, and nothing is locked, while another transaction holds it.';

CREATE OR REPLACE FUNCTION doorbell_internal.lock_readers(users text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked bigint;
BEGIN
    -- One user is mostly known, and has no order to keep.
    IF cardinality(users) = 1 THEN
        PERFORM FROM doorbell.reader r WHERE r.user_id = users[1] FOR NO KEY UPDATE;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    LOOP
        INSERT INTO doorbell.reader (user_id)
        SELECT u FROM unnest(users) u
        WHERE NOT EXISTS (SELECT FROM doorbell.reader r WHERE r.user_id = u)
        ORDER BY u
        ON CONFLICT DO NOTHING;
        SELECT count(*) INTO locked FROM (
            SELECT FROM doorbell.reader r WHERE r.user_id = ANY (users)
            ORDER BY r.user_id FOR NO KEY UPDATE) l;
        EXIT WHEN locked = coalesce(cardinality(users), 0);
        -- Somebody was erased in between. Making that row anew while others are locked would break the order.
        IF cardinality(users) > 1 THEN
            RAISE EXCEPTION 'a user was erased at this moment, try again' USING ERRCODE = '40001';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_readers IS
    'Locks the rows of these users, sorted and without duplicates, making those that are missing.';

CREATE OR REPLACE FUNCTION doorbell_internal.next_version(users text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    seq bigint;
BEGIN
    -- One row is locked by its own change. A number that was taken before a wait for another change is taken again,
    -- since PostgreSQL then computes the row anew; and every change of a user's state is a change of this row.
    IF cardinality(users) = 1 THEN
        UPDATE doorbell.reader r SET version = nextval('doorbell.seq') WHERE r.user_id = users[1]
        RETURNING r.version INTO seq;
        IF FOUND THEN
            RETURN seq;
        END IF;
    END IF;
    PERFORM doorbell_internal.lock_readers(users);
    seq := nextval('doorbell.seq');
    UPDATE doorbell.reader r SET version = seq WHERE r.user_id = ANY (users);
    RETURN seq;
END
$$;
COMMENT ON FUNCTION doorbell_internal.next_version IS
    'lock_readers(), and their next version, taken under the lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.lock_known_readers(users text[], skip_locked boolean DEFAULT false) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked text[];
BEGIN
    IF skip_locked THEN
        SELECT array_agg(l.user_id) INTO locked FROM (
            SELECT r.user_id FROM doorbell.reader r WHERE r.user_id = ANY (users)
            ORDER BY r.user_id FOR NO KEY UPDATE SKIP LOCKED) l;
    ELSE
        SELECT array_agg(l.user_id) INTO locked FROM (
            SELECT r.user_id FROM doorbell.reader r WHERE r.user_id = ANY (users)
            ORDER BY r.user_id FOR NO KEY UPDATE) l;
    END IF;
    RETURN coalesce(locked, '{}');
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_known_readers IS
    'Locks those of these users that have a row, sorted, and returns them; skip_locked leaves out the busy ones.';
