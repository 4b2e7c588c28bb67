-- SPDX-License-Identifier: MIT
-- Sending: prepare() checks everything a site could get wrong and settles the idempotency key, and takes no lock that
-- others need; dispatch() delivers in the caller's own transaction, or leaves the message to activate(). doorbell.send()
-- does one after the other, and send_batch() the first for all of its messages before the second for any.

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

CREATE OR REPLACE FUNCTION doorbell_internal.digest_of(m doorbell.message, users text[], category text, expires_in integer,
    send_at timestamptz, replace boolean)
RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(convert_to((jsonb_build_array(
        encode(sha256(convert_to(array_to_string(users, E'\n'), 'UTF8')), 'hex'),
        (SELECT f.name FROM doorbell.feed f WHERE f.id = m.feed_id AND f.id > 1),
        m.title, coalesce(m.body, ''), m.sender, m.url, category, m.extra, expires_in, extract(epoch FROM send_at),
        m.subject, coalesce(replace, false), m.must_ack, m.to_new)
        -- Keys from before there were these keep their digest.
        || CASE WHEN m.group_key IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('group_key', m.group_key)) END
        || CASE WHEN m.excepted IS NULL THEN '[]' ELSE jsonb_build_array(m.excepted) END)::text, 'UTF8'));
END
$$;
COMMENT ON FUNCTION doorbell_internal.digest_of IS 'Of all that makes a send the same as another one with its key.';

