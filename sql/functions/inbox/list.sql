-- SPDX-License-Identifier: MIT
-- The list, and one message.

CREATE OR REPLACE FUNCTION doorbell_internal.category_id(name text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN name IS NULL THEN 0 ELSE
        coalesce((SELECT c.id FROM doorbell.category c WHERE c.name = $1), -1) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.category_id IS '0 for none, -1 for one that does not exist.';

CREATE OR REPLACE FUNCTION doorbell_internal.newest_personal(user_id text, states doorbell.inbox_state[], category integer,
    muted integer[], below bigint, depth integer, at timestamptz)
RETURNS TABLE (message_id bigint, seq bigint, group_key text, is_last boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF newest_personal.category = 0 AND muted = '{}' THEN
        RETURN QUERY
        SELECT i.message_id, i.seq, i.group_key, row_number() OVER (PARTITION BY s.state ORDER BY i.seq DESC) = depth
        FROM unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT x.message_id, x.seq, x.group_key FROM doorbell.inbox x
            WHERE x.user_id = newest_personal.user_id AND x.state = s.state AND x.seq < below
                AND (x.expires_at IS NULL OR x.expires_at > at)
            ORDER BY x.seq DESC LIMIT depth) i;
    ELSE
        RETURN QUERY
        SELECT i.message_id, i.seq, i.group_key, row_number() OVER (PARTITION BY t.category, s.state ORDER BY i.seq DESC) = depth
        FROM doorbell.unread_count t CROSS JOIN unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT x.message_id, x.seq, x.group_key FROM doorbell.inbox x
            WHERE x.user_id = newest_personal.user_id AND x.category = t.category AND x.state = s.state
                AND x.seq < below AND (x.expires_at IS NULL OR x.expires_at > at)
            ORDER BY x.seq DESC LIMIT depth) i
        WHERE t.user_id = newest_personal.user_id AND t.category <> ALL (muted)
            AND (newest_personal.category = 0 OR t.category = newest_personal.category);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.newest_personal IS
    'The newest personal messages, depth of each state, and of each category where these count. is_last: one that may have further ones below it.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_personal(user_id text, states doorbell.inbox_state[], category integer,
    muted integer[], below bigint, max_rows integer, at timestamptz)
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT p.message_id FROM doorbell_internal.newest_personal(user_id, states, category, muted, below, max_rows, at) p);
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_personal IS 'The newest max_rows personal messages of each state, and more where categories count.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_broadcasts(user_id text, list_state text, joined_pos bigint, category integer,
    muted integer[], below bigint, max_rows integer, at timestamptz,
    OUT feed_ids integer[], OUT positions bigint[], OUT reads boolean[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    map record;
    feed integer := 0;
    room integer;
    bits doorbell.chunk_bits;
    i integer;
BEGIN
    -- Chunks downwards: what is not wanted costs a bit, not a row.
    FOR map IN
        SELECT m.feed_id, m.n, m.read,
            m.visible & CASE list_state WHEN 'all' THEN ~ m.archived WHEN 'unread' THEN ~ m.read ELSE m.archived END
            & CASE WHEN below IS NULL THEN ~ 0::doorbell.chunk_bits ELSE ~ doorbell_internal.bits_after(m.n, top.pos) END AS bits
        FROM doorbell_internal.visible_bitmaps(user_id, joined_pos, muted, category, at) m
        -- Apart, since a function with a subquery for an argument is not inlined.
        CROSS JOIN LATERAL (
            SELECT CASE WHEN below IS NOT NULL THEN coalesce((
                SELECT x.pos FROM doorbell_internal.last_broadcast(m.feed_id, below - 1) x), -1) END AS pos OFFSET 0) top
        ORDER BY m.feed_id, m.n DESC
    LOOP
        IF map.feed_id <> feed THEN
            feed := map.feed_id;
            room := max_rows;
        END IF;
        bits := map.bits;
        LOOP
            i := position(B'1' IN bits);
            EXIT WHEN coalesce(i, 0) = 0 OR room = 0;
            bits := set_bit(bits, i - 1, 0);
            room := room - 1;
            feed_ids := feed_ids || feed;
            positions := positions || doorbell_internal.pos_of(map.n, i);
            reads := reads || (get_bit(map.read, i - 1) = 1);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_broadcasts IS 'The newest max_rows broadcasts of each feed; below is null for the first page.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_page(user_id text, list_state text, seen_personal bigint, seen_broadcast bigint,
    mine bigint[], feed_ids integer[], positions bigint[], reads boolean[], bottom bigint, max_rows integer, language text, accepted text[])
