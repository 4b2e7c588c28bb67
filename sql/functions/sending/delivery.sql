-- SPDX-License-Identifier: MIT
-- Delivery: a message becomes a row and a count for each of its users, or a bit of its feed, and a ring of the outbox.

CREATE OR REPLACE FUNCTION doorbell_internal.next_place(feed_id integer, ttl interval)
RETURNS TABLE (seq bigint, pos bigint, sent_at timestamptz, seq_before bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    sent_at := clock_timestamp();
    UPDATE doorbell.feed f
    SET last_pos = f.last_pos + 1, version = nextval('doorbell.seq'), expires_at = least(f.expires_at, next_place.sent_at + ttl)
    FROM doorbell.feed old
    WHERE f.id = next_place.feed_id AND old.id = f.id
    RETURNING f.version, f.last_pos, old.version INTO seq, pos, seq_before;
    IF next_place.feed_id > 1 THEN
        PERFORM doorbell_internal.tell_bases(ARRAY[next_place.feed_id]);
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.next_place IS
    'The place and the time of the next broadcast, and the number of its feed''s last event; the caller holds the broadcast lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver_to_users(m doorbell.message, users text[], replace boolean, is_stored boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF replace THEN
        PERFORM doorbell_internal.withdraw(array_agg(i.message_id), array_agg(i.user_id), m.seq)
        FROM unnest(users) u JOIN doorbell.inbox i ON i.user_id = u AND i.state = 'unread' AND i.subject = m.subject;
    END IF;
    -- One statement, since starting one costs as much as writing a row.
    WITH stored AS (
        INSERT INTO doorbell.message SELECT m.* WHERE NOT is_stored
    ), put AS (
        INSERT INTO doorbell.inbox (message_id, user_id, seq, category, must_ack, subject, expires_at, group_key, sender)
        SELECT m.id, u, m.seq, m.category, m.must_ack, m.subject, m.expires_at, m.group_key,
            CASE WHEN m.group_key IS NOT NULL THEN m.sender END
        FROM unnest(users) u
    ), rung AS (
        INSERT INTO doorbell.outbox (user_ids, seq)
        SELECT users[first:first + 999], m.seq FROM generate_series(1, cardinality(users), 1000) first
    )
    INSERT INTO doorbell.unread_count AS t (user_id, category, unread)
    SELECT u, m.category, 1 FROM unnest(users) u
    ON CONFLICT (user_id, category) DO UPDATE SET unread = t.unread + 1;
    IF m.category <> 0 THEN
        PERFORM doorbell_internal.queue_webhook(m, users);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_users IS
    'Puts a message, stored already or not, into the inboxes of readers whose version is its number, and rings them.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver_to_feed(m doorbell.message, replace boolean, seq_before bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_bit constant doorbell.chunk_bits := doorbell_internal.bit_of(m.pos);
    no_bit constant doorbell.chunk_bits := 0::doorbell.chunk_bits;
BEGIN
    INSERT INTO doorbell.chunk AS c (feed_id, category, n, live, to_new, ack)
    SELECT m.feed_id, k, doorbell_internal.chunk_of(m.pos), at_bit,
        CASE WHEN m.to_new THEN at_bit ELSE no_bit END, CASE WHEN m.must_ack THEN at_bit ELSE no_bit END
    FROM unnest(CASE WHEN m.category = 0 THEN ARRAY[0] ELSE ARRAY[0, m.category] END) k
    ON CONFLICT (feed_id, category, n) DO UPDATE
    SET live = c.live | EXCLUDED.live, to_new = c.to_new | EXCLUDED.to_new, ack = c.ack | EXCLUDED.ack;

    IF replace THEN
        WITH old AS (
            UPDATE doorbell.message x SET replaced = true, changed = m.seq
            WHERE x.id = ANY (ARRAY(
                SELECT b.id FROM doorbell_internal.broadcasts_about(m.feed_id, m.subject) b WHERE b.pos < m.pos))
            RETURNING x.category, x.pos
        )
        UPDATE doorbell.chunk c SET replaced = c.replaced | s.bits
        FROM (
            SELECT k, doorbell_internal.chunk_of(old.pos) AS n, bit_or(doorbell_internal.bit_of(old.pos)) AS bits
            FROM old CROSS JOIN LATERAL (VALUES (0), (old.category)) v (k) GROUP BY 1, 2
        ) s
        WHERE c.feed_id = m.feed_id AND c.category = s.k AND c.n = s.n;
    END IF;
    IF m.excepted IS NOT NULL THEN
        PERFORM doorbell_internal.except_users(m);
    END IF;
    INSERT INTO doorbell.outbox (feed_id, seq, step_from)
    VALUES (m.feed_id, m.seq, CASE WHEN m.feed_id = 1 AND NOT coalesce(replace, false) AND m.excepted IS NULL THEN seq_before END);
    IF m.category <> 0 THEN
        PERFORM doorbell_internal.queue_webhook(m, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_feed IS 'Shows a stored broadcast; the caller holds the broadcast lock. A constant number of rows.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver(m doorbell.message, users text[], ttl interval, replace boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    delivered text;
    seq_before bigint;
BEGIN
    IF users IS NOT NULL THEN
        m.seq := doorbell_internal.next_version(users);
        m.sent_at := clock_timestamp();
        m.expires_at := m.sent_at + ttl;
        delivered := doorbell_internal.deliver_to_users(m, users, replace, false);
    ELSE
        PERFORM doorbell_internal.lock_broadcasts();
        IF m.excepted IS NOT NULL THEN
            PERFORM doorbell_internal.lock_readers(m.excepted);
        END IF;
        SELECT s.seq, s.pos, s.sent_at, s.seq_before INTO m.seq, m.pos, m.sent_at, seq_before
        FROM doorbell_internal.next_place(m.feed_id, ttl) s;
        m.expires_at := m.sent_at + ttl;
        INSERT INTO doorbell.message SELECT m.*;
        PERFORM doorbell_internal.deliver_to_feed(m, replace, seq_before);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver IS 'Stores a message and delivers it at once. Numbers and times are taken under the lock.';
