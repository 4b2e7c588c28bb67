-- SPDX-License-Identifier: MIT
-- A time decides about no other row: what was stamped by a wrong clock stays with the message that has it.

ALTER TABLE doorbell.feed DROP COLUMN sent_at;
