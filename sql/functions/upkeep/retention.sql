-- SPDX-License-Identifier: MIT
-- Retention.

CREATE OR REPLACE FUNCTION doorbell_internal.delete_rows(ids bigint[], users text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    touched text[];
    removed integer;
BEGIN
    WITH dead AS (
        DELETE FROM doorbell.inbox i USING unnest(ids, users) x (id, u)
        WHERE i.message_id = x.id AND i.user_id = x.u
        RETURNING i.user_id, i.category, i.state
    ), counted AS (
        UPDATE doorbell.unread_count t SET unread = t.unread - s.n
        FROM (SELECT d.user_id, d.category, count(*) AS n FROM dead d WHERE d.state = 'unread' GROUP BY 1, 2) s
        WHERE t.user_id = s.user_id AND t.category = s.category
    )
    SELECT array_agg(DISTINCT d.user_id), count(*) INTO touched, removed FROM dead d;
    UPDATE doorbell.reader r SET version = s.seq, stale_before = s.seq
    FROM (SELECT nextval('doorbell.seq') AS seq WHERE touched IS NOT NULL) s
    WHERE r.user_id = ANY (touched);
    RETURN removed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.delete_rows IS
    'Deletes inbox rows of locked readers, as pairs of id and user: counted, with a new version, without a ring.';

CREATE OR REPLACE FUNCTION doorbell_internal.purge_message(m doorbell.message, max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    removed integer := 0;
BEGIN
    IF m.feed_id IS NOT NULL THEN
        IF m.live THEN
            PERFORM doorbell_internal.clear_broadcasts(ARRAY[m.id], false);
        END IF;
        UPDATE doorbell.feed f SET stale_before = f.version WHERE f.id = m.feed_id;
    ELSE
        SELECT array_agg(l.user_id) INTO users FROM (
            SELECT i.user_id FROM doorbell.inbox i WHERE i.message_id = m.id ORDER BY i.user_id LIMIT max_rows) l;
        users := doorbell_internal.lock_known_readers(users, true);
        removed := doorbell_internal.delete_rows(array_fill(m.id, ARRAY[cardinality(users)]), users);
        PERFORM FROM doorbell.inbox i WHERE i.message_id = m.id LIMIT 1;
        IF FOUND THEN
            RETURN removed;
        END IF;
    END IF;
    DELETE FROM doorbell.message x WHERE x.id = m.id;
    DELETE FROM doorbell.sent_report s WHERE s.message_id = m.id;
    RETURN removed + 1;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.purge_messages(max_rows integer, too_old timestamptz, long_gone timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m doorbell.message;
    removed integer := 0;
    has_lock constant boolean := doorbell_internal.try_lock_broadcasts();
BEGIN
    FOR m IN
        SELECT * FROM doorbell.message x WHERE x.id IN (
            (SELECT o.id FROM doorbell.message o WHERE o.sent_at < too_old ORDER BY o.sent_at LIMIT 100)
            UNION
            (SELECT g.id FROM doorbell.message g
            WHERE least(g.expires_at, g.recalled_at) < long_gone
            ORDER BY least(g.expires_at, g.recalled_at) LIMIT 100))
        ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        CONTINUE WHEN m.feed_id IS NOT NULL AND NOT has_lock;
        removed := removed + doorbell_internal.purge_message(m, max_rows - removed);
        EXIT WHEN removed >= max_rows;
    END LOOP;
    RETURN removed;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.purge_marks(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    gone doorbell.chunk_gone;
    removed integer := 0;
BEGIN
    SELECT * INTO gone FROM doorbell.chunk_gone LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM doorbell.mark k WHERE (k.user_id, k.feed_id, k.n) IN (
        SELECT d.user_id, d.feed_id, d.n FROM doorbell_internal.marks_of_chunk(gone.feed_id, gone.n) d LIMIT max_rows);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < max_rows THEN
        DELETE FROM doorbell.chunk_gone c WHERE c.feed_id = gone.feed_id AND c.n = gone.n;
        removed := removed + 1;
    END IF;
    RETURN removed;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.purge_over_cap(max_rows integer, user_cap integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    batch text[];
    next_user text;
    removed integer := 0;
    over record;
BEGIN
    SELECT array_agg(b.user_id ORDER BY b.user_id) INTO batch FROM (
        SELECT r.user_id FROM doorbell.reader r
        WHERE r.user_id > (SELECT c.user_id FROM doorbell.purge_cursor c)
        ORDER BY r.user_id LIMIT 1000) b;
    next_user := batch[cardinality(batch)];
    batch := doorbell_internal.lock_known_readers(ARRAY(
        SELECT u FROM unnest(batch) u WHERE user_cap < (
            SELECT count(*) FROM (SELECT FROM doorbell.inbox i
                WHERE i.user_id = u AND i.state < 'gone' LIMIT user_cap::bigint + 1) x)), true);
    SELECT array_agg(o.message_id) AS ids, array_agg(o.user_id) AS users INTO over FROM (
        SELECT old.message_id, u AS user_id FROM unnest(batch) u CROSS JOIN LATERAL (
            SELECT i.message_id FROM doorbell.inbox i
            WHERE i.user_id = u AND i.state < 'gone' ORDER BY i.seq DESC OFFSET user_cap) old
        LIMIT max_rows) o;
    IF over.ids IS NOT NULL THEN
        removed := doorbell_internal.delete_rows(over.ids, over.users);
    END IF;
    IF removed < max_rows THEN
        UPDATE doorbell.purge_cursor SET user_id = coalesce(next_user, '');
    END IF;
    RETURN CASE WHEN next_user IS NULL THEN removed ELSE greatest(removed, 1) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.purge_over_cap IS
    'Deletes the oldest personal messages of users who have more than user_cap; each call looks at the next 1,000 '
    'users. Returns 0 only at the end of a round over all.';

CREATE OR REPLACE FUNCTION doorbell_internal.purge_revocations(max_rows integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- No token lives longer than token_ttl_max may say, which is 366 days.
    too_old constant timestamptz := clock_timestamp() - interval '367 days';
    removed integer;
BEGIN
    DELETE FROM doorbell.revocation r WHERE r.seq IN (
        SELECT o.seq FROM (SELECT x.seq, x.at FROM doorbell.revocation x ORDER BY x.seq LIMIT max_rows FOR UPDATE SKIP LOCKED) o
        WHERE o.at < too_old);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.begin_purge(is_clock_right boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    idle_days integer;
BEGIN
    SELECT extract(day FROM clock_timestamp() - c.ran_at) INTO idle_days FROM purge_cursor c;
    IF idle_days > 40 AND NOT is_clock_right THEN
        RAISE EXCEPTION 'the last purge was % days ago by the clock of the database, which may be wrong', idle_days
            USING ERRCODE = 'DB409', HINT = 'If the clock is right, run doorbell-purge with --clock-is-right once. Nothing was deleted.';
    END IF;
    UPDATE purge_cursor SET ran_at = clock_timestamp();
END
$$;
COMMENT ON FUNCTION doorbell.begin_purge IS
    'Before calls of doorbell.purge(): raises DB409 if the last time was more than 40 days ago, since under a clock that is far '
    'ahead every message is too old.';

CREATE OR REPLACE FUNCTION doorbell.purge(max_rows integer DEFAULT 1000, max_age_days integer DEFAULT 365,
    gone_days integer DEFAULT 30, user_cap integer DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    too_old constant timestamptz := clock_timestamp() - make_interval(days => max_age_days);
    removed integer;
    keys integer;
BEGIN
    removed := purge_messages(max_rows, too_old, clock_timestamp() - make_interval(days => gone_days))
        + purge_marks(max_rows);
    IF user_cap IS NOT NULL THEN
        removed := removed + purge_over_cap(max_rows, user_cap);
    END IF;
    DELETE FROM send_key k WHERE k.key IN (
        SELECT o.key FROM send_key o WHERE o.at < too_old ORDER BY o.at LIMIT max_rows FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS keys = ROW_COUNT;
    RETURN removed + keys + purge_revocations(max_rows) + purge_webhook_calls(max_rows, clock_timestamp() - make_interval(days => gone_days));
END
$$;
COMMENT ON FUNCTION doorbell.purge IS
    'Retention, a batch of about max_rows rows a call: deletes messages older than max_age_days, those that expired '
    'or were recalled more than gone_days ago, calls of webhooks that were given up before that (and gives up those due for a day that nobody made), marks without a message, keys older than max_age_days, revocations whose '
    'tokens have all expired, and, with '
    'user_cap, a user''s oldest personal messages beyond that number (each call looks at the next 1,000 users, and returns '
    '0 only after the last). Returns how many rows went: call again until 0. Counts are exact meanwhile; no ring; skips busy users.';
