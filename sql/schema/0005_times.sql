-- SPDX-License-Identifier: MIT
-- A time decides about no other row: what was stamped by a wrong clock stays with the message that has it.

ALTER TABLE doorbell.feed DROP COLUMN sent_at;

ALTER TABLE doorbell.purge_cursor ADD COLUMN ran_at timestamptz;
COMMENT ON COLUMN doorbell.purge_cursor.ran_at IS 'When doorbell.begin_purge() last let a purge begin.';
