-- SPDX-License-Identifier: MIT
-- Recall of many: all that is about a subject, from a sender or of a category. No index leads to these, so a call walks a part of
-- all messages: those that wait, by id, then those delivered, by time; both from the newest downwards, since what is to be taken
-- back is mostly young. What is delivered while the first are looked at is met among the second.
--
-- A call takes back broadcasts or messages to lists of users, never both: so the broadcast lock, which all senders wait
-- for, is held for a few rows a message, and not while a thousand inboxes are changed.
--
-- The default of max_looked is no setting of doorbell-app: it decides how often a caller has to call, and nothing else.

CREATE OR REPLACE FUNCTION doorbell_internal.is_meant(m doorbell.message, about text, from_sender text, of_category integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT m.recalled_at IS NULL AND ($2 IS NULL OR m.subject = $2) AND ($3 IS NULL OR m.sender = $3) AND ($4 IS NULL OR m.category = $4)
$$;
COMMENT ON FUNCTION doorbell_internal.is_meant IS 'Whether a message is to be recalled with others; null asks for anything. Inlined.';

CREATE OR REPLACE FUNCTION doorbell_internal.waiting_meant(about text, from_sender text, of_category integer, below bigint,
    max_rows integer, max_looked integer, OUT ids bigint[], OUT next text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    part record;
BEGIN
    SELECT count(*) AS looked, min(l.id) AS last,
        (array_agg(l.id ORDER BY l.id DESC) FILTER (WHERE doorbell_internal.is_meant(l.m, about, from_sender, of_category))) AS meant
    INTO part FROM (
        SELECT p.message_id AS id, x.m FROM doorbell.pending p
        CROSS JOIN LATERAL (SELECT m FROM doorbell.message m WHERE m.id = p.message_id OFFSET 0) x
        WHERE p.message_id < below ORDER BY p.message_id DESC LIMIT max_looked) l;
    ids := part.meant[:max_rows];
    next := CASE WHEN cardinality(part.meant) > max_rows THEN concat('r1-waiting-', ids[max_rows])
        WHEN part.looked = max_looked THEN concat('r1-waiting-', part.last) ELSE 'r1-sent' END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.waiting_meant IS
    'The newest that are meant among max_looked waiting messages, and from where the next call goes on.';

CREATE OR REPLACE FUNCTION doorbell_internal.sent_meant(about text, from_sender text, of_category integer, since timestamptz,
    upto timestamptz, max_rows integer, max_looked integer, OUT ids bigint[], OUT next text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    part record;
BEGIN
    WITH looked AS MATERIALIZED (
        SELECT x.id, x.sent_at, x.feed_id, x.recipients, x.live AND (x.expires_at IS NULL OR x.expires_at > at)
            AND doorbell_internal.is_meant(x, about, from_sender, of_category) AS is_meant
        FROM doorbell.message x WHERE x.sent_at <= upto AND x.sent_at >= since
        ORDER BY x.sent_at DESC FETCH FIRST max_looked ROWS WITH TIES
    ), meant AS (
        SELECT l.id, l.sent_at, (l.feed_id IS NOT NULL) = bool_or(l.feed_id IS NOT NULL) OVER () AND row_number() OVER w <= max_rows
            AND coalesce(sum(l.recipients) OVER w - l.recipients, 0) < 10000 AS is_first
        FROM looked l WHERE l.is_meant
        WINDOW w AS (PARTITION BY l.feed_id IS NULL ORDER BY l.sent_at DESC, l.id DESC)
    )
    SELECT (SELECT count(*) FROM looked) AS looked, (SELECT min(l.sent_at) FROM looked l) AS last,
        array_agg(m.id) FILTER (WHERE m.is_first) AS meant, max(m.sent_at) FILTER (WHERE NOT m.is_first) AS rest
    INTO part FROM meant m;
    ids := part.meant;
    next := concat('r1-sent-', (extract(epoch FROM CASE WHEN part.rest IS NOT NULL THEN part.rest
        WHEN part.looked >= max_looked THEN part.last - interval '1 microsecond' END) * 1000000)::bigint);
    next := nullif(next, 'r1-sent-');
END
$$;
COMMENT ON FUNCTION doorbell_internal.sent_meant IS
    'The newest that are meant among max_looked delivered messages: broadcasts, or without any, messages to few enough users. next '
    'is from where the next call goes on, and null at the end. Those of one time are looked at together.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_recall(subject_type text, subject_id text, sender text, category text, before text,
    max_rows integer, max_looked integer)
RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_subject(subject_type, subject_id, false), doorbell_internal.check_text('sender', sender, 255),
        doorbell_internal.check_name('category', category, 64);
    IF num_nonnulls(subject_type, sender, category) = 0 THEN
        RAISE EXCEPTION 'subject_type with subject_id, sender or category is needed' USING ERRCODE = 'DB422';
    END IF;
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is 1 to 1000' USING ERRCODE = 'DB422';
    END IF;
    IF max_looked IS NULL OR max_looked NOT BETWEEN 1 AND 100000 THEN
        RAISE EXCEPTION 'max_looked is 1 to 100000' USING ERRCODE = 'DB422';
    END IF;
    IF before !~ '^r1-(waiting-[0-9]{1,18}|sent(-[0-9]{1,16})?)$' THEN
        RAISE EXCEPTION 'before is not a "next" of such a recall' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.recall_matching(subject_type text DEFAULT NULL, subject_id text DEFAULT NULL, sender text DEFAULT NULL,
    category text DEFAULT NULL, since timestamptz DEFAULT NULL, before text DEFAULT NULL, max_rows integer DEFAULT 100,
    max_looked integer DEFAULT 10000)
RETURNS TABLE (recalled integer, next text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    about constant text := subject_of(subject_type, subject_id);
    wanted constant integer := nullif(category_id(category), 0);
    place constant text[] := string_to_array(coalesce(before, 'r1-waiting-9223372036854775807'), '-');
    upto timestamptz := 'infinity';
    ids bigint[];
BEGIN
    PERFORM check_recall(subject_type, subject_id, sender, category, before, max_rows, max_looked);
    IF wanted < 0 THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB404';
    END IF;
    IF place[2] = 'sent' AND place[3] IS NOT NULL THEN
        upto := timestamptz 'epoch' + place[3]::bigint * interval '1 microsecond';
    END IF;
    IF place[2] = 'waiting' THEN
        SELECT w.ids, w.next INTO ids, next FROM waiting_meant(about, sender, wanted, place[3]::bigint, max_rows, max_looked) w;
    END IF;
    IF place[2] = 'sent' OR (ids IS NULL AND next = 'r1-sent') THEN
        SELECT s.ids, s.next INTO ids, next FROM sent_meant(about, sender, wanted, coalesce(since, '-infinity'), upto, max_rows, max_looked) s;
    END IF;
    recalled := recall_messages(ids);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell.recall_matching IS
$$Takes back, as doorbell.recall() does, the messages about a subject, from a sender, of a category, or all of these together: those that
wait, and those delivered since a time, or ever.
A call takes back up to max_rows messages (1 to 1,000), to some 10,000 users where they are to lists, and looks at max_looked messages (1 to 100,000),
from the newest downwards. Call it again with next for before, in another transaction, until next is null. Of what is
sent meanwhile it may meet some. DB404 for an unknown category, DB422.$$;
