-- SPDX-License-Identifier: MIT
-- Categories.

CREATE OR REPLACE FUNCTION doorbell_internal.category_named(name text) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    found_id integer := 0;
    is_listed boolean := true;
BEGIN
    WHILE category_named.name IS NOT NULL LOOP
        SELECT id, listed INTO found_id, is_listed FROM doorbell.category WHERE name = category_named.name;
        EXIT WHEN FOUND;
        INSERT INTO doorbell.category (name) VALUES (category_named.name) ON CONFLICT DO NOTHING
        RETURNING id, listed INTO found_id, is_listed;
        EXIT WHEN FOUND;
    END LOOP;
    IF NOT is_listed THEN
        UPDATE doorbell.category SET listed = true WHERE id = found_id;
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION doorbell_internal.category_named IS
    'The number of a category, made when it is first named, and listed again when it was removed; 0 for none.';

CREATE OR REPLACE FUNCTION doorbell_internal.name_categories(names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM doorbell_internal.category_named(c.name)
    FROM (SELECT DISTINCT n COLLATE "C" AS name FROM unnest(names) n WHERE n IS NOT NULL ORDER BY 1) c;
END
$$;
COMMENT ON FUNCTION doorbell_internal.name_categories IS 'Makes or lists those of these categories that are not yet, in one order.';

CREATE OR REPLACE FUNCTION doorbell_internal.category_json(c doorbell.category) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('name', c.name, 'critical', c.critical, 'strict', c.strict,
        'templates', doorbell_internal.templates_json(c.id), 'webhook', c.webhook, 'only_unseen_after', c.only_unseen_after)
$$;

CREATE OR REPLACE FUNCTION doorbell.categories() RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT json_agg(category_json(c) ORDER BY c.name)
        FROM category c WHERE c.listed), '[]');
END
$$;
COMMENT ON FUNCTION doorbell.categories IS 'All categories: [{"name", "critical", "strict", "templates", "webhook", "only_unseen_after"}, …].';

