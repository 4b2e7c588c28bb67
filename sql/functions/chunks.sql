-- SPDX-License-Identifier: MIT
-- Positions and chunks: which bit of which chunk a broadcast is.

CREATE OR REPLACE FUNCTION doorbell_internal.above(n bigint, pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN pos < n * 1024 THEN ~ 0::bit(1024)
        WHEN pos >= (n + 1) * 1024 - 1 THEN 0::bit(1024)
        ELSE (~ 0::bit(1024)) << (pos - n * 1024 + 1)::integer
    END
$$;
COMMENT ON FUNCTION doorbell_internal.above IS 'The positions of chunk n that are newer than pos.';

CREATE OR REPLACE FUNCTION doorbell_internal.bit_of(pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT set_bit(0::bit(1024), 1024 - 1 - (pos % 1024)::integer, 1)
$$;
COMMENT ON FUNCTION doorbell_internal.bit_of IS 'The bit of a position in its chunk.';
