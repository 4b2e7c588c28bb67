-- SPDX-License-Identifier: MIT
-- Audiences that are put together: several groups, all but some, users known since a date. Each has a feed of its own, and users have
-- it by what they are, without a row: so a message to one of them costs as much as a message to a group.

CREATE TABLE doorbell.audience (
    feed_id integer CONSTRAINT audience_pkey PRIMARY KEY CONSTRAINT audience_feed_id_fkey REFERENCES doorbell.feed,
    none_of integer[] NOT NULL,
    known_before timestamptz NOT NULL DEFAULT 'infinity'
);
COMMENT ON TABLE doorbell.audience IS
    'Feeds of users who are in any group of audience_base (or are anybody: feed 1) and in none of none_of. They go when nothing lives in '
    'them and their place is needed.';
COMMENT ON COLUMN doorbell.audience.known_before IS 'Of these, only users of whom the site, or Doorbell, knew before this time.';

CREATE TABLE doorbell.audience_base (
    base_id integer,
    feed_id integer CONSTRAINT audience_base_feed_id_fkey REFERENCES doorbell.audience ON DELETE CASCADE,
    CONSTRAINT audience_base_pkey PRIMARY KEY (base_id, feed_id)
);
CREATE INDEX audience_base_feed_idx ON doorbell.audience_base (feed_id);
COMMENT ON TABLE doorbell.audience_base IS
    'The groups that an audience is made of, looked up by group. An event of an audience is one of its bases too: '
    'whoever looks for the newest event of a user''s feeds finds it there.';

ALTER TABLE doorbell.message ADD COLUMN excepted text[] COLLATE "C";
COMMENT ON COLUMN doorbell.message.excepted IS
    'Users to whom this broadcast does not go: from the beginning it is marked gone for them.';

ALTER TABLE doorbell.first_seen ADD COLUMN joined_seq bigint NOT NULL DEFAULT 0, ADD COLUMN since timestamptz;
COMMENT ON COLUMN doorbell.first_seen.joined_seq IS
    'joined_pos as an order number: of audiences that anybody may be in, they see what is newer. 0 if it was settled before there were any.';
COMMENT ON COLUMN doorbell.first_seen.since IS 'When they registered with the site, if the site said so.';

ALTER TABLE doorbell.reader ADD COLUMN left_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN doorbell.reader.left_version IS
    'Their version when they last left a group. They may have audiences since then that except it.';

CREATE TYPE doorbell_internal.audience_rule AS (
    groups text[], except_groups text[], except_users text[], known_before timestamptz);

-- This takes less than before.
DROP FUNCTION IF EXISTS doorbell_internal.digest_of;
