-- SPDX-License-Identifier: MIT
-- The outbox: rings wait here from the commit that causes them until the relay has them. doorbell-app
-- looks at what waits, asks the relay which of these users are online, leases the rings for them, and holds no lock
-- while it calls. A user who is not online needs no ring: a page asks once it has connected, which is after the
-- question to the relay, and so after the commit that the ring would have told of.

CREATE OR REPLACE FUNCTION doorbell_internal.ring_users(users text[], seq bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF cardinality(users) BETWEEN 1 AND 1000 THEN
        INSERT INTO doorbell.outbox (user_ids, seq) VALUES (users, $2);
    ELSE
        INSERT INTO doorbell.outbox (user_ids, seq)
        SELECT users[first:first + 999], $2 FROM generate_series(1, cardinality(users), 1000) first;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.touch_readers(users text[], seq bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.reader r SET version = $2 WHERE r.user_id = ANY (users);
    PERFORM doorbell_internal.ring_users(users, $2);
END
$$;
COMMENT ON FUNCTION doorbell_internal.touch_readers IS 'Gives locked readers a new version, and rings them.';

CREATE OR REPLACE FUNCTION doorbell_internal.end_rings(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- Without waiting for the disk: a crash that undoes it brings a ring twice, which does no harm.
    setting constant text := set_config('synchronous_commit', 'off', true);
BEGIN
    -- In the order of erase(), which takes a user off the lists of several.
    DELETE FROM doorbell.outbox o USING (SELECT u FROM unnest(ids) u ORDER BY u) x (id) WHERE o.id = x.id;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.ask_all() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO doorbell.outbox (feed_id, seq) SELECT 1, NULL
    WHERE NOT EXISTS (SELECT FROM doorbell.outbox o WHERE o.seq IS NULL AND o.leased_until = '-infinity');
END
$$;
COMMENT ON FUNCTION doorbell_internal.ask_all IS 'Has every page ask, unless that waits already.';

CREATE OR REPLACE FUNCTION doorbell_internal.ask_instead(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM doorbell_internal.end_rings(ids);
    PERFORM doorbell_internal.ask_all();
END
$$;
COMMENT ON FUNCTION doorbell_internal.ask_instead IS
    'Gives rings up, but not what they were for: the pages that would have heard them ask, with all the others.';

CREATE OR REPLACE FUNCTION doorbell_internal.replace_old_rings(older_than timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    old bigint[];
    -- Younger than now is a ring of which a wrong clock has hidden the age.
    too_young constant timestamptz := clock_timestamp() + interval '1 minute';
BEGIN
    -- The oldest one tells whether there are any, at the price of one row.
    IF (SELECT o.at NOT BETWEEN older_than AND too_young FROM doorbell.outbox o WHERE o.seq IS NOT NULL ORDER BY o.id LIMIT 1) THEN
        SELECT array_agg(x.id) INTO old FROM (
            SELECT o.id FROM doorbell.outbox o WHERE o.at NOT BETWEEN older_than AND too_young AND o.seq IS NOT NULL
            ORDER BY o.id LIMIT 10000 FOR UPDATE SKIP LOCKED) x;
        PERFORM doorbell_internal.ask_instead(old);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.replace_old_rings IS 'Replaces up to 10,000 rings from before that time by a question to all.';

CREATE OR REPLACE FUNCTION doorbell_internal.is_leased(until timestamptz, now_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT $1 > $2 AND $1 < $2 + interval '1 minute' $$;
COMMENT ON FUNCTION doorbell_internal.is_leased IS 'A lease that ends later was taken while the clock was wrong.';

CREATE OR REPLACE FUNCTION doorbell.outbox_waiting(done bigint[], max_rows integer, max_age_s integer)
RETURNS TABLE (id bigint, user_id text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    now_at constant timestamptz := clock_timestamp();
    step text;
BEGIN
    IF NOT EXISTS (SELECT FROM current_epoch) THEN
        PERFORM keep_epoch(); -- and what was done was done in another history
    ELSIF done <> '{}' THEN
        step := end_rings(done);
    END IF;
    step := replace_old_rings(now_at - make_interval(secs => max_age_s));
    RETURN QUERY
    SELECT o.id, CASE WHEN cardinality(o.user_ids) = 1 THEN o.user_ids[1] END
    FROM outbox o WHERE NOT is_leased(o.leased_until, now_at) ORDER BY o.id DESC LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_waiting IS
    'First doorbell.outbox_done() of those of the call before, and one general question in place of rings older than max_age_s. '
    'Then up to max_rows rings that nobody has leased, newest first, so that a backlog delays none that is fresh, '
    'each with its user if it is for one.';

CREATE OR REPLACE FUNCTION doorbell.outbox_take(ids bigint[], online text[], lease_s integer,
    hit_window integer DEFAULT 300, group_ring_max integer DEFAULT 10000)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    now_at constant timestamptz := clock_timestamp();
    setting constant text := set_config('synchronous_commit', 'off', true);
    taken bigint[];
BEGIN
    WITH picked AS MATERIALIZED (
        SELECT o.id, coalesce(cardinality(o.user_ids) <> 1 OR o.user_ids[1] = ANY (online), true) AS is_heard
        FROM outbox o WHERE o.id = ANY (ids) AND NOT is_leased(o.leased_until, now_at)
        ORDER BY o.id FOR UPDATE SKIP LOCKED
    ), unheard AS (
        DELETE FROM outbox o USING picked p WHERE o.id = p.id AND NOT p.is_heard
    ), leased AS (
        UPDATE outbox o SET leased_until = now_at + make_interval(secs => lease_s), attempts = o.attempts + 1
        FROM picked p WHERE o.id = p.id AND p.is_heard
        RETURNING o.id
    )
    SELECT array_agg(l.id) INTO taken FROM leased l;
    -- A snapshot of its own, later than the commits of these rows.
    RETURN QUERY
    SELECT t.id, r.ring FROM unnest(taken) t (id)
    LEFT JOIN rings_of(taken, hit_window, group_ring_max) r ON r.id = t.id;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_take IS
    'Leases those of these rings that still wait, for lease_s seconds, and returns every leased id, with its ring or, where another '
    'id has it or nobody is to be rung, without. Rings for one user who is not in online are ended instead; online is null while '
    'nobody knows. Finish with doorbell.outbox_done() or doorbell.outbox_retry(). All of these end without waiting for the disk, '
    'each alone in its transaction.';

CREATE OR REPLACE FUNCTION doorbell_internal.ring_of_step(seq bigint, step_from bigint, hit_window integer, epoch text) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('all', true, 'from', $2, 'seq', $1, 'add', 1, 'category', c.name, 'critical', coalesce(c.critical, false),
        'young', m.sent_at > statement_timestamp() - make_interval(secs => $3), 'id', m.id, 'epoch', $4)
    FROM doorbell.feed f
    CROSS JOIN LATERAL doorbell_internal.last_broadcast(f.id, f.version) m
    LEFT JOIN doorbell.category c ON c.id = m.category
    WHERE f.id = 1 AND f.version = $1 AND $2 IS NOT NULL
        AND m.seq = $1 AND m.live AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp())
$$;
COMMENT ON FUNCTION doorbell_internal.ring_of_step IS
    'The ring of one new message to everybody, from which a page that was at step_from computes its number. Null unless that is all that has '
    'happened until now.';

CREATE OR REPLACE FUNCTION doorbell_internal.ring_for_all(ids bigint[], hit_window integer, epoch text)
RETURNS TABLE (id bigint, ring json)
LANGUAGE sql STABLE AS $$
    SELECT e.id, CASE WHEN e.is_ask THEN json_build_object('all', true, 'epoch', $3)
        ELSE coalesce(doorbell_internal.ring_of_step(e.seq, e.step_from, $2, $3), json_build_object('all', true, 'seq', e.seq, 'epoch', $3)) END
    FROM (
        SELECT max(o.id) AS id, bool_or(o.seq IS NULL) AS is_ask, max(o.seq) AS seq,
            CASE WHEN count(*) = 1 THEN max(o.step_from) END AS step_from
        FROM doorbell.outbox o WHERE o.id = ANY ($1) AND o.feed_id = 1 HAVING count(*) > 0
    ) e
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.rings_of(ids bigint[], hit_window integer, group_ring_max integer)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    newer bigint;
    epoch constant text := (SELECT e.epoch::text FROM doorbell.current_epoch e);
    has record;
BEGIN
    SELECT bool_or(cardinality(o.user_ids) = 1) AS users, bool_or(cardinality(o.user_ids) > 1) AS lists,
        bool_or(o.feed_id = 1) AS everybody, bool_or(o.feed_id > 1) AS groups
    INTO has FROM doorbell.outbox o WHERE o.id = ANY (ids);

    IF has.users THEN
        -- No version: a user whom nobody knows, or a new one by the name of an erased one. Their pages ask, whatever they know.
        RETURN QUERY
        SELECT x.id, CASE WHEN coalesce(u.version, 0) = 0 THEN json_build_object('to', json_build_array(x.user_id), 'epoch', epoch)
            ELSE json_build_object('to', json_build_array(x.user_id), 'version', u.version, 'seq', u.seq,
                'num', u.num, 'hit', u.hit, 'id', u.latest, 'scope', u.scope, 'epoch', epoch) END
        FROM (
            SELECT max(o.id) AS id, o.user_ids[1] AS user_id FROM doorbell.outbox o
            WHERE o.id = ANY (ids) AND cardinality(o.user_ids) = 1 GROUP BY o.user_ids[1]
        ) x LEFT JOIN LATERAL doorbell_internal.unread_until(x.user_id, NULL, hit_window) u ON true;
    END IF;
    IF has.lists THEN
        -- A check with a higher seq was taken after these commits. No event has this number: pages will have asked about it.
        newer := nextval('doorbell.seq');
        RETURN QUERY
        SELECT o.id, json_build_object('to', to_json(o.user_ids), 'seq', newer, 'epoch', epoch)
        FROM doorbell.outbox o WHERE o.id = ANY (ids) AND cardinality(o.user_ids) > 1;
    END IF;
    IF has.everybody THEN
        RETURN QUERY
        SELECT * FROM doorbell_internal.ring_for_all(ids, hit_window, epoch);
    END IF;
    IF has.groups THEN
        RETURN QUERY
        SELECT g.id, CASE WHEN cardinality(g.members) > group_ring_max THEN json_build_object('all', true, 'seq', g.seq, 'epoch', epoch)
            ELSE json_build_object('to', to_json(g.members), 'seq', g.seq, 'epoch', epoch) END
        FROM (
            SELECT max(o.id) AS id, max(o.seq) AS seq,
                doorbell_internal.members_of(o.feed_id, '', group_ring_max + 1) AS members
            FROM doorbell.outbox o WHERE o.id = ANY (ids) AND o.feed_id > 1 GROUP BY o.feed_id
        ) g WHERE g.members <> '{}';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell.outbox_rings(ids bigint[], hit_window integer DEFAULT 300, group_ring_max integer DEFAULT 10000)
RETURNS TABLE (id bigint, ring json)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM rings_of(ids, hit_window, group_ring_max);
END
$$;
COMMENT ON FUNCTION doorbell.outbox_rings IS
    'The rings of claimed ids, each an element of the relay''s "rings", computed now in one snapshot, so that '
    'they are true when they are sent. Several ids of one user or feed make one ring, under the newest id; '
    'an id whose group is empty makes none. A group rings its members while there are at most group_ring_max, '
    'else everybody.';

CREATE OR REPLACE FUNCTION doorbell.outbox_done(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM end_rings(ids);
END
$$;
COMMENT ON FUNCTION doorbell.outbox_done IS 'The relay has these rings (or needs none): all ids, with or without a ring.';

CREATE OR REPLACE FUNCTION doorbell.outbox_retry(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE outbox o SET leased_until = '-infinity'
    FROM (SELECT u FROM unnest(ids) u ORDER BY u) x (id) WHERE o.id = x.id;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_retry IS 'The relay could not be reached: gives the leases back.';

CREATE OR REPLACE FUNCTION doorbell.outbox_refused(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF EXISTS (SELECT FROM outbox o WHERE o.id = outbox_refused.id AND o.seq IS NULL) THEN
        PERFORM outbox_retry(ARRAY[outbox_refused.id]);
    ELSE
        PERFORM ask_instead(ARRAY[outbox_refused.id]);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.outbox_refused IS
    'The relay, or something before it, does not take this ring, alone and leased: a question to all takes its place. Such a question '
    'is tried until it is taken.';

CREATE OR REPLACE FUNCTION doorbell.outbox_pulse() RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN json_build_object('rings', json_build_array(), 'epoch', keep_epoch()::text,
        'seq', (SELECT f.version FROM feed f WHERE f.id = 1));
END
$$;
COMMENT ON FUNCTION doorbell.outbox_pulse IS
    'A call of the relay that rings nobody: it tells the epoch and the number of the newest message to all, which the relay passes on in its pings.';
