-- SPDX-License-Identifier: MIT
-- Groups. Joining shows only what comes after, leaving hides.

CREATE OR REPLACE FUNCTION doorbell_internal.feed_named(name text) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    found_id integer;
BEGIN
    PERFORM doorbell_internal.check_group(feed_named.name);
    LOOP
        SELECT id INTO found_id FROM doorbell.feed WHERE name = feed_named.name;
        EXIT WHEN FOUND;
        INSERT INTO doorbell.feed (name) VALUES (feed_named.name) ON CONFLICT DO NOTHING RETURNING id INTO found_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION doorbell_internal.feed_named IS 'The feed of a group, made when it is first named.';

CREATE OR REPLACE FUNCTION doorbell.group_change(group_name text, add text[], remove text[], max_groups integer DEFAULT 64)
RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    feed_now feed;
    feed integer;
    came text[] := normal_users(coalesce(add, '{}'));
    went text[] := normal_users(coalesce(remove, '{}'));
    changed text[];
    number bigint;
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
    number := nextval('seq');
    INSERT INTO subscription (user_id, feed_id, joined_pos, joined_version)
    SELECT u, feed, feed_now.last_pos, number FROM unnest(came) u;
    DELETE FROM subscription s USING unnest(went) u WHERE s.user_id = u AND s.feed_id = feed;
    UPDATE reader r SET groups = r.groups + 1, scope = number WHERE r.user_id = ANY (came);
    UPDATE reader r SET groups = r.groups - 1, scope = number, left_version = number, seq_min = greatest(r.seq_min, feed_now.version)
    WHERE r.user_id = ANY (went);
    PERFORM touch_readers(changed, number);
    RETURN json_build_object('added', cardinality(came), 'removed', cardinality(went));
END
$$;
COMMENT ON FUNCTION doorbell.group_change IS
    'Adds users to a group and removes others, up to 100,000 each, all or none: {"added": n, "removed": n} counts '
    'those for whom it was news. The group is made when first named. A member sees what is sent after joining '
    '(and what was sent with to_new_users), and nothing of it after leaving. DB422, also over max_groups.';

CREATE OR REPLACE FUNCTION doorbell.group_join(group_name text, user_id text, max_groups integer DEFAULT 64) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN (group_change(group_name, ARRAY[user_id], NULL, max_groups)->>'added')::integer > 0; END$$;
COMMENT ON FUNCTION doorbell.group_join IS 'Adds one user to a group; false for a member. See doorbell.group_change().';

CREATE OR REPLACE FUNCTION doorbell.group_leave(group_name text, user_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS
$$BEGIN RETURN (group_change(group_name, NULL, ARRAY[user_id])->>'removed')::integer > 0; END$$;
COMMENT ON FUNCTION doorbell.group_leave IS 'Removes one user from a group; false for somebody who is no member. See doorbell.group_change().';

CREATE OR REPLACE FUNCTION doorbell.group_members(group_name text, after text DEFAULT NULL, max_rows integer DEFAULT 1000)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
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
