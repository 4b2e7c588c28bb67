-- SPDX-License-Identifier: MIT
-- Messages to users that a list may show as one row: those of a user with the same group_key.

ALTER TABLE doorbell.message ADD COLUMN group_key text COLLATE "C";
COMMENT ON COLUMN doorbell.message.group_key IS 'A grouped list shows only the newest message with it. Null for a broadcast, which is one row for all.';

ALTER TABLE doorbell.inbox ADD COLUMN group_key text COLLATE "C", ADD COLUMN sender text;
COMMENT ON COLUMN doorbell.inbox.sender IS 'That of the message, where it has a group_key: a group tells who is in it. Null for all others.';
-- On an expression that equals user_id: functions/common/lookup.sql says why.
CREATE INDEX inbox_user_group_idx ON doorbell.inbox ((user_id || ''), group_key, state, seq) WHERE group_key IS NOT NULL;

-- These take more than before, or return more.
DROP FUNCTION IF EXISTS doorbell.send;
DROP FUNCTION IF EXISTS doorbell.list;
DROP FUNCTION IF EXISTS doorbell.mark_read_part;
DROP FUNCTION IF EXISTS doorbell.archive_part;
DROP FUNCTION IF EXISTS doorbell.remove_part;
DROP FUNCTION IF EXISTS doorbell_internal.prepare;
DROP FUNCTION IF EXISTS doorbell_internal.list_page;
DROP FUNCTION IF EXISTS doorbell_internal.read_position;
DROP FUNCTION IF EXISTS doorbell_internal.mark_part;
DROP FUNCTION IF EXISTS doorbell_internal.mark_inbox_up_to;
DROP FUNCTION IF EXISTS doorbell_internal.inbox_up_to;
DROP FUNCTION IF EXISTS doorbell_internal.put_away;
