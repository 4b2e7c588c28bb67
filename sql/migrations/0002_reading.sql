-- SPDX-License-Identifier: MIT
-- Reading: first contact, the check, the list, one message. All but contact() are STABLE plpgsql, so
-- that a call has one snapshot and its num belongs to its version; what is LANGUAGE sql here is
-- inlined into the statements that use it, and planned once a connection with them.
--
-- All functions of the interface run with plan_cache_mode = force_generic_plan and without sequential
-- scans: each statement is planned once a connection, and to the same plan whatever the statistics say
-- at that moment.

CREATE FUNCTION doorbell_internal.above(n bigint, pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN pos < n * 1024 THEN ~ 0::bit(1024)
        WHEN pos >= (n + 1) * 1024 - 1 THEN 0::bit(1024)
        ELSE (~ 0::bit(1024)) << (pos - n * 1024 + 1)::integer
    END
$$;
COMMENT ON FUNCTION doorbell_internal.above IS 'The positions of chunk n that are newer than pos.';

CREATE FUNCTION doorbell_internal.bit_of(pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT set_bit(0::bit(1024), 1024 - 1 - (pos % 1024)::integer, 1)
$$;
COMMENT ON FUNCTION doorbell_internal.bit_of IS 'The bit of a position in its chunk.';

CREATE FUNCTION doorbell_internal.reader_state(user_id text)
RETURNS TABLE (floor bigint, version bigint, seq_min bigint, seen_r bigint, seen_b bigint, muted integer[])
LANGUAGE sql STABLE AS $$
    SELECT a.floor, coalesce(r.version, 0), coalesce(r.seq_min, 0), coalesce(r.seen_r, 0),
        coalesce(r.seen_b, 0),
        CASE WHEN r.muted <> '{}' THEN ARRAY(
            SELECT c.id FROM doorbell.category c WHERE c.id = ANY (r.muted) AND NOT c.critical)
        ELSE '{}' END
    FROM doorbell.arrival a LEFT JOIN doorbell.reader r ON r.user_id = a.user_id
    WHERE a.user_id = $1
$$;
COMMENT ON FUNCTION doorbell_internal.reader_state IS
    'What a user''s answers depend on beside messages. No row before first contact. A category that '
    'became critical is not muted, whatever the user chose before.';

CREATE FUNCTION doorbell_internal.maps(user_id text, floor bigint, muted integer[], category integer, at timestamptz)
RETURNS TABLE (feed_id integer, joined bigint, version bigint, n bigint,
    visible bit, read bit, archived bit, ack bit, replaced bit)
LANGUAGE sql STABLE AS $$
    SELECT f.id, s.joined, f.version, c.n,
        c.live
            & (doorbell_internal.above(c.n, s.floor) | c.keep)
            & (~ c.replaced | coalesce(m.read, 0::bit(1024)))
            & ~ coalesce(m.gone, 0::bit(1024))
            & CASE WHEN f.expires_at > $5 THEN ~ 0::bit(1024) ELSE ~ coalesce((
                SELECT bit_or(CASE WHEN x.pos / 1024 = c.n THEN doorbell_internal.bit_of(x.pos) END)
                FROM doorbell.message x
                WHERE x.feed_id = f.id AND x.live AND x.expires_at <= $5), 0::bit(1024)) END
            & CASE WHEN $3 = '{}' THEN ~ 0::bit(1024) ELSE ~ coalesce((
                SELECT bit_or(x.live) FROM doorbell.chunk x
                WHERE x.feed_id = f.id AND x.category = ANY ($3) AND x.n = c.n), 0::bit(1024)) END,
        coalesce(m.read, 0::bit(1024)), coalesce(m.archived, 0::bit(1024)), c.ack, c.replaced
    FROM (
        SELECT 1 AS feed_id, $2 AS floor, 0::bigint AS joined
        UNION ALL
        SELECT s.feed_id, s.floor, s.seq FROM doorbell.subscription s WHERE s.user_id = $1
    ) s
    JOIN doorbell.feed f ON f.id = s.feed_id
    LEFT JOIN doorbell.chunk c ON c.feed_id = f.id AND c.category = $4
    LEFT JOIN doorbell.mark m ON m.user_id = $1 AND m.feed_id = c.feed_id AND m.n = c.n
$$;
COMMENT ON FUNCTION doorbell_internal.maps IS
    'The chunks of a user''s feeds (one row without n for a feed that has none), category 0 for all. '
    'visible: live, new enough, not superseded before it was read, not deleted, expired or muted. '
    'Unread is visible & ~read.';

CREATE FUNCTION doorbell_internal.user_tag(user_id text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN left(encode(sha256(convert_to('doorbell position ' || user_id, 'UTF8')), 'hex'), 8);
END
$$;
COMMENT ON FUNCTION doorbell_internal.user_tag IS 'Marks positions and cursors, so that another user''s are noticed.';

CREATE FUNCTION doorbell_internal.category_id(name text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN name IS NULL THEN 0 ELSE
        coalesce((SELECT c.id FROM doorbell.category c WHERE c.name = $1), -1) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.category_id IS '0 for none, -1 for one that does not exist.';

CREATE FUNCTION doorbell_internal.check_user(user_id text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF user_id IS NULL OR octet_length(user_id) NOT BETWEEN 1 AND 128 OR user_id = '*'
        OR user_id ~ '[\x01-\x1f\x7f-\x9f]'
    THEN
        RAISE EXCEPTION 'a user id is 1 to 128 bytes without control characters, and not "*"'
            USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE FUNCTION doorbell.contact(user_id text, since timestamptz DEFAULT NULL, backlog_days integer DEFAULT 7)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    oldest timestamptz := coalesce(since, clock_timestamp() - make_interval(days => backlog_days));
BEGIN
    PERFORM FROM arrival WHERE user_id = contact.user_id;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM check_user(contact.user_id);
    INSERT INTO arrival (user_id, floor)
    SELECT contact.user_id, coalesce((
        SELECT pos FROM message WHERE feed_id = 1 AND sent_at <= oldest
        ORDER BY sent_at DESC, pos DESC LIMIT 1), -1)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION doorbell.contact IS
    'First contact of a user. Fixes, once, how far back he sees messages to everybody: those sent '
    'after since (when he registered), or without it those of the last backlog_days. '
    'Later calls change nothing. Waits for no sender.';

CREATE FUNCTION doorbell_internal.unread_general(user_id text, category text, hit_window integer)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    who record;
    wanted integer := 0;
    mine record;
    feeds record;
BEGIN
    SELECT * INTO who FROM doorbell_internal.reader_state(unread_general.user_id);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF unread_general.category IS NOT NULL THEN
        wanted := doorbell_internal.category_id(unread_general.category);
    END IF;

    IF wanted = 0 AND who.muted = '{}' THEN
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.tally t WHERE t.user_id = unread_general.user_id), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 0 AND i.expires_at <= at) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
            WHERE i.user_id = unread_general.user_id AND i.state < 2 AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    ELSE
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.tally t WHERE t.user_id = unread_general.user_id
                AND t.category <> ALL (who.muted) AND (wanted = 0 OR t.category = wanted)), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 0 AND i.expires_at <= at
                    AND i.category <> ALL (who.muted) AND (wanted = 0 OR i.category = wanted)) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state
            FROM doorbell.tally t CROSS JOIN (VALUES (0::smallint), (1::smallint)) s (state) CROSS JOIN LATERAL (
                SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.category = t.category AND i.state = s.state
                    AND (i.expires_at IS NULL OR i.expires_at > at)
                ORDER BY i.seq DESC LIMIT 1) i
            WHERE t.user_id = unread_general.user_id AND t.category <> ALL (who.muted)
                AND (wanted = 0 OR t.category = wanted)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    END IF;

    WITH v AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.version, m.visible, m.archived, m.read
        FROM doorbell_internal.maps(unread_general.user_id, who.floor, who.muted, wanted, at) m
    )
    SELECT (SELECT coalesce(sum(bit_count(v.visible & ~ v.read)), 0) FROM v) AS num,
        (SELECT max(v.version) FROM v) AS seq_max, top.id, top.seq, top.sent_at, top.is_unread
    INTO feeds
    FROM (VALUES (1)) one LEFT JOIN LATERAL (
        SELECT x.id, x.seq, x.sent_at, (v.read & doorbell_internal.bit_of(x.pos)) = 0::bit(1024) AS is_unread
        FROM v JOIN doorbell.message x
            ON x.feed_id = v.feed_id AND x.pos = v.n * 1024 + 1024 - position(B'1' IN v.visible & ~ v.archived)
        WHERE (v.visible & ~ v.archived) <> 0::bit(1024)
        ORDER BY x.seq DESC LIMIT 1) top ON true;

    num := mine.num + feeds.num;
    version := who.version;
    seq := greatest(feeds.seq_max, who.seq_min);
    hit := 0;
    IF mine.seq IS NOT NULL AND (feeds.seq IS NULL OR mine.seq > feeds.seq) THEN
        latest := mine.message_id;
        IF mine.state = 0 THEN
            hit := (SELECT m.sent_at > at - make_interval(secs => hit_window)
                FROM doorbell.message m WHERE m.id = mine.message_id)::integer;
        END IF;
    ELSE
        latest := coalesce(feeds.id, 0);
        hit := coalesce(feeds.is_unread AND feeds.sent_at > at - make_interval(secs => hit_window), false)::integer;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.unread_general IS 'doorbell.unread() for every user and category.';

