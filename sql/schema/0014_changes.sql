-- SPDX-License-Identifier: MIT
-- What changed since a user was shown a list, told message by message; and from when on that can no longer be told.

ALTER TABLE doorbell.inbox ADD COLUMN changed bigint;
COMMENT ON COLUMN doorbell.inbox.changed IS
    'A number between the version before its state last changed and that of the change. Null as it was delivered.';
-- On an expression that equals user_id, and that below on one that equals feed_id: functions/common/lookup.sql says why.
CREATE INDEX inbox_user_changed_idx ON doorbell.inbox ((user_id || ''), changed) WHERE changed IS NOT NULL;
-- With the one for unread ones: what of a user's has expired.
CREATE INDEX inbox_user_read_expires_at_idx ON doorbell.inbox ((user_id || ''), expires_at)
    WHERE state IN ('read', 'archived') AND expires_at IS NOT NULL;

ALTER TABLE doorbell.message ADD COLUMN changed bigint;
COMMENT ON COLUMN doorbell.message.changed IS
    'Of a broadcast: number of its recall, its expiry, or of the message that superseded it, whichever came last. Null as it was delivered.';
CREATE INDEX message_feed_changed_idx ON doorbell.message ((feed_id / 1), changed) WHERE feed_id / 1 IS NOT NULL AND changed IS NOT NULL;

ALTER TABLE doorbell.mark ADD COLUMN changed doorbell.chunk_bits NOT NULL DEFAULT 0::doorbell.chunk_bits,
    ADD COLUMN changed_since bigint NOT NULL DEFAULT 0, ADD COLUMN version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.mark.changed IS 'The broadcasts with which the user did something after version changed_since.';
COMMENT ON COLUMN doorbell.mark.version IS 'A number as inbox.changed, of the last time that they did.';

ALTER TABLE doorbell.reader ADD COLUMN stale_before bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.reader.stale_before IS
    'What changed before this version can no longer be told message by message, since retention has deleted some.';
ALTER TABLE doorbell.feed ADD COLUMN stale_before bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.feed.stale_before IS 'The same of its broadcasts, before this event.';

ALTER TABLE doorbell.category ADD COLUMN texts_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.category.texts_version IS
    'A number that no other category has, of the last change of its templates; 0: none since there is this column.';
CREATE INDEX category_texts_version_idx ON doorbell.category (texts_version);

-- These take more than before, or return more.
DROP FUNCTION IF EXISTS doorbell_internal.read_position;
DROP FUNCTION IF EXISTS doorbell_internal.withdraw;
DROP FUNCTION IF EXISTS doorbell_internal.set_templates;
