-- SPDX-License-Identifier: MIT
-- Which feeds a user has, and who has a feed.

CREATE OR REPLACE FUNCTION doorbell_internal.audiences_of(user_id text)
RETURNS TABLE (feed_id integer, joined_pos bigint, joined bigint)
LANGUAGE plpgsql STABLE ROWS 4 AS $$
#variable_conflict use_column
DECLARE
    known_at timestamptz;
    last_left bigint;
BEGIN
    -- Most sites have none, and setting up the rest would cost as much as a check.
    PERFORM FROM doorbell.audience_base LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT coalesce(least(x.at, x.since), 'infinity'), coalesce(r.left_version, 0) INTO known_at, last_left
    FROM (VALUES (audiences_of.user_id)) u (id) LEFT JOIN doorbell.first_seen x ON x.user_id = u.id LEFT JOIN doorbell.reader r ON r.user_id = u.id;
    RETURN QUERY
    SELECT a.feed_id, coalesce(newest.pos, -1), CASE WHEN a.none_of = '{}' THEN b.joined ELSE greatest(b.joined, last_left) END
    FROM (
        SELECT p.feed_id, min(s.since) AS since, min(s.joined) AS joined
        FROM (
            SELECT 1 AS feed_id, x.joined_seq AS since, 0::bigint AS joined FROM doorbell.first_seen x
            WHERE x.user_id = audiences_of.user_id
            UNION ALL
            SELECT s.feed_id, s.joined_version, s.joined_version FROM doorbell.subscription s WHERE s.user_id = audiences_of.user_id
        ) s JOIN doorbell.audience_base p ON p.base_id = s.feed_id
        GROUP BY p.feed_id
    ) b
    JOIN doorbell.audience a ON a.feed_id = b.feed_id
    LEFT JOIN LATERAL doorbell_internal.last_broadcast(b.feed_id, b.since) newest ON true
    WHERE (known_at < a.known_before OR a.known_before = 'infinity') AND NOT EXISTS (
        SELECT FROM doorbell.subscription x WHERE x.user_id = audiences_of.user_id AND x.feed_id = ANY (a.none_of));
END
$$;
COMMENT ON FUNCTION doorbell_internal.audiences_of IS
    'The audiences that a user is in, as feeds_of(). Before first contact they are in those of their groups that have no known_before. A user '
    'who left an excepted group has had the audience only since then, so where groups are excepted joined is when they last left any.';

CREATE OR REPLACE FUNCTION doorbell_internal.feeds_of(user_id text, joined_pos bigint)
RETURNS TABLE (feed_id integer, joined_pos bigint, joined bigint)
LANGUAGE sql STABLE AS $$
    SELECT 1, $2, 0::bigint
    UNION ALL
    SELECT s.feed_id, s.joined_pos, s.joined_version FROM doorbell.subscription s WHERE s.user_id = $1
    UNION ALL
    SELECT a.feed_id, a.joined_pos, a.joined FROM doorbell_internal.audiences_of($1) a
$$;
COMMENT ON FUNCTION doorbell_internal.feeds_of IS
    'The feeds of a user whose joined_pos in feed ''*'' is this. They see what comes after joined_pos; joined is their version when they '
    'got the feed, and no list of before could show it.';

CREATE OR REPLACE FUNCTION doorbell_internal.members_of(feed_id integer, after text, max_rows integer) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF feed_id = 1 OR EXISTS (SELECT FROM doorbell.audience_base b WHERE b.base_id = 1 AND b.feed_id = members_of.feed_id) THEN
        RETURN ARRAY(SELECT x.user_id FROM doorbell.first_seen x WHERE x.user_id > after ORDER BY x.user_id LIMIT max_rows);
    ELSIF NOT EXISTS (SELECT FROM doorbell.audience_base b WHERE b.feed_id = members_of.feed_id) THEN
        RETURN ARRAY(SELECT s.user_id FROM doorbell.subscription s
            WHERE s.feed_id = members_of.feed_id AND s.user_id > after ORDER BY s.user_id LIMIT max_rows);
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT s.user_id FROM doorbell.audience_base b CROSS JOIN LATERAL (
            SELECT x.user_id FROM doorbell.subscription x
            WHERE x.feed_id = b.base_id AND x.user_id > after ORDER BY x.user_id LIMIT max_rows) s
        WHERE b.feed_id = members_of.feed_id ORDER BY s.user_id LIMIT max_rows);
END
$$;
COMMENT ON FUNCTION doorbell_internal.members_of IS
    'The first max_rows users of a feed after one of them, by their ids; of everybody, those who have appeared. Those whom an audience excepts are among '
    'them: audiences_of() knows.';

CREATE OR REPLACE FUNCTION doorbell_internal.group_name(feed_id integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT f.name FROM doorbell.feed f WHERE f.id = $1 AND f.id > 1 AND NOT starts_with(f.name, E'\x1f')
$$;
COMMENT ON FUNCTION doorbell_internal.group_name IS
    'Null for everybody and for an audience, whose name audience_named() makes, and which may have been dropped.';
