-- SPDX-License-Identifier: MIT
-- Templates of a category: what they must be like, and what a message must bring for them. inbox/rendering.sql reads them.

CREATE OR REPLACE FUNCTION doorbell_internal.check_template(what text, template text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    names constant text[] := ARRAY(SELECT p.name FROM doorbell_internal.template_parts(template) p WHERE p.name IS NOT NULL);
    wrong text;
BEGIN
    SELECT n INTO wrong FROM unnest(names) n
    WHERE n NOT IN ('sender', 'url', 'user', 'id', 'created_at') AND n !~ '^extra([.][^.]+)+$' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%: there is no {%}; known are {extra.a.b}, {sender}, {url}, {user}, {id}, {created_at}; "{{" is a brace',
            what, left(wrong, 32) USING ERRCODE = 'DB422';
    END IF;
    -- What is left when all that is right is taken out.
    IF regexp_replace(template, '[{][{]|[{][^{}|]+([|][^{}|]*[|][^{}|]*)?[}]', '', 'g') LIKE '%{%' THEN
        RAISE EXCEPTION '%: a "{" begins no {name} and no {name|one|other}; "{{" is a brace', what USING ERRCODE = 'DB422';
    END IF;
    IF cardinality(names) > 64 THEN
        RAISE EXCEPTION '%: a text has at most 64 placeholders', what USING ERRCODE = 'DB422';
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.check_template IS
    'The number of placeholders bounds what a reader costs: each may bring 16,384 bytes.';

CREATE OR REPLACE FUNCTION doorbell_internal.check_texts(language text, texts jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT doorbell_internal.is_language(language) THEN
        RAISE EXCEPTION 'templates: "%" is no language tag such as "en" or "zh-Hant"', left(language, 35) USING ERRCODE = 'DB422';
    END IF;
    IF jsonb_typeof(texts) <> 'object' OR texts - '{title,body}'::text[] <> '{}' OR jsonb_typeof(texts -> 'title') IS DISTINCT FROM 'string'
        OR jsonb_typeof(texts -> 'body') <> 'string'
    THEN
        RAISE EXCEPTION 'templates: "%" must be an object with a text "title" and perhaps a text "body"', language
            USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_text(format('templates: the title of "%s"', language), texts ->> 'title', 255);
    IF octet_length(texts ->> 'body') > 65536 THEN
        RAISE EXCEPTION 'templates: the body of "%" is at most 65536 bytes', language USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_template(format('templates: the title of "%s"', language), texts ->> 'title');
    PERFORM doorbell_internal.check_template(format('templates: the body of "%s"', language), texts ->> 'body');
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_templates(templates jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    languages text[];
BEGIN
    IF jsonb_typeof(templates) <> 'object' THEN
        RAISE EXCEPTION 'templates must be an object of languages, such as {"en": {"title": "Hello"}}' USING ERRCODE = 'DB422';
    END IF;
    languages := ARRAY(SELECT lower(k) FROM jsonb_object_keys(templates) k);
    IF cardinality(languages) > 100 THEN
        RAISE EXCEPTION 'templates: a category has at most 100 languages' USING ERRCODE = 'DB422';
    END IF;
    IF cardinality(languages) > (SELECT count(DISTINCT l) FROM unnest(languages) l) THEN
        RAISE EXCEPTION 'templates: two languages differ in upper and lower case alone, and are the same' USING ERRCODE = 'DB422';
    END IF;
    PERFORM doorbell_internal.check_texts(t.key, t.value) FROM jsonb_each(templates) t;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.set_templates(category integer, templates jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    before constant jsonb := doorbell_internal.templates_json(set_templates.category);
BEGIN
    DELETE FROM doorbell.template t WHERE t.category = set_templates.category;
    INSERT INTO doorbell.template (category, language, title, body)
    SELECT set_templates.category, t.key, t.value ->> 'title', coalesce(t.value ->> 'body', '') FROM jsonb_each(templates) t;
    RETURN before <> doorbell_internal.templates_json(set_templates.category)::jsonb;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_templates IS
    'All that a category has from now on; whether that is other than before, which tell_texts() tells the readers. The caller holds the row of '
    'the category.';

CREATE OR REPLACE FUNCTION doorbell_internal.tell_texts(categories integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE doorbell.category c SET texts_version = nextval('doorbell.seq') WHERE c.id = ANY (categories);
END
$$;
COMMENT ON FUNCTION doorbell_internal.tell_texts IS
    'Messages without a text of their own read differently now: lists start again. The caller holds the broadcast lock, so that the numbers '
    'rise as the changes are made.';

CREATE OR REPLACE FUNCTION doorbell_internal.templates_json(category integer) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_object_agg(t.language, json_build_object('title', t.title, 'body', t.body) ORDER BY t.language), '{}')
    FROM doorbell.template t WHERE t.category = $1
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.check_values(m doorbell.message, category text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    given constant jsonb := doorbell_internal.template_values(m, '');
    lacking record;
BEGIN
    SELECT t.language, p.name INTO lacking
    FROM doorbell.template t
    CROSS JOIN LATERAL (VALUES (m.title, t.title), (m.body, t.body)) x (own, template)
    CROSS JOIN LATERAL doorbell_internal.template_parts(x.template) p
    WHERE t.category = m.category AND x.own IS NULL AND p.name NOT IN ('user', 'id', 'created_at')
        AND doorbell_internal.template_value(given, p.name) IS NULL
    ORDER BY t.language, p.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the message lacks {%}, which the template "%" of category "%" names, and the category is strict',
            lacking.name, lacking.language, category USING ERRCODE = 'DB422';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_internal.own_body(m doorbell.message, category text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_strict boolean;
BEGIN
    SELECT c.strict INTO is_strict FROM doorbell.category c
    WHERE c.id = m.category AND EXISTS (SELECT FROM doorbell.template t WHERE t.category = c.id);
    IF is_strict THEN
        PERFORM doorbell_internal.check_values(m, category);
    ELSIF NOT FOUND AND m.title IS NULL THEN
        RAISE EXCEPTION 'title is missing, and category "%" has no template that gives one', category USING ERRCODE = 'DB422';
    END IF;
    RETURN coalesce(m.body, CASE WHEN is_strict IS NULL THEN '' END);
END
$$;
COMMENT ON FUNCTION doorbell_internal.own_body IS
    'The body of a message that lacks a title or a body; null where its category''s templates are to give it to the readers. DB422 where they '
    'should give a title, and there are none, or where they are strict.';
