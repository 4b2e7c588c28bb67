-- SPDX-License-Identifier: MIT
-- Hours of the day in which a user does not want to be disturbed.

ALTER TABLE doorbell.reader ADD COLUMN quiet_hours jsonb;
COMMENT ON COLUMN doorbell.reader.quiet_hours IS
    '{"from": "22:00", "to": "07:00", "timezone": "Asia/Shanghai"}, as doorbell.set_preferences() takes it. Null: none.';

-- These return more than before, or take more.
DROP FUNCTION IF EXISTS doorbell.unread(text, text, integer);
DROP FUNCTION IF EXISTS doorbell.unread_many(text[], integer);
DROP FUNCTION IF EXISTS doorbell_internal.unread_until(text, text, integer);
DROP FUNCTION IF EXISTS doorbell.set_preferences(text, text[], text);
