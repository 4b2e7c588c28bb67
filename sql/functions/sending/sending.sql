-- SPDX-License-Identifier: MIT
-- Sending: doorbell.send() checks everything a site could get wrong, settles the idempotency key, and
-- delivers in the caller's own transaction, or leaves the message to activate().

CREATE OR REPLACE FUNCTION doorbell_internal.feed_named(name text) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    found_id integer;
BEGIN
    PERFORM doorbell_internal.check_group(feed_named.name);
    LOOP
        SELECT id INTO found_id FROM doorbell.feed WHERE name = feed_named.name;
        EXIT WHEN FOUND;
        INSERT INTO doorbell.feed (name) VALUES (feed_named.name) ON CONFLICT DO NOTHING RETURNING id INTO found_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION doorbell_internal.feed_named IS 'The feed of a group, made when it is first named.';

CREATE OR REPLACE FUNCTION doorbell_internal.category_named(name text) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    found_id integer := 0;
    is_listed boolean := true;
BEGIN
    WHILE category_named.name IS NOT NULL LOOP
        SELECT id, listed INTO found_id, is_listed FROM doorbell.category WHERE name = category_named.name;
        EXIT WHEN FOUND;
        INSERT INTO doorbell.category (name) VALUES (category_named.name) ON CONFLICT DO NOTHING
        RETURNING id, listed INTO found_id, is_listed;
        EXIT WHEN FOUND;
    END LOOP;
    IF NOT is_listed THEN
        UPDATE doorbell.category SET listed = true WHERE id = found_id;
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION doorbell_internal.category_named IS
    'The number of a category, made when it is first named, and listed again when it was removed; 0 for none.';

CREATE OR REPLACE FUNCTION doorbell_internal.claim_key(key text, digest bytea, id bigint, recipients integer)
RETURNS doorbell.send_key
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    first doorbell.send_key;
BEGIN
    LOOP
        -- Waits for an open transaction that has the key; goes on when that one rolls back.
        INSERT INTO doorbell.send_key (key, digest, message_id, recipients)
        VALUES (claim_key.key, claim_key.digest, claim_key.id, claim_key.recipients)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO first FROM doorbell.send_key k WHERE k.key = claim_key.key;
        EXIT WHEN FOUND;
    END LOOP;
    IF first.digest <> claim_key.digest THEN
        RAISE EXCEPTION 'this key was used for another content' USING ERRCODE = 'DB409';
    END IF;
    RETURN first;
END
$$;
COMMENT ON FUNCTION doorbell_internal.claim_key IS 'NULL when the key is now ours, else the send that had it; DB409 when that was of another content.';

CREATE OR REPLACE FUNCTION doorbell_internal.next_place(feed_id integer, at timestamptz, ttl interval)
RETURNS TABLE (seq bigint, pos bigint, sent_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.feed f
    SET last_pos = f.last_pos + 1, version = nextval('doorbell.seq'), sent_at = greatest(f.sent_at, at),
        expires_at = least(f.expires_at, greatest(f.sent_at, at) + ttl)
    WHERE f.id = next_place.feed_id
    RETURNING f.version, f.last_pos, f.sent_at INTO seq, pos, sent_at;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.next_place IS 'The place of the next broadcast; the caller holds the broadcast lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver_to_users(m doorbell.message, users text[], replace boolean, is_stored boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF replace THEN
        PERFORM doorbell_internal.withdraw(array_agg(i.message_id), array_agg(i.user_id))
        FROM unnest(users) u JOIN doorbell.inbox i ON i.user_id = u AND i.state = 'unread' AND i.subject = m.subject;
    END IF;
    -- One statement, since starting one costs as much as writing a row.
    WITH stored AS (
        INSERT INTO doorbell.message SELECT m.* WHERE NOT is_stored
    ), put AS (
        INSERT INTO doorbell.inbox (message_id, user_id, seq, category, must_ack, subject, expires_at)
        SELECT m.id, u, m.seq, m.category, m.must_ack, m.subject, m.expires_at FROM unnest(users) u
    ), rung AS (
        INSERT INTO doorbell.outbox (user_ids, seq)
        SELECT users[first:first + 999], m.seq FROM generate_series(1, cardinality(users), 1000) first
    )
    INSERT INTO doorbell.unread_count AS t (user_id, category, unread)
    SELECT u, m.category, 1 FROM unnest(users) u
    ON CONFLICT (user_id, category) DO UPDATE SET unread = t.unread + 1;
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_users IS
    'Puts a message, stored already or not, into the inboxes of readers whose version is its number, and rings them.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver_to_feed(m doorbell.message, replace boolean) RETURNS void
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
            UPDATE doorbell.message x SET replaced = true
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
    INSERT INTO doorbell.outbox (feed_id, seq) VALUES (m.feed_id, m.seq);
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_feed IS 'Shows a stored broadcast; the caller holds the broadcast lock. A constant number of rows.';

CREATE OR REPLACE FUNCTION doorbell_internal.deliver(m doorbell.message, users text[], ttl interval, replace boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    delivered text;
BEGIN
    IF users IS NOT NULL THEN
        m.seq := doorbell_internal.next_version(users);
        m.sent_at := clock_timestamp();
        m.expires_at := m.sent_at + ttl;
        delivered := doorbell_internal.deliver_to_users(m, users, replace, false);
    ELSE
        PERFORM doorbell_internal.lock_broadcasts();
        SELECT s.seq, s.pos, s.sent_at INTO m.seq, m.pos, m.sent_at
        FROM doorbell_internal.next_place(m.feed_id, clock_timestamp(), ttl) s;
        m.expires_at := m.sent_at + ttl;
        INSERT INTO doorbell.message SELECT m.*;
        PERFORM doorbell_internal.deliver_to_feed(m, replace);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver IS 'Stores a message and delivers it at once. Numbers and times are taken under the lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.digest_of(m doorbell.message, users text[], to_group text, category text,
    expires_in integer, send_at timestamptz, replace boolean)
RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_array(
        encode(sha256(convert_to(array_to_string(users, E'\n'), 'UTF8')), 'hex'), to_group,
        m.title, m.body, m.sender, m.url, category, m.extra, expires_in, extract(epoch FROM send_at),
        m.subject, coalesce(replace, false), m.must_ack, m.to_new)::text, 'UTF8'));
