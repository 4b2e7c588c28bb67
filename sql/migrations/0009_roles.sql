-- SPDX-License-Identifier: MIT
-- Roles. Nobody but the owner touches a table: doorbell_app may call every function of schema doorbell,
-- doorbell_site (a site that shares the database) those that send, read, and keep groups.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA doorbell, doorbell_internal FROM PUBLIC;

DO $$
DECLARE
    role_name text;
    routine record;
    for_site constant text[] := '{send,recall,sent,contact,unread,unread_by_category,list,message,preferences,
        group_join,group_leave,group_change,group_members,categories,health}';
BEGIN
    FOREACH role_name IN ARRAY '{doorbell_app,doorbell_site}'::text[] LOOP
        BEGIN
            IF to_regrole(role_name) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            END IF;
        EXCEPTION
            -- Another database of the cluster makes it at this moment.
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is not made: % may not create roles', role_name, current_user;
        END;
        CONTINUE WHEN to_regrole(role_name) IS NULL;
        EXECUTE format('GRANT USAGE ON SCHEMA doorbell TO %I', role_name);
        FOR routine IN
            SELECT p.oid::regprocedure AS signature, p.proname FROM pg_proc p
            WHERE p.pronamespace = 'doorbell'::regnamespace
        LOOP
            CONTINUE WHEN role_name = 'doorbell_site' AND routine.proname <> ALL (for_site);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.signature, role_name);
        END LOOP;
    END LOOP;
END
$$;