CREATE FUNCTION doorbell.unread(user_id text, category text DEFAULT NULL, hit_window integer DEFAULT 300)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    young constant timestamptz := at - make_interval(secs => hit_window);
    floor bigint;
    seq_min bigint;
    is_plain boolean;
    latest_seq bigint;
    is_hit boolean;
    own_id bigint;
    own_seq bigint;
    own_state smallint;
BEGIN
    SELECT a.floor, coalesce(r.version, 0), coalesce(r.seq_min, 0),
        unread.category IS NULL AND coalesce(r.groups = 0 AND r.muted = '{}', true)
    INTO floor, version, seq_min, is_plain
    FROM arrival a LEFT JOIN reader r ON r.user_id = a.user_id WHERE a.user_id = unread.user_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Most users are in no group and mute nothing: one statement answers them at half the cost of the
    -- general way. It gives no row while a broadcast has expired and is not swept.
    IF is_plain THEN
        SELECT f.version, x.id, x.seq, x.sent_at > young AND broadcast.newest[2] = 0,
            own.message_id, own.seq, own.state,
            broadcast.num + coalesce((SELECT sum(t.unread) FROM tally t WHERE t.user_id = unread.user_id), 0)
                - (SELECT count(*) FROM inbox i
                    WHERE i.user_id = unread.user_id AND i.state = 0 AND i.expires_at <= at)
        INTO seq, latest, latest_seq, is_hit, own_id, own_seq, own_state, num
        FROM feed f
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(bit_count(v.visible & ~ v.read)::integer), 0) AS num,
                max(ARRAY[v.n * 1024 + 1024 - v.place, get_bit(v.read, v.place - 1)]) FILTER (WHERE v.place > 0) AS newest
            FROM (
                SELECT b.n, b.visible, b.read, position(B'1' IN b.visible & ~ b.archived) AS place
                FROM (
                    SELECT c.n, coalesce(k.read, 0::bit(1024)) AS read, coalesce(k.archived, 0::bit(1024)) AS archived,
                        c.live & (above(c.n, floor) | c.keep) & (~ c.replaced | coalesce(k.read, 0::bit(1024)))
                            & ~ coalesce(k.gone, 0::bit(1024)) AS visible
                    FROM chunk c LEFT JOIN mark k ON k.user_id = unread.user_id AND k.feed_id = 1 AND k.n = c.n
                    WHERE c.feed_id = 1 AND c.category = 0 OFFSET 0
                ) b OFFSET 0
            ) v
        ) broadcast
        LEFT JOIN message x ON x.feed_id = 1 AND x.pos = broadcast.newest[1]
        LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM inbox i
            WHERE i.user_id = unread.user_id AND i.state < 2 AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT 1) own ON true
        WHERE f.id = 1 AND f.expires_at > at;
    END IF;
    IF NOT is_plain OR NOT FOUND THEN
        RETURN QUERY SELECT * FROM unread_general(unread.user_id, unread.category, hit_window);
        RETURN;
    END IF;
    seq := greatest(seq, seq_min);
    IF own_seq > coalesce(latest_seq, 0) THEN
        latest := own_id;
        is_hit := own_state = 0 AND (SELECT m.sent_at > young FROM message m WHERE m.id = own_id);
    END IF;
    latest := coalesce(latest, 0);
    hit := coalesce(is_hit, false)::integer;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell.unread IS
    'The check. num: unread messages; hit: 1 when the newest message is unread and younger than '
    'hit_window seconds; latest: its id, 0 if there is none; version: number of the user''s own last change; '
    'seq: number of the last event in his feeds. With category, num, hit and latest are of that one. '
    'No row means that doorbell.contact() has not been called for this user. One snapshot, no write, no lock.';