END
$$;
COMMENT ON FUNCTION doorbell_internal.digest_of IS 'Of all that makes a send the same as another one with its key.';

CREATE OR REPLACE FUNCTION doorbell.send(to_users text[] DEFAULT NULL, to_group text DEFAULT NULL, to_all boolean DEFAULT false,
    title text DEFAULT NULL, body text DEFAULT NULL, sender text DEFAULT NULL, url text DEFAULT NULL,
    category text DEFAULT NULL, extra jsonb DEFAULT NULL, expires_in integer DEFAULT NULL,
    send_at timestamptz DEFAULT NULL, key text DEFAULT NULL, subject_type text DEFAULT NULL,
    subject_id text DEFAULT NULL, replace boolean DEFAULT false, ack boolean DEFAULT false,
    to_new_users boolean DEFAULT false, later boolean DEFAULT false)
RETURNS TABLE (id bigint, recipients integer, duplicate boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    first send_key;
    m message;
    done text;
    due_at timestamptz := CASE WHEN send_at > clock_timestamp() THEN send_at WHEN later THEN clock_timestamp() END;
    ttl constant interval := make_interval(secs => expires_in);
BEGIN
    IF (to_users IS NOT NULL)::integer + (to_group IS NOT NULL)::integer + coalesce(to_all, false)::integer <> 1 THEN
        RAISE EXCEPTION 'exactly one of to_users, to_group and to_all is needed' USING ERRCODE = 'DB400';
    END IF;
    -- Assigned, not performed: that starts no statement.
    done := check_content(title, body, sender, url, category, extra, expires_in, send_at, key,
        subject_type, subject_id, replace);
    users := CASE WHEN to_users IS NOT NULL THEN normal_users(to_users) END;
    IF users = '{}' THEN
        RETURN QUERY SELECT NULL::bigint, 0, false;
        RETURN;
    END IF;
    -- In the order of the columns: one expression is set up, not one for each.
    m := ROW(nextval('seq'), NULL, CASE WHEN to_group IS NOT NULL THEN feed_named(to_group) WHEN to_all THEN 1 END, NULL,
        CASE WHEN category IS NOT NULL THEN category_named(category) ELSE 0 END, coalesce(ack, false),
        coalesce(to_new_users, false) AND users IS NULL, due_at IS NULL, false, cardinality(users), NULL, NULL, NULL,
        subject_of(subject_type, subject_id), sender, title, url, coalesce(body, ''), extra)::message;
    IF key IS NOT NULL THEN
        first := claim_key(key, digest_of(m, users, to_group, category, expires_in, send_at, replace), m.id, m.recipients);
        IF first.key IS NOT NULL THEN
            RETURN QUERY SELECT first.message_id, first.recipients, true;
            RETURN;
        END IF;
    END IF;
    IF due_at IS NULL THEN
        done := deliver(m, users, ttl, replace);
    ELSE
        done := schedule(m, users, ttl, replace, due_at);
    END IF;
    id := m.id;
    recipients := m.recipients;
    duplicate := false;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell.send IS
$$Sends a message, in the caller's transaction: a rollback sends nothing and rings nothing.
Called by name: SELECT * FROM doorbell.send(to_users => '{42}', title => 'Hello').
Exactly one of to_users (up to 100,000 ids; duplicates collapse; an empty list stores nothing), to_group
(a name; it may be new), to_all (true).
title: 1 to 255 characters. body: up to 65,536 bytes. sender, category (made when first named), url (http, https,
or a path from the root), extra (an object up to 16,384 bytes) are optional.
expires_in: seconds after delivery at which nobody sees it any more. send_at: when to deliver.
key: the same key and content again returns the first id with duplicate = true; with another content DB409.
subject_type, subject_id: what it is about; replace: supersedes unread messages about that for its audience.
ack: must be acknowledged. to_new_users: also for those who appear or join later.
later: delivered by doorbell-app right after the commit. Use it in long transactions, since a message to a
group or to all makes other such sends wait until the transaction ends; else send last.
recipients is null for group and all. Errors: DB400, DB409, DB422.$$;
