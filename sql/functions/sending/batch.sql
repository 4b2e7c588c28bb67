-- SPDX-License-Identifier: MIT
-- Many messages in one call. The names that are new are made first, groups before audiences before categories, as each send makes
-- them, and each kind in one order. Then all messages are checked, and their keys claimed in one order, before any takes a lock; then the
-- locks of all are taken in the order that every call keeps, and the messages delivered one after another.

CREATE OR REPLACE FUNCTION doorbell_internal.check_batch(messages jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(messages) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'messages is a JSON array' USING ERRCODE = 'DB400';
    END IF;
    IF jsonb_array_length(messages) > 10000 THEN
        RAISE EXCEPTION 'a batch has at most 10000 messages; send several' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.prepare_json(message jsonb, OUT m doorbell.message, OUT way doorbell.pending,
    OUT id bigint, OUT recipients integer, OUT duplicate boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p record;
BEGIN
    IF jsonb_typeof(message) <> 'object' OR message - '{to_users,to_group,to_all,title,body,sender,url,category,extra,
        expires_in,send_at,key,subject_type,subject_id,replace,ack,to_new_users,later,group_key,
        to_groups,except_groups,except_users,known_before}'::text[] <> '{}'
    THEN
        RAISE EXCEPTION 'a message of a batch is an object of arguments of doorbell.send()' USING ERRCODE = 'DB422';
    END IF;
    SELECT d.* INTO p
    FROM jsonb_to_record(message) a (to_users text[], to_group text, to_all boolean, title text, body text, sender text,
        url text, category text, extra jsonb, expires_in integer, send_at timestamptz, key text, subject_type text,
        subject_id text, replace boolean, ack boolean, to_new_users boolean, later boolean, group_key text,
        to_groups text[], except_groups text[], except_users text[], known_before timestamptz)
    CROSS JOIN LATERAL doorbell_internal.prepare(a.to_users, a.to_group, a.to_all, a.title, a.body, a.sender, a.url,
        a.category, a.extra, a.expires_in, a.send_at, a.key, a.subject_type, a.subject_id, coalesce(a.replace, false),
        a.ack, a.to_new_users, a.later, a.group_key,
        ROW(a.to_groups, a.except_groups, a.except_users, a.known_before)::doorbell_internal.audience_rule) d;
    m := p.m;
    way := p.way;
    id := p.id;
    recipients := p.recipients;
    duplicate := p.duplicate;
END
$$;
COMMENT ON FUNCTION doorbell_internal.prepare_json IS 'prepare() for an object with the arguments of doorbell.send().';

CREATE OR REPLACE FUNCTION doorbell_internal.try_prepare_json(message jsonb, OUT m doorbell.message, OUT way doorbell.pending,
    OUT id bigint, OUT recipients integer, OUT duplicate boolean, OUT code text, OUT reason text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p record;
BEGIN
    p := doorbell_internal.prepare_json(message);
    m := p.m;
    way := p.way;
    id := p.id;
    recipients := p.recipients;
    duplicate := p.duplicate;
EXCEPTION WHEN SQLSTATE 'DB400' OR SQLSTATE 'DB409' OR SQLSTATE 'DB422' THEN
    code := SQLSTATE;
    reason := SQLERRM;
END
$$;
COMMENT ON FUNCTION doorbell_internal.try_prepare_json IS 'The same; a refusal is a result, and leaves nothing behind.';

CREATE OR REPLACE FUNCTION doorbell_internal.try_name(to_group text, to_all boolean, rule doorbell_internal.audience_rule, category text)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF category IS NOT NULL THEN
        PERFORM doorbell_internal.check_name('category', category, 64);
        PERFORM doorbell_internal.category_named(category);
    ELSIF rule IS NULL THEN
        PERFORM doorbell_internal.feed_named(to_group);
    ELSE
        PERFORM doorbell_internal.feed_for(NULL, to_group, to_all, rule);
    END IF;
EXCEPTION WHEN SQLSTATE 'DB400' OR SQLSTATE 'DB422' THEN
    RETURN; -- its message is refused for that, and says why
END
$$;
COMMENT ON FUNCTION doorbell_internal.try_name IS 'Makes a category, or a group, or an audience, if it may be.';

CREATE OR REPLACE FUNCTION doorbell_internal.name_batch(messages jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    objects constant jsonb := jsonb_path_query_array(messages, '$[*] ? (@.type() == "object")');
BEGIN
    PERFORM doorbell_internal.try_name(n.name, NULL, NULL, NULL)
    FROM (
        SELECT DISTINCT g COLLATE "C" AS name FROM jsonb_to_recordset(objects) a (to_group text, to_groups text[], except_groups text[])
        CROSS JOIN unnest(a.to_group || a.to_groups || a.except_groups) g WHERE g IS NOT NULL ORDER BY 1
    ) n WHERE NOT EXISTS (SELECT FROM doorbell.feed f WHERE f.name = n.name);

    PERFORM doorbell_internal.try_name(r.to_group, r.to_all, ROW(r.to_groups, r.except_groups, NULL, r.known_before)::doorbell_internal.audience_rule, NULL)
    FROM (
        SELECT * FROM (
            SELECT DISTINCT a.* FROM jsonb_to_recordset(objects) a (to_group text, to_all boolean, to_groups text[], except_groups text[],
                known_before timestamptz)
            WHERE num_nonnulls(a.to_groups, a.except_groups, a.known_before) > 0) d
        -- By what an audience is made of, in whatever order it is named.
        ORDER BY doorbell_internal.group_ids(d.to_group || d.to_groups), doorbell_internal.group_ids(d.except_groups), d.known_before
    ) r;

    PERFORM doorbell_internal.try_name(NULL, NULL, NULL, n.name)
    FROM (
        SELECT DISTINCT a.category COLLATE "C" AS name FROM jsonb_to_recordset(objects) a (category text) WHERE a.category IS NOT NULL ORDER BY 1
    ) n WHERE NOT EXISTS (SELECT FROM doorbell.category c WHERE c.name = n.name AND c.listed);
END
$$;
COMMENT ON FUNCTION doorbell_internal.name_batch IS
    'Makes the names that are new in a batch. Else one batch might wait for another''s name while that waits for a key of the first.';

CREATE OR REPLACE FUNCTION doorbell_internal.dispatch_batch(ms doorbell.message[], ways doorbell.pending[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    done text;
BEGIN
    IF EXISTS (SELECT FROM unnest(ways) w WHERE w.due_at IS NULL AND w.users IS NULL AND w.message_id IS NOT NULL) THEN
        PERFORM doorbell_internal.lock_broadcasts();
    END IF;
    -- All readers in one order, so that two batches do not deadlock.
    PERFORM doorbell_internal.lock_readers(array_agg(DISTINCT u COLLATE "C" ORDER BY u COLLATE "C"))
    FROM unnest(ways) WITH ORDINALITY w (message_id, due_at, users, expires_in, replace, place)
    CROSS JOIN unnest(w.users || (ms[w.place]).excepted) u WHERE w.due_at IS NULL;
    FOR i IN 1..coalesce(array_upper(ways, 1), 0) LOOP
        IF (ways[i]).message_id IS NOT NULL THEN
            done := doorbell_internal.dispatch(ms[i], ways[i]);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION doorbell_internal.dispatch_batch IS 'dispatch() for all, under the locks of all.';

CREATE OR REPLACE FUNCTION doorbell.send_batch(messages jsonb, atomic boolean DEFAULT true)
RETURNS TABLE (n integer, id bigint, recipients integer, duplicate boolean, code text, reason text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    x record;
    p record;
    ms message[];
    ways pending[];
    done text := check_batch(messages);
BEGIN
    PERFORM name_batch(messages);
    -- Keys are claimed in one order, too.
    FOR x IN
        SELECT e.message, e.place::integer AS n FROM jsonb_array_elements(messages) WITH ORDINALITY e (message, place)
        ORDER BY e.message ->> 'key' COLLATE "C", e.place
    LOOP
        n := x.n;
        IF atomic THEN
            p := prepare_json(x.message);
        ELSE
            p := try_prepare_json(x.message);
            code := p.code;
            reason := p.reason;
        END IF;
        id := p.id;
        recipients := p.recipients;
        duplicate := p.duplicate;
        ms[n] := p.m;
        ways[n] := p.way;
        RETURN NEXT;
    END LOOP;
    done := dispatch_batch(ms, ways);
EXCEPTION WHEN SQLSTATE 'DB400' OR SQLSTATE 'DB409' OR SQLSTATE 'DB422' THEN
    RAISE EXCEPTION '%', SQLERRM USING ERRCODE = SQLSTATE, DETAIL = n - 1;
END
$$;
COMMENT ON FUNCTION doorbell.send_batch IS
$$Sends many messages, up to 10,000, in the caller's transaction. Each element of the array is an object whose members are
arguments of doorbell.send(), as {"to_users": ["42"], "title": "Hello"}.
Returns a row for each, n being its place from 1; id, recipients and duplicate are as of send(). Rows come in any order.
atomic: a refused message refuses all, and the DETAIL of the error is its place in the array, from 0. Without it each is
sent or refused by itself: code (DB400, DB409, DB422) and reason say why, and are null for one that is sent. A new group or
category that only a refused one names may still be created.
A member of a wrong JSON type is an error of PostgreSQL's (class 22) in both cases, and nothing is sent.$$;
