-- SPDX-License-Identifier: MIT
-- What changed since a list was shown. A personal message has the number with which its state last changed, a broadcast that of its
-- recall and the like, and each chunk of a user's marks has the bits of the last changes. What changes many messages at once, as
-- joining a group, muting and retention do, makes older positions too old.

CREATE OR REPLACE FUNCTION doorbell_internal.is_too_old(user_id text, p record, joined_pos bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN EXISTS (SELECT FROM doorbell.reader r
            WHERE r.user_id = is_too_old.user_id AND p.version < greatest(r.scope, r.stale_before))
        OR EXISTS (SELECT FROM doorbell_internal.feeds_of(is_too_old.user_id, is_too_old.joined_pos) x JOIN doorbell.feed f ON f.id = x.feed_id
            WHERE p.seq < f.stale_before)
        OR EXISTS (SELECT FROM doorbell.mark k
            WHERE k.user_id = is_too_old.user_id AND p.version < k.changed_since);
END
$$;
COMMENT ON FUNCTION doorbell_internal.is_too_old IS 'Whether what changed since a position can no longer be told message by message.';

CREATE OR REPLACE FUNCTION doorbell_internal.inbox_touched(user_id text, version bigint, at timestamptz, max_ids integer) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN ARRAY(
        (SELECT i.message_id FROM doorbell.inbox i
        WHERE i.user_id = inbox_touched.user_id AND i.seq > version AND i.state IN ('unread', 'read') ORDER BY i.seq LIMIT max_ids)
        UNION ALL
        (SELECT i.message_id FROM doorbell_internal.inbox_changed_since(inbox_touched.user_id, version) i LIMIT max_ids)
        UNION ALL
        (SELECT i.message_id FROM doorbell_internal.inbox_expired(inbox_touched.user_id, at) i LIMIT max_ids));
END
$$;
COMMENT ON FUNCTION doorbell_internal.inbox_touched IS
    'Personal messages that came or changed after a version, or have expired, max_ids of each kind.';

CREATE OR REPLACE FUNCTION doorbell_internal.broadcasts_touched(user_id text, joined_pos bigint, version bigint, seq bigint, at timestamptz,
    max_ids integer)
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    found record;
BEGIN
    -- Those from before the user joined count, since they may be what a limit leaves no room for. Each may be found four times.
    SELECT count(DISTINCT x.id) AS n, array_agg(x.id) FILTER (WHERE x.pos > x.joined_pos OR x.to_new) AS ids INTO found FROM (
        SELECT t.*, f.joined_pos FROM doorbell_internal.feeds_of(broadcasts_touched.user_id, broadcasts_touched.joined_pos) f CROSS JOIN LATERAL (
            (SELECT b.id, b.pos, b.to_new FROM doorbell_internal.broadcasts_since(f.feed_id, broadcasts_touched.seq) b LIMIT max_ids)
            UNION ALL
            (SELECT b.id, b.pos, b.to_new FROM doorbell_internal.broadcasts_changed_since(f.feed_id, broadcasts_touched.seq) b LIMIT max_ids)
            UNION ALL
            (SELECT b.id, b.pos, b.to_new FROM doorbell_internal.expiring_broadcasts(f.feed_id) b WHERE b.expires_at <= at LIMIT max_ids)
            UNION ALL
            (SELECT b.id, b.pos, b.to_new FROM doorbell.mark k CROSS JOIN LATERAL generate_series(1, length(k.changed)) i
            CROSS JOIN LATERAL doorbell_internal.message_at(k.feed_id, doorbell_internal.pos_of(k.n, i)) b
            WHERE k.user_id = broadcasts_touched.user_id AND k.feed_id = f.feed_id AND k.version > broadcasts_touched.version
                AND get_bit(k.changed, i - 1) = 1 LIMIT max_ids)
        ) t LIMIT 4 * max_ids) x;
    RETURN CASE WHEN found.n < max_ids THEN coalesce(found.ids, '{}') END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.broadcasts_touched IS
    'Broadcasts in a user''s feeds that came or changed after a seq, have expired, or were marked after a version, and those marked shortly '
    'before. Null: they are max_ids or more, with those from before the user joined.';

CREATE OR REPLACE FUNCTION doorbell_internal.touched_since(user_id text, me doorbell_internal.user_state, p record, max_ids integer)
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    own constant bigint[] := doorbell_internal.inbox_touched(user_id, p.version, me.at, max_ids);
    broadcasts constant bigint[] := doorbell_internal.broadcasts_touched(user_id, me.joined_pos, p.version, p.seq, me.at, max_ids);
    ids bigint[];
BEGIN
    IF broadcasts IS NOT NULL THEN
        ids := ARRAY(SELECT DISTINCT t.id FROM unnest(own || broadcasts) t (id));
    END IF;
    RETURN CASE WHEN cardinality(ids) < max_ids THEN ids END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.touched_since IS
    'All messages that may differ from what a list with this position showed. Null: max_ids or more do.';

CREATE OR REPLACE FUNCTION doorbell_internal.pick_shown(user_id text, ids bigint[], me doorbell_internal.user_state, category integer,
    states doorbell.inbox_state[], OUT shown bigint[], OUT mine bigint[], OUT feed_ids integer[], OUT positions bigint[], OUT reads boolean[])
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF cardinality(ids) > 0 THEN
        SELECT array_agg(v.id), array_agg(v.id) FILTER (WHERE v.feed_id IS NULL), array_agg(v.feed_id ORDER BY v.id) FILTER (WHERE v.feed_id IS NOT NULL),
            array_agg(v.pos ORDER BY v.id) FILTER (WHERE v.feed_id IS NOT NULL),
            array_agg(v.state <> 'unread' ORDER BY v.id) FILTER (WHERE v.feed_id IS NOT NULL)
        INTO shown, mine, feed_ids, positions, reads
        FROM doorbell_internal.find_visible(pick_shown.user_id, ids, me.joined_pos, me.muted, me.at) v
        JOIN doorbell_internal.messages(ids) m ON m.id = v.id
        WHERE v.state = ANY (states) AND (pick_shown.category = 0 OR m.category = pick_shown.category);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.pick_shown IS 'Those of the messages that a list shows, and what list_page() takes of them.';

CREATE OR REPLACE FUNCTION doorbell_internal.ids_gone(ids bigint[], shown bigint[], version bigint, seq bigint) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT m.id FROM doorbell_internal.messages(ids) m
        WHERE m.id <> ALL (coalesce(shown, '{}')) AND m.seq <= CASE WHEN m.feed_id IS NULL THEN ids_gone.version ELSE ids_gone.seq END ORDER BY m.id);
