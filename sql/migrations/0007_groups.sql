-- SPDX-License-Identifier: MIT
-- Groups and preferences: who gets what. Joining shows only what comes after, leaving hides; muting is a
-- filter, nothing is lost by it.

CREATE FUNCTION doorbell.group_change(group_name text, add text[], remove text[], max_groups integer DEFAULT 64)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    feed_now feed;
    feed integer;
    came text[] := normal_users(coalesce(add, '{}'));
    went text[] := normal_users(coalesce(remove, '{}'));
    changed text[];
    version bigint;
BEGIN
    IF came && went THEN
        RAISE EXCEPTION 'a user cannot be added and removed in one call' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_group(group_name);
    -- Removing from a group that does not exist makes none.
    IF came = '{}' AND NOT EXISTS (SELECT FROM doorbell.feed f WHERE f.name = group_name) THEN
        RETURN json_build_object('added', 0, 'removed', 0);
    END IF;
    feed := feed_named(group_name);
    PERFORM lock_readers(array_agg(u COLLATE "C" ORDER BY u COLLATE "C")) FROM (
        SELECT u FROM unnest(came) u
        UNION ALL
        SELECT u FROM unnest(went) u WHERE EXISTS (SELECT FROM reader r WHERE r.user_id = u)) x;
    came := ARRAY(SELECT u FROM unnest(came) u
        WHERE NOT EXISTS (SELECT FROM subscription s WHERE s.user_id = u AND s.feed_id = feed));
    went := ARRAY(SELECT u FROM unnest(went) u
        WHERE EXISTS (SELECT FROM subscription s WHERE s.user_id = u AND s.feed_id = feed));
    changed := ARRAY(SELECT u FROM unnest(came || went) u ORDER BY u COLLATE "C");
    IF changed = '{}' THEN
        RETURN json_build_object('added', 0, 'removed', 0);
    END IF;
    IF EXISTS (SELECT FROM unnest(came) u
        JOIN reader r ON r.user_id = u WHERE r.groups >= max_groups)
    THEN
        RAISE EXCEPTION 'a user is in at most % groups', max_groups USING ERRCODE = 'DB422';
    END IF;

    SELECT * INTO feed_now FROM doorbell.feed f WHERE f.id = feed;
    version := nextval('seq');
    INSERT INTO subscription (user_id, feed_id, floor, seq)
    SELECT u, feed, feed_now.last_pos, version FROM unnest(came) u;
    DELETE FROM subscription s USING unnest(went) u WHERE s.user_id = u AND s.feed_id = feed;
    UPDATE reader r SET groups = r.groups + 1 WHERE r.user_id = ANY (came);
    UPDATE reader r SET groups = r.groups - 1, seq_min = greatest(r.seq_min, feed_now.version) WHERE r.user_id = ANY (went);
    PERFORM touch_readers(changed, version);
    RETURN json_build_object('added', cardinality(came), 'removed', cardinality(went));
END
$$;
COMMENT ON FUNCTION doorbell.group_change IS
    'Adds users to a group and removes others, up to 100,000 each, all or none: {"added": n, "removed": n} counts '
    'those for whom it was news. The group is made when first named. A member sees what is sent after he joined '
    '(and what was sent with to_new_users), and nothing of it once he left. DB422, also over max_groups.';

CREATE FUNCTION doorbell.group_join(group_name text, user_id text, max_groups integer DEFAULT 64) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS
$$BEGIN RETURN (group_change(group_name, ARRAY[user_id], NULL, max_groups)->>'added')::integer > 0; END$$;
COMMENT ON FUNCTION doorbell.group_join IS 'Adds one user to a group; false if he was in it. See doorbell.group_change().';