CREATE OR REPLACE FUNCTION doorbell_internal.set_critical(category integer, critical boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE doorbell.category c SET critical = set_critical.critical
    WHERE c.id = set_critical.category AND c.critical <> set_critical.critical;
    IF FOUND THEN
        -- Counts and lists change for those who muted it: an event of the feed that everybody has.
        UPDATE doorbell.feed SET version = s.seq, stale_before = s.seq FROM (SELECT nextval('doorbell.seq') AS seq) s WHERE id = 1;
        INSERT INTO doorbell.outbox (feed_id, seq) SELECT f.id, f.version FROM doorbell.feed f WHERE f.id = 1;
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_internal.set_critical IS 'The caller holds the broadcast lock.';

-- A send that lists a removed category again locks its row before it takes the broadcast lock: so must these.
CREATE OR REPLACE FUNCTION doorbell.category_set(name text, critical boolean, strict boolean DEFAULT NULL,
    templates jsonb DEFAULT NULL, webhook text DEFAULT NULL, only_unseen_after integer DEFAULT NULL)
RETURNS json
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    category integer;
    has_new_texts boolean;
BEGIN
    IF category_set.name IS NULL OR category_set.critical IS NULL THEN
        RAISE EXCEPTION 'name and critical are needed' USING ERRCODE = 'DB422';
    END IF;
    PERFORM check_name('category', category_set.name, 64);
    PERFORM check_templates(category_set.templates);
    PERFORM check_webhook(category_set.webhook, category_set.only_unseen_after);
    category := category_named(category_set.name);
    UPDATE category c SET listed = true, strict = coalesce(category_set.strict, c.strict),
        webhook = nullif(coalesce(category_set.webhook, c.webhook), ''),
        only_unseen_after = nullif(coalesce(category_set.only_unseen_after, c.only_unseen_after), 0),
        silences = CASE WHEN category_set.webhook IS NULL THEN c.silences ELSE 0 END,
        paused_until = CASE WHEN category_set.webhook IS NULL THEN c.paused_until ELSE '-infinity' END
    WHERE c.id = category;
    IF category_set.templates IS NOT NULL THEN
        has_new_texts := set_templates(category, category_set.templates);
    END IF;
    PERFORM lock_broadcasts();
    IF has_new_texts THEN
        PERFORM tell_texts(ARRAY[category]);
    END IF;
    PERFORM set_critical(category, category_set.critical);
    RETURN (SELECT category_json(c) FROM category c WHERE c.id = category);
END
$$;
COMMENT ON FUNCTION doorbell.category_set IS
$$Makes a category, or changes it, and returns what it is then. A critical one cannot be muted, and is shown also to those who had muted it.
templates: {"en": {"title": "{sender} likes {extra.what}", "body": "…"}, …} gives its messages a title and a body where
they have none of their own, written when they are read, in the language of the reader: so a change also changes how old
messages read. {} takes all away; then the name of the category is the title of those without one.
Placeholders: {extra.a.b}, {sender}, {url}, {user}, {id}, {created_at}, and {extra.n|one|other}, which chooses by a number;
"{{" is a brace. What a message lacks is empty; strict: a send of it is refused.
webhook: a URL that doorbell-app calls for each message; only_unseen_after: so many seconds later, and then only for those who have
not seen it. '' and 0 take them away. What is null stays as it is. DB422.$$;

CREATE OR REPLACE FUNCTION doorbell_internal.is_in_use(category integer) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    looked_max constant integer := 10000;
    users text[];
BEGIN
    IF EXISTS (SELECT FROM doorbell.feed f CROSS JOIN LATERAL (
            SELECT FROM doorbell.chunk c WHERE c.feed_id = f.id AND c.category = is_in_use.category
                AND c.live <> 0::doorbell.chunk_bits LIMIT 1) x)
        OR EXISTS (SELECT FROM doorbell.pending p JOIN doorbell.message m ON m.id = p.message_id WHERE m.category = is_in_use.category)
    THEN
        RETURN true;
    END IF;
    -- A user who ever had one has a row. Of more users than are looked at one is taken to have some.
    users := ARRAY(SELECT t.user_id FROM doorbell.unread_count t WHERE t.category + 0 = is_in_use.category LIMIT looked_max + 1);
    RETURN cardinality(users) > looked_max OR EXISTS (
        SELECT FROM unnest(users) u CROSS JOIN LATERAL (
            SELECT FROM doorbell.inbox i WHERE i.user_id = u AND i.category = is_in_use.category AND i.state < 'gone' LIMIT 1) x);
END
$$;
COMMENT ON FUNCTION doorbell_internal.is_in_use IS
    'Whether somebody has messages of this category, or is to get one. True for one that went to more than 10,000 users in its time.';

CREATE OR REPLACE FUNCTION doorbell.category_remove(name text, keep boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    kind category;
BEGIN
    SELECT * INTO kind FROM category c WHERE c.name = category_remove.name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such category' USING ERRCODE = 'DB404';
    ELSIF NOT kind.listed THEN
        RETURN;
    ELSIF NOT coalesce(keep, false) AND is_in_use(kind.id) THEN
        RAISE EXCEPTION 'messages use this category: leave them in it (?messages=keep, keep => true), or delete them first' USING ERRCODE = 'DB409';
    END IF;
    UPDATE category c SET listed = false WHERE c.id = kind.id;
    PERFORM lock_broadcasts();
    PERFORM set_critical(kind.id, false);
END
$$;
COMMENT ON FUNCTION doorbell.category_remove IS
    'Takes a category off the list: it is no longer critical, and nobody can newly mute it. DB409 while somebody has messages of it, '
    'unless keep says that they keep it; those who muted it still do not see them. Naming it again, by a message or category_set(), '
    'brings it back. Removing it again changes nothing. DB404.';
