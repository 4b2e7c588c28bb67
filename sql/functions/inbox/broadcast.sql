-- SPDX-License-Identifier: MIT
-- A message to everybody, as it is for everybody.

CREATE OR REPLACE FUNCTION doorbell.broadcast(id bigint) RETURNS TABLE (message json, expires_in bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT json_build_object('id', m.id, 'title', m.title, 'body', m.body, 'url', m.url, 'category', c.name,
            'sender', m.sender, 'extra', m.extra, 'created_at', floor(extract(epoch FROM m.sent_at))::bigint),
        floor(extract(epoch FROM m.expires_at - statement_timestamp()))::bigint
    FROM doorbell.message m LEFT JOIN category c ON c.id = m.category
    WHERE m.id = broadcast.id AND m.feed_id = 1 AND m.live AND NOT m.replaced
        AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp());
END
$$;
COMMENT ON FUNCTION doorbell.broadcast IS
    'A delivered message to everybody, without what a user did with it, and the seconds until it expires, null for never. No '
    'row: it was recalled, replaced or has expired, or there is none.';
