-- SPDX-License-Identifier: MIT
-- The check. All STABLE, so that a call has one snapshot and its num belongs to its version.
--
-- An answer changes in two ways only: by an event, which moves the version of the user or of one of their feeds, or by
-- the clock, when something expires or ceases to be a hit, or quiet hours begin or end. So an answer holds for as long as the user's row of
-- doorbell.check_state is the same and valid_until has not come. A function that changes what a user sees must move
-- one of these versions in the same transaction; property.test.mjs tries all of them.

CREATE OR REPLACE VIEW doorbell.check_state (user_id, joined_pos, version, seq, epoch) AS
    SELECT a.user_id, a.joined_pos, coalesce(r.version, 0), greatest(
        (SELECT f.version FROM doorbell.feed f WHERE f.id = 1),
        CASE WHEN r.groups > 0 THEN (
            SELECT max(f.version) FROM doorbell.subscription s JOIN doorbell.feed f ON f.id = s.feed_id
            WHERE s.user_id = a.user_id) END,
        r.seq_min),
        (SELECT e.epoch FROM doorbell.current_epoch e)
    FROM doorbell.first_seen a LEFT JOIN LATERAL (
        SELECT x.version, x.seq_min, x.groups FROM doorbell.reader x WHERE x.user_id = a.user_id OFFSET 0) r ON true;
COMMENT ON VIEW doorbell.check_state IS
    'What the answer of each registered user depends on; version and seq are those of doorbell.unread(), epoch is that of doorbell.current_epoch. Look users up by '
    'user_id: that is a few look-ups by key for each.';

CREATE OR REPLACE VIEW doorbell.standby_state (user_id, joined_pos, version, seq, epoch) AS
    SELECT c.user_id, c.joined_pos, c.version, c.seq, (SELECT e.epoch FROM doorbell.epoch_copy e)
    FROM doorbell.check_state c;
COMMENT ON VIEW doorbell.standby_state IS
    'doorbell.check_state as a standby can read it: epoch is that of the history it is a copy of. What a standby says of a user '
    'in the same snapshot is what the primary said, if joined_pos, version, seq and epoch are those of doorbell.check_state there.';

CREATE OR REPLACE FUNCTION doorbell_internal.unread_until(user_id text, category text, hit_window integer)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint, scope bigint, groups integer, muted integer[],
    quiet bigint[], joined_pos bigint, valid_until timestamptz)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    young_for constant interval := make_interval(secs => hit_window);
    seq_min bigint;
    hours jsonb;
    is_plain boolean;
    parts record;
    sent_at timestamptz; -- of the newest, if it is unread
BEGIN
    SELECT a.joined_pos, coalesce(r.version, 0), coalesce(r.seq_min, 0), coalesce(r.scope, 0), coalesce(r.groups, 0),
        coalesce(r.muted, '{}'), r.quiet_hours
    INTO joined_pos, version, seq_min, scope, groups, muted, hours
    FROM doorbell.first_seen a LEFT JOIN doorbell.reader r ON r.user_id = a.user_id WHERE a.user_id = unread_until.user_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Most users are in no group and mute nothing: the short way serves them at half the cost.
    is_plain := unread_until.category IS NULL AND groups = 0 AND muted = '{}';
    IF is_plain THEN
        SELECT * INTO parts FROM doorbell_internal.parts_of_plain(unread_until.user_id, joined_pos, at);
    END IF;
    IF NOT is_plain OR NOT FOUND THEN
        SELECT * INTO parts FROM doorbell_internal.parts_of_any(unread_until.user_id, unread_until.category, at);
    END IF;
    num := parts.num;
    seq := greatest(parts.seq, seq_min);
    valid_until := parts.valid_until;
    IF parts.own_seq > coalesce(parts.feed_seq, 0) THEN
        latest := parts.own_id;
        valid_until := least(valid_until, parts.own_expires_at);
        IF parts.own_unread THEN
            SELECT m.sent_at INTO sent_at FROM doorbell.message m WHERE m.id = parts.own_id;
        END IF;
    ELSE
        latest := coalesce(parts.feed_id, 0);
        sent_at := CASE WHEN parts.feed_unread THEN parts.feed_sent_at END;
    END IF;
    hit := coalesce(sent_at > at - young_for, false)::integer;
    valid_until := CASE WHEN hit = 1 THEN least(valid_until, sent_at + young_for) ELSE valid_until END;
    IF hours IS NOT NULL THEN
        SELECT * INTO hit, quiet, valid_until FROM doorbell_internal.quiet_hit(hours, at, latest, sent_at, hit = 1, valid_until);
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.unread_until IS
    'doorbell.unread(), with the user''s joined_pos and with valid_until, from when on the clock may change the answer: '
    'the time of the statement itself while a broadcast has expired and is not swept. Without a category it is exact.';

CREATE OR REPLACE FUNCTION doorbell_internal.muted_names(muted integer[]) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN $1 = '{}' THEN '[]' ELSE coalesce((
        SELECT json_agg(c.name ORDER BY c.name) FROM doorbell.category c WHERE c.id = ANY ($1) AND NOT c.critical), '[]') END
