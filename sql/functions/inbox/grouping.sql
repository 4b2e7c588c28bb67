-- SPDX-License-Identifier: MIT
-- Groups in the list: of a user's messages with the same group_key, a grouped list shows only the newest, with a summary of the
-- group. Nothing is stored about a group, so mutes, expiry, recalls and deletions need no upkeep. The newest of each group is found by
-- walking down from the newest message and skipping older members. The walk is bounded: if it has to skip too many in a row, the page
-- is short, and the next one continues below them.

CREATE OR REPLACE FUNCTION doorbell_internal.is_shown(i doorbell.inbox, category integer, muted integer[], at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (i.expires_at IS NULL OR i.expires_at > $4) AND i.category <> ALL ($3) AND ($2 = 0 OR i.category = $2)
$$;
COMMENT ON FUNCTION doorbell_internal.is_shown IS 'Whether a list of a category (0: of any) shows a message in one of its states. Inlined.';

CREATE OR REPLACE FUNCTION doorbell_internal.first_of_groups(user_id text, states doorbell.inbox_state[], category integer,
    muted integer[], below bigint, max_rows integer, depth integer, at timestamptz, OUT ids bigint[], OUT bottom bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    WITH walked AS MATERIALIZED (
        SELECT w.* FROM doorbell_internal.newest_personal(first_of_groups.user_id, states, first_of_groups.category, muted,
            below, depth, at) w
    ), found AS (
        -- Below the highest last one, another state or category may have members that were not walked to.
        SELECT w.message_id, w.seq, w.group_key,
            row_number() OVER (PARTITION BY w.group_key ORDER BY w.seq DESC) = 1 OR w.group_key IS NULL AS is_first
        FROM walked w WHERE w.seq >= coalesce((SELECT max(l.seq) FROM walked l WHERE l.is_last), 0)
    ), shown AS (
        SELECT f.message_id FROM (SELECT f.* FROM found f WHERE f.is_first ORDER BY f.seq DESC OFFSET 0) f
        WHERE f.group_key IS NULL OR NOT EXISTS (
            SELECT FROM unnest(states) s (state) CROSS JOIN LATERAL (
                SELECT FROM doorbell_internal.group_members(first_of_groups.user_id, f.group_key, s.state) x
                WHERE x.seq >= below AND doorbell_internal.is_shown(x, first_of_groups.category, muted, at)
                ORDER BY x.seq LIMIT 1) i)
        LIMIT max_rows
    )
    SELECT (SELECT array_agg(s.message_id) FROM shown s), (SELECT max(l.seq) FROM walked l WHERE l.is_last)
    INTO ids, bottom;
END
$$;
COMMENT ON FUNCTION doorbell_internal.first_of_groups IS
    'Of the newest messages below a number, those that are the newest of their group, or are in none. Down to bottom none is missing; it '
    'is null if there are no messages below it.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_grouped(user_id text, states doorbell.inbox_state[], category integer,
    muted integer[], below bigint, max_rows integer, at timestamptz, OUT ids bigint[], OUT bottom bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- newest_personal() walks each state, and where there are mutes each category, by itself: 10,000 messages in all.
    most constant integer := greatest(max_rows, 10000 / cardinality(states) / CASE WHEN muted = '{}' THEN 1 ELSE greatest(1, (
        SELECT count(*) FROM doorbell.unread_count t WHERE t.user_id = list_grouped.user_id)::integer) END);
    depth integer := max_rows;
BEGIN
    LOOP
        SELECT f.ids, f.bottom INTO ids, bottom
        FROM doorbell_internal.first_of_groups(user_id, states, category, muted, below, max_rows, depth, at) f;
        EXIT WHEN bottom IS NULL OR cardinality(ids) = max_rows OR depth = most;
        depth := least(depth * 10, most);
    END LOOP;
    IF cardinality(ids) = max_rows THEN
        bottom := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_grouped IS
    'list_personal() for a grouped list: the newest max_rows, or fewer. bottom is then the number of the last that was looked at, below which there may be more.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_of_group(user_id text, group_key text, states doorbell.inbox_state[], category integer,
    muted integer[], below bigint, max_rows integer, at timestamptz)
RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT i.message_id FROM unnest(states) s (state) CROSS JOIN LATERAL (
        SELECT x.message_id FROM doorbell_internal.group_members(list_of_group.user_id, list_of_group.group_key, s.state) x
        WHERE x.seq < below AND doorbell_internal.is_shown(x, list_of_group.category, muted, at)
        ORDER BY x.seq DESC LIMIT max_rows) i);
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_of_group IS 'list_personal() for the members of a group.';

CREATE OR REPLACE FUNCTION doorbell_internal.group_json(user_id text, group_key text, states doorbell.inbox_state[], category integer,
    muted integer[], at timestamptz)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    told json;
BEGIN
    WITH members AS MATERIALIZED (
        SELECT i.*, row_number() OVER (ORDER BY i.seq DESC) AS nth FROM unnest(states) s (state) CROSS JOIN LATERAL (
            SELECT x.seq, x.state, x.sender FROM doorbell_internal.group_members(group_json.user_id, group_json.group_key, s.state) x
            WHERE doorbell_internal.is_shown(x, group_json.category, muted, at)
            ORDER BY x.seq DESC LIMIT 100) i
    ), senders AS MATERIALIZED (
        SELECT m.sender, row_number() OVER (ORDER BY max(m.seq) DESC) AS nth FROM members m
        WHERE m.sender IS NOT NULL AND m.nth <= 100 GROUP BY 1
    )
    SELECT json_build_object('key', group_json.group_key, 'count', count(*) FILTER (WHERE m.nth <= 100),
        'unread', count(*) FILTER (WHERE m.state = 'unread'),
        'senders', ARRAY(SELECT s.sender FROM senders s WHERE s.nth <= 3 ORDER BY s.nth),
        'others', (SELECT count(*) FROM senders s WHERE s.nth > 3))
    INTO told FROM members m;
    RETURN told;
END
$$;
COMMENT ON FUNCTION doorbell_internal.group_json IS
    'A group as a list shows it: how many members, how many of them unread, the newest three senders, and how many others. All of it of the newest '
    '100 members, but unread of the newest 100 unread ones: a row is read only when all of its group is.';

CREATE OR REPLACE FUNCTION doorbell_internal.with_groups(messages json, user_id text, states doorbell.inbox_state[], category integer,
    muted integer[], at timestamptz)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        -- As text, so that what is there stays as it is: the last character of an object is its brace.
        SELECT coalesce(json_agg(concat(left(x.m::text, -1), ', "group" : ', CASE WHEN x.m ->> 'group_key' IS NULL THEN 'null'
            ELSE doorbell_internal.group_json(user_id, x.m ->> 'group_key', states, category, muted, at)::text END, '}')::json ORDER BY x.nth), '[]')
        FROM json_array_elements(messages) WITH ORDINALITY x (m, nth));
END
$$;
COMMENT ON FUNCTION doorbell_internal.with_groups IS 'The messages of a page, each with its group, or null.';
