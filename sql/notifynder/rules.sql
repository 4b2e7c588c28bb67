-- SPDX-License-Identifier: MIT
-- How a row of Notifynder's becomes a message. For doorbell-import-notifynder, after tables.sql.

-- Exports write nothing at all, \N or NULL where there is no value.
CREATE FUNCTION pg_temp.value(text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(nullif($1, ''), '\N') $$;

CREATE FUNCTION pg_temp.time_of(text) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN pg_temp.value($1) NOT LIKE '0000-00-00%' THEN $1::timestamptz END $$;

-- A text, split into literal parts and placeholders such as {extra.a.b} and {from.id}.
CREATE FUNCTION pg_temp.parts_of(template text) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(parts[1] ORDER BY n) FROM regexp_matches(template, '(\{[^{}]+\}|[^{]+|\{)', 'g') WITH ORDINALITY m (parts, n) $$;

-- The text with its placeholders filled in; what has no value becomes empty, as there.
CREATE FUNCTION pg_temp.fill(parts text[], extra jsonb, n notification, sender text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    filled text := '';
    part text;
    name text;
    found jsonb;
BEGIN
    FOREACH part IN ARRAY coalesce(parts, '{}') LOOP
        IF part LIKE '{_%}' THEN
            name := btrim(part, '{} ');
            IF name LIKE 'extra.%' THEN
                found := extra #> string_to_array(substr(name, 7), '.');
                part := CASE WHEN jsonb_typeof(found) IN ('object', 'array') THEN NULL ELSE found #>> '{}' END;
            ELSE
                part := CASE name
                    WHEN 'from.id' THEN sender WHEN 'from_id' THEN sender WHEN 'from.type' THEN n.from_type
                    WHEN 'to.id' THEN n.to_id WHEN 'to_id' THEN n.to_id WHEN 'to.type' THEN n.to_type WHEN 'url' THEN n.url END;
            END IF;
        END IF;
        filled := filled || coalesce(part, '');
    END LOOP;
    RETURN filled;
END
$$;

-- The same text as a template of Doorbell's.
CREATE FUNCTION pg_temp.template_of(template text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(CASE
        WHEN part NOT LIKE '{%' THEN part
        WHEN part = '{' THEN '{{'
        WHEN name IN ('from.id', 'from_id') THEN '{sender}'
        WHEN name IN ('to.id', 'to_id') THEN '{user}'
        ELSE format('{%s}', name) END, '' ORDER BY n)
    FROM unnest(pg_temp.parts_of(template)) WITH ORDINALITY p (part, n) CROSS JOIN LATERAL btrim(part, '{} ') name
$$;

-- Makes the text of a category its template where it has none yet, and keeps its row locked. fault: why it is no template.
CREATE FUNCTION pg_temp.take_text(category text, template text, language text, OUT fault text, OUT id integer, OUT is_new boolean)
LANGUAGE plpgsql AS $$
DECLARE
    texts constant jsonb := CASE WHEN char_length(template) <= 255 AND template !~ '[\x01-\x1f\x7f-\x9f]'
        THEN jsonb_build_object('title', template) ELSE jsonb_build_object('title', category, 'body', template) END;
BEGIN
    PERFORM doorbell_internal.check_templates(jsonb_build_object(language, texts));
    id := doorbell_internal.category_named(category);
    PERFORM FROM doorbell.category c WHERE c.id = take_text.id FOR NO KEY UPDATE;
    is_new := NOT EXISTS (SELECT FROM doorbell.template t WHERE t.category = take_text.id);
    IF is_new THEN
        PERFORM doorbell_internal.set_templates(id, jsonb_build_object(language, texts));
    END IF;
EXCEPTION
    WHEN SQLSTATE 'DB422' THEN
        fault := SQLERRM;
END
$$;

-- As many characters as fit into a title.
CREATE FUNCTION pg_temp.title_of(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN length(t) <= 255 THEN t ELSE left(t, 254) || '…' END
    FROM btrim(regexp_replace($1, '[[:space:]\x01-\x1f\x7f-\x9f]+', ' ', 'g')) t
$$;

CREATE FUNCTION pg_temp.is_read(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RETURN coalesce(pg_temp.value($1), '0')::boolean; END $$;

CREATE FUNCTION pg_temp.message_of(n notification, parts text[], category text)
RETURNS doorbell_internal.import_row LANGUAGE plpgsql STABLE AS $$
DECLARE
    r doorbell_internal.import_row;
    extra constant jsonb := nullif(pg_temp.value(n.extra)::jsonb, '[]');
    sender constant text := pg_temp.value(n.from_id);
    filled text;
BEGIN
    IF pg_temp.value(n.id) !~ '^[0-9]+$' THEN
        RAISE EXCEPTION 'id is a number' USING ERRCODE = 'DB422';
    END IF;
    IF category IS NULL AND pg_temp.value(n.category_id) IS NOT NULL THEN
        RAISE EXCEPTION 'there is no such category: %', n.category_id USING ERRCODE = 'DB422';
    END IF;
    filled := pg_temp.fill(parts, extra, n, sender);
    r.key := 'notifynder:' || n.id;
    r.user_id := pg_temp.value(n.to_id);
    r.title := pg_temp.title_of(filled);
    r.body := CASE WHEN r.title <> filled THEN filled ELSE '' END;
    r.sender := CASE WHEN pg_temp.value(n.from_type) <> coalesce(n.to_type, '') THEN n.from_type || ':' ELSE '' END || sender;
    r.url := pg_temp.value(n.url);
    r.category := category;
    r.extra := nullif(extra, 'null');
    r.is_read := pg_temp.is_read(n.read);
    r.sent_at := pg_temp.time_of(n.created_at);
    r.expires_at := pg_temp.time_of(coalesce(pg_temp.value(n.expires_at), n.expire_time));
    RETURN r;
END
$$;

CREATE FUNCTION pg_temp.look(n notification, parts text[], category text,
    OUT message doorbell_internal.import_row, OUT fault text) LANGUAGE plpgsql STABLE AS $$
BEGIN
    message := pg_temp.message_of(n, parts, category);
    fault := doorbell_internal.import_fault(message);
EXCEPTION
    WHEN SQLSTATE 'DB422' OR data_exception THEN
        fault := SQLERRM;
END
$$;

-- A text of somebody else's, for a terminal.
CREATE FUNCTION pg_temp.shown(text, chars integer) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT left(regexp_replace($1, '[\x01-\x1f\x7f-\x9f]+', ' ', 'g'), $2) $$;

-- Where a row is.
CREATE FUNCTION pg_temp.place(file text, line bigint, byte bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT format('%s:%s', $1, $2) || CASE WHEN $3 IS NULL THEN '' ELSE format(' (byte %s)', $3) END $$;
