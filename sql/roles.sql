-- SPDX-License-Identifier: MIT
-- Roles and rights. doorbell-migrate applies this file at the end of every run, not once: a dump of a
-- database has no roles in it, and when it is restored where they are missing, every grant is lost, those
-- that had kept PUBLIC out too. What is right already is left alone, and so are grants to other roles.
--
-- Nobody but the owner touches a table. doorbell_app may call every function of schema doorbell and read its view check_state,
-- doorbell_site (a site that shares the database) those that send, read, and keep groups. PUBLIC may call none.
--
-- :owner is the owner of the schema. The names of roles that are missing and may not be created go to descriptor 3.

SET LOCAL ROLE NONE;
DO $$
DECLARE
    role_name text;
    missing text := '';
BEGIN
    FOREACH role_name IN ARRAY '{doorbell_app,doorbell_site}'::text[] LOOP
        CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of the server has just created it
            WHEN insufficient_privilege THEN
                missing := concat_ws(' ', nullif(missing, ''), role_name);
        END;
    END LOOP;
    PERFORM set_config('doorbell.missing_roles', missing, true);
END
$$;
SELECT current_setting('doorbell.missing_roles') \g |cat >&3

SET LOCAL ROLE :owner;
DO $$
DECLARE
    for_site constant text[] := '{send,recall,sent,register,unread,unread_by_category,list,message,preferences,
        group_join,group_leave,group_change,group_members,categories,health}';
    right_of record;
BEGIN
    FOR right_of IN
        WITH grantee (oid, name, functions) AS (
            SELECT 0::oid, 'PUBLIC', '{}'
            UNION ALL
            SELECT to_regrole(r.name), r.name, r.functions
            FROM (VALUES ('doorbell_app', NULL), ('doorbell_site', for_site)) r (name, functions)
            WHERE to_regrole(r.name) IS NOT NULL
        )
        SELECT g.name AS grantee, p.oid::regprocedure AS routine, x.is_due
        FROM grantee g CROSS JOIN pg_proc p CROSS JOIN LATERAL (
            SELECT p.pronamespace = 'doorbell'::regnamespace AND p.proname = ANY (coalesce(g.functions, ARRAY[p.proname::text])) AS is_due,
                EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = g.oid) AS is_given
        ) x
        WHERE p.pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace) AND x.is_due <> x.is_given
    LOOP
        EXECUTE format(CASE WHEN right_of.is_due THEN 'GRANT EXECUTE ON FUNCTION %s TO %s'
            ELSE 'REVOKE ALL ON FUNCTION %s FROM %s' END, right_of.routine, right_of.grantee);
    END LOOP;
    IF to_regrole('doorbell_app') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA doorbell TO doorbell_app;
        GRANT SELECT ON doorbell.check_state TO doorbell_app;
    END IF;
    IF to_regrole('doorbell_site') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA doorbell TO doorbell_site;
    END IF;
END
$$;
