-- SPDX-License-Identifier: MIT
-- What lists give their callers to come back with: cursors for the next page, and positions, which say what a page could show.

CREATE OR REPLACE FUNCTION doorbell_internal.user_tag(user_id text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN left(encode(sha256(convert_to('doorbell position ' || user_id, 'UTF8')), 'hex'), 8);
END
$$;
COMMENT ON FUNCTION doorbell_internal.user_tag IS 'Marks positions and cursors, so that another user''s are noticed.';

CREATE OR REPLACE FUNCTION doorbell_internal.read_cursor(user_id text, before text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF before !~ '^c1-[0-9a-f]{8}-[0-9]{1,19}$' OR split_part(before, '-', 2) <> doorbell_internal.user_tag(user_id)
        OR NOT doorbell_internal.are_bigint(ARRAY[split_part(before, '-', 3)])
    THEN
        RAISE EXCEPTION 'before is not a "next" of this user''s list' USING ERRCODE = 'DB422';
    END IF;
    RETURN split_part(before, '-', 3)::bigint;
END
$$;
COMMENT ON FUNCTION doorbell_internal.read_cursor IS 'A cursor: c1, the user''s tag, and the number below which the page begins.';

CREATE OR REPLACE FUNCTION doorbell_internal.make_position(user_id text, cut bigint, version bigint, seq bigint, category integer,
    kind integer, basis text DEFAULT NULL, seen_personal bigint DEFAULT NULL, seen_broadcast bigint DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN concat_ws('-', 'p1', doorbell_internal.user_tag(user_id), cut, version, seq, category, kind,
        CASE WHEN basis IS NOT NULL THEN concat_ws('-', basis, seen_personal, seen_broadcast) END);
END
$$;
COMMENT ON FUNCTION doorbell_internal.make_position IS
    'A position: p1, the user''s tag, number of the page''s first message, version, seq, category, and 1 if the page could show nothing '
    'unread, 2 if it showed the members of a group. That of a first page has for list_after() also list_basis(), and up to which '
    'numbers the user had seen.';

CREATE OR REPLACE FUNCTION doorbell_internal.read_position(user_id text, "position" text)
RETURNS TABLE (cut bigint, version bigint, seq bigint, category integer, nothing boolean, only_group boolean,
    basis text, seen_personal bigint, seen_broadcast bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p constant text[] := string_to_array("position", '-');
BEGIN
    IF "position" IS NULL
        OR "position" !~ '^p1-[0-9a-f]{8}(-[0-9]{1,19}){3}-[0-9]{1,9}-[012](-[0-9a-f]{8}(-[0-9]{1,19}){2})?$'
        OR NOT doorbell_internal.are_bigint(p[3:5] || p[9:10])
        OR p[2] <> doorbell_internal.user_tag(user_id)
    THEN
        RAISE EXCEPTION 'position is the "position" of one of this user''s lists, not a message id'
            USING ERRCODE = 'DB422';
    END IF;
    RETURN QUERY SELECT p[3]::bigint, p[4]::bigint, p[5]::bigint, p[6]::integer, p[7] = '1', p[7] = '2',
        p[8], p[9]::bigint, p[10]::bigint;
END
$$;
COMMENT ON FUNCTION doorbell_internal.read_position IS 'What make_position() put in; DB422 for anything else.';

CREATE OR REPLACE FUNCTION doorbell_internal.list_basis(user_id text, list_state text, category integer, joined_pos bigint)
RETURNS text
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    basis text;
BEGIN
    SELECT concat_ws(' ', list_state, list_basis.category, coalesce(r.language, '-'), extract(epoch FROM a.at),
        (SELECT e.epoch FROM doorbell.epoch_copy e), (SELECT max(c.texts_version) FROM doorbell.category c),
        ARRAY(SELECT f.feed_id FROM doorbell_internal.feeds_of(list_basis.user_id, list_basis.joined_pos) f ORDER BY f.feed_id)::text)
    INTO basis FROM doorbell.first_seen a LEFT JOIN doorbell.reader r ON r.user_id = a.user_id WHERE a.user_id = list_basis.user_id;
    RETURN left(encode(sha256(convert_to(basis, 'UTF8')), 'hex'), 8);
END
$$;
COMMENT ON FUNCTION doorbell_internal.list_basis IS
    'The same for two lists, if all that differs between them is what happened to messages: the same kind of list, of a user who is still '
    'the same one, with the same feeds and language, of the same history, by the same templates.';
