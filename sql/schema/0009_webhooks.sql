-- SPDX-License-Identifier: MIT
-- Calls of a site's own address for the messages of a category: mail, texts to phones and the like are the site's business.

ALTER TABLE doorbell.category ADD COLUMN webhook text, ADD COLUMN only_unseen_after integer,
    ADD COLUMN silences integer NOT NULL DEFAULT 0, ADD COLUMN paused_until timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN doorbell.category.webhook IS 'URL that is told of each message, null: none.';
COMMENT ON COLUMN doorbell.category.only_unseen_after IS
    'Seconds after which it is told, and then only of users who have not seen the message. Null: at once, and of all.';

COMMENT ON COLUMN doorbell.category.silences IS 'Calls of the webhook in a row to which nobody answered.';
COMMENT ON COLUMN doorbell.category.paused_until IS 'None is made before, since they would keep those of other categories waiting.';

CREATE TABLE doorbell.webhook_call (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT webhook_call_pkey PRIMARY KEY,
    message_id bigint NOT NULL,
    user_ids text[] COLLATE "C",
    members_after text COLLATE "C",
    since timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    fault text
) WITH (fillfactor = 70);
CREATE INDEX webhook_call_due_at_idx ON doorbell.webhook_call (due_at) WHERE failed_at IS NULL;
CREATE INDEX webhook_call_failed_idx ON doorbell.webhook_call (id) WHERE failed_at IS NOT NULL;
COMMENT ON TABLE doorbell.webhook_call IS
    'Calls of webhooks still to be made, written in the transaction that delivered the message, and those that were given up.';
COMMENT ON COLUMN doorbell.webhook_call.user_ids IS 'Up to 100 of its users; null for a message to everybody, and for a group whose members are still to be listed.';
COMMENT ON COLUMN doorbell.webhook_call.members_after IS 'Members of the group up to this one have been listed.';
COMMENT ON COLUMN doorbell.webhook_call.since IS 'When it was first due: a day later it is given up.';
COMMENT ON COLUMN doorbell.webhook_call.due_at IS 'When it is tried next; while it is tried, the end of the lease.';
COMMENT ON COLUMN doorbell.webhook_call.failed_at IS 'When it was given up. It can be tried anew by doorbell.webhook_retry().';

-- These take more than before.
DROP FUNCTION IF EXISTS doorbell.category_set(text, boolean);
DROP FUNCTION IF EXISTS doorbell.list(text, text, text, text, integer);
DROP FUNCTION IF EXISTS doorbell.message(text, bigint);
DROP FUNCTION IF EXISTS doorbell_internal.list_page(text, text, bigint, bigint, bigint[], integer[], bigint[], boolean[], integer);
DROP FUNCTION IF EXISTS doorbell_internal.mark_part(text, text, text, integer);
DROP FUNCTION IF EXISTS doorbell_internal.mark_inbox_up_to(text, text, timestamptz, bigint, integer, integer[], integer);
DROP FUNCTION IF EXISTS doorbell_internal.mark_feeds_up_to(text, text, doorbell_internal.user_state, bigint, bigint, bigint, integer, integer[]);
