-- SPDX-License-Identifier: MIT
-- The check. All STABLE, so that a call has one snapshot and its num belongs to its version. What is LANGUAGE sql
-- is inlined.

CREATE OR REPLACE FUNCTION doorbell_internal.personal_unread(user_id text, at timestamptz) RETURNS TABLE (num bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(t.unread) FROM doorbell.unread_count t WHERE t.user_id = $1), 0)
        - (SELECT count(*) FROM doorbell.inbox i WHERE i.user_id = $1 AND i.state = 'unread' AND i.expires_at <= $2)
$$;
COMMENT ON FUNCTION doorbell_internal.personal_unread IS
    'Unread personal messages: the stored count less those that have expired and are not swept.';

CREATE OR REPLACE FUNCTION doorbell_internal.newest_personal(user_id text, at timestamptz)
RETURNS TABLE (message_id bigint, seq bigint, state doorbell.inbox_state)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, i.seq, i.state FROM doorbell.inbox i
    WHERE i.user_id = $1 AND i.state IN ('unread', 'read') AND (i.expires_at IS NULL OR i.expires_at > $2)
    ORDER BY i.seq DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.personal_unread_of(user_id text, category integer, muted integer[], at timestamptz)
RETURNS TABLE (num bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(t.unread) FROM doorbell.unread_count t
            WHERE t.user_id = $1 AND t.category <> ALL ($3) AND ($2 = 0 OR t.category = $2)), 0)
        - (SELECT count(*) FROM doorbell.inbox i
            WHERE i.user_id = $1 AND i.state = 'unread' AND i.expires_at <= $4
                AND i.category <> ALL ($3) AND ($2 = 0 OR i.category = $2))
$$;
COMMENT ON FUNCTION doorbell_internal.personal_unread_of IS 'personal_unread() of a category, 0 for all, without muted ones.';

CREATE OR REPLACE FUNCTION doorbell_internal.newest_personal_of(user_id text, category integer, muted integer[], at timestamptz)
RETURNS TABLE (message_id bigint, seq bigint, state doorbell.inbox_state)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, i.seq, i.state
    FROM doorbell.unread_count t CROSS JOIN (VALUES ('unread'::doorbell.inbox_state), ('read')) s (state) CROSS JOIN LATERAL (
        SELECT x.message_id, x.seq, x.state FROM doorbell.inbox x
        WHERE x.user_id = $1 AND x.category = t.category AND x.state = s.state AND (x.expires_at IS NULL OR x.expires_at > $4)
        ORDER BY x.seq DESC LIMIT 1) i
    WHERE t.user_id = $1 AND t.category <> ALL ($3) AND ($2 = 0 OR t.category = $2)
    ORDER BY i.seq DESC LIMIT 1
$$;
COMMENT ON FUNCTION doorbell_internal.newest_personal_of IS 'newest_personal() of a category, 0 for all, without muted ones.';

CREATE OR REPLACE FUNCTION doorbell_internal.unread_general(user_id text, category text, hit_window integer)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    young constant timestamptz := at - make_interval(secs => hit_window);
    wanted constant integer := doorbell_internal.category_id(unread_general.category);
    me record;
    mine record;
    feeds record;
