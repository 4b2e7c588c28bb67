-- SPDX-License-Identifier: MIT
-- Imports what the temporary tables hold. For doorbell-import-notifynder, after rules.sql.

SELECT count(DISTINCT pg_temp.value(to_type)) > 1 AND :'type' = '' AS has_types,
    pg_temp.shown(string_agg(DISTINCT pg_temp.value(to_type), ', '), 200) AS types FROM notification \gset
\if :has_types
    \warn 'doorbell-import-notifynder: to_type is one of' :types; which are users? Give --type
    DO $$ BEGIN RAISE EXCEPTION 'nothing is imported' USING ERRCODE = 'DB422'; END $$;
\endif

CREATE TEMP TABLE category_text ON COMMIT DROP AS SELECT id, name, pg_temp.parts_of(text) AS parts, fault FROM category;
DO $$
DECLARE
    twice text := (SELECT min(id) FROM (SELECT id FROM category_text GROUP BY id HAVING count(*) > 1) x);
BEGIN
    IF twice IS NOT NULL THEN
        RAISE EXCEPTION 'category % is there twice: give one dump, of one database', left(twice, 20) USING ERRCODE = 'DB422';
    END IF;
END
$$;

ANALYZE notification;
CREATE TEMP TABLE look ON COMMIT DROP AS
SELECT n.line_order, n.line, n.byte, n.id, n.stack_id, n.is_of_type, n.is_there, l.message,
    CASE WHEN n.is_new THEN coalesce(n.fault, 'its category cannot be read: ' || c.fault, l.fault, CASE WHEN n.is_twice THEN 'the id is there twice' END) END AS fault
FROM (
    SELECT y.*, y.is_of_type AND NOT y.is_there AS is_new FROM (
        SELECT x AS row, x.line_order, x.line, x.byte, x.fault, x.id, x.stack_id, x.category_id,
            coalesce(:'type' IN ('', x.to_type), false) AS is_of_type,
            EXISTS (SELECT FROM doorbell.send_key k WHERE k.key = 'notifynder:' || x.id) AS is_there,
            count(*) OVER (PARTITION BY x.id ORDER BY x.line_order) > 1 AS is_twice
        FROM notification x
    ) y
) n
LEFT JOIN category_text c ON c.id = n.category_id
LEFT JOIN LATERAL pg_temp.look(n.row, c.parts, c.name) l ON n.is_new;

SELECT count(*) > 0 AS has_bad FROM look WHERE fault IS NOT NULL \gset
\if :has_bad
    -- A dump says where a row begins. In a CSV file that is one line more than the row before took, and one for each line break of
    -- its values.
    \if :is_dump
    \else
        UPDATE look SET line = x.line FROM (
            SELECT n.line_order, 2 + coalesce(sum(1 + length(n::text) - length(replace(n::text, E'\n', ''))) OVER before, 0) AS line
            FROM notification n WINDOW before AS (ORDER BY n.line_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) x WHERE x.line_order = look.line_order AND look.fault IS NOT NULL;
    \endif
    \o |cat >&2
    SELECT pg_temp.place(:'file', line, byte) || format(': id %s: %s', pg_temp.shown(id, 20), pg_temp.shown(fault, 200))
    FROM look WHERE fault IS NOT NULL ORDER BY line_order LIMIT 100;
    SELECT format('rows that cannot become messages: %s', count(*)) FROM look WHERE fault IS NOT NULL;
    SELECT format('%s: %s', lpad(count(*)::text, 8), pg_temp.shown(split_part(fault, ': ', 1), 200))
    FROM look WHERE fault IS NOT NULL GROUP BY split_part(fault, ': ', 1) ORDER BY count(*) DESC, 1 LIMIT 20;
    \o
    \if :skip_bad
    \else
        DO $$ BEGIN RAISE EXCEPTION 'nothing is imported: mend these rows, or leave them out with --skip-bad' USING ERRCODE = 'DB422'; END $$;
    \endif
\endif

-- What all batches lock comes first, in the order of every send: categories, then readers by their ids.
SELECT doorbell_internal.name_categories(array_agg((message).category)) FROM look
WHERE is_of_type AND NOT is_there AND fault IS NULL \g /dev/null
CREATE TEMP TABLE taken ON COMMIT DROP AS
SELECT c.name, t.* FROM (SELECT * FROM category ORDER BY name COLLATE "C") c
CROSS JOIN LATERAL pg_temp.take_text(c.name, pg_temp.template_of(c.text), :'language') t
WHERE :'language' <> '' AND pg_temp.value(c.text) IS NOT NULL;
SELECT doorbell_internal.lock_readers(array_agg(u ORDER BY u)) FROM (
    SELECT DISTINCT (message).user_id COLLATE "C" AS u FROM look
    WHERE is_of_type AND NOT is_there AND fault IS NULL) x \g /dev/null
CREATE TEMP TABLE done ON COMMIT DROP AS
SELECT doorbell_internal.import(b.rows) AS n FROM (
    SELECT array_agg(g.message ORDER BY g.n) AS rows FROM (
        SELECT l.message, row_number() OVER (ORDER BY (l.message).sent_at, l.line_order) AS n
        FROM look l WHERE l.is_of_type AND NOT l.is_there AND l.fault IS NULL
            AND ((l.message).expires_at IS NULL OR (l.message).expires_at > now())
    ) g GROUP BY (g.n - 1) / 10000 ORDER BY (g.n - 1) / 10000
) b;
SELECT doorbell_internal.lock_broadcasts(), doorbell_internal.tell_texts(array_agg(id)) FROM taken WHERE is_new HAVING count(*) > 0 \g /dev/null
