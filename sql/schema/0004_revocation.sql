-- SPDX-License-Identifier: MIT
-- When a user's tokens were last revoked.

CREATE TABLE doorbell.revocation (
    user_id text COLLATE "C" CONSTRAINT revocation_pkey PRIMARY KEY,
    seq bigint NOT NULL CONSTRAINT revocation_seq_key UNIQUE,
    at timestamptz NOT NULL
);
COMMENT ON TABLE doorbell.revocation IS
    'Tokens of the user that were issued until then are void. It outlives the user''s erasure, until doorbell.purge() '
    'finds that none of these tokens can be valid.';
COMMENT ON COLUMN doorbell.revocation.seq IS
    'Taken from doorbell.seq under the lock of the table, so that order is order of commit: a relay that knows all up to '
    'one number misses none.';
COMMENT ON COLUMN doorbell.revocation.at IS
    'By the microsecond it is also the generation of the tokens that follow, and grows whatever the clock does.';
