-- SPDX-License-Identifier: MIT
-- Sending: doorbell.send() checks everything a site could get wrong, settles the idempotency key, and
-- delivers in the caller's own transaction, or leaves the message to activate().

CREATE OR REPLACE FUNCTION doorbell_internal.claim_key(key text, digest bytea, id bigint, recipients integer)
RETURNS doorbell.send_key
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    first doorbell.send_key;
BEGIN
    LOOP
        -- Waits for an open transaction that has the key; goes on when that one rolls back.
        INSERT INTO doorbell.send_key (key, digest, message_id, recipients)
        VALUES (claim_key.key, claim_key.digest, claim_key.id, claim_key.recipients)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO first FROM doorbell.send_key k WHERE k.key = claim_key.key;
        EXIT WHEN FOUND;
    END LOOP;
    IF first.digest <> claim_key.digest THEN
        RAISE EXCEPTION 'this key was used for another content' USING ERRCODE = 'DB409';
    END IF;
    RETURN first;
END
$$;
COMMENT ON FUNCTION doorbell_internal.claim_key IS 'NULL when the key is now ours, else the send that had it; DB409 when that was of another content.';

CREATE OR REPLACE FUNCTION doorbell_internal.digest_of(m doorbell.message, users text[], to_group text, category text,
    expires_in integer, send_at timestamptz, replace boolean)
RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_array(
        encode(sha256(convert_to(array_to_string(users, E'\n'), 'UTF8')), 'hex'), to_group,
        m.title, m.body, m.sender, m.url, category, m.extra, expires_in, extract(epoch FROM send_at),
        m.subject, coalesce(replace, false), m.must_ack, m.to_new)::text, 'UTF8'));
END
$$;
COMMENT ON FUNCTION doorbell_internal.digest_of IS 'Of all that makes a send the same as another one with its key.';

CREATE OR REPLACE FUNCTION doorbell.send(to_users text[] DEFAULT NULL, to_group text DEFAULT NULL, to_all boolean DEFAULT false,
    title text DEFAULT NULL, body text DEFAULT NULL, sender text DEFAULT NULL, url text DEFAULT NULL,
    category text DEFAULT NULL, extra jsonb DEFAULT NULL, expires_in integer DEFAULT NULL,
    send_at timestamptz DEFAULT NULL, key text DEFAULT NULL, subject_type text DEFAULT NULL,
    subject_id text DEFAULT NULL, replace boolean DEFAULT false, ack boolean DEFAULT false,
    to_new_users boolean DEFAULT false, later boolean DEFAULT false)
RETURNS TABLE (id bigint, recipients integer, duplicate boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    first send_key;
    m message;
    done text;
    due_at timestamptz := CASE WHEN send_at > clock_timestamp() THEN send_at WHEN later THEN '-infinity' END;
    ttl constant interval := make_interval(secs => expires_in);
BEGIN
    IF (to_users IS NOT NULL)::integer + (to_group IS NOT NULL)::integer + coalesce(to_all, false)::integer <> 1 THEN
        RAISE EXCEPTION 'exactly one of to_users, to_group and to_all is needed' USING ERRCODE = 'DB400';
    END IF;
    -- Assigned, not performed: that starts no statement.
    done := check_content(title, body, sender, url, category, extra, expires_in, send_at, key,
        subject_type, subject_id, replace);
    users := CASE WHEN to_users IS NOT NULL THEN normal_users(to_users) END;
    IF users = '{}' THEN
        RETURN QUERY SELECT NULL::bigint, 0, false;
        RETURN;
    END IF;
    -- In the order of the columns: one expression is set up, not one for each.
    m := ROW(nextval('seq'), NULL, CASE WHEN to_group IS NOT NULL THEN feed_named(to_group) WHEN to_all THEN 1 END, NULL,
        CASE WHEN category IS NOT NULL THEN category_named(category) ELSE 0 END, coalesce(ack, false),
        coalesce(to_new_users, false) AND users IS NULL, due_at IS NULL, false, cardinality(users), NULL, NULL, NULL,
        subject_of(subject_type, subject_id), sender, title, url, coalesce(body, ''), extra)::message;
    IF key IS NOT NULL THEN
        first := claim_key(key, digest_of(m, users, to_group, category, expires_in, send_at, replace), m.id, m.recipients);
        IF first.key IS NOT NULL THEN
            RETURN QUERY SELECT first.message_id, first.recipients, true;
            RETURN;
        END IF;
    END IF;
    IF due_at IS NULL THEN
        done := deliver(m, users, ttl, replace);
    ELSE
        done := schedule(m, users, ttl, replace, due_at);
    END IF;
    id := m.id;
    recipients := m.recipients;
    duplicate := false;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell.send IS
$$Sends a message, in the caller's transaction: a rollback sends nothing and rings nothing.
Called by name: SELECT * FROM doorbell.send(to_users => '{42}', title => 'Hello').
Exactly one of to_users (up to 100,000 ids; duplicates collapse; an empty list stores nothing), to_group
(a name; it may be new), to_all (true).
title: 1 to 255 characters. body: up to 65,536 bytes. sender, category (made when first named), url (http, https,
or a path from the root), extra (an object up to 16,384 bytes) are optional.
expires_in: seconds after delivery at which nobody sees it any more. send_at: when to deliver.
key: the same key and content again returns the first id with duplicate = true; with another content DB409.
subject_type, subject_id: what it is about; replace: supersedes unread messages about that for its audience.
ack: must be acknowledged. to_new_users: also for those who appear or join later.
later: delivered by doorbell-app right after the commit. Use it in long transactions, since a message to a
group or to all makes other such sends wait until the transaction ends; else send last.
recipients is null for group and all. Errors: DB400, DB409, DB422.$$;
