-- SPDX-License-Identifier: MIT
-- Audiences: from what a send says about its users to a feed.

CREATE OR REPLACE FUNCTION doorbell_internal.max_audiences() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT 32::bigint $$;
COMMENT ON FUNCTION doorbell_internal.max_audiences IS
    'Of a group, and of everybody, since each costs its users a few rows at a check.';

CREATE OR REPLACE FUNCTION doorbell_internal.name_groups(names text[], others text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF greatest(cardinality(names), cardinality(others)) > 16 THEN
        RAISE EXCEPTION 'a message names at most 16 groups; make one group of them' USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.feed_named(g.name)
    FROM (SELECT DISTINCT n COLLATE "C" AS name FROM unnest(names || others) n ORDER BY 1) g;
END
$$;
COMMENT ON FUNCTION doorbell_internal.name_groups IS 'Makes those of these groups that are not yet, in one order.';

CREATE OR REPLACE FUNCTION doorbell_internal.group_ids(names text[]) RETURNS integer[]
LANGUAGE sql STABLE AS $$
    SELECT ARRAY(SELECT f.id FROM doorbell.feed f WHERE f.name = ANY ($1) ORDER BY f.id)
$$;
COMMENT ON FUNCTION doorbell_internal.group_ids IS 'The feeds of these groups, in order.';

CREATE OR REPLACE FUNCTION doorbell_internal.drop_idle_audiences(bases integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ids integer[];
BEGIN
    -- Whose send is under way is locked by it, and what it has written is looked for in a statement of its own.
    SELECT array_agg(l.feed_id) INTO ids FROM (
        SELECT a.feed_id FROM doorbell.audience a
        WHERE a.feed_id IN (SELECT b.feed_id FROM doorbell.audience_base b WHERE b.base_id = ANY (bases))
        ORDER BY a.feed_id FOR UPDATE SKIP LOCKED) l;
    DELETE FROM doorbell.audience a WHERE a.feed_id = ANY (ids)
        AND NOT EXISTS (SELECT FROM doorbell.chunk c
            WHERE c.feed_id = a.feed_id AND c.category = 0 AND c.live <> 0::doorbell.chunk_bits)
        AND NOT EXISTS (SELECT FROM doorbell.pending p JOIN doorbell.message m ON m.id = p.message_id WHERE m.feed_id = a.feed_id);
END
$$;
COMMENT ON FUNCTION doorbell_internal.drop_idle_audiences IS 'Those of these bases in which nothing lives and nothing is to come.';

CREATE OR REPLACE FUNCTION doorbell_internal.make_audience(name text, any_of integer[], none_of integer[], known_before timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    feed integer;
BEGIN
    FOR tries IN 1..2 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM doorbell.audience_base b WHERE b.base_id = ANY (make_audience.any_of)
            GROUP BY b.base_id HAVING count(*) >= doorbell_internal.max_audiences());
        IF tries = 2 THEN
            RAISE EXCEPTION 'a group is in at most % audiences that have messages: give messages expires_in, or send to one made before',
                doorbell_internal.max_audiences() USING ERRCODE = 'DB422';
        END IF;
        PERFORM doorbell_internal.drop_idle_audiences(make_audience.any_of);
    END LOOP;
    INSERT INTO doorbell.feed (name) VALUES (make_audience.name) ON CONFLICT DO NOTHING;
    SELECT f.id INTO feed FROM doorbell.feed f WHERE f.name = make_audience.name;
    INSERT INTO doorbell.audience (feed_id, none_of, known_before)
    VALUES (feed, make_audience.none_of, make_audience.known_before) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO doorbell.audience_base (base_id, feed_id) SELECT b, feed FROM unnest(make_audience.any_of) b;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.audience_named(any_of integer[], none_of integer[], known_before timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- No group's name has a control character.
    label constant text := E'\x1f' || array_to_string(any_of, '+') || '-' || array_to_string(none_of, '-') || '@'
        || extract(epoch FROM known_before);
    found_id integer;
BEGIN
    LOOP
        SELECT a.feed_id INTO found_id FROM doorbell.feed f JOIN doorbell.audience a ON a.feed_id = f.id
        WHERE f.name = label FOR KEY SHARE OF a;
        EXIT WHEN FOUND;
        PERFORM doorbell_internal.make_audience(label, any_of, none_of, known_before);
    END LOOP;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION doorbell_internal.audience_named IS 'The feed of an audience, made if need be, and kept until the transaction ends.';

CREATE OR REPLACE FUNCTION doorbell_internal.feed_for(users text[], to_group text, to_all boolean,
    rule doorbell_internal.audience_rule)
RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    names constant text[] := CASE WHEN to_all IS NOT TRUE THEN coalesce(rule.groups, ARRAY[to_group]) END;
    any_of integer[];
    none_of integer[];
    known_before constant timestamptz := coalesce(rule.known_before, 'infinity');
BEGIN
    IF users IS NOT NULL THEN
        RAISE EXCEPTION 'exceptions and known_before go with groups or with all: leave them out of a message to users' USING ERRCODE = 'DB422';
    ELSIF rule.groups = '{}' THEN
        RAISE EXCEPTION 'to_groups is empty' USING ERRCODE = 'DB400';
    END IF;
    PERFORM doorbell_internal.name_groups(names, rule.except_groups);
    any_of := CASE WHEN to_all THEN '{1}' ELSE doorbell_internal.group_ids(names) END;
    none_of := doorbell_internal.group_ids(rule.except_groups);
    IF any_of && none_of THEN
        RAISE EXCEPTION 'a group cannot be addressed and excepted by one message' USING ERRCODE = 'DB422';
    ELSIF cardinality(any_of) = 1 AND none_of = '{}' AND known_before = 'infinity' THEN
        RETURN any_of[1];
    END IF;
    RETURN doorbell_internal.audience_named(any_of, none_of, known_before);
END
$$;
COMMENT ON FUNCTION doorbell_internal.feed_for IS 'The feed of a message with a rule.';

CREATE OR REPLACE FUNCTION doorbell_internal.excepted_users(rule doorbell_internal.audience_rule) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF cardinality(rule.except_users) > 100 THEN
        RAISE EXCEPTION 'a message excepts at most 100 users; put them into a group and except that' USING ERRCODE = 'DB422';
    END IF;
    RETURN nullif(doorbell_internal.normal_users(rule.except_users), '{}');
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.tell_bases(ids integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.feed f SET version = x.version FROM (
        SELECT b.base_id, max(a.version) AS version
        FROM doorbell.audience_base b JOIN doorbell.feed a ON a.id = b.feed_id WHERE b.feed_id = ANY (ids) GROUP BY 1) x
    WHERE f.id = x.base_id AND f.version < x.version;
END
$$;
COMMENT ON FUNCTION doorbell_internal.tell_bases IS
    'Makes what happened in these feeds an event of the groups that they are made of; the caller holds the broadcast lock.';

CREATE OR REPLACE FUNCTION doorbell_internal.except_users(m doorbell.message) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    no_bit constant doorbell.chunk_bits := 0::doorbell.chunk_bits;
BEGIN
    INSERT INTO doorbell.mark AS k (user_id, feed_id, n, read, archived, gone)
    SELECT u, m.feed_id, doorbell_internal.chunk_of(m.pos), no_bit, no_bit, doorbell_internal.bit_of(m.pos) FROM unnest(m.excepted) u
    ON CONFLICT (user_id, feed_id, n) DO UPDATE SET gone = k.gone | EXCLUDED.gone;
END
$$;
COMMENT ON FUNCTION doorbell_internal.except_users IS 'Hides a broadcast from its excepted users, whose rows the caller has locked.';

CREATE OR REPLACE FUNCTION doorbell_internal.keep_exceptions(user_id text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    no_bit constant doorbell.chunk_bits := 0::doorbell.chunk_bits;
BEGIN
    UPDATE doorbell.mark k SET read = no_bit, archived = no_bit, changed = no_bit, changed_since = 0, version = 0, gone = coalesce((
        SELECT bit_or(doorbell_internal.bit_of(m.pos)) FROM doorbell.message m
        WHERE m.feed_id = k.feed_id AND m.pos BETWEEN doorbell_internal.pos_of(k.n, length(no_bit)) AND doorbell_internal.pos_of(k.n, 1)
            AND m.live AND keep_exceptions.user_id = ANY (m.excepted)), no_bit)
    WHERE k.user_id = keep_exceptions.user_id AND k.gone <> no_bit;
    DELETE FROM doorbell.mark k WHERE k.user_id = keep_exceptions.user_id AND k.gone = no_bit;
END
$$;
COMMENT ON FUNCTION doorbell_internal.keep_exceptions IS
    'Forgets a user''s marks but for the broadcasts that except them: should they come again, those are not theirs either.';