RETURNS TABLE (messages json, first bigint, next bigint)
LANGUAGE sql STABLE AS $$
    WITH picked AS (
        SELECT i.message_id AS id, i.seq, i.seq <= $3 AS seen, i.state <> 'unread' AS read
        FROM doorbell.inbox i WHERE i.message_id = ANY ($5) AND i.user_id = $1
        UNION ALL
        SELECT x.id, x.seq, x.seq <= $4, p.read
        FROM unnest($6, $7, $8) p (feed_id, pos, read)
        CROSS JOIN LATERAL doorbell_internal.message_at(p.feed_id, p.pos) x
        WHERE $9 IS NULL OR x.seq > $9
        ORDER BY seq DESC LIMIT $10 + 1
    ), numbered AS (
        SELECT picked.*, row_number() OVER (ORDER BY seq DESC) AS nth FROM picked
    )
    SELECT coalesce(json_agg(doorbell_internal.message_json(l.m, c.name, p.seen, p.read, $2 = 'archived') ORDER BY p.seq DESC)
            FILTER (WHERE p.nth <= $10), '[]'),
        max(p.seq), CASE WHEN count(*) > $10 THEN min(p.seq) FILTER (WHERE p.nth <= $10) ELSE $9 END
    FROM numbered p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN doorbell_internal.lacks_texts(x) THEN doorbell_internal.with_texts(x, $1, $11, $12) ELSE x END
        FROM doorbell.message x WHERE x.id = p.id OFFSET 0) l (m)
    LEFT JOIN doorbell.category c ON c.id = (l.m).category
$$;
COMMENT ON FUNCTION doorbell_internal.list_page IS
    'The newest max_rows of what list_personal() and list_broadcasts() found, but of broadcasts only those above bottom (null: all), the '
    'number of the first, and that below which the next page begins, null on the last. Inlined.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_states(state text, max_rows integer, is_grouped boolean, group_key text)