BEGIN
    SELECT * INTO me FROM doorbell_internal.user_state(unread_general.user_id);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF wanted = 0 AND me.muted = '{}' THEN
        SELECT n.num, p.* INTO mine
        FROM doorbell_internal.personal_unread(unread_general.user_id, at) n
        LEFT JOIN LATERAL doorbell_internal.newest_personal(unread_general.user_id, at) p ON true;
    ELSE
        SELECT n.num, p.* INTO mine
        FROM doorbell_internal.personal_unread_of(unread_general.user_id, wanted, me.muted, at) n
        LEFT JOIN LATERAL doorbell_internal.newest_personal_of(unread_general.user_id, wanted, me.muted, at) p ON true;
    END IF;

    WITH v AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.version, m.visible, m.archived, m.read
        FROM doorbell_internal.visible_bitmaps(unread_general.user_id, me.joined_pos, me.muted, wanted, at) m
    )
    SELECT (SELECT coalesce(sum(bit_count(v.visible & ~ v.read)), 0) FROM v) AS num,
        (SELECT max(v.version) FROM v) AS seq_max, top.id, top.seq, top.sent_at, top.is_unread
    INTO feeds
    FROM (VALUES (1)) one LEFT JOIN LATERAL (
        SELECT x.id, x.seq, x.sent_at, (v.read & doorbell_internal.bit_of(x.pos)) = 0::doorbell.chunk_bits AS is_unread
        FROM v CROSS JOIN LATERAL doorbell_internal.message_at(
            v.feed_id, doorbell_internal.pos_of(v.n, position(B'1' IN v.visible & ~ v.archived))) x
        WHERE (v.visible & ~ v.archived) <> 0::doorbell.chunk_bits
        ORDER BY x.seq DESC LIMIT 1) top ON true;

    num := mine.num + feeds.num;
    version := me.version;
    seq := greatest(feeds.seq_max, me.seq_min);
    IF mine.seq > coalesce(feeds.seq, 0) THEN
        latest := mine.message_id;
        hit := (mine.state = 'unread' AND (SELECT m.sent_at > young FROM doorbell.message m WHERE m.id = mine.message_id))::integer;
    ELSE
        latest := coalesce(feeds.id, 0);
        hit := coalesce(feeds.is_unread AND feeds.sent_at > young, false)::integer;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.unread_general IS 'doorbell.unread() for every user and category.';

CREATE OR REPLACE FUNCTION doorbell_internal.broadcasts_to_all(user_id text, joined_pos bigint)
RETURNS TABLE (num bigint, newest_pos bigint, newest_is_read boolean)
LANGUAGE sql STABLE AS $$
    SELECT s.num, s.newest[1], s.newest[2] = 1
    FROM (
        SELECT coalesce(sum(bit_count(v.visible & ~ v.read)::integer), 0) AS num,
            max(ARRAY[doorbell_internal.pos_of(v.n, v.place), get_bit(v.read, v.place - 1)]) FILTER (WHERE v.place > 0) AS newest
        FROM (
            SELECT b.n, b.visible, b.read, position(B'1' IN b.visible & ~ b.archived) AS place
            FROM (
                SELECT c.n, coalesce(k.read, 0::doorbell.chunk_bits) AS read,
                    coalesce(k.archived, 0::doorbell.chunk_bits) AS archived,
                    c.live & (doorbell_internal.bits_after(c.n, $2) | c.to_new)
                        & (~ c.replaced | coalesce(k.read, 0::doorbell.chunk_bits))
                        & ~ coalesce(k.gone, 0::doorbell.chunk_bits) AS visible
                FROM doorbell.chunk c LEFT JOIN doorbell.mark k ON k.user_id = $1 AND k.feed_id = 1 AND k.n = c.n
                WHERE c.feed_id = 1 AND c.category = 0 OFFSET 0
            ) b OFFSET 0
        ) v
    ) s
$$;
COMMENT ON FUNCTION doorbell_internal.broadcasts_to_all IS
    'What of feed ''*'' is visible to a user without mutes, while none of it has expired: how many are unread, and the '
    'newest that is not archived.';

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
    -- Most users are in no group and mute nothing: one statement serves them at half the cost of the
    -- general way. It gives no row while a broadcast has expired and is not swept.
    IF is_plain THEN
        SELECT f.version, x.id, x.seq, x.sent_at > young AND NOT b.newest_is_read,
            own.message_id, own.seq, own.state,
            b.num + (SELECT p.num FROM personal_unread(unread.user_id, at) p)
        INTO seq, latest, latest_seq, is_hit, own_id, own_seq, own_state, num
        FROM feed f
        CROSS JOIN LATERAL broadcasts_to_all(unread.user_id, joined_pos) b
        LEFT JOIN LATERAL message_at(1, b.newest_pos) x ON true
        LEFT JOIN LATERAL newest_personal(unread.user_id, at) own ON true
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
    'seq: number of the last event in their feeds. With category, num, hit and latest are of that one. '
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
            WHERE m.unread <> 0::chunk_bits
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
