-- SPDX-License-Identifier: MIT
-- Laravel's table `notifications` as a view over Doorbell: what Laravel inserts is sent, what it updates is marked, what it
-- deletes is removed, by Doorbell's functions, in Laravel's own transaction; and rings.
--
-- A row of the view is a message that its user can see, as doorbell.list() does. Laravel looks rows up by a uuid alone, and a
-- message to everybody has no row for each user. So each message gets its uuid, for each user, when sync() is called for
-- that user, which Laravel does before it reads their notifications; those that Laravel inserts bring their own. Whether a
-- message is there, and is read, always comes from Doorbell, in the snapshot of the query.
--
-- `php artisan doorbell:install` runs this file, once and after each upgrade of Doorbell, in one transaction and as a role that
-- can be the owner of schema doorbell. Settings of the session tell it what differs from site to site:
--   doorbell_laravel.role     the site's role (the role of the session)
--   doorbell_laravel.schema   where the view goes (public)
--   doorbell_laravel.model    the notifiable_type of the users (App\Models\User)
--   doorbell_laravel.key      the type of their keys (bigint), the first time
--   doorbell_laravel.zone     the time zone of the application (UTC)

DO $$
DECLARE
    key_type constant text := coalesce(nullif(current_setting('doorbell_laravel.key', true), ''), 'bigint');
BEGIN
    IF to_regclass('doorbell.message') IS NULL THEN
        RAISE EXCEPTION 'there is no Doorbell in this database: run doorbell-migrate first';
    END IF;
    -- Its functions act with the rights of Doorbell's owner, whoever installs them.
    PERFORM set_config('role', r.rolname, true)
    FROM pg_namespace s JOIN pg_roles r ON r.oid = s.nspowner WHERE s.nspname = 'doorbell';
    CREATE SCHEMA IF NOT EXISTS doorbell_laravel;
    IF to_regtype('doorbell_laravel.key') IS NULL THEN
        PERFORM key_type::regtype; -- a type, and nothing else
        EXECUTE format('CREATE DOMAIN doorbell_laravel.key AS %s', key_type);
    END IF;
END
$$;
COMMENT ON SCHEMA doorbell_laravel IS 'Laravel''s table notifications over Doorbell; see laravel/notifications.sql.';

CREATE TABLE IF NOT EXISTS doorbell_laravel.notifiable (
    id doorbell_laravel.key CONSTRAINT notifiable_pkey PRIMARY KEY,
    user_id text COLLATE "C" GENERATED ALWAYS AS (id::text) STORED NOT NULL CONSTRAINT notifiable_user_id_key UNIQUE
        CONSTRAINT notifiable_user_id_fkey REFERENCES doorbell.first_seen ON DELETE CASCADE,
    version bigint NOT NULL DEFAULT -1,
    seq bigint NOT NULL DEFAULT -1
);
COMMENT ON TABLE doorbell_laravel.notifiable IS
    'The users whose notifications Laravel has read or inserted, and the version and seq of doorbell.check_state up to which '
    'their messages have uuids.';

CREATE TABLE IF NOT EXISTS doorbell_laravel.notification (
    id uuid CONSTRAINT notification_pkey PRIMARY KEY,
    notifiable_id doorbell_laravel.key NOT NULL
        CONSTRAINT notification_notifiable_id_fkey REFERENCES doorbell_laravel.notifiable ON DELETE CASCADE,
    message_id bigint NOT NULL CONSTRAINT notification_message_id_fkey REFERENCES doorbell.message ON DELETE CASCADE,
    created_at timestamp(0) NOT NULL,
    read_at timestamp(0),
    CONSTRAINT notification_message_key UNIQUE (notifiable_id, message_id)
);
CREATE INDEX IF NOT EXISTS notification_message_id_idx ON doorbell_laravel.notification (message_id);
COMMENT ON TABLE doorbell_laravel.notification IS 'The uuid that a message has for a user.';
COMMENT ON COLUMN doorbell_laravel.notification.read_at IS
    'When Laravel marked it read. Whether it is read, Doorbell says, which does not keep the time.';

CREATE TABLE IF NOT EXISTS doorbell_laravel.content (
    message_id bigint CONSTRAINT content_pkey PRIMARY KEY
        CONSTRAINT content_message_id_fkey REFERENCES doorbell.message ON DELETE CASCADE,
    type text NOT NULL,
    data json NOT NULL
);
COMMENT ON TABLE doorbell_laravel.content IS 'Of messages that Laravel sent: what it inserted, to the byte.';

