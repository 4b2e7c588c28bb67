/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/outbox.h"

#include <stddef.h>

#include "fcgi-app/postgres/array.h"
#include "fcgi-app/store/query.h"

static enum err write_ids(const struct pg_result *result, struct buf *ids)
{
    enum err e = array_open(ids);

    for (int i = 0; i < value_count_rows(result) && !e; i++)
        e = array_append_int(ids, value_read_int(result, i, 0, 0));
    return e ? e : array_close(ids);
}

static enum err take_rings(const struct pg_result *result, struct ring_taker taker)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < value_count_rows(result) && !e; i++)
        if (!value_is_null(result, i, 1))
            e = taker.take(taker.context, value_read_text(result, i, 1));
    return e;
}

STATEMENT(take, AS_SELF, 5, 2, SHAPE_ROWS, ONCE,
          "SELECT id, ring FROM doorbell.outbox_take("
          "$1::integer, $2::integer, $3::integer, $4::integer, $5::integer)");

enum err outbox_take(struct store *s, const struct lease *lease, const struct ring_terms *terms,
                     struct ring_taker taker, struct buf *ids, int64_t *count)
{
    struct digits d[5];
    const struct pg_result *result;
    enum err e =
        QUERY(s, take, &result, value_int(&d[0], lease->rows_max), value_int(&d[1], lease->lease_s),
              value_int(&d[2], lease->age_max_s), value_int(&d[3], terms->hit_window_s),
              value_int(&d[4], terms->group_ring_max));

    if (e)
        return e;
    *count = value_count_rows(result);
    if (*count == 0)
        return ERR_END;
    e = write_ids(result, ids);
    return e ? e : take_rings(result, taker);
}

STATEMENT(rings, AS_SELF, 3, 2, SHAPE_ROWS, REPEATABLE,
          "SELECT id, ring FROM doorbell.outbox_rings($1::bigint[], $2::integer, $3::integer)");

enum err outbox_rings(struct store *s, const char *ids, const struct ring_terms *terms,
                      struct ring_taker taker)
{
    struct digits d[2];
    const struct pg_result *result;
    enum err e = QUERY(s, rings, &result, ids, value_int(&d[0], terms->hit_window_s),
                       value_int(&d[1], terms->group_ring_max));

    return e ? e : take_rings(result, taker);
}

STATEMENT(done, AS_SELF, 1, 1, SHAPE_NONE, REPEATABLE, "SELECT doorbell.outbox_done($1::bigint[])");

enum err outbox_done(struct store *s, const char *ids)
{
    const struct pg_result *result;

    return QUERY(s, done, &result, ids);
}

STATEMENT(retry, AS_SELF, 1, 1, SHAPE_NONE, ONCE, "SELECT doorbell.outbox_retry($1::bigint[])");

enum err outbox_retry(struct store *s, const char *ids)
{
    const struct pg_result *result;

    return QUERY(s, retry, &result, ids);
}

const struct statement *const outbox_statements[] = {&take, &rings, &done, &retry, NULL};
