-- SPDX-License-Identifier: MIT
-- What a user can see. What is LANGUAGE sql here is inlined into the statements that use it, and planned once a connection with them.

CREATE OR REPLACE FUNCTION doorbell_internal.user_state(user_id text)
RETURNS TABLE (joined_pos bigint, version bigint, seq_min bigint, seen_personal bigint, seen_broadcast bigint, muted integer[])
LANGUAGE sql STABLE AS $$
    SELECT a.joined_pos, coalesce(r.version, 0), coalesce(r.seq_min, 0), coalesce(r.seen_personal, 0),
        coalesce(r.seen_broadcast, 0),
        CASE WHEN r.muted <> '{}' THEN ARRAY(
            SELECT c.id FROM doorbell.category c WHERE c.id = ANY (r.muted) AND NOT c.critical)
        ELSE '{}' END
    FROM doorbell.first_seen a LEFT JOIN doorbell.reader r ON r.user_id = a.user_id
    WHERE a.user_id = $1
$$;
COMMENT ON FUNCTION doorbell_internal.user_state IS
    'What a user sees depends on this, besides messages. No row before first contact. A category that '
    'became critical is not muted, whatever the user chose before.';

CREATE OR REPLACE FUNCTION doorbell_internal.visible_bitmaps(user_id text, joined_pos bigint, muted integer[], category integer, at timestamptz)
RETURNS TABLE (feed_id integer, joined bigint, version bigint, n bigint,
    visible bit, read bit, archived bit, ack bit, replaced bit)
LANGUAGE sql STABLE AS $$
    SELECT f.id, s.joined, f.version, c.n,
        c.live
            & (doorbell_internal.bits_after(c.n, s.joined_pos) | c.to_new)
            & (~ c.replaced | coalesce(m.read, 0::doorbell.chunk_bits))
            & ~ coalesce(m.gone, 0::doorbell.chunk_bits)
            & CASE WHEN f.expires_at > $5 THEN ~ 0::doorbell.chunk_bits ELSE ~ coalesce((
                SELECT bit_or(CASE WHEN doorbell_internal.chunk_of(x.pos) = c.n THEN doorbell_internal.bit_of(x.pos) END)
                FROM doorbell_internal.expiring_broadcasts(f.id) x WHERE x.expires_at <= $5), 0::doorbell.chunk_bits) END
            & CASE WHEN $3 = '{}' THEN ~ 0::doorbell.chunk_bits ELSE ~ coalesce((
                SELECT bit_or(x.live) FROM doorbell.chunk x
                WHERE x.feed_id = f.id AND x.category = ANY ($3) AND x.n = c.n), 0::doorbell.chunk_bits) END,
        coalesce(m.read, 0::doorbell.chunk_bits), coalesce(m.archived, 0::doorbell.chunk_bits), c.ack, c.replaced
    FROM doorbell_internal.feeds_of($1, $2) s
    JOIN doorbell.feed f ON f.id = s.feed_id
    LEFT JOIN doorbell.chunk c ON c.feed_id = f.id AND c.category = $4
    LEFT JOIN doorbell.mark m ON m.user_id = $1 AND m.feed_id = c.feed_id AND m.n = c.n
$$;
COMMENT ON FUNCTION doorbell_internal.visible_bitmaps IS
    'The chunks of a user''s feeds (one row without n for a feed that has none), category 0 for all. '
    'visible: live, new enough, not superseded before it was read, not deleted, expired or muted. '
    'Unread is visible & ~read.';

CREATE OR REPLACE FUNCTION doorbell_internal.find_visible(user_id text, ids bigint[], joined_pos bigint, muted integer[], at timestamptz)
RETURNS TABLE (id bigint, feed_id integer, pos bigint, state doorbell.inbox_state, must_ack boolean, replaced boolean)
LANGUAGE sql STABLE AS $$
    SELECT i.message_id, NULL::integer, NULL::bigint, i.state, i.must_ack, false
    FROM doorbell.inbox i
    WHERE i.message_id = ANY ($2) AND i.user_id = $1 AND i.state < 'gone'
        AND (i.expires_at IS NULL OR i.expires_at > $5) AND i.category <> ALL ($4)
    UNION ALL
    SELECT x.id, x.feed_id, x.pos,
        CASE WHEN (m.archived & doorbell_internal.bit_of(x.pos)) <> 0::doorbell.chunk_bits THEN 'archived'::doorbell.inbox_state
            WHEN (m.read & doorbell_internal.bit_of(x.pos)) <> 0::doorbell.chunk_bits THEN 'read'
            ELSE 'unread' END,
        x.must_ack, x.replaced
    -- Each chunk once, since it costs as much as there are expired broadcasts that no sweep has reached.
    FROM (
        SELECT v.feed_id, v.n, v.visible, v.read, v.archived
        FROM (SELECT DISTINCT x.feed_id, doorbell_internal.chunk_of(x.pos) AS n FROM doorbell_internal.messages($2) x WHERE x.live AND x.feed_id > 0) c
        JOIN doorbell_internal.visible_bitmaps($1, $3, $4, 0, $5) v ON v.feed_id = c.feed_id AND v.n = c.n OFFSET 0) m
    JOIN doorbell_internal.messages($2) x ON x.feed_id = m.feed_id AND doorbell_internal.chunk_of(x.pos) = m.n
    WHERE x.live AND (m.visible & doorbell_internal.bit_of(x.pos)) <> 0::doorbell.chunk_bits
$$;
COMMENT ON FUNCTION doorbell_internal.find_visible IS 'Those of the given messages that the user can see, with their state.';

CREATE OR REPLACE FUNCTION doorbell_internal.message_json(m doorbell.message, category text, seen boolean, read boolean,
    archived boolean)
RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'title', m.title, 'body', m.body, 'url', m.url,
        'category', category, 'sender', m.sender, 'extra', m.extra,
        'created_at', floor(extract(epoch FROM m.sent_at))::bigint,
        'seen', seen OR read, 'read', read, 'archived', archived,
        'ack', CASE WHEN m.must_ack THEN read END, 'group_key', m.group_key)
$$;
COMMENT ON FUNCTION doorbell_internal.message_json IS
    'A message as its user sees it. ack: null when nothing is to be acknowledged, else whether it was.';
