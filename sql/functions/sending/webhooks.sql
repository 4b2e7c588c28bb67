-- SPDX-License-Identifier: MIT
-- Webhooks. A delivery writes the calls that it makes due; doorbell-app takes one after another, posts it, and says how it went.
-- A call is leased, not taken: one whose caller has died is made again.

CREATE OR REPLACE FUNCTION doorbell_internal.check_webhook(url text, only_unseen_after integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF url <> '' AND (octet_length(url) > 2048
        OR url !~ E'^https?://([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#][^[:space:][:cntrl:]\\\\]*)?$')
    THEN
        RAISE EXCEPTION 'webhook must be https://host/path, without a name or password in it, and its host in ASCII (xn--)'
            USING ERRCODE = 'DB422';
    END IF;
    IF only_unseen_after NOT BETWEEN 0 AND 604800 THEN
        RAISE EXCEPTION 'only_unseen_after is 0 to 604800 seconds' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.queue_webhook(m doorbell.message, users text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz;
BEGIN
    SELECT clock_timestamp() + make_interval(secs => coalesce(c.only_unseen_after, 0)) INTO at
    FROM doorbell.category c WHERE c.id = m.category AND c.webhook IS NOT NULL;
    IF FOUND THEN
        INSERT INTO doorbell.webhook_call (message_id, user_ids, since, due_at)
        SELECT m.id, users[first:first + 99], at, at FROM generate_series(1, coalesce(cardinality(users), 1), 100) first;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.queue_webhook IS
    'Makes the calls for a message due, if its category has a webhook: one for each 100 users, or one for a feed (null).';

CREATE OR REPLACE FUNCTION doorbell_internal.webhook_personal(m doorbell.message, kind doorbell.category, users text[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT array_agg(i.user_id ORDER BY i.user_id)
        FROM unnest(users) u JOIN doorbell.inbox i ON i.message_id = m.id AND i.user_id = u
        LEFT JOIN doorbell.reader r ON r.user_id = u
        WHERE i.state < 'gone' AND (kind.critical OR kind.id <> ALL (coalesce(r.muted, '{}')))
            AND NOT (kind.only_unseen_after IS NOT NULL AND (i.state <> 'unread' OR i.seq <= r.seen_personal)));
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.webhook_members(m doorbell.message, kind doorbell.category, users text[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT array_agg(s.user_id ORDER BY s.user_id)
        FROM unnest(users) u (user_id) LEFT JOIN doorbell.first_seen a ON a.user_id = u.user_id CROSS JOIN LATERAL (
            SELECT u.user_id, f.joined_pos FROM doorbell_internal.feeds_of(u.user_id, a.joined_pos) f WHERE f.feed_id = m.feed_id) s
        LEFT JOIN doorbell.reader r ON r.user_id = s.user_id
        LEFT JOIN doorbell.mark k ON k.user_id = s.user_id AND k.feed_id = m.feed_id AND k.n = doorbell_internal.chunk_of(m.pos)
        CROSS JOIN LATERAL (SELECT
            coalesce((k.gone & doorbell_internal.bit_of(m.pos)) <> 0::doorbell.chunk_bits, false),
            coalesce((k.read & doorbell_internal.bit_of(m.pos)) <> 0::doorbell.chunk_bits, false)) b (is_gone, is_read)
        WHERE (s.joined_pos < m.pos OR m.to_new) AND NOT b.is_gone AND (kind.critical OR kind.id <> ALL (coalesce(r.muted, '{}')))
            AND NOT (kind.only_unseen_after IS NOT NULL AND (b.is_read OR m.seq <= r.seen_broadcast)));
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.list_members(c doorbell.webhook_call, feed_id integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    members constant text[] := doorbell_internal.members_of(list_members.feed_id, coalesce(c.members_after, ''), 100);
BEGIN
    IF cardinality(members) > 0 THEN
        INSERT INTO doorbell.webhook_call (message_id, user_ids, since, due_at) VALUES (c.message_id, members, c.since, c.due_at);
    END IF;
    IF cardinality(members) < 100 THEN
        DELETE FROM doorbell.webhook_call w WHERE w.id = c.id;
    ELSE
        UPDATE doorbell.webhook_call w SET members_after = members[100] WHERE w.id = c.id;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_members IS 'Makes the call for the next 100 members of a group due, or of everybody where some are excepted.';

CREATE OR REPLACE FUNCTION doorbell_internal.webhook_json(c doorbell.webhook_call, m doorbell.message, category text, users text[],
    language text)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_same constant boolean := users IS NULL OR NOT doorbell_internal.lacks_texts(m);
    shown constant doorbell.message := CASE WHEN doorbell_internal.lacks_texts(m) AND is_same
        THEN doorbell_internal.with_texts(m, NULL, language, '{}') ELSE m END;
BEGIN
    RETURN json_build_object('call', c.id, 'attempt', c.attempts,
        'message', json_build_object('id', m.id, 'title', shown.title, 'body', shown.body, 'url', m.url, 'category', category,
            'sender', m.sender, 'extra', m.extra, 'created_at', floor(extract(epoch FROM m.sent_at))::bigint),
        'group', doorbell_internal.group_name(m.feed_id),
        'recipients', (SELECT json_agg(CASE WHEN is_same THEN json_build_object('user', u)
                ELSE json_build_object('user', u, 'title', (t.m).title, 'body', (t.m).body) END ORDER BY u)
            FROM unnest(users) u
            CROSS JOIN LATERAL (SELECT CASE WHEN NOT is_same THEN doorbell_internal.with_texts(m, u, NULL, ARRAY[language]) END) t (m)));
END
$$;
COMMENT ON FUNCTION doorbell_internal.webhook_json IS
    'What is posted. Where the text comes from a template each recipient has their own, else the message has it for all. '
    'recipients is null for everybody.';

CREATE OR REPLACE FUNCTION doorbell_internal.webhook_users(m doorbell.message, kind doorbell.category, users text[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF m.feed_id IS NULL THEN
        RETURN doorbell_internal.webhook_personal(m, kind, users);
    END IF;
    RETURN doorbell_internal.webhook_members(m, kind, users);
END
$$;
COMMENT ON FUNCTION doorbell_internal.webhook_users IS
    'Those of these users who can see the message of this kind, and have not seen it yet if that counts there.';

CREATE OR REPLACE FUNCTION doorbell_internal.put_off_quiet(c doorbell.webhook_call, users text[], at timestamptz) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    quiet text[];
    ends_at timestamptz;
    others text[];
BEGIN
    SELECT array_agg(q.user_id ORDER BY q.user_id), min(q.ends_at) INTO quiet, ends_at
    FROM (SELECT r.user_id, doorbell_internal.quiet_until(r.quiet_hours, at) AS ends_at FROM doorbell.reader r
        WHERE r.user_id = ANY (users) AND r.quiet_hours IS NOT NULL) q
    WHERE q.ends_at IS NOT NULL;
    IF quiet IS NULL THEN
        RETURN users;
    END IF;
    others := ARRAY(SELECT u FROM unnest(users) u WHERE u <> ALL (quiet));
    IF others = '{}' THEN
        UPDATE doorbell.webhook_call w SET due_at = ends_at, since = CASE WHEN c.attempts = 0 THEN ends_at ELSE c.since END WHERE w.id = c.id;
    ELSE
        UPDATE doorbell.webhook_call w SET user_ids = others WHERE w.id = c.id;
        INSERT INTO doorbell.webhook_call (message_id, user_ids, since, due_at) VALUES (c.message_id, quiet, ends_at, ends_at);
    END IF;
    RETURN others;
END
$$;
COMMENT ON FUNCTION doorbell_internal.put_off_quiet IS
    'Those of these users who are not in quiet hours. The others get a call of their own, or keep this one if they are all; it is due '
    'when the first of them is out of these, and whoever is not then is put off again.';

CREATE OR REPLACE FUNCTION doorbell.webhook_take(lease_s integer, language text)
RETURNS TABLE (id bigint, url text, call json)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    at timestamptz;
    c webhook_call;
    m message;
    k category;
    users text[];
BEGIN
    FOR n IN 1..100 LOOP
        at := clock_timestamp();
        SELECT * INTO c FROM webhook_call w WHERE w.failed_at IS NULL AND w.due_at <= at ORDER BY w.due_at LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        SELECT * INTO m FROM message x WHERE x.id = c.message_id AND x.live AND NOT x.replaced AND x.recalled_at IS NULL
            AND (x.expires_at IS NULL OR x.expires_at > at);
        SELECT * INTO k FROM category x WHERE x.id = m.category AND x.webhook IS NOT NULL;
        IF k.paused_until > at THEN
            UPDATE webhook_call w SET due_at = k.paused_until WHERE w.id = c.id;
            CONTINUE;
        ELSIF (m.feed_id > 1 OR m.excepted IS NOT NULL) AND c.user_ids IS NULL AND k.id IS NOT NULL THEN
            PERFORM list_members(c, m.feed_id);
            CONTINUE;
        END IF;
        users := webhook_users(m, k, c.user_ids);
        IF k.id IS NULL OR (c.user_ids IS NOT NULL AND users IS NULL) THEN
            DELETE FROM webhook_call w WHERE w.id = c.id;
            CONTINUE;
        END IF;
        users := CASE WHEN k.critical THEN users ELSE put_off_quiet(c, users, at) END;
        CONTINUE WHEN users = '{}';
        UPDATE webhook_call w SET due_at = at + make_interval(secs => lease_s), attempts = attempts + 1 WHERE w.id = c.id
        RETURNING * INTO c;
        RETURN QUERY SELECT c.id, k.webhook, webhook_json(c, m, k.name, users, webhook_take.language);
        RETURN;
    END LOOP;
    RETURN QUERY SELECT NULL::bigint, NULL::text, NULL::json;
END
$$;
COMMENT ON FUNCTION doorbell.webhook_take IS
    'Leases the call that is due first, for lease_s seconds, and returns where it goes and what is posted. Those whose message is '
    'gone, or whose users have all seen it, are ended, and users in quiet hours put off to their end; after 100 of such there is a row of nulls: call again. No row: none is due. Finish with '
    'doorbell.webhook_done() or doorbell.webhook_failed().';

CREATE OR REPLACE FUNCTION doorbell_internal.note_silence(message_id bigint, is_silent boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.category c SET silences = CASE WHEN is_silent THEN c.silences + 1 ELSE 0 END,
        paused_until = CASE WHEN is_silent THEN clock_timestamp() + doorbell_internal.webhook_delay(c.silences + 1) ELSE '-infinity' END
    FROM doorbell.message m
    WHERE m.id = note_silence.message_id AND c.id = m.category AND (is_silent OR c.silences > 0);
END
$$;
COMMENT ON FUNCTION doorbell_internal.note_silence IS
    'A site that does not answer costs the time of a call, in which none of another category is made: so it is asked less and less often.';

CREATE OR REPLACE FUNCTION doorbell_internal.webhook_delay(failures integer) RETURNS interval
LANGUAGE sql VOLATILE AS $$
    SELECT interval '10 seconds' * least(360, 2 ^ least($1 - 1, 9)) * (0.5 + random() / 2)
$$;

CREATE OR REPLACE FUNCTION doorbell.webhook_done(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    message bigint;
BEGIN
    DELETE FROM webhook_call w WHERE w.id = webhook_done.id RETURNING w.message_id INTO message;
    PERFORM note_silence(message, false);
END
$$;
COMMENT ON FUNCTION doorbell.webhook_done IS 'The call was taken.';

CREATE OR REPLACE FUNCTION doorbell.webhook_failed(id bigint, fault text, is_final boolean, is_silent boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := clock_timestamp();
    failed webhook_call;
BEGIN
    UPDATE webhook_call w SET fault = left(webhook_failed.fault, 255), due_at = at + webhook_delay(w.attempts),
        failed_at = CASE WHEN is_final OR at > w.since + interval '1 day' THEN at END
    WHERE w.id = webhook_failed.id AND w.failed_at IS NULL
    RETURNING w.* INTO failed;
    PERFORM note_silence(failed.message_id, is_silent);
    RETURN failed.failed_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION doorbell.webhook_failed IS
    'The call was not taken. It is due again after a delay that doubles from 10 seconds to an hour, and is given up a day after it was '
    'first due, or at once where trying again is of no use. is_silent: nobody answered; then none of its category is made for such a '
    'delay. Whether it was given up.';

CREATE OR REPLACE FUNCTION doorbell.webhook_calls(after bigint DEFAULT 0, max_rows integer DEFAULT 100) RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is 1 to 1000' USING ERRCODE = 'DB422';
    END IF;
    RETURN (
        WITH failed AS (
            SELECT w.*, row_number() OVER (ORDER BY w.id) AS n FROM (
                SELECT * FROM webhook_call x WHERE x.failed_at IS NOT NULL AND x.id > coalesce(webhook_calls.after, 0)
                ORDER BY x.id LIMIT max_rows + 1) w
        )
        SELECT json_build_object(
            'calls', coalesce(json_agg(json_build_object('call', f.id, 'message', f.message_id, 'category', c.name, 'users', f.user_ids,
                'attempts', f.attempts, 'failed_at', floor(extract(epoch FROM f.failed_at))::bigint, 'fault', f.fault) ORDER BY f.id)
                FILTER (WHERE f.n <= max_rows), '[]'),
            'next', CASE WHEN count(*) > max_rows THEN max(f.id) FILTER (WHERE f.n = max_rows) END)
        FROM failed f LEFT JOIN message m ON m.id = f.message_id LEFT JOIN category c ON c.id = m.category);
END
$$;
COMMENT ON FUNCTION doorbell.webhook_calls IS
    'Calls that were given up, oldest first: {"calls": [{"call", "message", "category", "users", "attempts", "failed_at", "fault"}…], "next"}; '
    'pass next as after. max_rows is 1 to 1,000. DB422.';

CREATE OR REPLACE FUNCTION doorbell.webhook_retry(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
BEGIN
    UPDATE webhook_call w SET failed_at = NULL, attempts = 0, since = at, due_at = at WHERE w.id = webhook_retry.id AND w.failed_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no call that was given up has this id' USING ERRCODE = 'DB404';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.webhook_retry IS 'Makes a call that was given up due again, as if it were new. DB404.';

CREATE OR REPLACE FUNCTION doorbell_internal.purge_webhook_calls(max_rows integer, long_gone timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at constant timestamptz := clock_timestamp();
    overdue integer;
    removed integer;
BEGIN
    UPDATE doorbell.webhook_call w
    SET failed_at = at, fault = 'nobody made it for a day: doorbell-app does only with [auth] webhook_secret_file'
    WHERE w.id IN (
        SELECT x.id FROM doorbell.webhook_call x WHERE x.failed_at IS NULL AND x.due_at < at - interval '1 day'
        ORDER BY x.due_at LIMIT max_rows FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS overdue = ROW_COUNT;
    DELETE FROM doorbell.webhook_call w WHERE w.id IN (
        SELECT o.id FROM (SELECT x.id, x.failed_at FROM doorbell.webhook_call x WHERE x.failed_at IS NOT NULL
            ORDER BY x.id LIMIT max_rows FOR UPDATE SKIP LOCKED) o
        WHERE o.failed_at < long_gone);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN overdue + removed;
END
$$;
COMMENT ON FUNCTION doorbell_internal.purge_webhook_calls IS
    'Also gives up what has been due for a day and nobody took, so that no queue grows for ever where no program makes calls.';
