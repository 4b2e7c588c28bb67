-- SPDX-License-Identifier: MIT
-- The parts of the check (unread.sql puts them together). What is LANGUAGE sql is inlined.

CREATE OR REPLACE FUNCTION doorbell_internal.personal_unread(user_id text, at timestamptz) RETURNS TABLE (num bigint)
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(t.unread) FROM doorbell.unread_count t WHERE t.user_id = $1), 0)
        - (SELECT count(*) FROM doorbell.inbox i WHERE i.user_id = $1 AND i.state = 'unread' AND i.expires_at <= $2)
$$;
COMMENT ON FUNCTION doorbell_internal.personal_unread IS
    'Unread personal messages: the stored count less those that have expired and are not swept.';

CREATE OR REPLACE FUNCTION doorbell_internal.latest_personal(user_id text, at timestamptz)
RETURNS TABLE (message_id bigint, seq bigint, state doorbell.inbox_state, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, i.seq, i.state, i.expires_at FROM doorbell.inbox i
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

CREATE OR REPLACE FUNCTION doorbell_internal.latest_personal_of(user_id text, category integer, muted integer[], at timestamptz)
RETURNS TABLE (message_id bigint, seq bigint, state doorbell.inbox_state, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, i.seq, i.state, i.expires_at
    FROM doorbell.unread_count t CROSS JOIN (VALUES ('unread'::doorbell.inbox_state), ('read')) s (state) CROSS JOIN LATERAL (
        SELECT x.message_id, x.seq, x.state, x.expires_at FROM doorbell.inbox x
        WHERE x.user_id = $1 AND x.category = t.category AND x.state = s.state AND (x.expires_at IS NULL OR x.expires_at > $4)
        ORDER BY x.seq DESC LIMIT 1) i
    WHERE t.user_id = $1 AND t.category <> ALL ($3) AND ($2 = 0 OR t.category = $2)
    ORDER BY i.seq DESC LIMIT 1
$$;
COMMENT ON FUNCTION doorbell_internal.latest_personal_of IS 'latest_personal() of a category, 0 for all, without muted ones.';

CREATE OR REPLACE FUNCTION doorbell_internal.first_expiry(user_id text, at timestamptz)
RETURNS TABLE (expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT min(i.expires_at) FROM doorbell.inbox i WHERE i.user_id = $1 AND i.state = 'unread' AND i.expires_at > $2
$$;
COMMENT ON FUNCTION doorbell_internal.first_expiry IS 'When the next unread personal message expires; null if none does.';

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

CREATE OR REPLACE FUNCTION doorbell_internal.parts_of_plain(user_id text, joined_pos bigint, at timestamptz)
RETURNS TABLE (num bigint, seq bigint, valid_until timestamptz, feed_id bigint, feed_seq bigint, feed_sent_at timestamptz,
    feed_unread boolean, own_id bigint, own_seq bigint, own_unread boolean, own_expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT b.num + p.num, f.version, least(f.expires_at, e.expires_at),
        x.id, x.seq, x.sent_at, NOT b.newest_is_read, own.message_id, own.seq, own.state = 'unread', own.expires_at
    FROM doorbell.feed f
    CROSS JOIN LATERAL doorbell_internal.broadcasts_to_all($1, $2) b
    CROSS JOIN LATERAL doorbell_internal.personal_unread($1, $3) p
    CROSS JOIN LATERAL doorbell_internal.first_expiry($1, $3) e
    LEFT JOIN LATERAL doorbell_internal.message_at(1, b.newest_pos) x ON true
    LEFT JOIN LATERAL doorbell_internal.latest_personal($1, $3) own ON true
    WHERE f.id = 1 AND f.expires_at > $3 AND NOT EXISTS (SELECT FROM doorbell.audience_base a WHERE a.base_id = 1)
$$;
COMMENT ON FUNCTION doorbell_internal.parts_of_plain IS
    'What the check of a user in no group and without mutes is made of, in one statement: feed_ is the newest broadcast, own_ '
    'the newest personal message. No row while a broadcast has expired and is not swept, or while anybody may be in an audience.';

CREATE OR REPLACE FUNCTION doorbell_internal.first_expiry_of_feeds(user_id text, at timestamptz) RETURNS TABLE (seq bigint, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT max(f.version), min(CASE WHEN f.expires_at > $2 THEN f.expires_at ELSE $2 END)
    FROM doorbell_internal.feeds_of($1, 0) s
    JOIN doorbell.feed f ON f.id = s.feed_id
$$;
COMMENT ON FUNCTION doorbell_internal.first_expiry_of_feeds IS
    'The newest event of a user''s feeds, and the time before which none of their messages expires: at, while one has '
    'expired and is not swept.';

CREATE OR REPLACE FUNCTION doorbell_internal.parts_of_any(user_id text, category text, at timestamptz)
RETURNS TABLE (num bigint, seq bigint, valid_until timestamptz, feed_id bigint, feed_seq bigint, feed_sent_at timestamptz,
    feed_unread boolean, own_id bigint, own_seq bigint, own_unread boolean, own_expires_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    wanted constant integer := doorbell_internal.category_id(parts_of_any.category);
    me record;
    mine record;
BEGIN
    SELECT * INTO me FROM doorbell_internal.user_state(parts_of_any.user_id);
    IF wanted = 0 AND me.muted = '{}' THEN
        SELECT n.num, p.* INTO mine
        FROM doorbell_internal.personal_unread(parts_of_any.user_id, at) n
        LEFT JOIN LATERAL doorbell_internal.latest_personal(parts_of_any.user_id, at) p ON true;
    ELSE
        SELECT n.num, p.* INTO mine
        FROM doorbell_internal.personal_unread_of(parts_of_any.user_id, wanted, me.muted, at) n
        LEFT JOIN LATERAL doorbell_internal.latest_personal_of(parts_of_any.user_id, wanted, me.muted, at) p ON true;
    END IF;
    RETURN QUERY
    WITH v AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible, m.archived, m.read
        FROM doorbell_internal.visible_bitmaps(parts_of_any.user_id, me.joined_pos, me.muted, wanted, at) m
    )
    SELECT mine.num + (SELECT coalesce(sum(bit_count(v.visible & ~ v.read)), 0) FROM v)::bigint, f.seq,
        least(f.expires_at, e.expires_at), top.id, top.seq, top.sent_at, top.is_unread,
        mine.message_id, mine.seq, mine.state = 'unread', mine.expires_at
    FROM doorbell_internal.first_expiry_of_feeds(parts_of_any.user_id, at) f
    CROSS JOIN LATERAL doorbell_internal.first_expiry(parts_of_any.user_id, at) e
    LEFT JOIN LATERAL (
        SELECT x.id, x.seq, x.sent_at, (v.read & doorbell_internal.bit_of(x.pos)) = 0::doorbell.chunk_bits AS is_unread
        FROM v CROSS JOIN LATERAL doorbell_internal.message_at(
            v.feed_id, doorbell_internal.pos_of(v.n, position(B'1' IN v.visible & ~ v.archived))) x
        WHERE (v.visible & ~ v.archived) <> 0::doorbell.chunk_bits
        ORDER BY x.seq DESC LIMIT 1) top ON true;
END
$$;
COMMENT ON FUNCTION doorbell_internal.parts_of_any IS 'parts_of_plain() for every user and category.';
