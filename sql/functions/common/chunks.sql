-- SPDX-License-Identifier: MIT
-- Positions and chunks: which bit of which chunk a broadcast is. Those with arguments are inlined, and
-- the size in them is folded to a constant; chunk_size() would be run for that, each time a statement is planned.

CREATE OR REPLACE FUNCTION doorbell_internal.chunk_size() RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT length(0::doorbell.chunk_bits) $$;

CREATE OR REPLACE FUNCTION doorbell_internal.chunk_of(pos bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT pos / length(0::doorbell.chunk_bits) $$;
COMMENT ON FUNCTION doorbell_internal.chunk_of IS 'The number of the chunk that a position is in.';

CREATE OR REPLACE FUNCTION doorbell_internal.bit_of(pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT set_bit(0::doorbell.chunk_bits, (length(0::doorbell.chunk_bits) - 1 - pos % length(0::doorbell.chunk_bits))::integer, 1)
$$;
COMMENT ON FUNCTION doorbell_internal.bit_of IS 'The bit of a position in its chunk.';

CREATE OR REPLACE FUNCTION doorbell_internal.pos_of(n bigint, place integer) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT n * length(0::doorbell.chunk_bits) + length(0::doorbell.chunk_bits) - place
$$;
COMMENT ON FUNCTION doorbell_internal.pos_of IS
    'The position at a place of chunk n; places count from the left and from 1, as position(B''1'' IN bits) does.';

CREATE OR REPLACE FUNCTION doorbell_internal.bits_after(n bigint, pos bigint) RETURNS bit
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN pos < n * length(0::doorbell.chunk_bits) THEN ~ 0::doorbell.chunk_bits
        WHEN pos >= (n + 1) * length(0::doorbell.chunk_bits) - 1 THEN 0::doorbell.chunk_bits
        ELSE (~ 0::doorbell.chunk_bits) << (pos - n * length(0::doorbell.chunk_bits) + 1)::integer
    END
$$;
COMMENT ON FUNCTION doorbell_internal.bits_after IS 'The positions of chunk n that are newer than pos.';
