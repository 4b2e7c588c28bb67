-- SPDX-License-Identifier: MIT
-- Roles and rights. doorbell-migrate applies this file at the end of every run, not once: a dump of a
-- database has no roles in it, and when it is restored where they are missing, every grant is lost, those
-- that had kept PUBLIC out too. What is right already is left alone, and so are grants to other roles.
--
-- Nobody but the owner touches a table, and PUBLIC may call no function. doorbell-app reads the views check_state,
-- standby_state, current_epoch and token_state. Each role may call these of schema doorbell, null is all:
--
--   doorbell_app             doorbell-app, doorbell-purge, doorbell-import-notifynder
--   doorbell_user_calls      what doorbell-app becomes for a call of a user, and
--   doorbell_service_calls   for one of a back end; it is a member of both
--   doorbell_site            a site that shares the database: sends, reads, keeps groups
--   doorbell_sender          a site, or a part of one, that only sends
--
-- repair_times is nobody's but the owner's.
--
-- :owner is the owner of the schema. The statements that are left to an administrator go to descriptor 3.

SELECT set_config('doorbell.roles', $$ {
    "doorbell_app": null,
    "doorbell_user_calls": ["register", "unread", "unread_many", "unread_by_category", "list", "list_after", "message", "broadcast", "mark_read", "mark_unread",
        "archive", "acknowledge", "remove", "mark_read_ids", "mark_unread_ids", "mark_read_subject", "mark_read_oldest",
        "mark_read_part", "mark_unread_part", "archive_ids", "remove_ids", "archive_part", "remove_part", "mark_seen", "mute", "set_preferences", "preferences", "check_token", "health"],
    "doorbell_service_calls": ["send", "send_batch", "sent", "explain", "recall", "recall_matching", "group_change", "group_members", "categories", "category_set",
        "category_remove", "webhook_calls", "webhook_retry", "export", "erase", "revoke", "token_generation", "health"],
    "doorbell_site": ["send", "send_batch", "recall", "recall_matching", "sent", "explain", "register", "unread", "unread_by_category", "list", "list_after", "message", "preferences",
        "group_join", "group_leave", "group_change", "group_members", "categories", "revoke", "health"],
    "doorbell_sender": ["send", "send_batch"]
} $$, true) \g /dev/null

SET LOCAL ROLE NONE;
DO $$
DECLARE
    role_name text;
    missing text := '';
BEGIN
    FOR role_name IN SELECT json_object_keys(current_setting('doorbell.roles')::json) LOOP
        CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of the server has just created it
            WHEN insufficient_privilege THEN
                missing := concat_ws(E'\n', nullif(missing, ''), format('CREATE ROLE %I NOLOGIN;', role_name));
        END;
    END LOOP;
    FOREACH role_name IN ARRAY '{doorbell_user_calls,doorbell_service_calls}'::text[] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_auth_members
            WHERE roleid = to_regrole(role_name) AND member = to_regrole('doorbell_app'));
        BEGIN
            EXECUTE format('GRANT %I TO doorbell_app', role_name);
        EXCEPTION
            WHEN unique_violation THEN
                NULL; -- as above
            WHEN insufficient_privilege OR undefined_object THEN
                missing := concat_ws(E'\n', nullif(missing, ''), format('GRANT %I TO doorbell_app;', role_name));
        END;
    END LOOP;
    PERFORM set_config('doorbell.missing_roles', missing, true);
END
$$;
SELECT current_setting('doorbell.missing_roles') \g |cat >&3

SET LOCAL ROLE :owner;
DO $$
DECLARE
    right_of record;
    role_name text;
    changed integer := 0;
BEGIN
    FOR right_of IN
        WITH grantee (oid, name, functions) AS (
            SELECT 0::oid, 'PUBLIC', '[]'::jsonb
            UNION ALL
            SELECT to_regrole(r.key), r.key, nullif(r.value, 'null')
            FROM jsonb_each(current_setting('doorbell.roles')::jsonb) r
            WHERE to_regrole(r.key) IS NOT NULL
        )
        SELECT g.name AS grantee, p.oid::regprocedure AS routine, x.is_due
        FROM grantee g CROSS JOIN pg_proc p CROSS JOIN LATERAL (
            SELECT p.pronamespace = 'doorbell'::regnamespace AND p.proname <> 'repair_times'
                AND coalesce(g.functions ? p.proname, true) AS is_due,
                EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = g.oid) AS is_given
        ) x
        WHERE p.pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace) AND x.is_due <> x.is_given
    LOOP
        EXECUTE format(CASE WHEN right_of.is_due THEN 'GRANT EXECUTE ON FUNCTION %s TO %s'
            ELSE 'REVOKE ALL ON FUNCTION %s FROM %s' END, right_of.routine, right_of.grantee);
        changed := changed + 1;
    END LOOP;
    FOR role_name IN SELECT json_object_keys(current_setting('doorbell.roles')::json) LOOP
        CONTINUE WHEN to_regrole(role_name) IS NULL;
        IF NOT has_schema_privilege(role_name, 'doorbell', 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA doorbell TO %I', role_name);
            changed := changed + 1;
        END IF;
        CONTINUE WHEN role_name NOT IN ('doorbell_app', 'doorbell_user_calls');
        IF EXISTS (SELECT FROM unnest('{check_state,standby_state,current_epoch,token_state}'::text[]) v
            WHERE NOT has_table_privilege(role_name, 'doorbell.' || v, 'SELECT'))
        THEN
            EXECUTE format('GRANT SELECT ON doorbell.check_state, doorbell.standby_state, doorbell.current_epoch, doorbell.token_state TO %I', role_name);
            changed := changed + 1;
        END IF;
    END LOOP;
    PERFORM set_config('doorbell.rights_changed', changed::text, true);
END
$$;
