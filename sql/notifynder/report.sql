-- SPDX-License-Identifier: MIT
-- Says what has been imported and what has no place in Doorbell, and commits. For doorbell-import-notifynder, after take.sql.

SELECT format('%s imported, %s there already, %s expired, %s of other types, %s bad', d.n, t.there + t.good - d.n, t.expired, t.other, t.bad)
FROM (SELECT coalesce(sum(n), 0) AS n FROM done) d, (
    SELECT count(*) FILTER (WHERE NOT l.is_of_type) AS other, count(l.fault) AS bad,
        count(*) FILTER (WHERE l.is_of_type AND l.is_there) AS there,
        count(*) FILTER (WHERE e.is_good AND e.has_expired) AS expired,
        count(*) FILTER (WHERE e.is_good AND NOT e.has_expired) AS good
    FROM look l CROSS JOIN LATERAL (SELECT l.is_of_type AND NOT l.is_there AND l.fault IS NULL AS is_good,
        coalesce((l.message).expires_at <= now(), false) AS has_expired) e
) t;
SELECT format('%s of %s texts are templates', count(*) FILTER (WHERE fault IS NULL), count(*)) FROM taken HAVING :'language' <> '';
\o |cat >&2
SELECT format('%s: %s: %s', :'categories', pg_temp.shown(name, 100), pg_temp.shown(fault, 200)) FROM taken WHERE fault IS NOT NULL ORDER BY name LIMIT 100;
SELECT format('%s: %s groups of categories are not imported, since a group of Doorbell''s is of users. '
    'Where the site sends to one, send_batch() with a message for each of its categories:', :'file', count(*))
FROM category_group HAVING count(*) > 0;
SELECT format('  %s: %s', pg_temp.shown(g.name, 50), coalesce(pg_temp.shown(string_agg(c.name, ', ' ORDER BY c.line_order), 500), '(none)'))
FROM category_group g LEFT JOIN category_in_group i ON i.group_id = g.id LEFT JOIN category c ON c.id = i.category_id
GROUP BY g.id, g.name ORDER BY g.name LIMIT 100;
SELECT format('%s: %s notifications belong to %s stacks (stack_id): each is a message of its own, to be recalled by its own id',
    :'file', count(*), count(DISTINCT stack_id))
FROM look WHERE (message).key IS NOT NULL AND fault IS NULL AND pg_temp.value(stack_id) IS NOT NULL HAVING count(*) > 0;
\o
COMMIT;