CREATE UNLOGGED TABLE IF NOT EXISTS doorbell_laravel.change (
    backend integer NOT NULL DEFAULT pg_backend_pid(),
    id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    message_id bigint NOT NULL,
    action text NOT NULL,
    read_at timestamp(0)
);
COMMENT ON TABLE doorbell_laravel.change IS
    'Rows that the running statement changes: they are marked together at its end, with one ring for each user. Else empty.';

CREATE OR REPLACE FUNCTION doorbell_laravel.states(user_id text) RETURNS TABLE (message_id bigint, is_read boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50 COST 10000 AS $$
DECLARE
    most constant integer := 2147483646;
    newest constant bigint := 9223372036854775807;
    at constant timestamptz := statement_timestamp();
    me record;
    feeds record;
BEGIN
    SELECT * INTO me FROM user_state(states.user_id);
    feeds := list_broadcasts(states.user_id, 'all', me.joined_pos, 0, me.muted, NULL, most, at);
    RETURN QUERY
    SELECT u, false FROM unnest(list_personal(states.user_id, '{unread}', 0, me.muted, newest, most, at)) u
    UNION ALL
    SELECT u, true FROM unnest(list_personal(states.user_id, '{read}', 0, me.muted, newest, most, at)) u
    UNION ALL
    SELECT m.id, b.is_read FROM unnest(feeds.feed_ids, feeds.positions, feeds.reads) b (feed_id, pos, is_read)
    CROSS JOIN LATERAL message_at(b.feed_id, b.pos) m;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.states IS 'The messages that doorbell.list() shows a registered user, all pages of it.';

CREATE OR REPLACE FUNCTION doorbell_laravel.sync(notifiable_id doorbell_laravel.key) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM notifiable n CROSS JOIN LATERAL (
        SELECT FROM doorbell.check_state c
        WHERE c.user_id = n.user_id AND c.version = n.version AND c.seq = n.seq OFFSET 0) c
    WHERE n.id = sync.notifiable_id;
    IF NOT FOUND AND NOT current_setting('transaction_read_only')::boolean THEN
        PERFORM give_ids(sync.notifiable_id);
    END IF;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.sync IS
    'Gives a user''s messages the uuids they lack, and registers the user. Where nothing has changed, a few look-ups.';

CREATE OR REPLACE FUNCTION doorbell_laravel.give_ids(notifiable_id doorbell_laravel.key) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    reader constant text := give_ids.notifiable_id::text;
    known record;
BEGIN
    PERFORM add_notifiable(give_ids.notifiable_id);
    -- Read before the messages: what is committed in between is given its uuid by the next call.
    SELECT c.version, c.seq INTO known FROM doorbell.check_state c WHERE c.user_id = reader;
    INSERT INTO notification (id, notifiable_id, message_id, created_at)
    SELECT gen_random_uuid(), give_ids.notifiable_id, m.id, local_time(m.sent_at)
    FROM states(reader) s CROSS JOIN LATERAL (SELECT x.id, x.sent_at FROM message x WHERE x.id = s.message_id OFFSET 0) m
    WHERE NOT EXISTS (
        SELECT FROM notification k WHERE k.notifiable_id = give_ids.notifiable_id AND k.message_id = s.message_id)
    ON CONFLICT DO NOTHING;
    UPDATE notifiable n SET version = known.version, seq = known.seq WHERE n.id = give_ids.notifiable_id;
EXCEPTION
    WHEN lock_not_available THEN
        NULL; -- another transaction gives them out, and reading does not wait for its end
END
$$;

CREATE OR REPLACE FUNCTION doorbell_laravel.add_notifiable(id doorbell_laravel.key) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM register(add_notifiable.id::text);
    INSERT INTO notifiable (id) VALUES (add_notifiable.id) ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION doorbell_laravel.data_of(message_id bigint, user_id text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    m doorbell.message;
BEGIN
    SELECT * INTO m FROM message x WHERE x.id = data_of.message_id;
    IF lacks_texts(m) THEN
        m := with_texts(m, data_of.user_id, NULL, '{}');
    END IF;
    RETURN json_build_object('title', m.title, 'body', m.body, 'url', m.url,
        'category', (SELECT c.name FROM category c WHERE c.id = m.category), 'sender', m.sender, 'extra', m.extra);
END
$$;
COMMENT ON FUNCTION doorbell_laravel.data_of IS 'The data of a message that Laravel did not send, as its user reads it.';

CREATE OR REPLACE FUNCTION doorbell_laravel.object_of(data json) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN json_typeof(data) = 'object' THEN data::jsonb END;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL; -- a character or a number that json has, and jsonb has not
END
$$;

CREATE OR REPLACE FUNCTION doorbell_laravel.url_of(url text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM check_url(url);
    RETURN url;
EXCEPTION
    WHEN SQLSTATE 'DB422' THEN
        RETURN NULL; -- a link that Doorbell takes from nobody
END
$$;

CREATE OR REPLACE FUNCTION doorbell_laravel.content_of(type text, data json,
    OUT title text, OUT body text, OUT url text, OUT category text, OUT extra jsonb)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    kind constant text := one_line(regexp_replace(type, '^.*\\', ''), 64);
    object constant jsonb := object_of(data);
BEGIN
    title := one_line(coalesce(object->>'title', object->>'subject'), 255);
    body := left(coalesce(object->>'body', object->>'message', object->>'text'), 16384);
    -- A sentence alone is what the bell shows, as it does a title alone.
    IF title IS NULL AND char_length(body) <= 255 THEN
        title := one_line(body, 255);
        body := NULL;
    END IF;
    title := coalesce(title, regexp_replace(kind, '(?<=[a-z0-9])(?=[A-Z])', ' ', 'g'), 'Notification');
    url := url_of(coalesce(object->>'url', object->>'action_url', object->>'link'));
    category := CASE WHEN octet_length(kind) <= 64 AND kind NOT IN ('.', '..') THEN kind END;
    extra := CASE WHEN octet_length(object::text) <= 16384 THEN object END;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.content_of IS
    'What the bell shows of a notification, by the keys that data has by custom. Its category is the name of its class.';

CREATE OR REPLACE FUNCTION doorbell_laravel.insert_row() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    to_all constant boolean := NEW.notifiable_type IS NOT DISTINCT FROM 'Doorbell\Laravel\Everybody';
    shown record;
    sent record;
BEGIN
    IF NOT to_all AND NEW.notifiable_type IS DISTINCT FROM TG_ARGV[0] THEN
        RAISE EXCEPTION 'the notifications of % are not in Doorbell, only those of %', NEW.notifiable_type, TG_ARGV[0]
            USING HINT = 'Send them by another channel, or name that model in DOORBELL_NOTIFIABLE and run: php artisan doorbell:install';
    END IF;
    NEW.id := coalesce(NEW.id, gen_random_uuid());
    SELECT * INTO shown FROM content_of(NEW.type, NEW.data);
    SELECT * INTO sent FROM send(
        to_users => CASE WHEN NOT to_all THEN ARRAY[NEW.notifiable_id::text] END, to_all => to_all, title => shown.title,
        body => shown.body, url => shown.url, category => shown.category, extra => shown.extra, key => 'laravel-' || NEW.id);
    IF sent.duplicate THEN
        RETURN NEW; -- a queue has repeated it
    END IF;
    INSERT INTO content (message_id, type, data) VALUES (sent.id, NEW.type, NEW.data);
    IF NOT to_all THEN
        PERFORM add_notifiable(NEW.notifiable_id);
        INSERT INTO notification (id, notifiable_id, message_id, created_at, read_at)
        VALUES (NEW.id, NEW.notifiable_id, sent.id, coalesce(NEW.created_at, local_time(clock_timestamp())), NEW.read_at);
        PERFORM mark_read(NEW.notifiable_id::text, sent.id) WHERE NEW.read_at IS NOT NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.insert_row IS 'Sends what is inserted: to a user, or once to everybody.';

CREATE OR REPLACE FUNCTION doorbell_laravel.note_row() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.type, NEW.notifiable_type, NEW.notifiable_id, NEW.data::text)
        IS DISTINCT FROM (OLD.id, OLD.type, OLD.notifiable_type, OLD.notifiable_id, OLD.data::text)
    THEN
        RAISE EXCEPTION 'a notification that was sent can only be marked read or unread: delete it and send another one'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    INSERT INTO change (id, user_id, message_id, action, read_at)
    SELECT k.id, n.user_id, k.message_id,
        CASE WHEN TG_OP = 'DELETE' THEN 'remove' WHEN NEW.read_at IS NULL THEN 'unread' ELSE 'read' END, NEW.read_at
    FROM notification k JOIN notifiable n ON n.id = k.notifiable_id
    WHERE k.id = OLD.id AND (TG_OP = 'DELETE' OR NEW.read_at IS DISTINCT FROM OLD.read_at);
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.note_row IS 'Keeps what the statement does with a row for apply_changes().';

CREATE OR REPLACE FUNCTION doorbell_laravel.apply_changes() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
DECLARE
    c record;
BEGIN
    -- In the order in which Doorbell locks users.
    FOR c IN
        WITH mine AS (DELETE FROM change x WHERE x.backend = pg_backend_pid() RETURNING x.*)
        SELECT m.user_id, m.action, array_agg(m.message_id) AS message_ids, array_agg(m.id) AS ids, array_agg(m.read_at) AS times
        FROM mine m GROUP BY 1, 2 ORDER BY 1, 2
    LOOP
        PERFORM mark(c.user_id, c.action, c.message_ids, 'any');
        UPDATE notification k SET read_at = t.read_at FROM unnest(c.ids, c.times) t (id, read_at)
        WHERE k.id = t.id AND c.action <> 'remove';
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION doorbell_laravel.apply_changes IS 'Marks and removes what the statement has changed, and rings each of its users once.';

-- The view, with what differs from site to site, and the rights of the site's role.
DO $$
DECLARE
    site constant text := coalesce(nullif(current_setting('doorbell_laravel.role', true), ''), session_user);
    model constant text := coalesce(nullif(current_setting('doorbell_laravel.model', true), ''), 'App\Models\User');
    zone constant text := coalesce(nullif(current_setting('doorbell_laravel.zone', true), ''), 'UTC');
    seen constant text := format('%I.notifications', coalesce(nullif(current_setting('doorbell_laravel.schema', true), ''), 'public'));
    routine regprocedure;
BEGIN
    IF current_user::regrole <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'doorbell') THEN
        RAISE EXCEPTION 'this file is run in one transaction: psql -1';
    END IF;
    IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(seen) AND relkind <> 'v') THEN
        RAISE EXCEPTION 'there is a table % already: rename it, and keep it for what is in it', seen;
    END IF;
    EXECUTE format('CREATE OR REPLACE FUNCTION doorbell_laravel.local_time(at timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE AS %L',
        format('SELECT date_trunc(''second'', $1 AT TIME ZONE %L)', zone));
    EXECUTE format($view$
        CREATE OR REPLACE VIEW %s AS
        SELECT k.id, coalesce(c.type, 'doorbell') AS type, %L::text AS notifiable_type, n.id AS notifiable_id,
            coalesce(c.data, doorbell_laravel.data_of(k.message_id, n.user_id)) AS data,
            CASE WHEN s.is_read THEN coalesce(k.read_at, k.created_at) END AS read_at, k.created_at,
            CASE WHEN s.is_read THEN coalesce(k.read_at, k.created_at) ELSE k.created_at END AS updated_at
        FROM doorbell_laravel.notifiable n
        CROSS JOIN LATERAL doorbell_laravel.states(n.user_id) s
        JOIN doorbell_laravel.notification k ON k.notifiable_id = n.id AND k.message_id = s.message_id
        LEFT JOIN doorbell_laravel.content c ON c.message_id = k.message_id$view$, seen, model);
    EXECUTE format('COMMENT ON VIEW %s IS %L', seen, 'What Doorbell shows the users that Laravel has asked for, as Laravel''s table.');
    EXECUTE format('CREATE OR REPLACE TRIGGER doorbell_insert INSTEAD OF INSERT ON %s
        FOR EACH ROW EXECUTE FUNCTION doorbell_laravel.insert_row(%L)', seen, model);
    EXECUTE format('CREATE OR REPLACE TRIGGER doorbell_note INSTEAD OF UPDATE OR DELETE ON %s
        FOR EACH ROW EXECUTE FUNCTION doorbell_laravel.note_row()', seen);
    EXECUTE format('CREATE OR REPLACE TRIGGER doorbell_apply AFTER UPDATE OR DELETE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION doorbell_laravel.apply_changes()', seen);
    FOR routine IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'doorbell_laravel'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = doorbell_laravel, doorbell, doorbell_internal, pg_temp', routine);
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', routine);
        EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off', routine);
        EXECUTE format('ALTER FUNCTION %s SET jit = off', routine);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
    ALTER FUNCTION doorbell_laravel.give_ids SET lock_timeout = '500ms';
    EXECUTE format('GRANT USAGE ON SCHEMA doorbell_laravel TO %I', site);
    EXECUTE format('GRANT EXECUTE ON FUNCTION doorbell_laravel.sync, doorbell_laravel.states, doorbell_laravel.data_of TO %I', site);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', seen, site);
END
$$;
