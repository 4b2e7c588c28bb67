-- SPDX-License-Identifier: MIT
-- Checks of what a caller gave.

CREATE OR REPLACE FUNCTION doorbell_internal.check_text(what text, value text, chars_max integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF char_length(value) NOT BETWEEN 1 AND chars_max THEN
        RAISE EXCEPTION '% is 1 to % characters', what, chars_max USING ERRCODE = 'DB422';
    END IF;
    IF value ~ E'[\u0001-\u001f\u007f-\u009f]' THEN
        RAISE EXCEPTION '% has a control character', what USING ERRCODE = 'DB422';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_text IS 'Refuses what is empty, too long, or has control characters; null passes.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_name(what text, value text, bytes_max integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF octet_length(value) > bytes_max THEN
        RAISE EXCEPTION '% is 1 to % bytes', what, bytes_max USING ERRCODE = 'DB422';
    END IF;
    -- RFC 3986 5.2.4: no path could say which.
    IF value IN ('.', '..') THEN
        RAISE EXCEPTION '% is another name than "." and ".."', what USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_text(what, value, bytes_max);
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_name IS
    'check_text() for names that occur in paths: the limit is in bytes, and "." and ".." are refused.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_url(url text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_text('url', url, 2048);
    -- Browsers read a backslash as a slash and drop tabs: neither may hide a host.
    IF url ~ E'[\\\\[:space:]]' OR (url !~* '^https?://[^/?#]' AND url !~ '^/([^/]|$)') THEN
        RAISE EXCEPTION 'url is http://, https:// or a path from the root' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_user(user_id text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF user_id IS NULL OR octet_length(user_id) NOT BETWEEN 1 AND 128 OR user_id = '*'
        OR user_id ~ E'[\u0001-\u001f\u007f-\u009f]'
    THEN
        RAISE EXCEPTION 'a user id is 1 to 128 bytes without control characters, and not "*"'
            USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_group(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_name('group', check_group.name, 128);
    IF check_group.name IS NULL OR check_group.name = '*' THEN
        RAISE EXCEPTION 'group is a name other than "*"' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_subject(subject_type text, subject_id text, replace boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_text('subject_type', subject_type, 64);
    PERFORM doorbell_internal.check_text('subject_id', subject_id, 255);
    IF (subject_type IS NULL) <> (subject_id IS NULL) THEN
        RAISE EXCEPTION 'subject_type and subject_id go together' USING ERRCODE = 'DB422';
    END IF;
    IF replace AND subject_type IS NULL THEN
        RAISE EXCEPTION 'replace needs subject_type and subject_id' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_group_key(group_key text, is_to_users boolean, ack boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM doorbell_internal.check_text('group_key', group_key, 255);
    IF NOT is_to_users THEN
        RAISE EXCEPTION 'group_key is for messages to users; one to a group or to all is one for everybody, so leave it out' USING ERRCODE = 'DB422';
    END IF;
    IF ack THEN
        RAISE EXCEPTION 'group_key and ack do not go together: what must be acknowledged is shown by itself' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_content(title text, body text, sender text, url text, category text,
    extra jsonb, expires_in integer, send_at timestamptz, key text, subject_type text, subject_id text, replace boolean)
RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    checked text;
BEGIN
    IF title IS NULL AND category IS NULL THEN
        RAISE EXCEPTION 'title is missing' USING ERRCODE = 'DB422';
    END IF;
    checked := doorbell_internal.check_text('title', title, 255);
    IF octet_length(body) > 65536 THEN
        RAISE EXCEPTION 'body is at most 65536 bytes' USING ERRCODE = 'DB422';
    END IF;
    -- Each expression is set up anew in each transaction, and most messages have nothing else.
    IF num_nonnulls(sender, url, category, extra, expires_in, send_at, key, subject_type, subject_id) = 0 AND NOT replace THEN
        RETURN;
    END IF;
    IF sender IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('sender', sender, 255);
    END IF;
    IF category IS NOT NULL THEN
        PERFORM doorbell_internal.check_name('category', category, 64);
    END IF;
    IF key IS NOT NULL THEN
        PERFORM doorbell_internal.check_text('key', key, 255);
    END IF;
    IF subject_type IS NOT NULL OR subject_id IS NOT NULL OR replace THEN
        PERFORM doorbell_internal.check_subject(subject_type, subject_id, replace);
    END IF;
    IF url IS NOT NULL THEN
        PERFORM doorbell_internal.check_url(url);
    END IF;
    IF jsonb_typeof(extra) <> 'object' OR octet_length(extra::text) > 16384 THEN
        RAISE EXCEPTION 'extra is a JSON object of at most 16384 bytes' USING ERRCODE = 'DB422';
    END IF;
    IF expires_in NOT BETWEEN 1 AND 315360000 THEN
        RAISE EXCEPTION 'expires_in is 1 to 315360000 seconds' USING ERRCODE = 'DB422';
    END IF;
    IF send_at NOT BETWEEN 'epoch' AND statement_timestamp() + interval '10 years' THEN
        RAISE EXCEPTION 'send_at is within the next 10 years' USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.is_language(tag text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT $1 ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' AND octet_length($1) <= 35 $$;
COMMENT ON FUNCTION doorbell_internal.is_language IS 'Whether it has the shape of a language tag (RFC 5646).';

CREATE OR REPLACE FUNCTION doorbell_internal.are_bigint(numbers text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT bool_and(lpad(n, 19, '0') <= '9223372036854775807') FROM unnest(numbers) n $$;
COMMENT ON FUNCTION doorbell_internal.are_bigint IS 'Whether texts of up to 19 digits are numbers that a bigint holds.';

CREATE OR REPLACE FUNCTION doorbell_internal.subject_of(subject_type text, subject_id text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT subject_type || E'\x1f' || subject_id $$;
COMMENT ON FUNCTION doorbell_internal.subject_of IS 'Neither part has a control character, so the whole is unambiguous.';

CREATE OR REPLACE FUNCTION doorbell_internal.normal_users(users text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    checked text;
BEGIN
    IF cardinality(users) = 1 THEN
        checked := doorbell_internal.check_user(users[1]);
        RETURN ARRAY[users[1]];
    END IF;
    IF cardinality(users) > 100000 THEN
        RAISE EXCEPTION 'a message goes to at most 100000 users; use a group' USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_user(u) FROM unnest(users) u
    WHERE u IS NULL OR octet_length(u) NOT BETWEEN 1 AND 128 OR u = '*' OR u ~ E'[\u0001-\u001f\u007f-\u009f]';
    RETURN coalesce((SELECT array_agg(DISTINCT u COLLATE "C" ORDER BY u COLLATE "C") FROM unnest(users) u), '{}');
END
$$;
COMMENT ON FUNCTION doorbell_internal.normal_users IS 'Checked, without duplicates, in the order of locking.';
