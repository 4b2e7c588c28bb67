-- SPDX-License-Identifier: MIT
-- Quiet hours: from one time of the day to another, in the time zone of the user, new messages come without a hit, and webhooks
-- wait. Messages of critical categories do neither. The times of each day are turned into moments by the local date, so that
-- summer time counts; of a time that a clock shows twice the second is meant, and one that it skips comes an hour later.

CREATE OR REPLACE FUNCTION doorbell_internal.is_time_zone(name text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- What has no such name PostgreSQL may take as well: an abbreviation, or a rule with an offset in it, such as "Asia/Nowhere5".
    IF (name ~ '^(UTC|[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*){1,2}|Etc/GMT(0|[+]([0-9]|1[0-2])|-([0-9]|1[0-4])))$') IS NOT TRUE THEN
        RETURN false;
    END IF;
    PERFORM now() AT TIME ZONE name;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION doorbell_internal.is_time_zone IS 'Whether it is the whole name of a time zone (IANA) that this server knows.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_quiet_hours(hours jsonb) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    time_of_day constant text := '^([01][0-9]|2[0-3]):[0-5][0-9]$';
BEGIN
    IF hours IS NULL OR jsonb_typeof(hours) = 'null' THEN
        RETURN;
    ELSIF jsonb_typeof(hours) <> 'object' OR NOT hours ?& '{from,to,timezone}' OR hours - '{from,to,timezone}'::text[] <> '{}' THEN
        RAISE EXCEPTION 'quiet_hours must be null or an object such as {"from": "22:00", "to": "07:00", "timezone": "Asia/Shanghai"}'
            USING ERRCODE = 'DB422';
    ELSIF (hours ->> 'from' ~ time_of_day AND hours ->> 'to' ~ time_of_day) IS NOT TRUE THEN
        RAISE EXCEPTION 'quiet_hours: from and to must be times from "00:00" to "23:59"' USING ERRCODE = 'DB422';
    ELSIF hours ->> 'from' = hours ->> 'to' THEN
        RAISE EXCEPTION 'quiet_hours: from and to must differ' USING ERRCODE = 'DB422';
    ELSIF NOT doorbell_internal.is_time_zone(hours ->> 'timezone') THEN
        RAISE EXCEPTION 'quiet_hours: timezone must be the name of one that the database knows, such as "Asia/Shanghai" or "UTC"'
            USING ERRCODE = 'DB422';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_quiet_hours IS 'DB422 unless set_preferences() can take it.';

CREATE OR REPLACE FUNCTION doorbell_internal.set_quiet_hours(user_id text, hours jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    chosen constant jsonb := nullif(hours, 'null');
BEGIN
    -- A page may no longer compute from what it was told of them.
    UPDATE doorbell.reader SET quiet_hours = chosen, scope = nextval('doorbell.seq')
    WHERE user_id = set_quiet_hours.user_id AND quiet_hours IS DISTINCT FROM chosen;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_quiet_hours IS
    'Whether that is a change; null of JSON for none. The caller holds the lock of the user, and has checked them.';

CREATE OR REPLACE FUNCTION doorbell_internal.quiet_interval(hours jsonb, at timestamptz) RETURNS tstzrange
LANGUAGE plpgsql STABLE AS $$
DECLARE
    zone constant text := hours ->> 'timezone';
    since constant time := hours ->> 'from';
    until constant time := hours ->> 'to';
BEGIN
    -- An interval without a length is one that a change of the clocks has swallowed.
    RETURN (SELECT tstzrange(i.starts_at, i.ends_at)
        FROM generate_series(-1, 2) n
        CROSS JOIN LATERAL (SELECT (at AT TIME ZONE zone)::date + n) d (day)
        CROSS JOIN LATERAL (SELECT (d.day + since) AT TIME ZONE zone, (d.day + (since > until)::integer + until) AT TIME ZONE zone) i (starts_at, ends_at)
        WHERE i.ends_at > greatest(at, i.starts_at) ORDER BY i.starts_at LIMIT 1);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL; -- a server that does not know the zone, though the one before it did
END
$$;
COMMENT ON FUNCTION doorbell_internal.quiet_interval IS 'The present or the next interval of these quiet hours; its end is not part of it.';

CREATE OR REPLACE FUNCTION doorbell_internal.quiet_until(hours jsonb, at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    quiet constant tstzrange := CASE WHEN hours IS NOT NULL THEN doorbell_internal.quiet_interval(hours, at) END;
BEGIN
    RETURN CASE WHEN quiet @> at THEN upper(quiet) END;
END
$$;
COMMENT ON FUNCTION doorbell_internal.quiet_until IS 'When the quiet hours end in which this moment is; null while there are none.';

CREATE OR REPLACE FUNCTION doorbell_internal.quiet_hit(hours jsonb, at timestamptz, message_id bigint, sent_at timestamptz,
    is_hit boolean, until timestamptz)
RETURNS TABLE (hit integer, quiet bigint[], valid_until timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    told constant tstzrange := doorbell_internal.quiet_interval(hours, at);
BEGIN
    hit := is_hit::integer;
    valid_until := least(until, upper(told));
    IF told IS NOT NULL THEN
        quiet := ARRAY[extract(epoch FROM lower(told)), extract(epoch FROM upper(told))];
    END IF;
    IF is_hit AND NOT EXISTS (SELECT FROM doorbell.message m JOIN doorbell.category c ON c.id = m.category
            WHERE m.id = quiet_hit.message_id AND c.critical) THEN
        IF told @> at OR doorbell_internal.quiet_until(hours, sent_at) IS NOT NULL THEN
            hit := 0;
        ELSE
            valid_until := least(until, lower(told));
        END IF;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION doorbell_internal.quiet_hit IS
    'What quiet hours make of an answer that holds until then: whether its newest message is still a hit, which it is neither in them nor '
    'after them if it came in them, unless it is critical; and the interval that is told.';
