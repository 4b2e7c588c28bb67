-- SPDX-License-Identifier: MIT
-- Marking a long history: everything, or everything up to a position; put_away.sql archives and deletes so. It goes from the newest message to older ones,
-- so a part of it ends at a number from which the next part goes on, and a part holds the user's lock for at most
-- max_rows personal messages. Broadcasts are bits, of which a chunk has many: the first part marks all of them.
--
-- The default of max_rows is no setting of doorbell-app: no reply depends on it, and what it bounds is how long one
-- user waits for their own lock. Callers of the functions choose their own.

CREATE OR REPLACE FUNCTION doorbell.mark_read_upto(user_id text, "position" text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM read_position(user_id, "position");
    RETURN QUERY SELECT p.num, p.version, p.seq, p.changed FROM mark_part(user_id, 'read', "position", '{unread}', 0, NULL, NULL) p;
END
$$;
COMMENT ON FUNCTION doorbell.mark_read_upto IS
    'Marks read what a list showed, and what is older. position comes from doorbell.list(), with its '
    'category; nothing that the list could not show is marked, whatever has been committed meanwhile. DB422.';

CREATE OR REPLACE FUNCTION doorbell.mark_read_all(user_id text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT p.num, p.version, p.seq, p.changed FROM mark_part(user_id, 'read', NULL, '{unread}', 0, NULL, NULL) p; END$$;
COMMENT ON FUNCTION doorbell.mark_read_all IS
    'Marks everything read that the user can see and that need not be acknowledged.';

CREATE OR REPLACE FUNCTION doorbell.mark_unread_all(user_id text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN QUERY SELECT p.num, p.version, p.seq, p.changed FROM mark_part(user_id, 'unread', NULL, '{read}', 0, NULL, NULL) p; END$$;
COMMENT ON FUNCTION doorbell.mark_unread_all IS
    'Makes everything unread again but what is archived, acknowledged or superseded.';

CREATE OR REPLACE FUNCTION doorbell.mark_read_part(user_id text, "position" text, max_rows integer DEFAULT 500, group_key text DEFAULT NULL)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM check_part(max_rows), check_text('group_key', group_key, 255);
    RETURN QUERY SELECT * FROM mark_part(user_id, 'read', "position", '{unread}', 0, max_rows, group_key);
END
$$;
COMMENT ON FUNCTION doorbell.mark_read_part IS
    'mark_read_upto() a position, or mark_read_all() without one, in transactions of their own that each look at '
    'max_rows (1 to 10,000) personal messages: call it again with next for a position until next is null. What comes '
    'between two parts is not marked. group_key: only messages with it. DB422.';

CREATE OR REPLACE FUNCTION doorbell.mark_unread_part(user_id text, "position" text, max_rows integer DEFAULT 500)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM check_part(max_rows);
    RETURN QUERY SELECT * FROM mark_part(user_id, 'unread', "position", '{read}', 0, max_rows, NULL);
END
$$;
COMMENT ON FUNCTION doorbell.mark_unread_part IS 'mark_unread_all() in parts, as doorbell.mark_read_part() does it. DB422.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_part(max_rows integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'max_rows is 1 to 10000' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.mark_part(user_id text, action text, "position" text, states doorbell.inbox_state[],
    wanted integer, max_rows integer, group_key text)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer, next text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    newest constant bigint := 9223372036854775807; -- that a position can hold
    p record;
    me doorbell_internal.user_state;
    hidden integer[];
    looked bigint;
    oldest bigint;
    marked integer := 0;
BEGIN
    IF "position" IS NOT NULL THEN
        SELECT * INTO p FROM doorbell_internal.read_position(mark_part.user_id, "position");
    END IF;
    me := doorbell_internal.begin_change(mark_part.user_id);
    IF "position" IS NULL THEN
        SELECT newest AS cut, me.version AS version, newest AS seq, 0 AS category, false AS nothing, false AS only_group INTO p;
    END IF;
    IF wanted <> 0 THEN
        p.nothing := p.nothing OR wanted < 0 OR p.category NOT IN (0, wanted);
        p.category := wanted;
    END IF;
    IF NOT p.nothing AND (group_key IS NOT NULL OR NOT p.only_group) THEN
        -- What was muted when that list was returned could not be seen in it.
        hidden := me.muted || ARRAY(
            SELECT u.category FROM doorbell.unmute u WHERE u.user_id = mark_part.user_id AND u.seq > p.version);
        SELECT * INTO looked, oldest, marked FROM doorbell_internal.mark_inbox_up_to(mark_part.user_id, action, me.at,
            least(p.cut, p.version), states, p.category, hidden, max_rows, mark_part.group_key);
        marked := marked + doorbell_internal.mark_feeds_up_to(mark_part.user_id, action, me, p.cut, p.version,
            CASE WHEN group_key IS NULL THEN p.seq ELSE 0 END, states, p.category, hidden);
    END IF;
    RETURN QUERY SELECT e.*, CASE WHEN looked = max_rows THEN doorbell_internal.make_position(
        mark_part.user_id, oldest - 1, p.version, 0, p.category, CASE WHEN group_key IS NULL THEN 0 ELSE 2 END) END
    FROM doorbell_internal.end_change(mark_part.user_id, marked) e;
END
$$;
COMMENT ON FUNCTION doorbell_internal.mark_part IS
    'Acts on what is in one of these states (unread, read) up to a position, of the wanted category (0: of any), and of the group (null: of any or none): on at most '
    'max_rows personal messages (null: on all), and on broadcasts. next is the position of the rest: it has seq 0, since no broadcast is left. A group joined after the '
    'list is skipped.';

CREATE OR REPLACE FUNCTION doorbell_internal.inbox_up_to(user_id text, state doorbell.inbox_state, cut bigint, category integer, max_rows integer, group_key text)
RETURNS SETOF doorbell.inbox
LANGUAGE sql STABLE AS $$
    (SELECT * FROM doorbell.inbox i WHERE $6 IS NULL AND $4 = 0 AND i.user_id = $1 AND i.state = $2 AND i.seq <= $3
    ORDER BY i.seq DESC LIMIT $5)
    UNION ALL
    (SELECT * FROM doorbell.inbox i WHERE $6 IS NULL AND $4 > 0 AND i.user_id = $1 AND i.category = $4 AND i.state = $2 AND i.seq <= $3
    ORDER BY i.seq DESC LIMIT $5)
    UNION ALL
    (SELECT i.* FROM doorbell_internal.group_members($1, $6, $2) i WHERE $6 IS NOT NULL AND i.seq <= $3 AND ($4 = 0 OR i.category = $4)
    ORDER BY i.seq DESC LIMIT $5)
$$;
COMMENT ON FUNCTION doorbell_internal.inbox_up_to IS
    'Personal messages in a state, in a category (0: in any) and with a group_key (null: whatever they have), from number cut downwards. One of the three '
    'runs, by its index.';

CREATE OR REPLACE FUNCTION doorbell_internal.mark_inbox_up_to(user_id text, action text, at timestamptz, cut bigint,
    states doorbell.inbox_state[], wanted integer, hidden integer[], max_rows integer, group_key text)
RETURNS TABLE (looked bigint, oldest bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    ids bigint[];
BEGIN
    SELECT count(*), min(i.seq), array_agg(i.message_id) FILTER (
        WHERE (i.expires_at IS NULL OR i.expires_at > at) AND i.category <> ALL (hidden))
    INTO looked, oldest, ids
    FROM (
        SELECT x.* FROM unnest(states) s (state)
        CROSS JOIN LATERAL doorbell_internal.inbox_up_to(mark_inbox_up_to.user_id, s.state, cut, wanted, max_rows,
            mark_inbox_up_to.group_key) x
        ORDER BY x.seq DESC LIMIT max_rows) i;
    changed := CASE WHEN ids IS NULL THEN 0 ELSE doorbell_internal.change_inbox(mark_inbox_up_to.user_id, action, ids) END;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.mark_inbox_up_to IS
    'Acts on those of at most max_rows personal messages that it may. looked: how many there were; oldest: the last one''s number.';

CREATE OR REPLACE FUNCTION doorbell_internal.mark_feeds_up_to(user_id text, action text, me doorbell_internal.user_state,
    cut bigint, known_version bigint, known_seq bigint, states doorbell.inbox_state[], wanted integer, hidden integer[])
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    feeds record;
BEGIN
    IF known_seq = 0 THEN
        RETURN 0;
    END IF;
    SELECT array_agg(m.feed_id) AS feed_ids, array_agg(m.n) AS ns, array_agg(
        ~ doorbell_internal.bits_after(m.n, top.pos)
        & ~ m.archived
        & CASE states WHEN '{unread}' THEN ~ m.read WHEN '{read}' THEN m.read ELSE ~ 0::doorbell.chunk_bits END
        & CASE WHEN hidden = me.muted THEN ~ 0::doorbell.chunk_bits ELSE ~ coalesce((
            SELECT bit_or(c.live) FROM doorbell.chunk c
            WHERE c.feed_id = m.feed_id AND c.category = ANY (hidden) AND c.n = m.n), 0::doorbell.chunk_bits) END
        ) AS bits
    INTO feeds
    FROM doorbell_internal.visible_bitmaps(mark_feeds_up_to.user_id, me.joined_pos, me.muted, wanted, me.at) m
    -- Apart, since a function with a subquery for an argument is not inlined.
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT x.pos FROM doorbell_internal.last_broadcast(m.feed_id, least(cut, known_seq)) x), -1) AS pos OFFSET 0) top
    WHERE m.joined <= known_version AND m.visible <> 0::doorbell.chunk_bits;
    IF wanted > 0 THEN
        SELECT array_agg(s.feed_id) AS feed_ids, array_agg(s.n) AS ns, array_agg(s.bits & c.live) AS bits INTO feeds
        FROM unnest(feeds.feed_ids, feeds.ns, feeds.bits) s (feed_id, n, bits)
        JOIN doorbell.chunk c ON c.feed_id = s.feed_id AND c.category = wanted AND c.n = s.n;
    END IF;
    RETURN CASE WHEN feeds.ns IS NULL THEN 0 ELSE doorbell_internal.change_marks(
        mark_feeds_up_to.user_id, action, me, feeds.feed_ids, feeds.ns, feeds.bits) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.mark_feeds_up_to IS
    'Acts on the broadcasts up to number cut that a list with this version and seq could show (wanted: only that '
    'category; 0: any).';
