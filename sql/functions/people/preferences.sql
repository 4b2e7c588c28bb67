-- SPDX-License-Identifier: MIT
-- Preferences: muting is a filter, nothing is lost by it. quiet_hours.sql has what quiet hours do.

CREATE OR REPLACE FUNCTION doorbell.preferences(user_id text) RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN (SELECT json_build_object('muted', muted_names(coalesce(r.muted, '{}')), 'lang', r.language, 'quiet_hours',
            CASE WHEN r.quiet_hours IS NOT NULL THEN json_build_object('from', r.quiet_hours -> 'from', 'to', r.quiet_hours -> 'to',
                'timezone', r.quiet_hours -> 'timezone') END)
        FROM (VALUES (preferences.user_id)) u (id) LEFT JOIN reader r ON r.user_id = u.id);
END
$$;
COMMENT ON FUNCTION doorbell.preferences IS
    'What a user muted, in which language they want to read, and when nothing should disturb them: {"muted": [category, …], "lang", "quiet_hours"}.';

CREATE OR REPLACE FUNCTION doorbell_internal.mutes_of(user_id text, categories text[]) RETURNS integer[]
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    names constant text[] := ARRAY(SELECT DISTINCT n FROM unnest(categories) n);
    chosen integer[];
BEGIN
    IF cardinality(categories) > 1000 THEN
        RAISE EXCEPTION 'muted is a list of categories' USING ERRCODE = 'DB422';
    END IF;
    IF EXISTS (SELECT FROM doorbell.category WHERE name = ANY (names) AND critical) THEN
        RAISE EXCEPTION 'a critical category cannot be muted' USING ERRCODE = 'DB422';
    END IF;
    chosen := ARRAY(SELECT c.id FROM doorbell.category c
        WHERE c.name = ANY (names) AND (c.listed OR EXISTS (
            SELECT FROM doorbell.reader r WHERE r.user_id = mutes_of.user_id AND c.id = ANY (r.muted)))
        ORDER BY c.id);
    IF cardinality(chosen) < cardinality(names) THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB422';
    END IF;
    RETURN chosen;
END
$$;
COMMENT ON FUNCTION doorbell_internal.mutes_of IS 'The numbers of categories that a user may mute; DB422 for an unknown or critical one.';

CREATE OR REPLACE FUNCTION doorbell_internal.set_mutes(user_id text, chosen integer[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    before integer[];
BEGIN
    SELECT muted INTO before FROM doorbell.reader WHERE user_id = set_mutes.user_id;
    IF before = chosen THEN
        RETURN false;
    END IF;
    INSERT INTO doorbell.unmute (user_id, category, seq)
    SELECT set_mutes.user_id, c, nextval('doorbell.seq') FROM unnest(before) c WHERE c <> ALL (chosen)
    ON CONFLICT (user_id, category) DO UPDATE SET seq = EXCLUDED.seq;
    UPDATE doorbell.reader SET muted = chosen, scope = nextval('doorbell.seq') WHERE user_id = set_mutes.user_id;
    RETURN true;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_mutes IS 'Whether that is a change. The caller holds the lock of the user.';

CREATE OR REPLACE FUNCTION doorbell_internal.set_language(user_id text, language text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.reader SET language = nullif(set_language.language, '')
    WHERE user_id = set_language.user_id AND language IS DISTINCT FROM nullif(set_language.language, '');
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_language IS 'The same of the language; '''' for none.';

CREATE OR REPLACE FUNCTION doorbell.set_preferences(user_id text, muted text[] DEFAULT NULL, language text DEFAULT NULL,
    quiet_hours jsonb DEFAULT NULL)
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    chosen constant integer[] := CASE WHEN set_preferences.muted IS NOT NULL
        THEN mutes_of(set_preferences.user_id, set_preferences.muted) END;
    is_change boolean := false;
BEGIN
    IF set_preferences.language <> '' AND NOT is_language(set_preferences.language) THEN
        RAISE EXCEPTION 'lang must be a language tag such as "en" or "zh-Hant"' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_quiet_hours(set_preferences.quiet_hours);
    PERFORM begin_change(set_preferences.user_id);
    IF chosen IS NOT NULL THEN
        is_change := set_mutes(set_preferences.user_id, chosen);
    END IF;
    IF set_preferences.language IS NOT NULL THEN
        is_change := set_language(set_preferences.user_id, set_preferences.language) OR is_change;
    END IF;
    IF set_preferences.quiet_hours IS NOT NULL THEN
        is_change := set_quiet_hours(set_preferences.user_id, set_preferences.quiet_hours) OR is_change;
    END IF;
    RETURN QUERY SELECT * FROM end_change(set_preferences.user_id, is_change::integer);
END
$$;
COMMENT ON FUNCTION doorbell.set_preferences IS
    'Changes what a user prefers; what is null stays as it is. muted: the categories that they do not want to see, whose '
    'messages are hidden and uncounted while they are muted, and back on unmuting; an empty list unmutes all. language (BCP 47): '
    'in which they read what comes from templates, where their token names none; '''' for that of their browser. quiet_hours: '
    '{"from": "22:00", "to": "07:00", "timezone": "Asia/Shanghai"}, when messages come without a hit and webhooks wait, unless the '
    'category is critical; null of JSON for none. DB422 for an unknown or critical category, for what is no language tag, and for '
    'times or a time zone that do not exist.';

CREATE OR REPLACE FUNCTION doorbell.mute(user_id text, categories text[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF categories IS NULL THEN
        RAISE EXCEPTION 'muted is a list of categories' USING ERRCODE = 'DB422';
    END IF;
    RETURN QUERY SELECT * FROM set_preferences(mute.user_id, categories);
END
$$;
COMMENT ON FUNCTION doorbell.mute IS 'set_preferences() for muted alone.';
