-- SPDX-License-Identifier: MIT
-- Rendering: a message without a text of its own gets its category's, in the reader's language, when it is read. In one pass,
-- so that what a value says is never taken for a placeholder.

CREATE OR REPLACE FUNCTION doorbell_internal.template_parts(template text)
RETURNS TABLE (n bigint, literal text, name text, one text, other text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT p.n, CASE WHEN p.part[1] IS NOT NULL THEN '{' ELSE p.part[5] END, p.part[2], p.part[3], p.part[4]
    FROM regexp_matches($1, '([{][{])|[{]([^{}|]+)(?:[|]([^{}|]*)[|]([^{}|]*))?[}]|([^{]+|[{])', 'g') WITH ORDINALITY p (part, n)
$$;
COMMENT ON FUNCTION doorbell_internal.template_parts IS
    'A template as literal text ("{{" is a brace) and placeholders: {name}, or {name|one|other} that chooses by a number.';

CREATE OR REPLACE FUNCTION doorbell_internal.template_values(m doorbell.message, user_id text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('extra', m.extra, 'sender', m.sender, 'url', m.url, 'user', $2, 'id', m.id,
        'created_at', to_char(m.sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
$$;
COMMENT ON FUNCTION doorbell_internal.template_values IS 'What the placeholders of a message''s template name.';

CREATE OR REPLACE FUNCTION doorbell_internal.template_value(given jsonb, name text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof($1 #> string_to_array($2, '.')) IN ('string', 'number', 'boolean') THEN $1 #>> string_to_array($2, '.') END
$$;
COMMENT ON FUNCTION doorbell_internal.template_value IS 'Null where nothing is given, or a list or an object. Inlined.';

CREATE OR REPLACE FUNCTION doorbell_internal.render(template text, given jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    part record;
    value text;
    rendered text := '';
BEGIN
    IF template NOT LIKE '%{%' THEN
        RETURN template;
    END IF;
    FOR part IN SELECT * FROM doorbell_internal.template_parts(template) LOOP
        value := CASE WHEN part.name IS NULL THEN part.literal ELSE doorbell_internal.template_value(given, part.name) END;
        IF part.one IS NOT NULL THEN
            -- Forms send numbers as texts.
            value := CASE WHEN value ~ '^-?[0-9]+([.][0-9]+)?$' THEN CASE WHEN value::numeric = 1 THEN part.one ELSE part.other END END;
        END IF;
        rendered := concat(rendered, value);
    END LOOP;
    RETURN rendered;
END
$$;
COMMENT ON FUNCTION doorbell_internal.render IS 'A template with what is given in the place of its placeholders; nothing where nothing is.';

CREATE OR REPLACE FUNCTION doorbell_internal.best_language(wanted text[], offered text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT o.language
        FROM unnest(wanted) WITH ORDINALITY w (range, n)
        CROSS JOIN LATERAL (SELECT string_to_array(lower(translate(w.range, '_', '-')), '-')) s (subtags)
        CROSS JOIN LATERAL generate_series(1, cardinality(s.subtags)) kept
        JOIN unnest(offered) o (language) ON lower(o.language) = array_to_string(s.subtags[:kept], '-')
        ORDER BY w.n, kept DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION doorbell_internal.best_language IS
    'RFC 4647 3.4: of what is offered that which fits the first of what is wanted, which loses its subtags from the end until '
    'something does. Null where nothing fits any.';

CREATE OR REPLACE FUNCTION doorbell_internal.template_for(category integer, wanted text[]) RETURNS doorbell.template
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    offered constant text[] := ARRAY(SELECT t.language FROM doorbell.template t WHERE t.category = template_for.category
        ORDER BY t.language);
    found doorbell.template;
BEGIN
    SELECT * INTO found FROM doorbell.template t WHERE t.category = template_for.category
        AND t.language = coalesce(doorbell_internal.best_language(wanted, offered), offered[1]);
    RETURN found;
END
$$;
COMMENT ON FUNCTION doorbell_internal.template_for IS 'In the best of the wanted languages, or else in any.';

CREATE OR REPLACE FUNCTION doorbell_internal.one_line(words text, chars_max integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT nullif(left(btrim(regexp_replace($1, E'[\u0001-\u001f\u007f-\u009f]+', ' ', 'g')), $2), '')
$$;
COMMENT ON FUNCTION doorbell_internal.one_line IS
    'As a send takes a line: without control characters, and not too long. Null if nothing is left.';

CREATE OR REPLACE FUNCTION doorbell_internal.with_texts(m doorbell.message, user_id text, language text, accepted text[])
RETURNS doorbell.message
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    preferred constant text := coalesce(with_texts.language,
        (SELECT r.language FROM doorbell.reader r WHERE r.user_id = with_texts.user_id));
    template constant doorbell.template := doorbell_internal.template_for(m.category, preferred || accepted);
    given constant jsonb := doorbell_internal.template_values(m, with_texts.user_id);
BEGIN
    IF m.title IS NULL THEN
        m.title := coalesce(doorbell_internal.one_line(doorbell_internal.render(template.title, given), 255),
            (SELECT c.name FROM doorbell.category c WHERE c.id = m.category));
    END IF;
    IF m.body IS NULL THEN
        m.body := doorbell_internal.render(template.body, given);
        IF octet_length(m.body) > 65536 THEN
            m.body := left(m.body, 16384);
        END IF;
    END IF;
    RETURN m;
END
$$;
COMMENT ON FUNCTION doorbell_internal.with_texts IS
    'The message with the texts that its user reads: in the language given, else in that of their preferences, else in one of '
    'those that their browser accepts, the best first.';

CREATE OR REPLACE FUNCTION doorbell_internal.lacks_texts(m doorbell.message) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT m.title IS NULL OR m.body IS NULL $$;
