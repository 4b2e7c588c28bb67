-- SPDX-License-Identifier: MIT
-- How many positions of a feed make a chunk: the one place that says so. It cannot change in a database that has
-- messages. Tests create theirs with smaller chunks, to have borders within reach.
CREATE DOMAIN doorbell.chunk_bits AS bit(1024);
COMMENT ON DOMAIN doorbell.chunk_bits IS
    'A bit for each position of a chunk: position p is in chunk p / size, the newest leftmost.';