END
$$;
COMMENT ON FUNCTION doorbell_internal.ids_gone IS
    'Those that the list does not show, but may have shown: that are not newer than it was, or than the first of its messages, since a later '
    'page shows what was under way at the first.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_anew(list json) RETURNS json
LANGUAGE sql IMMUTABLE AS $$
    SELECT json_build_object('reset', true, 'messages', $1 -> 'messages', 'gone', '[]'::json, 'all_seen', false, 'next', $1 -> 'next',
        'position', $1 -> 'position', 'num', $1 -> 'num', 'version', $1 -> 'version', 'seq', $1 -> 'seq')
$$;
COMMENT ON FUNCTION doorbell_internal.list_anew IS 'A page of doorbell.list() with which a reader starts again.';

CREATE OR REPLACE FUNCTION doorbell.list_after(user_id text, "position" text, state text DEFAULT 'all', category text DEFAULT NULL,
    max_rows integer DEFAULT 100, language text DEFAULT NULL, accepted text[] DEFAULT '{}')
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    states constant inbox_state[] := list_states(list_after.state, max_rows, false, NULL);
    wanted constant integer := category_id(list_after.category);
    p record;
    me user_state;
    total record;
    basis text;
    has_seen_all boolean;
    ids bigint[];
    picked record;
    page record;
BEGIN
    SELECT * INTO p FROM read_position(list_after.user_id, list_after."position");
    SELECT s.*, statement_timestamp() INTO me FROM user_state(list_after.user_id) s;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    basis := list_basis(list_after.user_id, list_after.state, wanted, me.joined_pos);
    has_seen_all := me.seen_personal >= p.version AND me.seen_broadcast >= p.seq;
    IF p.basis = basis AND p.version <= me.version
        AND (has_seen_all OR (me.seen_personal = p.seen_personal AND me.seen_broadcast = p.seen_broadcast))
        AND NOT is_too_old(list_after.user_id, p, me.joined_pos)
    THEN
        SELECT * INTO total FROM unread(list_after.user_id);
        ids := CASE WHEN p.seq <= total.seq THEN touched_since(list_after.user_id, me, p, 1000) END;
    END IF;
    picked := pick_shown(list_after.user_id, ids, me, wanted, states);
    IF ids IS NULL OR cardinality(picked.shown) > max_rows THEN
        RETURN list_anew(list(list_after.user_id, list_after.state, list_after.category, NULL, max_rows, list_after.language, list_after.accepted));
    END IF;
    SELECT * INTO page FROM list_page(list_after.user_id, list_after.state, me.seen_personal, me.seen_broadcast,
        picked.mine, picked.feed_ids, picked.positions, picked.reads, NULL, list_after.max_rows, list_after.language, list_after.accepted);
    RETURN json_build_object('reset', false, 'messages', page.messages,
        'gone', ids_gone(ids, picked.shown, greatest(p.version, p.cut), greatest(p.seq, p.cut)), 'all_seen', has_seen_all, 'next', NULL,
        'position', make_position(list_after.user_id, greatest(p.cut, page.first), total.version, total.seq, greatest(wanted, 0),
            CASE WHEN p.nothing THEN 1 ELSE 0 END, basis, me.seen_personal, me.seen_broadcast),
        'num', total.num, 'version', total.version, 'seq', total.seq);
END
$$;
COMMENT ON FUNCTION doorbell.list_after IS
    'What changed since doorbell.list(), or this function, returned the position of a first page of the same state and category, as one JSON '
    'document. messages: those that are new or have changed, as they are now; gone: ids of those that the list no longer shows, and perhaps of '
    'some that it never showed; all_seen: all that was shown at the position has been seen; and position, num, version, seq. reset: true when '
    'that is more than max_rows (1 to 100) messages or can no longer be told, as after the user joined a group, muted a category or chose a '
    'language, after a template changed, or after retention deleted messages of theirs: then messages is the first page as '
    'doorbell.list() returns it, with its next, and what was known before is void. NULL: call doorbell.register() first. '
    'One snapshot, no write, no lock. DB422.';