$$;
COMMENT ON FUNCTION doorbell_internal.muted_names IS 'Of those categories that are muted in effect: a critical one is not.';

CREATE OR REPLACE FUNCTION doorbell_internal.muted_in_short(muted integer[]) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN cardinality($1) <= 64 THEN doorbell_internal.muted_names($1) END
$$;
COMMENT ON FUNCTION doorbell_internal.muted_in_short IS 'muted_names(), or null where they would make a check long.';

CREATE OR REPLACE FUNCTION doorbell.unread(user_id text, category text DEFAULT NULL, hit_window integer DEFAULT 300)
RETURNS TABLE (num bigint, hit integer, latest bigint, version bigint, seq bigint, scope bigint, groups integer, muted json,
    quiet bigint[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT u.num, u.hit, u.latest, u.version, u.seq, u.scope, u.groups, muted_in_short(u.muted), u.quiet
    INTO num, hit, latest, version, seq, scope, groups, muted, quiet
    FROM unread_until(user_id, category, hit_window) u;
    IF FOUND THEN
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell.unread IS
    'The check. num: unread messages; hit: 1 when the newest message is unread and younger than '
    'hit_window seconds, and neither came in the user''s quiet hours nor would disturb them now; latest: its id, 0 if there is none; version: number of the user''s own last change; '
    'seq: number of the last event in their feeds; scope: number of the last change of their groups, mutes and quiet hours; groups: '
    'how many; muted: the names of muted categories, or null for more than 64; quiet: from when to when (unix seconds) their present or '
    'next quiet hours are, null for none. With category, num, hit and latest are of that one. '
    'No row means that doorbell.register() has not been called for this user. One snapshot, no write, no lock.';

CREATE OR REPLACE FUNCTION doorbell.unread_many(users text[], hit_window integer DEFAULT 300)
RETURNS TABLE (n bigint, joined_pos bigint, num bigint, hit integer, latest bigint, version bigint, seq bigint,
    scope bigint, groups integer, muted json, quiet bigint[], at timestamptz, valid_until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF users IS NULL OR cardinality(users) > 1000 THEN
        RAISE EXCEPTION 'users is a list of at most 1000 user ids' USING ERRCODE = 'DB422';
    END IF;
    RETURN QUERY SELECT u.n, c.joined_pos, c.num, c.hit, c.latest, c.version, c.seq,
        c.scope, c.groups, muted_in_short(c.muted), c.quiet, statement_timestamp(), c.valid_until
    FROM unnest(users) WITH ORDINALITY u (user_id, n)
    CROSS JOIN LATERAL unread_until(u.user_id, NULL, hit_window) c;
END
$$;
COMMENT ON FUNCTION doorbell.unread_many IS
    'The check of up to 1,000 users in one snapshot: doorbell.unread() for each registered one, with n, their place in '
    'users from 1 (a user given twice has two rows; null and users who are not registered have none), and what it takes to keep the '
    'answer: it stays the same from at to before valid_until by the database''s clock, while joined_pos, version, seq and epoch '
    'in doorbell.check_state do. infinity: nothing bounds it; at: do not keep it. DB422.';

CREATE OR REPLACE FUNCTION doorbell.unread_by_category(user_id text, hit_window integer DEFAULT 300)
RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := statement_timestamp();
    me record;
    total record;
    counts json;
BEGIN
    SELECT * INTO me FROM user_state(unread_by_category.user_id);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO total FROM unread_until(unread_by_category.user_id, NULL, unread_by_category.hit_window);

    WITH map AS MATERIALIZED (
        SELECT m.feed_id, m.n, m.visible & ~ m.read AS unread
        FROM visible_bitmaps(unread_by_category.user_id, me.joined_pos, me.muted, 0, at) m
    )
    SELECT coalesce(json_object_agg(c.name, x.num ORDER BY c.name), '{}') INTO counts
    FROM (
        SELECT category, sum(num)::bigint AS num FROM (
            SELECT t.category, t.unread - (
                SELECT count(*) FROM inbox i
                WHERE i.user_id = t.user_id AND i.state = 'unread' AND i.expires_at <= at
                    AND i.category = t.category) AS num
            FROM unread_count t WHERE t.user_id = unread_by_category.user_id
            UNION ALL
            SELECT c.category, bit_count(c.live & m.unread)
            FROM map m JOIN chunk c ON c.feed_id = m.feed_id AND c.n = m.n AND c.category > 0
            WHERE m.unread <> 0::chunk_bits
        ) part GROUP BY category
    ) x JOIN category c ON c.id = x.category
    WHERE x.num > 0 AND x.category <> ALL (me.muted);

    RETURN json_build_object('num', total.num, 'hit', total.hit, 'latest', total.latest,
        'version', total.version, 'seq', total.seq, 'categories', counts);
END
$$;
COMMENT ON FUNCTION doorbell.unread_by_category IS
    'The check with its parts: {"num","hit","latest","version","seq","categories":{name:n}}. Categories '
    'without unread messages, muted ones, and messages without a category are not among the parts. '
    'NULL: call doorbell.register() first.';
