-- SPDX-License-Identifier: MIT
-- How a change of a user's state begins and ends, and what an action does.

CREATE OR REPLACE FUNCTION doorbell_internal.begin_change(user_id text) RETURNS doorbell_internal.user_state
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    me doorbell_internal.user_state;
BEGIN
    PERFORM doorbell.register(begin_change.user_id);
    PERFORM doorbell_internal.lock_readers(ARRAY[begin_change.user_id]);
    SELECT s.*, clock_timestamp() INTO me FROM doorbell_internal.user_state(begin_change.user_id) s;
    RETURN me;
END
$$;
COMMENT ON FUNCTION doorbell_internal.begin_change IS
    'Locks a user and returns their state. One who is not registered is, now.';

CREATE OR REPLACE FUNCTION doorbell_internal.end_change(user_id text, changes integer)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF changes > 0 THEN
        PERFORM doorbell_internal.touch_readers(ARRAY[user_id], nextval('doorbell.seq'));
    END IF;
    RETURN QUERY SELECT u.num, u.version, u.seq, changes FROM doorbell_internal.unread_until(user_id, NULL, 0) u;
END
$$;
COMMENT ON FUNCTION doorbell_internal.end_change IS 'Closes a change: new version and ring if there was one. Returns the new state.';

-- An action, for the state of personal rows: to which state, from which states, and whether it is for
-- messages that must be acknowledged. change_marks() says the same for bits.
CREATE OR REPLACE FUNCTION doorbell_internal.action_rule(action text)
RETURNS TABLE (target doorbell.inbox_state, sources doorbell.inbox_state[], acks boolean)
LANGUAGE sql IMMUTABLE AS $$
    SELECT r.target, r.sources, r.action = 'ack' FROM (VALUES
        ('read', 'read'::doorbell.inbox_state, '{unread}'::doorbell.inbox_state[]),
        ('ack', 'read', '{unread}'),
        ('unread', 'unread', '{read,archived}'),
        ('archive', 'archived', '{unread,read}'),
        ('remove', 'gone', '{unread,read,archived}')
    ) r (action, target, sources)
    WHERE r.action = $1
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_action(action text, state doorbell.inbox_state, must_ack boolean, replaced boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF action = 'ack' AND NOT must_ack THEN
        RAISE EXCEPTION 'this message is not to be acknowledged' USING ERRCODE = 'DB409';
    ELSIF action IN ('read', 'archive', 'remove') AND must_ack AND state = 'unread' THEN
        RAISE EXCEPTION 'this message must be acknowledged first' USING ERRCODE = 'DB409';
    ELSIF action = 'unread' AND must_ack AND state <> 'unread' THEN
        RAISE EXCEPTION 'this message was acknowledged' USING ERRCODE = 'DB409';
    ELSIF action = 'unread' AND replaced AND state <> 'unread' THEN
        RAISE EXCEPTION 'this message was superseded by a newer one' USING ERRCODE = 'DB409';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.has_removed(user_id text, ids bigint[], at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM doorbell_internal.messages($2) m
        LEFT JOIN doorbell.inbox i ON i.message_id = m.id AND i.user_id = $1
        LEFT JOIN doorbell.mark k ON k.user_id = $1 AND k.feed_id = m.feed_id AND k.n = doorbell_internal.chunk_of(m.pos)
        WHERE m.live AND (m.expires_at IS NULL OR m.expires_at > $3) AND $1 <> ALL (coalesce(m.excepted, '{}'))
            AND (i.state = 'gone' OR (k.gone & doorbell_internal.bit_of(m.pos)) <> 0::doorbell.chunk_bits))
$$;
COMMENT ON FUNCTION doorbell_internal.has_removed IS
    'Whether the user has deleted one of these messages. Not known of one that was recalled or has expired: its row '
    'would be the same.';

CREATE OR REPLACE FUNCTION doorbell_internal.change_ids(user_id text, action text, me doorbell_internal.user_state,
    ids bigint[], mode text)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    one record;
    found_ids bigint[];
    own bigint[];
    feeds record;
    changed integer := 0;
BEGIN
    IF mode = 'one' THEN
        SELECT * INTO one FROM doorbell_internal.find_visible(change_ids.user_id, change_ids.ids, me.joined_pos, me.muted, me.at);
        IF FOUND THEN
            PERFORM doorbell_internal.check_action(action, one.state, one.must_ack, one.replaced);
            found_ids := ARRAY[one.id];
            own := CASE WHEN one.feed_id IS NULL THEN found_ids END;
        END IF;
    ELSE
        SELECT array_agg(l.id), array_agg(l.id) FILTER (WHERE l.feed_id IS NULL) INTO found_ids, own
        FROM doorbell_internal.find_visible(change_ids.user_id, change_ids.ids, me.joined_pos, me.muted, me.at) l;
    END IF;
    IF found_ids IS NULL AND mode <> 'any' THEN
        -- A web server repeats a DELETE by itself when an app ends during it.
        IF action = 'remove' AND doorbell_internal.has_removed(change_ids.user_id, change_ids.ids, me.at) THEN
            RETURN 0;
        END IF;
        RAISE EXCEPTION 'this user has no such message' USING ERRCODE = 'DB404';
    END IF;
    IF own IS NOT NULL THEN
        changed := doorbell_internal.change_inbox(change_ids.user_id, action, own);
    END IF;
    IF cardinality(found_ids) > coalesce(cardinality(own), 0) THEN
        SELECT array_agg(s.feed_id) AS feed_ids, array_agg(s.n) AS ns, array_agg(s.bits) AS bits INTO feeds
        FROM (
            SELECT x.feed_id, doorbell_internal.chunk_of(x.pos) AS n, bit_or(doorbell_internal.bit_of(x.pos)) AS bits
            FROM doorbell_internal.messages(found_ids) x WHERE x.feed_id IS NOT NULL GROUP BY 1, 2
        ) s;
        changed := changed + doorbell_internal.change_marks(change_ids.user_id, action, me,
            feeds.feed_ids, feeds.ns, feeds.bits);
    END IF;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.change_ids IS
    'Acts on messages by id. mode one: DB404 and DB409 where it cannot; some: DB404 if none is the user''s; any: never.';

CREATE OR REPLACE FUNCTION doorbell_internal.change_inbox(user_id text, action text, ids bigint[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    rule record;
    changed integer;
BEGIN
    SELECT * INTO rule FROM doorbell_internal.action_rule(action);
    WITH old AS MATERIALIZED (
        SELECT i.place, i.state, i.category
        FROM (SELECT DISTINCT id FROM unnest(ids) u (id)) u CROSS JOIN LATERAL (
            SELECT x.ctid AS place, x.state, x.category, x.must_ack FROM doorbell.inbox x
            WHERE x.message_id = u.id AND x.user_id = change_inbox.user_id OFFSET 0) i
        WHERE i.state = ANY (rule.sources)
            AND CASE WHEN rule.acks THEN i.must_ack
                ELSE NOT i.must_ack OR (i.state <> 'unread' AND rule.target <> 'unread') END
    ), new AS (
        -- By their places, which nobody changes while the user is locked: a second look-up would cost as much as the rest.
        UPDATE doorbell.inbox i
        SET state = rule.target, changed = (SELECT r.version + 1 FROM doorbell.reader r WHERE r.user_id = change_inbox.user_id)
        WHERE i.ctid = ANY (ARRAY(SELECT old.place FROM old))
    ), counted AS (
        UPDATE doorbell.unread_count t SET unread = t.unread + s.step
        FROM (
            SELECT old.category, sum((rule.target = 'unread')::integer - (old.state = 'unread')::integer) AS step
            FROM old GROUP BY 1
        ) s
        WHERE t.user_id = change_inbox.user_id AND t.category = s.category AND s.step <> 0
    )
    SELECT count(*) INTO changed FROM old;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.change_inbox IS
    'Acts on personal messages of a locked user, which the caller has found visible. Returns how many changed.';

CREATE OR REPLACE FUNCTION doorbell_internal.change_marks(user_id text, action text, me doorbell_internal.user_state,
    feed_ids integer[], ns bigint[], chosen bit[])
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    changed integer;
BEGIN
    WITH change AS (
        SELECT m.feed_id, m.n, m.read, m.archived, s.bits & m.visible & CASE action
            WHEN 'read' THEN ~ m.read & ~ m.ack
            WHEN 'ack' THEN ~ m.read & m.ack
            -- A superseded one would not come back but vanish.
            WHEN 'unread' THEN m.read & ~ m.ack & ~ m.replaced
            WHEN 'archive' THEN ~ m.archived & (m.read | ~ m.ack)
            WHEN 'remove' THEN m.read | ~ m.ack
        END AS bits
        FROM unnest(feed_ids, ns, chosen) s (feed_id, n, bits)
        JOIN doorbell_internal.visible_bitmaps(change_marks.user_id, me.joined_pos, me.muted, 0, me.at) m
            ON m.feed_id = s.feed_id AND m.n = s.n
    ), written AS (
        INSERT INTO doorbell.mark AS k (user_id, feed_id, n, read, archived, gone, changed, version)
        SELECT change_marks.user_id, c.feed_id, c.n,
            CASE action WHEN 'unread' THEN c.read & ~ c.bits ELSE c.read | c.bits END,
            CASE action WHEN 'unread' THEN c.archived & ~ c.bits WHEN 'archive' THEN c.archived | c.bits
                ELSE c.archived END,
            CASE action WHEN 'remove' THEN c.bits ELSE 0::doorbell.chunk_bits END, c.bits, me.version + 1
        FROM change c WHERE c.bits <> 0::doorbell.chunk_bits
        ON CONFLICT (user_id, feed_id, n) DO UPDATE
        SET read = EXCLUDED.read, archived = EXCLUDED.archived, gone = k.gone | EXCLUDED.gone, version = EXCLUDED.version,
            changed = CASE WHEN bit_count(k.changed) < 32 THEN k.changed | EXCLUDED.changed ELSE EXCLUDED.changed END,
            changed_since = CASE WHEN bit_count(k.changed) < 32 THEN k.changed_since ELSE me.version END
    )
    SELECT coalesce(sum(bit_count(c.bits)), 0) INTO changed FROM change c;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.change_marks IS
    'Acts on the chosen bits of chunks for a locked user, as far as they are visible. Returns how many changed. '
    'A bit is only ever set for a live message: a position given out later starts clean.';
