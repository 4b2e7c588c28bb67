-- SPDX-License-Identifier: MIT
-- What all functions have in common, applied by doorbell-migrate after it has written those in functions/, and in
-- the same transaction.

-- A view or function that this transaction has not written is in the folder no more.
DO $$
DECLARE
    removed text;
BEGIN
    FOR removed IN
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace) AND c.relkind = 'v'
            AND c.xmin::text <> pg_current_xact_id()::xid::text
    LOOP
        EXECUTE format('DROP VIEW %s', removed);
    END LOOP;
    FOR removed IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace)
            AND p.xmin::text <> pg_current_xact_id()::xid::text
    LOOP
        EXECUTE format('DROP FUNCTION %s', removed);
    END LOOP;
END
$$;

-- The interface runs with the rights of the owner, and with these settings, which its helpers inherit:
--   search_path       names mean ours, whatever the caller has created;
--   plan_cache_mode   each statement is planned once a connection, and
--   enable_seqscan    to the same plan whatever the statistics say at that moment;
--   jit               compiling takes longer than any of these statements runs, and the high cost that
--                     enable_seqscan = off puts on reading a small table from end to end would set it off;
--   enable_bitmapscan of what lists or marks groups: the planner takes a group for a small one, and a bitmap reads all of
--                     it to find its newest messages. All that share a helper have it, since they share its plans.
-- recount() and repair_times() read all there is, so that the planner may do as it likes.
DO $$
DECLARE
    routine record;
    setting record;
BEGIN
    FOR routine IN
        SELECT p.oid::regprocedure AS signature, p.proname AS name FROM pg_proc p
        WHERE p.pronamespace = 'doorbell'::regnamespace
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', routine.signature);
        FOR setting IN
            SELECT * FROM (VALUES
                ('search_path', 'doorbell, doorbell_internal, pg_temp', '{}', NULL),
                ('plan_cache_mode', 'force_generic_plan', '{recount,repair_times}', NULL),
                ('enable_seqscan', 'off', '{recount,repair_times}', NULL),
                ('jit', 'off', '{recount,repair_times}', NULL),
                ('enable_bitmapscan', 'off', '{}', '{list,mark_read_upto,mark_read_all,mark_unread_all,mark_read_part,mark_unread_part,archive_part,remove_part}')
            ) s (name, value, not_for, only_for)
            WHERE routine.name <> ALL (s.not_for::text[]) AND (s.only_for IS NULL OR routine.name = ANY (s.only_for::text[]))
        LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = %s', routine.signature, setting.name, setting.value);
        END LOOP;
    END LOOP;
END
$$;

-- Written in any order, they are checked now that all are there.
SET LOCAL check_function_bodies = on;
SET LOCAL search_path = doorbell, doorbell_internal, pg_temp;
SELECT count(CASE l.lanname WHEN 'sql' THEN fmgr_sql_validator(p.oid) ELSE plpgsql_validator(p.oid) END)
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace) \g /dev/null
SET LOCAL search_path TO DEFAULT;
