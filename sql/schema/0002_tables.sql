-- SPDX-License-Identifier: MIT
-- The tables of the inbox. A personal message is one inbox row for each of its users, with a
-- maintained unread_count. A broadcast (to a group or to all) is one message row and one bit in a chunk;
-- a user's marks on broadcasts are bits in chunks of the same shape, so that unread is
-- bit_count(live & visible & ~read) and a recall is one bit cleared.
--
-- Locks are taken in this order, and a row is read in the statement after the one that locked it:
--   the broadcast lock (row 1 of feed), message rows, reader rows sorted by user_id, everything else.
-- Every event of a feed holds the broadcast lock to its commit, every change of a user's state holds their
-- reader row to its commit, and numbers are taken from seq only under the lock. So for one user
-- personal events commit in the order of their numbers, and so do the events of all feeds together.

CREATE SCHEMA doorbell_internal;
COMMENT ON SCHEMA doorbell IS
    'Doorbell: site messages. The functions are the interface, \df+ doorbell.* is their manual; '
    'the tables are for reading along, and are written by the functions only.';
COMMENT ON SCHEMA doorbell_internal IS 'Helpers of the functions in schema doorbell; not an interface.';

CREATE SEQUENCE doorbell.seq AS bigint CACHE 1;
COMMENT ON SEQUENCE doorbell.seq IS
    'The one source of message ids, order numbers and versions. CACHE must stay 1: order needs it.';

CREATE TABLE doorbell.feed (
    id integer GENERATED ALWAYS AS IDENTITY (START WITH 2) CONSTRAINT feed_pkey PRIMARY KEY,
    name text COLLATE "C" NOT NULL CONSTRAINT feed_name_key UNIQUE,
    last_pos bigint NOT NULL DEFAULT -1,
    version bigint NOT NULL DEFAULT 0,
    sent_at timestamptz NOT NULL DEFAULT '-infinity',
    expires_at timestamptz NOT NULL DEFAULT 'infinity'
) WITH (fillfactor = 50);
INSERT INTO doorbell.feed (id, name) OVERRIDING SYSTEM VALUE VALUES (1, '*');
COMMENT ON TABLE doorbell.feed IS
    'A stream of broadcasts: ''*'' (id 1) goes to everybody, every other row is a group. '
    'The lock of row 1 is the broadcast lock, which every event of any feed holds until it commits.';
COMMENT ON COLUMN doorbell.feed.last_pos IS 'Position of the newest message: 0, 1, 2, ... in each feed.';
COMMENT ON COLUMN doorbell.feed.version IS 'Number of the feed''s last event.';
COMMENT ON COLUMN doorbell.feed.expires_at IS
    'None of its live messages expires before this: until then a check need not look for expired ones.';
COMMENT ON COLUMN doorbell.feed.sent_at IS 'Time of the newest message; it never runs backwards.';

