-- SPDX-License-Identifier: MIT
-- What is read of Notifynder's tables, before anything becomes of it. For doorbell-import-notifynder.
--
-- line and byte say where a row begins in a dump of MySQL; of a CSV file take.sql counts the lines. fault is what the reader of the
-- dump found wrong with it.

BEGIN;
-- +08:00 is east here, as in MySQL; alone it would be west.
SELECT set_config('TimeZone', CASE WHEN zone !~ '^[+-][0-9]{1,2}(:[0-9]{2})?$' THEN zone
    ELSE format('<%s>%s%s', zone, translate(left(zone, 1), '+-', '-+'), substr(zone, 2)) END, true)
FROM (VALUES (:'timezone')) v (zone) WHERE zone <> '' \g /dev/null

CREATE TEMP TABLE category (
    line_order bigint GENERATED ALWAYS AS IDENTITY, line bigint, byte bigint, fault text,
    id text, name text, text text
) ON COMMIT DROP;

CREATE TEMP TABLE notification (
    line_order bigint GENERATED ALWAYS AS IDENTITY, line bigint, byte bigint, fault text,
    id text, from_id text, from_type text, to_id text, to_type text, category_id text, url text, extra text, read text,
    expires_at text, expire_time text, created_at text, stack_id text
) ON COMMIT DROP;

CREATE TEMP TABLE category_group (line bigint, byte bigint, fault text, id text, name text) ON COMMIT DROP;

CREATE TEMP TABLE category_in_group (line bigint, byte bigint, fault text, category_id text, group_id text) ON COMMIT DROP;
