-- SPDX-License-Identifier: MIT
-- What tells one history of the database from another, and rings that only ask.

-- A crash empties an unlogged table, and so does everything that begins with the recovery of one: a standby that is
-- promoted, a base backup, a return to a point in time. A restored dump brings the row back, but under another
-- transaction number than the one that it names. So the row is valid exactly for as long as nothing committed can have been lost.
CREATE UNLOGGED TABLE doorbell.incarnation (
    only_row boolean DEFAULT true CONSTRAINT incarnation_pkey PRIMARY KEY
        CONSTRAINT incarnation_only_row_check CHECK (only_row),
    epoch bigint NOT NULL,
    made_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    database oid NOT NULL,
    system bigint
);
COMMENT ON TABLE doorbell.incarnation IS
    'The epoch, and what it was made in: transaction, database, server. Read it by doorbell.current_epoch.';

ALTER TABLE doorbell.outbox ALTER COLUMN seq DROP NOT NULL;
COMMENT ON COLUMN doorbell.outbox.seq IS
    'Number of the event; null: no event, but those whom it rings have to ask, whatever they know.';

-- A stale row is replaced now, and no more shown.
DROP FUNCTION IF EXISTS doorbell.outbox_waiting(bigint[], integer, integer);
