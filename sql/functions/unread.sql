-- SPDX-License-Identifier: MIT
-- The check. All STABLE plpgsql, so that a call has one snapshot and its num belongs to its version.

CREATE OR REPLACE FUNCTION doorbell_internal.unread_general(user_id text, category text, hit_window integer)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    me record;
    wanted integer := 0;
    mine record;
    feeds record;
BEGIN
    SELECT * INTO me FROM doorbell_internal.user_state(unread_general.user_id);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF unread_general.category IS NOT NULL THEN
        wanted := doorbell_internal.category_id(unread_general.category);
    END IF;

    IF wanted = 0 AND me.muted = '{}' THEN
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.unread_count t WHERE t.user_id = unread_general.user_id), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 'unread' AND i.expires_at <= at) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
            WHERE i.user_id = unread_general.user_id AND i.state IN ('unread', 'read') AND (i.expires_at IS NULL OR i.expires_at > at)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    ELSE
        SELECT p.message_id, p.seq, p.state,
            coalesce((SELECT sum(t.unread) FROM doorbell.unread_count t WHERE t.user_id = unread_general.user_id
                AND t.category <> ALL (me.muted) AND (wanted = 0 OR t.category = wanted)), 0)
            - (SELECT count(*) FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.state = 'unread' AND i.expires_at <= at
                    AND i.category <> ALL (me.muted) AND (wanted = 0 OR i.category = wanted)) AS num
        INTO mine
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state
            FROM doorbell.unread_count t CROSS JOIN (VALUES ('unread'::doorbell.inbox_state), ('read')) s (state) CROSS JOIN LATERAL (
                SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
                WHERE i.user_id = unread_general.user_id AND i.category = t.category AND i.state = s.state
                    AND (i.expires_at IS NULL OR i.expires_at > at)
                ORDER BY i.seq DESC LIMIT 1) i
            WHERE t.user_id = unread_general.user_id AND t.category <> ALL (me.muted)
                AND (wanted = 0 OR t.category = wanted)
            ORDER BY i.seq DESC LIMIT 1) p ON true;
    END IF;

    WITH v AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.version, m.visible, m.archived, m.read
        FROM doorbell_internal.visible_bitmaps(unread_general.user_id, me.joined_pos, me.muted, wanted, at) m
    )
    SELECT (SELECT coalesce(sum(bit_count(v.visible & ~ v.read)), 0) FROM v) AS num,
        (SELECT max(v.version) FROM v) AS seq_max, top.id, top.seq, top.sent_at, top.is_unread
    INTO feeds
    FROM (VALUES (1)) one LEFT JOIN LATERAL (
        SELECT x.id, x.seq, x.sent_at, (v.read & doorbell_internal.bit_of(x.pos)) = doorbell_internal.no_bits() AS is_unread
        FROM v CROSS JOIN LATERAL doorbell_internal.message_at(
            v.feed_id, doorbell_internal.pos_of(v.n, position(B'1' IN v.visible & ~ v.archived))) x
        WHERE (v.visible & ~ v.archived) <> doorbell_internal.no_bits()
        ORDER BY x.seq DESC LIMIT 1) top ON true;

    num := mine.num + feeds.num;
    version := me.version;
    seq := greatest(feeds.seq_max, me.seq_min);
    hit := 0;
    IF mine.seq IS NOT NULL AND (feeds.seq IS NULL OR mine.seq > feeds.seq) THEN
        latest := mine.message_id;
        IF mine.state = 'unread' THEN
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

CREATE OR REPLACE FUNCTION doorbell.unread(user_id text, category text DEFAULT NULL, hit_window integer DEFAULT 300)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    young constant timestamptz := at - make_interval(secs => hit_window);
    joined_pos bigint;
    seq_min bigint;
    is_plain boolean;
    latest_seq bigint;
    is_hit boolean;
    own_id bigint;
    own_seq bigint;
    own_state inbox_state;
