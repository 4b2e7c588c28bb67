-- SPDX-License-Identifier: MIT
-- Preferences: muting is a filter, nothing is lost by it.

CREATE OR REPLACE FUNCTION doorbell.preferences(user_id text) RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN json_build_object('muted', muted_names(coalesce((SELECT r.muted FROM reader r WHERE r.user_id = preferences.user_id), '{}')));
END
$$;
COMMENT ON FUNCTION doorbell.preferences IS 'What a user muted: {"muted": [category, …]}.';

CREATE OR REPLACE FUNCTION doorbell.mute(user_id text, categories text[])
RETURNS TABLE (num bigint, version bigint, seq bigint, changed integer)
LANGUAGE plpgsql VOLATILE AS $$
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
    UPDATE reader SET muted = chosen, scope = nextval('seq') WHERE user_id = mute.user_id;
    RETURN QUERY SELECT * FROM end_change(mute.user_id, 1);
END
$$;
COMMENT ON FUNCTION doorbell.mute IS
    'Sets the categories that a user does not want to see: their messages are hidden and uncounted while they are '
    'muted, and back on unmuting. An empty list unmutes all. DB422 for an unknown or critical one.';