CREATE FUNCTION doorbell.unread_by_category(user_id text, hit_window integer DEFAULT 300)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    who record;
    total record;
    counts json;
BEGIN
    SELECT * INTO who FROM reader_state(unread_by_category.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread(unread_by_category.user_id, NULL, unread_by_category.hit_window);

    WITH map AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible & ~ m.read AS unread
        FROM maps(unread_by_category.user_id, who.floor, who.muted, 0, at) m
    )
    SELECT coalesce(json_object_agg(c.name, x.num ORDER BY c.name), '{}') INTO counts
    FROM (
        SELECT category, sum(num)::bigint AS num FROM (
            SELECT t.category, t.unread - (
                SELECT count(*) FROM inbox i
                WHERE i.user_id = t.user_id AND i.state = 0 AND i.expires_at <= at
                    AND i.category = t.category) AS num
            FROM tally t WHERE t.user_id = unread_by_category.user_id
            UNION ALL
            SELECT c.category, bit_count(c.live & m.unread)
            FROM map m JOIN chunk c ON c.feed_id = m.feed_id AND c.n = m.n AND c.category > 0
            WHERE m.unread <> 0::bit(1024)
        ) part GROUP BY category
    ) x JOIN category c ON c.id = x.category
    WHERE x.num > 0 AND x.category <> ALL (who.muted);

    RETURN json_build_object('num', total.num, 'hit', total.hit, 'latest', total.latest,
        'version', total.version, 'seq', total.seq, 'categories', counts);