BEGIN
    SELECT a.joined_pos, coalesce(r.version, 0), coalesce(r.seq_min, 0),
        unread.category IS NULL AND coalesce(r.groups = 0 AND r.muted = '{}', true)
    INTO joined_pos, version, seq_min, is_plain
    FROM first_seen a LEFT JOIN reader r ON r.user_id = a.user_id WHERE a.user_id = unread.user_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Most users are in no group and mute nothing: one statement answers them at half the cost of the
    -- general way. It gives no row while a broadcast has expired and is not swept.
    IF is_plain THEN
        SELECT f.version, x.id, x.seq, x.sent_at > young AND broadcast.newest[2] = 0,
            own.message_id, own.seq, own.state,
            broadcast.num + coalesce((SELECT sum(t.unread) FROM unread_count t WHERE t.user_id = unread.user_id), 0)
                - (SELECT count(*) FROM inbox i
                    WHERE i.user_id = unread.user_id AND i.state = 'unread' AND i.expires_at <= at)
        INTO seq, latest, latest_seq, is_hit, own_id, own_seq, own_state, num
        FROM feed f
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(bit_count(v.visible & ~ v.read)::integer), 0) AS num,
                max(ARRAY[pos_of(v.n, v.place), get_bit(v.read, v.place - 1)]) FILTER (WHERE v.place > 0) AS newest
            FROM (
                SELECT b.n, b.visible, b.read, position(B'1' IN b.visible & ~ b.archived) AS place
                FROM (
                    SELECT c.n, coalesce(k.read, no_bits()) AS read, coalesce(k.archived, no_bits()) AS archived,
                        c.live & (bits_after(c.n, joined_pos) | c.to_new) & (~ c.replaced | coalesce(k.read, no_bits()))
                            & ~ coalesce(k.gone, no_bits()) AS visible
                    FROM chunk c LEFT JOIN mark k ON k.user_id = unread.user_id AND k.feed_id = 1 AND k.n = c.n
                    WHERE c.feed_id = 1 AND c.category = 0 OFFSET 0
                ) b OFFSET 0
            ) v
        ) broadcast
        LEFT JOIN LATERAL message_at(1, broadcast.newest[1]) x ON true
        LEFT JOIN LATERAL (
            SELECT i.message_id, i.seq, i.state FROM inbox i
            WHERE i.user_id = unread.user_id AND i.state IN ('unread', 'read') AND (i.expires_at IS NULL OR i.expires_at > at)
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
        is_hit := own_state = 'unread' AND (SELECT m.sent_at > young FROM message m WHERE m.id = own_id);
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
    'No row means that doorbell.register() has not been called for this user. One snapshot, no write, no lock.';

CREATE OR REPLACE FUNCTION doorbell.unread_by_category(user_id text, hit_window integer DEFAULT 300)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    me record;
    total record;
    counts json;
BEGIN
    SELECT * INTO me FROM user_state(unread_by_category.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread(unread_by_category.user_id, NULL, unread_by_category.hit_window);

    WITH map AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible & ~ m.read AS unread
        FROM visible_bitmaps(unread_by_category.user_id, me.joined_pos, me.muted, 0, at) m
    )
    SELECT coalesce(json_object_agg(c.name, x.num ORDER BY c.name), '{}') INTO counts
    FROM (
        SELECT category, sum(num)::bigint AS num FROM (
            SELECT t.category, t.unread - (
                SELECT count(*) FROM inbox i
                WHERE i.user_id = t.user_id AND i.state = 'unread' AND i.expires_at <= at
                    AND i.category = t.category) AS num
            FROM unread_count t WHERE t.user_id = unread_by_category.user_id
            UNION ALL
            SELECT c.category, bit_count(c.live & m.unread)
            FROM map m JOIN chunk c ON c.feed_id = m.feed_id AND c.n = m.n AND c.category > 0
            WHERE m.unread <> no_bits()
        ) part GROUP BY category
    ) x JOIN category c ON c.id = x.category
    WHERE x.num > 0 AND x.category <> ALL (me.muted);

    RETURN json_build_object('num', total.num, 'hit', total.hit, 'latest', total.latest,
        'version', total.version, 'seq', total.seq, 'categories', counts);
END
$$;
COMMENT ON FUNCTION doorbell.unread_by_category IS
    'The check with its parts: {"num","hit","latest","version","seq","categories":{name:n}}. Categories '
    'without unread messages, muted ones, and messages without a category are not among the parts. '
    'NULL: call doorbell.register() first.';
