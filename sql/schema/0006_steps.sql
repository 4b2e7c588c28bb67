-- SPDX-License-Identifier: MIT
-- What a page needs to compute its number from the ring of a message to everybody, without asking.

ALTER TABLE doorbell.reader ADD COLUMN scope bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.reader.scope IS
    'Number of the last change of the user''s groups and mutes, 0 for none: what is known of these holds while it is the same.';

ALTER TABLE doorbell.outbox ADD COLUMN step_from bigint;
COMMENT ON COLUMN doorbell.outbox.step_from IS
    'For one new message to everybody that supersedes none: number of the event of feed ''*'' before it. Null for all else.';

-- These return more than before, or take more.
DROP FUNCTION IF EXISTS doorbell.unread(text, text, integer);
DROP FUNCTION IF EXISTS doorbell.unread_many(text[], integer);
DROP FUNCTION IF EXISTS doorbell_internal.unread_until(text, text, integer);
DROP FUNCTION IF EXISTS doorbell_internal.next_place(integer, interval);
DROP FUNCTION IF EXISTS doorbell_internal.deliver_to_feed(doorbell.message, boolean);
