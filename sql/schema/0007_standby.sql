-- SPDX-License-Identifier: MIT
-- What lets doorbell-app read from standbys.

CREATE TABLE doorbell.epoch_copy (
    only_row boolean DEFAULT true CONSTRAINT epoch_copy_pkey PRIMARY KEY
        CONSTRAINT epoch_copy_only_row_check CHECK (only_row),
    epoch bigint NOT NULL
);
COMMENT ON TABLE doorbell.epoch_copy IS
    'The epoch once more, where a standby has it: incarnation is unlogged. It says of which history a standby is a copy, and '
    'nothing of whether that history may go on, which doorbell.current_epoch says.';
