-- SPDX-License-Identifier: MIT
-- A message to everybody, as it is for everybody.

CREATE OR REPLACE FUNCTION doorbell.broadcast(id bigint) RETURNS TABLE (message json, expires_in bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT json_build_object('id', m.id, 'title', m.title, 'body', m.body, 'url', m.url, 'category', c.name,
            'sender', m.sender, 'extra', m.extra, 'created_at', floor(extract(epoch FROM m.sent_at))::bigint),
        floor(extract(epoch FROM m.expires_at - statement_timestamp()))::bigint
    -- Apart, so that it is found by its id, whatever the planner believes of how many messages to everybody there are.
    FROM (SELECT x.* FROM doorbell.message x WHERE x.id = broadcast.id OFFSET 0) m LEFT JOIN category c ON c.id = m.category
    WHERE m.feed_id = 1 AND m.live AND NOT m.replaced AND m.title IS NOT NULL AND m.body IS NOT NULL
        AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp());
END
$$;
COMMENT ON FUNCTION doorbell.broadcast IS
    'A delivered message to everybody, without what a user did with it, and the seconds until it expires, null for never. No '
    'row: it was recalled, replaced or has expired, there is none, or its text comes from a template and so depends on the reader.';