END
$$;
COMMENT ON FUNCTION doorbell.unread_by_category IS
    'The check with its parts: {"num","hit","latest","version","seq","categories":{name:n}}. Categories '
    'without unread messages, muted ones, and messages without a category are not among the parts. '
    'NULL: call doorbell.contact() first.';

CREATE FUNCTION doorbell_internal.message_json(m doorbell.message, category text, seen boolean, read boolean,
    archived boolean)
RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'title', m.title, 'body', m.body, 'url', m.url,
        'category', category, 'sender', m.sender, 'extra', m.extra,
        'created_at', floor(extract(epoch FROM m.sent_at))::bigint,
        'seen', seen OR read, 'read', read, 'archived', archived,
        'ack', CASE WHEN m.must_ack THEN read END)
$$;
COMMENT ON FUNCTION doorbell_internal.message_json IS
    'A message as its user sees it. ack: null when nothing is to be acknowledged, else whether it was.';

CREATE FUNCTION doorbell.list(user_id text, state text DEFAULT 'all', category text DEFAULT NULL,
    before text DEFAULT NULL, max_rows integer DEFAULT 20)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    tag constant text := user_tag(list.user_id);
    who record;
    total record;
    wanted integer := category_id(list.category);
    states smallint[];
    below bigint := 9223372036854775807;
    map record;
    feed integer := 0;
    room integer;
    bits bit(1024);
    i integer;
    mine bigint[];
    feed_ids integer[] := '{}';
    positions bigint[] := '{}';
    reads boolean[] := '{}';
    page record;