CREATE TABLE doorbell.category (
    id integer GENERATED ALWAYS AS IDENTITY (START WITH 1) CONSTRAINT category_pkey PRIMARY KEY
        CONSTRAINT category_id_check CHECK (id > 0),
    name text COLLATE "C" NOT NULL CONSTRAINT category_name_key UNIQUE,
    critical boolean NOT NULL DEFAULT false,
    listed boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE doorbell.category IS
    'Kinds of messages, created by the first send that names them. Number 0, which has no row, '
    'means "none" in message, inbox and unread_count and "all together" in chunk.';
COMMENT ON COLUMN doorbell.category.listed IS
    'False after doorbell.category_remove(): messages and users keep it, until somebody names it again.';
COMMENT ON COLUMN doorbell.category.critical IS 'Users cannot mute it.';

CREATE TABLE doorbell.message (
    id bigint CONSTRAINT message_pkey PRIMARY KEY,
    seq bigint,
    feed_id integer CONSTRAINT message_feed_id_fkey REFERENCES doorbell.feed,
    pos bigint,
    category integer NOT NULL DEFAULT 0,
    must_ack boolean NOT NULL DEFAULT false,
    to_new boolean NOT NULL DEFAULT false,
    live boolean NOT NULL DEFAULT false,
    replaced boolean NOT NULL DEFAULT false,
    recipients integer,
    sent_at timestamptz,
    expires_at timestamptz,
    recalled_at timestamptz,
    subject text COLLATE "C",
    sender text,
    title text NOT NULL,
    url text,
    body text NOT NULL DEFAULT '',
    extra jsonb,
    CONSTRAINT message_pos_check CHECK (pos IS NULL OR (feed_id IS NOT NULL AND seq IS NOT NULL))
);
-- The expressions that equal feed_id keep these indexes apart: functions/lookup.sql says why.
CREATE UNIQUE INDEX message_feed_pos_key ON doorbell.message (feed_id, pos) WHERE pos IS NOT NULL;
CREATE UNIQUE INDEX message_feed_seq_key ON doorbell.message ((feed_id + 0), seq) WHERE feed_id + 0 IS NOT NULL;
CREATE INDEX message_feed_expires_at_idx ON doorbell.message ((feed_id * 1), expires_at)
    WHERE feed_id * 1 IS NOT NULL AND live AND expires_at IS NOT NULL;
CREATE INDEX message_feed_subject_idx ON doorbell.message ((feed_id - 0), subject)
    WHERE feed_id - 0 IS NOT NULL AND live AND NOT replaced AND subject IS NOT NULL;
CREATE INDEX message_all_sent_at_idx ON doorbell.message (sent_at, pos) WHERE feed_id - 1 = 0;
CREATE INDEX message_expires_at_idx ON doorbell.message (expires_at) WHERE feed_id IS NOT NULL AND live;
CREATE INDEX message_sent_at_idx ON doorbell.message (sent_at);
CREATE INDEX message_gone_at_idx ON doorbell.message (least(expires_at, recalled_at))
    WHERE least(expires_at, recalled_at) IS NOT NULL;
COMMENT ON TABLE doorbell.message IS
    'What was sent, once, whatever the number of users. feed_id is null for a message to a list of '
    'users, 1 for everybody, else a group. Delivered means seq is not null; scheduled ones wait in pending.';
COMMENT ON COLUMN doorbell.message.seq IS 'Order number, taken at delivery under the lock; ids are only identity.';
COMMENT ON COLUMN doorbell.message.pos IS 'Position in its feed, the bit in its chunk.';
COMMENT ON COLUMN doorbell.message.live IS 'Delivered, and not recalled, expired or purged since.';
COMMENT ON COLUMN doorbell.message.replaced IS 'Superseded by a newer broadcast about the same subject.';
COMMENT ON COLUMN doorbell.message.to_new IS 'Shown also to those who appear or join later.';
COMMENT ON COLUMN doorbell.message.subject IS 'subject_type, the unit separator, subject_id.';

CREATE TABLE doorbell.pending (
    message_id bigint CONSTRAINT pending_pkey PRIMARY KEY,
    due_at timestamptz NOT NULL,
    users text[] COLLATE "C",
    expires_in interval,
    replace boolean NOT NULL
);
CREATE INDEX pending_due_at_idx ON doorbell.pending (due_at);
COMMENT ON TABLE doorbell.pending IS 'Messages not yet delivered: sent with send_at or later; see doorbell.activate().';

CREATE TABLE doorbell.send_key (
    key text COLLATE "C" CONSTRAINT send_key_pkey PRIMARY KEY,
    digest bytea NOT NULL,
    message_id bigint NOT NULL,
    recipients integer,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX send_key_at_idx ON doorbell.send_key (at);
COMMENT ON TABLE doorbell.send_key IS
    'Idempotency keys of sends, with a digest of what was sent. They outlive the message''s recall and purge.';

CREATE TABLE doorbell.reader (
    user_id text COLLATE "C" CONSTRAINT reader_pkey PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    seq_min bigint NOT NULL DEFAULT 0,
    seen_personal bigint NOT NULL DEFAULT 0,
    seen_broadcast bigint NOT NULL DEFAULT 0,
    muted integer[] NOT NULL DEFAULT '{}',
    groups integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
COMMENT ON TABLE doorbell.reader IS
    'One row for each user that has a state. A change of that state holds its lock.';
COMMENT ON COLUMN doorbell.reader.groups IS 'Number of their subscriptions: a check need not look for them where it is 0.';
COMMENT ON COLUMN doorbell.reader.version IS 'Number of the user''s own last change.';
COMMENT ON COLUMN doorbell.reader.seq_min IS 'Newest event of a group that the user left: their seq never falls.';
COMMENT ON COLUMN doorbell.reader.seen_personal IS 'Personal messages up to this number were seen.';
COMMENT ON COLUMN doorbell.reader.seen_broadcast IS 'Broadcasts up to this number were seen.';

CREATE TABLE doorbell.first_seen (
    user_id text COLLATE "C" CONSTRAINT first_seen_pkey PRIMARY KEY,
    joined_pos bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE doorbell.first_seen IS
    'First contact of a user, apart from reader, so that a first check waits for no sender. '
    'joined_pos is the newest position of feed ''*'' that is too old for them.';

CREATE TABLE doorbell.unmute (
    user_id text COLLATE "C",
    category integer,
    seq bigint NOT NULL,
    CONSTRAINT unmute_pkey PRIMARY KEY (user_id, category)
);
COMMENT ON TABLE doorbell.unmute IS
    'When a user last unmuted a category: a list from before could not show it, so its position does not mark it.';

CREATE TABLE doorbell.unread_count (
    user_id text COLLATE "C",
    category integer,
    unread integer NOT NULL CONSTRAINT unread_count_unread_check CHECK (unread >= 0),
    CONSTRAINT unread_count_pkey PRIMARY KEY (user_id, category)
) WITH (fillfactor = 70);
COMMENT ON TABLE doorbell.unread_count IS
    'Number of a user''s inbox rows in state unread, by category; changed in the transaction that changes '
    'them. Its rows also tell in which categories the user ever got a personal message.';

-- In this order: those before 'gone' are the user's still.
CREATE TYPE doorbell.inbox_state AS ENUM ('unread', 'read', 'archived', 'gone', 'withdrawn');
COMMENT ON TYPE doorbell.inbox_state IS
    'gone: deleted by the user, or expired or recalled after it was read; withdrawn: expired, recalled or replaced '
    'before it was read.';

CREATE TABLE doorbell.inbox (
    message_id bigint,
    user_id text COLLATE "C",
    seq bigint NOT NULL,
    state doorbell.inbox_state NOT NULL DEFAULT 'unread',
    category integer NOT NULL DEFAULT 0,
    must_ack boolean NOT NULL DEFAULT false,
    subject text COLLATE "C",
    expires_at timestamptz,
    CONSTRAINT inbox_pkey PRIMARY KEY (message_id, user_id)
);
CREATE INDEX inbox_user_state_idx ON doorbell.inbox (user_id, state, seq);
CREATE INDEX inbox_user_newest_idx ON doorbell.inbox (user_id, seq) WHERE state IN ('unread', 'read');
CREATE INDEX inbox_user_category_idx ON doorbell.inbox (user_id, category, state, seq);
CREATE INDEX inbox_user_expires_at_idx ON doorbell.inbox (user_id, expires_at)
    WHERE state = 'unread' AND expires_at IS NOT NULL;
CREATE INDEX inbox_user_subject_idx ON doorbell.inbox (user_id, subject)
    WHERE state = 'unread' AND subject IS NOT NULL;
CREATE INDEX inbox_expires_at_idx ON doorbell.inbox (expires_at)
    WHERE state < 'gone' AND expires_at IS NOT NULL;
-- The planner is told that a user has a hundredth of all rows, since a user with many must be served as fast
-- as one with one: so a look-up by message and user takes inbox_pkey.
ALTER TABLE doorbell.inbox ALTER COLUMN user_id SET (n_distinct = 100);
COMMENT ON TABLE doorbell.inbox IS 'A personal message and one of its users.';

CREATE TABLE doorbell.subscription (
    user_id text COLLATE "C",
    feed_id integer CONSTRAINT subscription_feed_id_fkey REFERENCES doorbell.feed,
    joined_pos bigint NOT NULL,
    joined_version bigint NOT NULL,
    CONSTRAINT subscription_pkey PRIMARY KEY (user_id, feed_id)
);
CREATE UNIQUE INDEX subscription_feed_key ON doorbell.subscription (feed_id, user_id);
COMMENT ON TABLE doorbell.subscription IS 'Membership of a user in a group.';
COMMENT ON COLUMN doorbell.subscription.joined_pos IS 'Position at joining: only what comes after is shown.';
COMMENT ON COLUMN doorbell.subscription.joined_version IS 'The user''s version at joining.';

CREATE TABLE doorbell.chunk (
    feed_id integer,
    category integer,
    n bigint,
    live doorbell.chunk_bits NOT NULL,
    to_new doorbell.chunk_bits NOT NULL,
    ack doorbell.chunk_bits NOT NULL,
    replaced doorbell.chunk_bits NOT NULL DEFAULT 0::doorbell.chunk_bits,
    CONSTRAINT chunk_pkey PRIMARY KEY (feed_id, category, n)
) WITH (fillfactor = 40);
COMMENT ON TABLE doorbell.chunk IS
    'The positions of a feed, as many in a row as chunk_bits has. Category 0 is the map of all messages, '
    'each real category has one of its own.';
COMMENT ON COLUMN doorbell.chunk.to_new IS 'Shown also to those who appear or join later.';
COMMENT ON COLUMN doorbell.chunk.ack IS 'Must be acknowledged.';
COMMENT ON COLUMN doorbell.chunk.replaced IS 'Superseded: shown only to those who had read it.';

CREATE TABLE doorbell.mark (
    user_id text COLLATE "C",
    feed_id integer,
    n bigint,
    read doorbell.chunk_bits NOT NULL,
    archived doorbell.chunk_bits NOT NULL,
    gone doorbell.chunk_bits NOT NULL,
    CONSTRAINT mark_pkey PRIMARY KEY (user_id, feed_id, n)
);
CREATE INDEX mark_feed_idx ON doorbell.mark ((feed_id + 0), n);
COMMENT ON TABLE doorbell.mark IS
    'What a user did with the broadcasts of a chunk; only for users who did something. Archived and '
    'gone ones are read too.';

CREATE TABLE doorbell.chunk_gone (
    feed_id integer,
    n bigint,
    CONSTRAINT chunk_gone_pkey PRIMARY KEY (feed_id, n)
);
COMMENT ON TABLE doorbell.chunk_gone IS
    'Chunks deleted because nothing in them lives; doorbell.purge() deletes their marks.';

CREATE TABLE doorbell.purge_cursor (
    only_row boolean DEFAULT true CONSTRAINT purge_cursor_pkey PRIMARY KEY
        CONSTRAINT purge_cursor_only_row_check CHECK (only_row),
    user_id text COLLATE "C" NOT NULL
);
INSERT INTO doorbell.purge_cursor (user_id) VALUES ('');
COMMENT ON TABLE doorbell.purge_cursor IS 'Where the round of doorbell.purge() over the users goes on.';

CREATE TABLE doorbell.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
    user_ids text[] COLLATE "C",
    feed_id integer,
    seq bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    attempts integer NOT NULL DEFAULT 0,
    CONSTRAINT outbox_target_check CHECK ((user_ids IS NULL) <> (feed_id IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE doorbell.outbox IS
    'Rings still to be delivered, written in the transaction that caused them: for up to 1,000 users, '
    'or for a feed.';

CREATE TABLE doorbell.sent_report (
    message_id bigint CONSTRAINT sent_report_pkey PRIMARY KEY,
    seen bigint NOT NULL,
    read bigint NOT NULL,
    acked bigint,
    as_of timestamptz NOT NULL
);
COMMENT ON TABLE doorbell.sent_report IS 'Read statistics, kept up to 60 s; see doorbell.sent().';

CREATE TYPE doorbell_internal.user_state AS (
    joined_pos bigint, version bigint, seq_min bigint, seen_personal bigint, seen_broadcast bigint, muted integer[], at timestamptz);

CREATE TYPE doorbell_internal.import_row AS (
    key text, user_id text, title text, body text, sender text, url text, category text, extra jsonb,
    is_read boolean, sent_at timestamptz, expires_at timestamptz);