CREATE OR REPLACE FUNCTION doorbell_internal.prepare(to_users text[], to_group text, to_all boolean, title text, body text,
    sender text, url text, category text, extra jsonb, expires_in integer, send_at timestamptz, key text, subject_type text,
    subject_id text, replace boolean, ack boolean, to_new_users boolean, later boolean, group_key text, rule doorbell_internal.audience_rule,
    OUT m doorbell.message, OUT way doorbell.pending, OUT id bigint, OUT recipients integer, OUT duplicate boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    users text[];
    first doorbell.send_key;
    done text;
    due_at timestamptz := CASE WHEN send_at > clock_timestamp() THEN send_at WHEN later THEN '-infinity' END;
BEGIN
    IF num_nonnulls(to_users, to_group, rule.groups) + coalesce(to_all, false)::integer <> 1 THEN
        RAISE EXCEPTION 'exactly one of to_users, to_group, to_groups and to_all is needed' USING ERRCODE = 'DB400';
    END IF;
    -- Assigned, not performed: that starts no statement.
    done := doorbell_internal.check_content(title, body, sender, url, category, extra, expires_in, send_at, key,
        subject_type, subject_id, replace);
    done := CASE WHEN group_key IS NOT NULL THEN doorbell_internal.check_group_key(group_key, to_users IS NOT NULL, ack) END;
    users := CASE WHEN to_users IS NOT NULL THEN doorbell_internal.normal_users(to_users) END;
    duplicate := false;
    IF users = '{}' THEN
        recipients := 0;
        RETURN;
    END IF;
    -- In the order of the columns: one expression is set up, not one for each.
    m := ROW(nextval('doorbell.seq'), NULL,
        CASE WHEN NOT rule IS NULL THEN doorbell_internal.feed_for(users, to_group, to_all, rule)
            WHEN to_group IS NOT NULL THEN doorbell_internal.feed_named(to_group) WHEN to_all THEN 1 END, NULL,
        CASE WHEN category IS NOT NULL THEN doorbell_internal.category_named(category) ELSE 0 END, coalesce(ack, false),
        coalesce(to_new_users, false) AND users IS NULL, due_at IS NULL, false, cardinality(users), NULL, NULL, NULL,
        doorbell_internal.subject_of(subject_type, subject_id), sender, title, url,
        coalesce(body, CASE WHEN category IS NULL THEN '' END), extra, group_key,
        CASE WHEN NOT rule IS NULL THEN doorbell_internal.excepted_users(rule) END, NULL)::doorbell.message;
    id := m.id;
    recipients := m.recipients;
    IF key IS NOT NULL THEN
        first := doorbell_internal.claim_key(key, doorbell_internal.digest_of(m, users, category, expires_in, send_at, replace), id, recipients);
        IF first.key IS NOT NULL THEN
            id := first.message_id;
            recipients := first.recipients;
            duplicate := true;
            RETURN;
        END IF;
    END IF;
    IF m.title IS NULL OR m.body IS NULL THEN
        m.body := doorbell_internal.own_body(m, category);
    END IF;
    way := ROW(m.id, due_at, users, make_interval(secs => expires_in), coalesce(replace, false))::doorbell.pending;
END
$$;
COMMENT ON FUNCTION doorbell_internal.prepare IS
$$All of a send that comes before the locks: checks everything, makes the names, claims the key. way is what of the
delivery is not in the message, due_at null if that is now; it is null where nothing is to be delivered.$$;

CREATE OR REPLACE FUNCTION doorbell_internal.dispatch(m doorbell.message, way doorbell.pending) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    done text;
BEGIN
    IF way.due_at IS NULL THEN
        done := doorbell_internal.deliver(m, way.users, way.expires_in, way.replace);
    ELSE
        done := doorbell_internal.schedule(m, way.users, way.expires_in, way.replace, way.due_at);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.dispatch IS 'Delivers a message that prepare() has made, or leaves it to activate().';

CREATE OR REPLACE FUNCTION doorbell.send(to_users text[] DEFAULT NULL, to_group text DEFAULT NULL, to_all boolean DEFAULT false,
    title text DEFAULT NULL, body text DEFAULT NULL, sender text DEFAULT NULL, url text DEFAULT NULL,
    category text DEFAULT NULL, extra jsonb DEFAULT NULL, expires_in integer DEFAULT NULL,
    send_at timestamptz DEFAULT NULL, key text DEFAULT NULL, subject_type text DEFAULT NULL,
    subject_id text DEFAULT NULL, replace boolean DEFAULT false, ack boolean DEFAULT false,
    to_new_users boolean DEFAULT false, later boolean DEFAULT false, group_key text DEFAULT NULL, to_groups text[] DEFAULT NULL,
    except_groups text[] DEFAULT NULL, except_users text[] DEFAULT NULL, known_before timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, recipients integer, duplicate boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p record;
    done text;
BEGIN
    p := prepare(to_users, to_group, to_all, title, body, sender, url, category, extra, expires_in, send_at, key,
        subject_type, subject_id, replace, ack, to_new_users, later, group_key,
        ROW(to_groups, except_groups, except_users, known_before)::audience_rule);
    IF (p.way).message_id IS NOT NULL THEN
        done := dispatch(p.m, p.way);
    END IF;
    id := p.id;
    recipients := p.recipients;
    duplicate := p.duplicate;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell.send IS
$$Sends a message, in the caller's transaction: a rollback sends nothing and rings nothing.
Called by name: SELECT * FROM doorbell.send(to_users => '{42}', title => 'Hello').
Exactly one of to_users (up to 100,000 ids; duplicates collapse; an empty list stores nothing), to_group
(a name; it may be new), to_groups (up to 16 names; each of their members gets it, once), to_all (true).
Messages to groups or to all can leave out except_users (up to 100), the members of except_groups (up to 16), and users whom neither the
site nor Doorbell knew before known_before. A user who leaves the groups, or joins an excepted one, no longer sees the message.
title: 1 to 255 characters. body: up to 65,536 bytes. Where the category has templates, either may be left out: see
category_set(). sender, category (made when first named), url (http, https,
or a path from the root), extra (an object up to 16,384 bytes) are optional.
expires_in: seconds after delivery at which nobody sees it any more. send_at: when to deliver.
key: the same key and content again returns the first id with duplicate = true; with another content DB409.
subject_type, subject_id: what it is about; replace: supersedes unread messages about that for its audience.
ack: must be acknowledged. to_new_users: also for those who appear or join later.
group_key: a grouped list shows a user's messages with the same one (1 to 255 characters) as one row, the newest; for messages
to users, without ack.
later: delivered by doorbell-app right after the commit. Use it in long transactions, since a message to a
group or to all makes other such sends wait until the transaction ends; else send last.
recipients is null for group and all. Errors: DB400, DB409, DB422.$$;