CREATE FUNCTION doorbell.group_leave(group_name text, user_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS
$$BEGIN RETURN (group_change(group_name, NULL, ARRAY[user_id])->>'removed')::integer > 0; END$$;
COMMENT ON FUNCTION doorbell.group_leave IS 'Removes one user from a group; false if he was not in it. See doorbell.group_change().';

CREATE FUNCTION doorbell.group_members(group_name text, after text DEFAULT NULL, max_rows integer DEFAULT 1000)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    feed integer;
    members text[];
BEGIN
    IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'limit is 1 to 10000' USING ERRCODE = 'DB422';
    END IF;
    SELECT f.id INTO feed FROM doorbell.feed f WHERE f.name = group_name AND f.id > 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such group' USING ERRCODE = 'DB404';
    END IF;
    members := ARRAY(SELECT s.user_id FROM subscription s WHERE s.feed_id = feed AND s.user_id > coalesce(after, '')
        ORDER BY s.user_id LIMIT max_rows + 1);
    RETURN json_build_object('members', to_json(members[:max_rows]),
        'next', CASE WHEN cardinality(members) > max_rows THEN members[max_rows] END);
END
$$;
COMMENT ON FUNCTION doorbell.group_members IS
    'The members of a group in the order of their ids: {"members": […], "next": pass it as after, or null}. DB404, DB422.';

CREATE FUNCTION doorbell.preferences(user_id text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN json_build_object('muted', ARRAY(
        SELECT c.name FROM reader r JOIN category c ON c.id = ANY (r.muted) AND NOT c.critical
        WHERE r.user_id = preferences.user_id ORDER BY c.name));
END
$$;
COMMENT ON FUNCTION doorbell.preferences IS 'What a user muted: {"muted": [category, …]}.';

CREATE FUNCTION doorbell.mute(user_id text, categories text[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    names constant text[] := ARRAY(SELECT DISTINCT n FROM unnest(categories) n);
    chosen integer[];
    before integer[];
BEGIN
    IF categories IS NULL OR cardinality(categories) > 1000 THEN
        RAISE EXCEPTION 'muted is a list of categories' USING ERRCODE = 'DB422';
    END IF;
    IF EXISTS (SELECT FROM category WHERE name = ANY (names) AND critical) THEN
        RAISE EXCEPTION 'a critical category cannot be muted' USING ERRCODE = 'DB422';
    END IF;
    chosen := ARRAY(SELECT c.id FROM category c
        WHERE c.name = ANY (names) AND (c.listed OR EXISTS (
            SELECT FROM reader r WHERE r.user_id = mute.user_id AND c.id = ANY (r.muted)))
        ORDER BY c.id);
    IF cardinality(chosen) < cardinality(names) THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB422';
    END IF;
    PERFORM begin_change(mute.user_id);
    SELECT muted INTO before FROM reader WHERE user_id = mute.user_id;
    IF before = chosen THEN
        RETURN QUERY SELECT * FROM end_change(mute.user_id, 0);
        RETURN;
    END IF;
    INSERT INTO unmute (user_id, category, seq)
    SELECT mute.user_id, c, nextval('seq') FROM unnest(before) c WHERE c <> ALL (chosen)
    ON CONFLICT (user_id, category) DO UPDATE SET seq = EXCLUDED.seq;
    UPDATE reader SET muted = chosen WHERE user_id = mute.user_id;
    RETURN QUERY SELECT * FROM end_change(mute.user_id, 1);
END
$$;
COMMENT ON FUNCTION doorbell.mute IS
    'Sets the categories that a user does not want to see: their messages are hidden and uncounted while they are '
    'muted, and back on unmuting. An empty list unmutes all. DB422 for an unknown or critical one.';

CREATE FUNCTION doorbell.categories() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT json_agg(json_build_object('name', c.name, 'critical', c.critical) ORDER BY c.name)
        FROM category c WHERE c.listed), '[]');
END
$$;
COMMENT ON FUNCTION doorbell.categories IS 'All categories: [{"name", "critical"}, …].';

CREATE FUNCTION doorbell_internal.set_critical(category integer, critical boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.category c SET critical = set_critical.critical
    WHERE c.id = set_critical.category AND c.critical <> set_critical.critical;
    IF FOUND THEN
        -- Who muted it counts otherwise now: an event of the feed that everybody has.
        UPDATE doorbell.feed SET version = nextval('doorbell.seq') WHERE id = 1;
        INSERT INTO doorbell.outbox (feed_id, seq) SELECT f.id, f.version FROM doorbell.feed f WHERE f.id = 1;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_critical IS 'The caller holds the LINE.';

CREATE FUNCTION doorbell.category_set(name text, critical boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
DECLARE
    category integer;
BEGIN
    IF category_set.name IS NULL OR category_set.critical IS NULL THEN
        RAISE EXCEPTION 'name and critical are needed' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_text('category', category_set.name, 64);
    category := category_named(category_set.name);
    PERFORM take_line();
    PERFORM set_critical(category, category_set.critical);
END
$$;
COMMENT ON FUNCTION doorbell.category_set IS
    'Makes a category, or changes it. A critical one cannot be muted, and is shown also to those who had muted it. DB422.';

CREATE FUNCTION doorbell.category_remove(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = doorbell, doorbell_internal, pg_temp AS $$
#variable_conflict use_column
DECLARE
    category integer;
BEGIN
    PERFORM take_line();
    UPDATE category c SET listed = false WHERE c.name = category_remove.name AND c.listed RETURNING c.id INTO category;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB404';
    END IF;
    PERFORM set_critical(category, false);
END
$$;
COMMENT ON FUNCTION doorbell.category_remove IS
    'Takes a category off the list: it is no longer critical, and nobody can newly mute it. Its messages keep it, and '
    'who muted it goes on not seeing them. Naming it again, by a message or category_set(), brings it back. DB404.';