RETURNS doorbell.inbox_state[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    states constant doorbell.inbox_state[] := CASE list_states.state WHEN 'all' THEN '{unread,read}' WHEN 'unread' THEN '{unread}'
        WHEN 'archived' THEN '{archived}' END;
BEGIN
    IF states IS NULL THEN
        RAISE EXCEPTION 'state is one of all, unread, archived' USING ERRCODE = 'DB422';
    END IF;
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'limit is 1 to 100' USING ERRCODE = 'DB422';
    END IF;
    IF group_key IS NOT NULL THEN
        IF is_grouped THEN
            RAISE EXCEPTION 'group_key lists the members of a group, each as a row: leave out grouped' USING ERRCODE = 'DB422';
        END IF;
        PERFORM doorbell_internal.check_text('group_key', group_key, 255);
    END IF;
    RETURN states;
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_states IS 'Of the personal messages of a list; DB422 if it cannot be had.';

CREATE OR REPLACE FUNCTION doorbell.list(user_id text, state text DEFAULT 'all', category text DEFAULT NULL,
    before text DEFAULT NULL, max_rows integer DEFAULT 20, language text DEFAULT NULL, accepted text[] DEFAULT '{}',
    grouped boolean DEFAULT false, group_key text DEFAULT NULL)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    tag constant text := user_tag(list.user_id);
    wanted constant integer := category_id(list.category);
    states constant inbox_state[] := list_states(list.state, max_rows, grouped, list.group_key);
    below constant bigint := CASE WHEN before IS NOT NULL THEN read_cursor(list.user_id, before) END;
    cut constant bigint := coalesce(below, 9223372036854775807);
    me record;
    total record;
    mine bigint[];
    bottom bigint;
    feeds record;
    page record;
BEGIN
    SELECT * INTO me FROM user_state(list.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread(list.user_id);
    -- One more than is shown tells whether there is another page.
    IF grouped THEN
        SELECT g.ids, g.bottom INTO mine, bottom FROM list_grouped(list.user_id, states, wanted, me.muted, cut, max_rows + 1, at) g;
    ELSIF list.group_key IS NOT NULL THEN
        mine := list_of_group(list.user_id, list.group_key, states, wanted, me.muted, cut, max_rows + 1, at);
    ELSE
        mine := list_personal(list.user_id, states, wanted, me.muted, cut, max_rows + 1, at);
    END IF;
    feeds := list_broadcasts(list.user_id, list.state, me.joined_pos, wanted, me.muted, below,
        CASE WHEN list.group_key IS NULL THEN max_rows + 1 ELSE 0 END, at);
    SELECT * INTO page FROM list_page(list.user_id, list.state, me.seen_personal, me.seen_broadcast, mine,
        feeds.feed_ids, feeds.positions, feeds.reads, bottom, list.max_rows, list.language, list.accepted);
    RETURN json_build_object(
        'messages', CASE WHEN grouped THEN with_groups(page.messages, list.user_id, states, wanted, me.muted, at) ELSE page.messages END,
        'next', CASE WHEN page.next IS NOT NULL THEN concat_ws('-', 'c1', tag, page.next) END,
        'position', make_position(list.user_id, coalesce(page.first, 0), total.version, total.seq, greatest(wanted, 0),
            CASE WHEN list.state = 'archived' OR wanted < 0 THEN 1 WHEN list.group_key IS NOT NULL THEN 2 ELSE 0 END,
            CASE WHEN below IS NULL AND NOT grouped AND list.group_key IS NULL
                THEN list_basis(list.user_id, list.state, wanted, me.joined_pos) END, me.seen_personal, me.seen_broadcast),
        'num', total.num, 'version', total.version, 'seq', total.seq);
END
$$;
COMMENT ON FUNCTION doorbell.list IS
    'A page of the user''s messages, newest first, as one JSON document: messages, next (pass it as '
    'before for the following page, null on the last), position (for mark_read_upto and mark_seen), num, '
    'version, seq. state: all (unread and read), unread, or archived. Never shown: deleted, expired, '
    'recalled, superseded and muted ones. grouped: of messages with the same group_key only the newest is listed, each message with its group, '
    'and a page may have fewer than max_rows, even none, before the last. group_key: only the messages that have it. max_rows is 1 to 100. language (BCP 47) is the reader''s, for texts that come from '
    'templates; null: that of their preferences, or else the best of accepted. NULL: call doorbell.register() first. '
    'One snapshot, no write, no lock.';

CREATE OR REPLACE FUNCTION doorbell.message(user_id text, id bigint, language text DEFAULT NULL, accepted text[] DEFAULT '{}')
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    me record;
    shown json;
BEGIN
    SELECT * INTO me FROM user_state(message.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT message_json(CASE WHEN lacks_texts(m) THEN with_texts(m, message.user_id, message.language, message.accepted) ELSE m END,
        c.name, m.seq <= CASE WHEN m.feed_id IS NULL THEN me.seen_personal ELSE me.seen_broadcast END,
        l.state <> 'unread', l.state = 'archived')
    INTO shown
    FROM find_visible(message.user_id, ARRAY[message.id], me.joined_pos, me.muted, statement_timestamp()) l
    JOIN doorbell.message m ON m.id = l.id LEFT JOIN category c ON c.id = m.category;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this user has no such message' USING ERRCODE = 'DB404';
    END IF;
    RETURN shown;
END
$$;
COMMENT ON FUNCTION doorbell.message(text, bigint, text, text[]) IS
    'One message as in doorbell.list; DB404 unless the user can see it. NULL: call doorbell.register() first.';
