-- SPDX-License-Identifier: MIT
-- Importing: messages of another system, as they were, for one user each. For the owner alone, since
-- it writes into the past.

CREATE OR REPLACE FUNCTION doorbell_internal.import_fault(r doorbell_internal.import_row) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_user(r.user_id);
    PERFORM doorbell_internal.check_content(r.title, r.body, r.sender, r.url, r.category, r.extra, NULL, NULL, r.key,
        NULL, NULL, false);
    IF r.user_id IS NULL OR r.key IS NULL OR r.title IS NULL OR r.is_read IS NULL OR r.sent_at IS NULL THEN
        RETURN 'user, key, title, read and time are needed';
    END IF;
    IF r.sent_at NOT BETWEEN 'epoch' AND statement_timestamp() THEN
        RETURN 'it is from before 1970, or from the future';
    END IF;
    RETURN NULL;
EXCEPTION
    WHEN SQLSTATE 'DB400' OR SQLSTATE 'DB422' THEN
        RETURN SQLERRM;
END
$$;
COMMENT ON FUNCTION doorbell_internal.import_fault IS 'What import() would refuse a row for; null if nothing.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_import(batch doorbell_internal.import_row[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    fault text;
BEGIN
    SELECT f.text INTO fault FROM unnest(batch) WITH ORDINALITY r (key, user_id, title, body, sender, url, category,
            extra, is_read, sent_at, expires_at, n)
        CROSS JOIN LATERAL doorbell_internal.import_fault((r.key, r.user_id, r.title, r.body, r.sender, r.url,
            r.category, r.extra, r.is_read, r.sent_at, r.expires_at)::doorbell_internal.import_row) f (text)
    WHERE f.text IS NOT NULL ORDER BY r.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', fault USING ERRCODE = 'DB422';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_import IS 'Refuses a batch for its first row that cannot be a message.';

CREATE OR REPLACE FUNCTION doorbell_internal.import(batch doorbell_internal.import_row[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    imported integer;
BEGIN
    PERFORM doorbell_internal.check_import(batch);
    -- Before the readers, as every send does it.
    PERFORM doorbell_internal.name_categories(ARRAY(SELECT r.category FROM unnest(batch) r));
    SELECT array_agg(DISTINCT r.user_id COLLATE "C" ORDER BY r.user_id COLLATE "C") INTO users FROM unnest(batch) r;
    PERFORM doorbell_internal.lock_readers(users);
    WITH claimed AS (
        INSERT INTO doorbell.send_key (key, digest, message_id, recipients)
        SELECT o.key, sha256(convert_to(o.key, 'UTF8')), nextval('doorbell.seq'), 1
        FROM (
            SELECT r.key FROM unnest(batch) WITH ORDINALITY r (key, user_id, title, body, sender, url, category,
                extra, is_read, sent_at, expires_at, n)
            WHERE r.expires_at IS NULL OR r.expires_at > clock_timestamp() ORDER BY r.n
        ) o
        ON CONFLICT DO NOTHING
        RETURNING send_key.key, send_key.message_id
    ), incoming AS (
        -- The ids were taken under the locks, in the order of the batch: they do as order numbers too.
        SELECT k.message_id, r.*, coalesce(c.id, 0) AS category_id
        FROM claimed k JOIN unnest(batch) r ON r.key = k.key
        LEFT JOIN doorbell.category c ON c.name = r.category
    ), stored AS (
        INSERT INTO doorbell.message (id, seq, category, live, recipients, sent_at, expires_at, sender, title, url, body, extra)
        SELECT r.message_id, r.message_id, r.category_id, true, 1, r.sent_at, r.expires_at, r.sender, r.title, r.url,
            coalesce(r.body, ''), r.extra
        FROM incoming r
    ), delivered AS (
        INSERT INTO doorbell.inbox (message_id, user_id, seq, state, category, expires_at)
        SELECT r.message_id, r.user_id, r.message_id, (CASE WHEN r.is_read THEN 'read' ELSE 'unread' END)::doorbell.inbox_state, r.category_id, r.expires_at FROM incoming r
    ), counted AS (
        INSERT INTO doorbell.unread_count AS t (user_id, category, unread)
        SELECT r.user_id, r.category_id, count(*) FILTER (WHERE NOT r.is_read) FROM incoming r GROUP BY 1, 2
        ON CONFLICT (user_id, category) DO UPDATE SET unread = t.unread + EXCLUDED.unread
    )
    SELECT count(*) INTO imported FROM incoming;
    UPDATE doorbell.reader r SET version = s.seq
    FROM (SELECT nextval('doorbell.seq') AS seq WHERE imported > 0) s WHERE r.user_id = ANY (users);
    RETURN imported;
END
$$;
COMMENT ON FUNCTION doorbell_internal.import IS
    'Puts messages of another system into inboxes: delivered at sent_at, read or not, and nobody is rung. In the order '
    'of the batch, which is at most some 10,000 rows; a row whose key is there already, or that has expired, is passed '
    'by. Returns how many came in. DB422 for a row that cannot be a message: then none does.';
