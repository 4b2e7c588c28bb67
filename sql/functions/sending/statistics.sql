-- SPDX-License-Identifier: MIT
-- What became of a message.

CREATE OR REPLACE FUNCTION doorbell_internal.count_readers(m doorbell.message)
RETURNS TABLE (seen bigint, read bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at_bit constant doorbell.chunk_bits := doorbell_internal.bit_of(m.pos);
    is_to_audience constant boolean := EXISTS (SELECT FROM doorbell.audience a WHERE a.feed_id = m.feed_id);
BEGIN
    IF m.seq IS NULL THEN
        RETURN QUERY SELECT 0::bigint, 0::bigint;
    ELSIF m.feed_id IS NULL THEN
        RETURN QUERY SELECT count(*) FILTER (WHERE i.state IN ('read', 'archived', 'gone') OR i.seq <= r.seen_personal),
            count(*) FILTER (WHERE i.state IN ('read', 'archived', 'gone'))
        FROM doorbell.inbox i LEFT JOIN doorbell.reader r ON r.user_id = i.user_id
        WHERE i.message_id = m.id;
    ELSE
        RETURN QUERY SELECT
            (SELECT count(*) FROM doorbell.reader r
            WHERE r.seen_broadcast >= m.seq AND (
                SELECT a.joined_pos < m.pos OR m.to_new FROM doorbell.first_seen a
                WHERE m.feed_id = 1 AND a.user_id = r.user_id
                UNION ALL
                SELECT s.joined_pos < m.pos OR m.to_new FROM doorbell.subscription s
                WHERE m.feed_id > 1 AND s.feed_id = m.feed_id AND s.user_id = r.user_id
                UNION ALL
                SELECT s.joined_pos < m.pos OR m.to_new FROM doorbell_internal.audiences_of(r.user_id) s
                WHERE is_to_audience AND s.feed_id = m.feed_id)
                AND r.user_id <> ALL (coalesce(m.excepted, '{}'))
                AND NOT EXISTS (SELECT FROM doorbell.mark x WHERE x.user_id = r.user_id AND x.feed_id = m.feed_id
                    AND x.n = doorbell_internal.chunk_of(m.pos) AND (x.read & at_bit) <> 0::doorbell.chunk_bits))
            -- Users who read it have seen it, even if they no longer have the feed.
            + count(*), count(*)
        FROM doorbell_internal.marks_of_chunk(m.feed_id, doorbell_internal.chunk_of(m.pos)) k
        WHERE (k.read & at_bit) <> 0::doorbell.chunk_bits;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.sent(id bigint) RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m doorbell.message;
    report sent_report;
BEGIN
    SELECT * INTO m FROM message x WHERE x.id = sent.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such message' USING ERRCODE = 'DB404';
    END IF;
    SELECT * INTO report FROM sent_report s
    WHERE s.message_id = sent.id AND s.as_of BETWEEN clock_timestamp() - interval '60 seconds' AND clock_timestamp();
    IF NOT FOUND THEN
        INSERT INTO sent_report AS s (message_id, seen, read, acked, as_of)
        SELECT m.id, c.seen, c.read, CASE WHEN m.must_ack THEN c.read END, clock_timestamp() FROM count_readers(m) c
        ON CONFLICT (message_id) DO UPDATE
        SET seen = EXCLUDED.seen, read = EXCLUDED.read, acked = EXCLUDED.acked, as_of = EXCLUDED.as_of
        RETURNING * INTO report;
    END IF;
    RETURN json_build_object('recipients', m.recipients, 'seen', report.seen, 'read', report.read,
        'acked', report.acked, 'recalled', m.recalled_at IS NOT NULL,
        'as_of', floor(extract(epoch FROM report.as_of))::bigint);
END
$$;
COMMENT ON FUNCTION doorbell.sent IS
    'What became of a message: {"recipients": number or null for group and all, "seen", "read", "acked": null when '
    'nothing was to be acknowledged, "recalled", "as_of"}. Exact as of as_of, which is at most 60 s old. DB404.';
