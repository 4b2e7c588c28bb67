-- SPDX-License-Identifier: MIT
-- The epoch: a number for the database's history. As long as it is the same, what a client has been told is part of that
-- history, and version and seq have only grown since. schema/0003_epoch.sql says how a break shows.

CREATE OR REPLACE VIEW doorbell.current_epoch (epoch) AS
    SELECT i.epoch FROM doorbell.incarnation i
    WHERE i.xmin = i.made_by::xid
        AND i.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database());
COMMENT ON VIEW doorbell.current_epoch IS
    'The epoch, or no row between a break of the history and the next doorbell.keep_epoch(). A client that meets another one '
    'than it knows forgets what it knows, and asks.';

CREATE OR REPLACE FUNCTION doorbell_internal.system_identifier() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT s.system_identifier FROM pg_catalog.pg_control_system() s);
EXCEPTION
    WHEN insufficient_privilege THEN
        RETURN NULL;
END
$$;
COMMENT ON FUNCTION doorbell_internal.system_identifier IS 'Of the server''s files; null where it may not be read.';

CREATE OR REPLACE FUNCTION doorbell_internal.copy_epoch(epoch bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO doorbell.epoch_copy (epoch) VALUES (copy_epoch.epoch)
    ON CONFLICT (only_row) DO UPDATE SET epoch = EXCLUDED.epoch WHERE epoch_copy.epoch <> EXCLUDED.epoch;
END
$$;
COMMENT ON FUNCTION doorbell_internal.copy_epoch IS 'Tells standbys. The caller holds the lock of incarnation.';

CREATE OR REPLACE FUNCTION doorbell.new_epoch() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made bigint;
BEGIN
    LOCK TABLE incarnation IN EXCLUSIVE MODE;
    DELETE FROM incarnation;
    INSERT INTO incarnation (epoch, database, system)
    SELECT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint, d.oid, system_identifier()
    FROM pg_catalog.pg_database d WHERE d.datname = current_database()
    RETURNING epoch INTO made;
    PERFORM copy_epoch(made);
    -- What processes still hold of the history before must not be taken for rows of this one.
    PERFORM setval('outbox_id_seq', nextval('outbox_id_seq') + 4294967296);
    PERFORM ask_all();
    RETURN made;
END
$$;
COMMENT ON FUNCTION doorbell.new_epoch IS
    'Begins a new epoch, so that all pages forget what they know and ask. For an operator who has put the database back in a '
    'way that it cannot notice: a copy of its files from a clean stop.';

CREATE OR REPLACE FUNCTION doorbell.keep_epoch() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kept bigint;
BEGIN
    FOR i IN 1..2 LOOP
        SELECT e.epoch INTO kept FROM current_epoch e JOIN incarnation n ON n.epoch = e.epoch
        WHERE n.system IS NOT DISTINCT FROM system_identifier();
        EXIT WHEN EXISTS (SELECT FROM epoch_copy c WHERE c.epoch = kept);
        -- Another process may have made one meanwhile.
        LOCK TABLE incarnation IN EXCLUSIVE MODE;
    END LOOP;
    IF kept IS NULL THEN
        RETURN new_epoch();
    END IF;
    PERFORM copy_epoch(kept) WHERE NOT EXISTS (SELECT FROM epoch_copy c WHERE c.epoch = kept);
    RETURN kept;
END
$$;
COMMENT ON FUNCTION doorbell.keep_epoch IS 'The epoch; a new one if the history may have been broken. doorbell-app calls it when it has connected.';
