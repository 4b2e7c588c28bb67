-- SPDX-License-Identifier: MIT
-- Sending: doorbell.send() checks everything a site could get wrong, settles the idempotency key, and
-- delivers in the caller's own transaction, or leaves the message to activate().

CREATE FUNCTION doorbell_internal.check_text(what text, value text, bytes_max integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF octet_length(value) NOT BETWEEN 1 AND bytes_max THEN
        RAISE EXCEPTION '% is 1 to % bytes', what, bytes_max USING ERRCODE = 'DB422';
    END IF;
    IF value ~ '[\x01-\x1f\x7f-\x9f]' THEN
        RAISE EXCEPTION '% has a control character', what USING ERRCODE = 'DB422';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_text IS 'Refuses what is empty, too long, or has control characters; null passes.';

CREATE FUNCTION doorbell_internal.check_url(url text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_text('url', url, 2048);
    -- Browsers read a backslash as a slash and drop tabs: neither may hide a host.
    IF url ~ '[\\[:space:]]' OR (url !~* '^https?://[^/?#]' AND url !~ '^/([^/]|$)') THEN
        RAISE EXCEPTION 'url is http://, https:// or a path from the root' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE FUNCTION doorbell_internal.check_content(title text, body text, sender text, url text, category text,
    extra jsonb, expires_in integer, send_at timestamptz, key text, subject_type text, subject_id text, replace boolean)
RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF title IS NULL THEN
        RAISE EXCEPTION 'title is missing' USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_text('title', title, 255);
    IF sender IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('sender', sender, 255);
    END IF;
    IF category IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('category', category, 64);
    END IF;
    IF key IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('key', key, 255);
    END IF;
    IF subject_type IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('subject_type', subject_type, 64);
    END IF;
    IF subject_id IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('subject_id', subject_id, 255);
    END IF;
    IF octet_length(body) > 65536 THEN
        RAISE EXCEPTION 'body is at most 65536 bytes' USING ERRCODE = 'DB422';
    END IF;
    IF url IS NOT NULL THEN
        PERFORM doorbell_internal.check_url(url);
    END IF;
    IF jsonb_typeof(extra) <> 'object' OR octet_length(extra::text) > 16384 THEN
        RAISE EXCEPTION 'extra is a JSON object of at most 16384 bytes' USING ERRCODE = 'DB422';
    END IF;
    IF expires_in NOT BETWEEN 1 AND 315360000 THEN
        RAISE EXCEPTION 'expires_in is 1 to 315360000 seconds' USING ERRCODE = 'DB422';
    END IF;
    IF send_at NOT BETWEEN 'epoch' AND statement_timestamp() + interval '10 years' THEN
        RAISE EXCEPTION 'send_at is within the next 10 years' USING ERRCODE = 'DB422';
    END IF;
    IF (subject_type IS NULL) <> (subject_id IS NULL) THEN
        RAISE EXCEPTION 'subject_type and subject_id go together' USING ERRCODE = 'DB422';
    END IF;
    IF replace AND subject_type IS NULL THEN
        RAISE EXCEPTION 'replace needs subject_type and subject_id' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE FUNCTION doorbell_internal.subject_of(subject_type text, subject_id text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT subject_type || E'\x1f' || subject_id $$;
COMMENT ON FUNCTION doorbell_internal.subject_of IS 'Neither part has a control character, so the whole is unambiguous.';

CREATE FUNCTION doorbell_internal.normal_users(users text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF cardinality(users) > 100000 THEN
        RAISE EXCEPTION 'a message goes to at most 100000 users; use a group' USING ERRCODE = 'DB422';
    END IF;
    IF cardinality(users) = 1 AND users[1] IS NOT NULL THEN
        PERFORM doorbell_internal.check_user(users[1]);
        RETURN ARRAY[users[1]];
    END IF;
    PERFORM doorbell_internal.check_user(u) FROM unnest(users) u
    WHERE u IS NULL OR octet_length(u) NOT BETWEEN 1 AND 128 OR u = '*' OR u ~ '[\x01-\x1f\x7f-\x9f]';
    RETURN coalesce((SELECT array_agg(DISTINCT u COLLATE "C" ORDER BY u COLLATE "C") FROM unnest(users) u), '{}');
END
$$;
COMMENT ON FUNCTION doorbell_internal.normal_users IS 'Checked, without duplicates, in the order of locking.';

CREATE FUNCTION doorbell_internal.take_line() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION doorbell_internal.take_line IS 'Waits for the LINE and holds it until the transaction ends.';

CREATE FUNCTION doorbell_internal.lock_readers(users text[]) RETURNS void
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
        ON CONFLICT DO NOTHING;
        SELECT count(*) INTO locked FROM (
            SELECT FROM doorbell.reader r WHERE r.user_id = ANY (users)
            ORDER BY r.user_id FOR NO KEY UPDATE) l;
        EXIT WHEN locked = coalesce(cardinality(users), 0);
        -- Somebody was erased in between. Making his row anew while others are locked would break the order.
        IF cardinality(users) > 1 THEN
            RAISE EXCEPTION 'a user was erased at this moment, try again' USING ERRCODE = '40001';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION doorbell_internal.lock_readers IS
    'Locks the rows of these users, sorted and without duplicates, making those that are missing.';

CREATE FUNCTION doorbell_internal.lock_known_readers(users text[], skip_locked boolean DEFAULT false) RETURNS text[]
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
    'Locks those of these users that have a row, sorted, and answers whom; skip_locked passes by who is busy.';

CREATE FUNCTION doorbell_internal.ring_users(users text[], seq bigint) RETURNS void
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

CREATE FUNCTION doorbell_internal.touch_readers(users text[], seq bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.reader r SET version = $2 WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.ring_users(users, $2);
END
$$;
COMMENT ON FUNCTION doorbell_internal.touch_readers IS 'Gives locked readers a new version, and rings them.';

CREATE FUNCTION doorbell_internal.withdraw(ids bigint[], users text[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    touched text[];
BEGIN
    WITH old AS (
        SELECT i.message_id, i.user_id, i.category, i.state
        FROM unnest(ids, users) x (id, u) JOIN doorbell.inbox i ON i.message_id = x.id AND i.user_id = x.u
        WHERE i.state < 3
    ), gone AS (
        UPDATE doorbell.inbox i SET state = CASE o.state WHEN 0 THEN 4 ELSE 3 END FROM old o
        WHERE i.message_id = o.message_id AND i.user_id = o.user_id
    ), sums AS (
        SELECT o.user_id, o.category, count(*) AS n FROM old o WHERE o.state = 0 GROUP BY 1, 2
    ), counted AS (
        UPDATE doorbell.tally t SET unread = t.unread - s.n FROM sums s
        WHERE t.user_id = s.user_id AND t.category = s.category
    )
    SELECT array_agg(DISTINCT s.user_id ORDER BY s.user_id) INTO touched FROM sums s;
    RETURN coalesce(touched, '{}');
END
$$;
COMMENT ON FUNCTION doorbell_internal.withdraw IS
    'Takes messages from locked readers, as pairs of id and user. Answers who had one of them unread.';

CREATE FUNCTION doorbell_internal.deliver_to_users(m doorbell.message, users text[], replace boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF replace THEN
        PERFORM doorbell_internal.withdraw(array_agg(i.message_id), array_agg(i.user_id))
        FROM unnest(users) u JOIN doorbell.inbox i ON i.user_id = u AND i.state = 0 AND i.subject = m.subject;
    END IF;
    INSERT INTO doorbell.inbox (message_id, user_id, seq, category, must_ack, subject, expires_at)
    SELECT m.id, u, m.seq, m.category, m.must_ack, m.subject, m.expires_at FROM unnest(users) u;
    INSERT INTO doorbell.tally AS t (user_id, category, unread)
    SELECT u, m.category, 1 FROM unnest(users) u
    ON CONFLICT (user_id, category) DO UPDATE SET unread = t.unread + 1;
    PERFORM doorbell_internal.touch_readers(users, m.seq);
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_users IS 'Puts a stored message into the inboxes of locked readers.';

CREATE FUNCTION doorbell_internal.deliver_to_feed(m doorbell.message, replace boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_bit constant bit(1024) := doorbell_internal.bit_of(m.pos);
    no_bit constant bit(1024) := 0::bit(1024);
BEGIN
    INSERT INTO doorbell.chunk AS c (feed_id, category, n, live, keep, ack)
    SELECT m.feed_id, k, m.pos / 1024, at_bit,
        CASE WHEN m.to_new THEN at_bit ELSE no_bit END, CASE WHEN m.must_ack THEN at_bit ELSE no_bit END
    FROM unnest(CASE WHEN m.category = 0 THEN ARRAY[0] ELSE ARRAY[0, m.category] END) k
    ON CONFLICT (feed_id, category, n) DO UPDATE
    SET live = c.live | EXCLUDED.live, keep = c.keep | EXCLUDED.keep, ack = c.ack | EXCLUDED.ack;

    IF replace THEN
        WITH old AS (
            UPDATE doorbell.message x SET replaced = true
            WHERE x.feed_id = m.feed_id AND x.subject = m.subject AND x.live AND NOT x.replaced AND x.pos < m.pos
            RETURNING x.category, x.pos
        )
        UPDATE doorbell.chunk c SET replaced = c.replaced | s.bits
        FROM (
            SELECT k, old.pos / 1024 AS n, bit_or(doorbell_internal.bit_of(old.pos)) AS bits
            FROM old CROSS JOIN LATERAL (VALUES (0), (old.category)) v (k) GROUP BY 1, 2
        ) s
        WHERE c.feed_id = m.feed_id AND c.category = s.k AND c.n = s.n;
    END IF;
    INSERT INTO doorbell.outbox (feed_id, seq) VALUES (m.feed_id, m.seq);
END
$$;
COMMENT ON FUNCTION doorbell_internal.deliver_to_feed IS 'Shows a stored broadcast; the caller holds the LINE. A constant number of rows.';

CREATE FUNCTION doorbell_internal.feed_step(feed_id integer, at timestamptz, ttl interval)
RETURNS TABLE (seq bigint, pos bigint, sent_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.feed f
    SET last_pos = f.last_pos + 1, version = nextval('doorbell.seq'), sent_at = greatest(f.sent_at, at),
        expires_at = least(f.expires_at, greatest(f.sent_at, at) + ttl)
    WHERE f.id = feed_step.feed_id
    RETURNING f.version, f.last_pos, f.sent_at INTO seq, pos, sent_at;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.feed_step IS 'The place of the next broadcast; the caller holds the LINE.';

CREATE FUNCTION doorbell_internal.check_group(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_text('group', check_group.name, 128);
    IF check_group.name IS NULL OR check_group.name = '*' THEN
        RAISE EXCEPTION 'group is a name other than "*"' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE FUNCTION doorbell_internal.feed_named(name text) RETURNS integer
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

CREATE FUNCTION doorbell_internal.category_named(name text) RETURNS integer
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

CREATE FUNCTION doorbell_internal.claim_key(key text, digest bytea, id bigint, recipients integer)
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

CREATE FUNCTION doorbell.send(to_users text[] DEFAULT NULL, to_group text DEFAULT NULL, to_all boolean DEFAULT false,
    title text DEFAULT NULL, body text DEFAULT NULL, sender text DEFAULT NULL, url text DEFAULT NULL,
    category text DEFAULT NULL, extra jsonb DEFAULT NULL, expires_in integer DEFAULT NULL,
    send_at timestamptz DEFAULT NULL, key text DEFAULT NULL, subject_type text DEFAULT NULL,
    subject_id text DEFAULT NULL, replace boolean DEFAULT false, ack boolean DEFAULT false,
    to_new_users boolean DEFAULT false, later boolean DEFAULT false)
RETURNS TABLE (id bigint, recipients integer, duplicate boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    users text[];
    first send_key;
    m message;
    due_at timestamptz := CASE WHEN send_at > clock_timestamp() THEN send_at WHEN later THEN clock_timestamp() END;
    ttl constant interval := make_interval(secs => expires_in);
BEGIN
    IF (to_users IS NOT NULL)::integer + (to_group IS NOT NULL)::integer + coalesce(to_all, false)::integer <> 1 THEN
        RAISE EXCEPTION 'exactly one of to_users, to_group and to_all is needed' USING ERRCODE = 'DB400';
    END IF;
    PERFORM check_content(title, send.body, sender, url, category, extra, expires_in, send_at, key,
        subject_type, subject_id, replace);
    IF to_users IS NOT NULL THEN
        users := normal_users(to_users);
        IF users = '{}' THEN
            RETURN QUERY SELECT NULL::bigint, 0, false;
            RETURN;
        END IF;
    ELSIF to_group IS NOT NULL THEN
        m.feed_id := feed_named(to_group);
    ELSE
        m.feed_id := 1;
    END IF;

    m.id := nextval('seq');
    m.category := category_named(send.category);
    m.must_ack := coalesce(ack, false);
    m.to_new := coalesce(to_new_users, false) AND users IS NULL;
    m.live := due_at IS NULL;
    m.replaced := false;
    m.recipients := cardinality(users);
    m.subject := subject_of(subject_type, subject_id);
    m.sender := send.sender;
    m.title := send.title;
    m.url := send.url;
    m.body := coalesce(send.body, '');
    m.extra := send.extra;

    IF key IS NOT NULL THEN
        first := claim_key(send.key, sha256(convert_to(jsonb_build_array(
                encode(sha256(convert_to(array_to_string(users, E'\n'), 'UTF8')), 'hex'), to_group,
                m.title, m.body, m.sender, m.url, send.category, m.extra, expires_in, extract(epoch FROM send_at),
                m.subject, coalesce(replace, false), m.must_ack, m.to_new)::text, 'UTF8')), m.id, m.recipients);
        IF first.key IS NOT NULL THEN
            RETURN QUERY SELECT first.message_id, first.recipients, true;
            RETURN;
        END IF;
    END IF;

    IF due_at IS NOT NULL THEN
        INSERT INTO message SELECT m.*;
        INSERT INTO pending (message_id, due_at, users, expires_in, replace)
        VALUES (m.id, due_at, users, ttl, coalesce(send.replace, false));
    ELSIF users IS NOT NULL THEN
        PERFORM lock_readers(users);
        m.seq := nextval('seq');
        m.sent_at := clock_timestamp();
        m.expires_at := m.sent_at + ttl;
        INSERT INTO message SELECT m.*;
        PERFORM deliver_to_users(m, users, send.replace);
    ELSE
        PERFORM take_line();
        SELECT s.seq, s.pos, s.sent_at INTO m.seq, m.pos, m.sent_at FROM feed_step(m.feed_id, clock_timestamp(), ttl) s;
        m.expires_at := m.sent_at + ttl;
        INSERT INTO message SELECT m.*;
        PERFORM deliver_to_feed(m, send.replace);
    END IF;
    RETURN QUERY SELECT m.id, m.recipients, false;
END
$$;
COMMENT ON FUNCTION doorbell.send IS
$$Sends a message, in the caller's transaction: a rollback sends nothing and rings nothing.
Called by name: SELECT * FROM doorbell.send(to_users => '{42}', title => 'Hello').
Exactly one of to_users (up to 100,000 ids; duplicates collapse; an empty list stores nothing), to_group
(a name; it may be new), to_all (true).
title: 1 to 255 bytes. body: up to 65,536 bytes. sender, category (made when first named), url (http, https,
or a path from the root), extra (an object up to 16,384 bytes) are optional.
expires_in: seconds after delivery at which nobody sees it any more. send_at: when to deliver.
key: the same key and content again answers the first id with duplicate = true; with another content DB409.
subject_type, subject_id: what it is about; replace: supersedes unread messages about that for its audience.
ack: must be acknowledged. to_new_users: also for those who appear or join later.
later: delivered by doorbell-app right after the commit. Use it in long transactions, since a message to a
group or to all makes other such sends wait until the transaction ends; else send last.
recipients is null for group and all. Errors: DB400, DB409, DB422.$$;

CREATE FUNCTION doorbell.activate(max_rows integer DEFAULT 100) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    -- In a variable: what is compared with clock_timestamp() itself is found by no index.
    at constant timestamptz := clock_timestamp();
BEGIN
    PERFORM FROM pending WHERE pending.due_at <= at LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    RETURN activate_feeds(max_rows) + activate_users(max_rows);
END
$$;
COMMENT ON FUNCTION doorbell.activate IS
    'Delivers messages that are due (send_at, later), and writes their rings, in the caller''s transaction. '
    'Answers how many; call again until 0. Safe from many callers at once: who comes second passes by.';

CREATE FUNCTION doorbell_internal.activate_feeds(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    due record;
    m doorbell.message;
    done integer := 0;
BEGIN
    PERFORM FROM doorbell.pending p WHERE p.due_at <= at AND p.users IS NULL LIMIT 1;
    IF FOUND THEN
        -- Somebody's open send must not hold up the rings of all others.
        PERFORM FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    FOR due IN
        SELECT p.* FROM doorbell.pending p WHERE p.due_at <= at AND p.users IS NULL
        ORDER BY p.due_at, p.message_id LIMIT max_rows
    LOOP
        SELECT * INTO m FROM doorbell.message x WHERE x.id = due.message_id AND x.seq IS NULL FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        SELECT s.seq, s.pos, s.sent_at INTO m.seq, m.pos, m.sent_at
        FROM doorbell_internal.feed_step(m.feed_id, clock_timestamp(), due.expires_in) s;
        m.expires_at := m.sent_at + due.expires_in;
        UPDATE doorbell.message x
        SET seq = m.seq, pos = m.pos, sent_at = m.sent_at, expires_at = m.expires_at, live = true
        WHERE x.id = m.id;
        PERFORM doorbell_internal.deliver_to_feed(m, due.replace);
        DELETE FROM doorbell.pending p WHERE p.message_id = m.id;
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;

CREATE FUNCTION doorbell_internal.activate_users(max_rows integer) RETURNS integer
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
        PERFORM doorbell_internal.deliver_to_users(m, due.users, due.replace);
    END LOOP;
    DELETE FROM doorbell.pending p WHERE p.message_id = ANY (ids);
    RETURN cardinality(ids);
END
$$;