BEGIN
    states := CASE list.state WHEN 'all' THEN '{0,1}' WHEN 'unread' THEN '{0}' WHEN 'archived' THEN '{2}' END;
    IF states IS NULL THEN
        RAISE EXCEPTION 'state is one of all, unread, archived' USING ERRCODE = 'DB422';
    END IF;
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'limit is 1 to 100' USING ERRCODE = 'DB422';
    END IF;
    IF before IS NOT NULL THEN
        IF before !~ '^c1-[0-9a-f]{8}-[0-9]{1,18}$' OR split_part(before, '-', 2) <> tag THEN
            RAISE EXCEPTION 'before is not a "next" of this user''s list' USING ERRCODE = 'DB422';
        END IF;
        below := split_part(before, '-', 3)::bigint;
    END IF;
    SELECT * INTO who FROM reader_state(list.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread(list.user_id);

    IF wanted = 0 AND who.muted = '{}' THEN
        SELECT array_agg(i.message_id) INTO mine
        FROM unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT i.message_id FROM inbox i
            WHERE i.user_id = list.user_id AND i.state = s.state AND i.seq < below
                AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT max_rows + 1) i;
    ELSE
        SELECT array_agg(i.message_id) INTO mine
        FROM tally t CROSS JOIN unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT i.message_id FROM inbox i
            WHERE i.user_id = list.user_id AND i.category = t.category AND i.state = s.state
                AND i.seq < below AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT max_rows + 1) i
        WHERE t.user_id = list.user_id AND t.category <> ALL (who.muted)
            AND (wanted = 0 OR t.category = wanted);
    END IF;

    -- Chunks downwards: what is not wanted costs a bit, not a row.
    FOR map IN
        SELECT m.feed_id, m.n, m.read,
            (m.visible & CASE list.state WHEN 'all' THEN ~ m.archived WHEN 'unread' THEN ~ m.read
                ELSE m.archived END
            & CASE WHEN before IS NULL THEN ~ 0::bit(1024) ELSE ~ above(m.n, coalesce((
                SELECT x.pos FROM message x WHERE x.feed_id = m.feed_id AND x.seq < below
                ORDER BY x.seq DESC LIMIT 1), -1)) END) AS bits
        FROM maps(list.user_id, who.floor, who.muted, wanted, at) m
        ORDER BY m.feed_id, m.n DESC
    LOOP
        IF map.feed_id <> feed THEN
            feed := map.feed_id;
            room := max_rows + 1;
        END IF;
        bits := map.bits;
        LOOP
            i := position(B'1' IN bits);
            EXIT WHEN coalesce(i, 0) = 0 OR room = 0;
            bits := set_bit(bits, i - 1, 0);
            room := room - 1;
            feed_ids := feed_ids || feed;
            positions := positions || (map.n * 1024 + 1024 - i);
            reads := reads || (get_bit(map.read, i - 1) = 1);
        END LOOP;
    END LOOP;

    WITH picked AS (
        SELECT i.message_id AS id, i.seq, i.seq <= who.seen_r AS seen, i.state > 0 AS read
        FROM inbox i WHERE i.message_id = ANY (mine) AND i.user_id = list.user_id
        UNION ALL
        SELECT x.id, x.seq, x.seq <= who.seen_b, p.read
        FROM unnest(feed_ids, positions, reads) p (feed_id, pos, read)
        JOIN message x ON x.feed_id = p.feed_id AND x.pos = p.pos
        ORDER BY seq DESC LIMIT max_rows + 1
    ), numbered AS (
        SELECT picked.*, row_number() OVER (ORDER BY seq DESC) AS nth FROM picked
    )
    SELECT coalesce(json_agg(message_json(m, c.name, p.seen, p.read, list.state = 'archived') ORDER BY p.seq DESC)
            FILTER (WHERE p.nth <= max_rows), '[]') AS messages,
        max(p.seq) AS first, min(p.seq) FILTER (WHERE p.nth <= max_rows) AS last, count(*) > max_rows AS more
    INTO page
    FROM numbered p JOIN message m ON m.id = p.id LEFT JOIN category c ON c.id = m.category;

    RETURN json_build_object('messages', page.messages,
        'next', CASE WHEN page.more THEN concat_ws('-', 'c1', tag, page.last) END,
        'position', concat_ws('-', 'p1', tag, coalesce(page.first, 0), total.version, total.seq,
            greatest(wanted, 0), (list.state = 'archived' OR wanted < 0)::integer),
        'num', total.num, 'version', total.version, 'seq', total.seq);
END
$$;
COMMENT ON FUNCTION doorbell.list IS
    'A page of the user''s messages, newest first, as one JSON document: messages, next (pass it as '
    'before for the following page, null on the last), position (for mark_read_upto and mark_seen), num, '
    'version, seq. state: all (unread and read), unread, or archived. Never shown: deleted, expired, '
    'recalled, superseded and muted ones. max_rows is 1 to 100. NULL: call doorbell.contact() first. '
    'One snapshot, no write, no lock.';

CREATE FUNCTION doorbell_internal.look(user_id text, ids bigint[], floor bigint, muted integer[], at timestamptz)
RETURNS TABLE (id bigint, feed_id integer, pos bigint, state smallint, must_ack boolean, replaced boolean)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, NULL::integer, NULL::bigint, i.state, i.must_ack, false
    FROM doorbell.inbox i
    WHERE i.message_id = ANY ($2) AND i.user_id = $1 AND i.state < 3
        AND (i.expires_at IS NULL OR i.expires_at > $5) AND i.category <> ALL ($4)
    UNION ALL
    SELECT x.id, x.feed_id, x.pos,
        CASE WHEN (m.archived & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024) THEN 2::smallint
            WHEN (m.read & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024) THEN 1::smallint
            ELSE 0::smallint END,
        x.must_ack, x.replaced
    FROM doorbell.message x
    JOIN doorbell_internal.maps($1, $3, $4, 0, $5) m ON m.feed_id = x.feed_id AND m.n = x.pos / 1024
    WHERE x.id = ANY ($2) AND x.live AND (m.visible & doorbell_internal.bit_of(x.pos)) <> 0::bit(1024)
$$;
COMMENT ON FUNCTION doorbell_internal.look IS 'Those of the given messages that the user can see, with their state.';

CREATE FUNCTION doorbell.message(user_id text, id bigint) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    who record;
    answer json;
BEGIN
    SELECT * INTO who FROM reader_state(message.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT message_json(m, c.name, m.seq <= CASE WHEN m.feed_id IS NULL THEN who.seen_r ELSE who.seen_b END,
        l.state > 0, l.state = 2)
    INTO answer
    FROM look(message.user_id, ARRAY[message.id], who.floor, who.muted, statement_timestamp()) l
    JOIN doorbell.message m ON m.id = l.id LEFT JOIN category c ON c.id = m.category;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this user has no such message' USING ERRCODE = 'DB404';
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION doorbell.message(text, bigint) IS
    'One message as in doorbell.list; DB404 unless the user can see it. NULL: call doorbell.contact() first.';
