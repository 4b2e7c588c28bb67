/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/outbox.h"

#include "common/bytes/buf.h"
#include "fcgi-app/postgres/array.h"
#include "fcgi-app/store/query.h"

/* "{1,2}" of ids with up to 20 digits each. */
enum { IDS_TEXT_MAX = OUTBOX_ROWS_MAX * 21 + 3 };

static enum err write_ids(const struct outbox_ids *ids, struct buf *out)
{
    enum err e;

    buf_init(out, IDS_TEXT_MAX);
    e = array_open(out);
    for (size_t i = 0; i < ids->count && !e; i++)
        e = array_append_int(out, ids->ids[i]);
    return e ? e : array_close(out);
}

static void read_ids(const struct pg_result *result, struct outbox_ids *ids)
{
    ids->count = 0;
    for (int i = 0; i < value_count_rows(result) && ids->count < OUTBOX_ROWS_MAX; i++)
        ids->ids[ids->count++] = value_read_int(result, i, 0, 0);
}

static enum err take_rings(const struct pg_result *result, struct ring_taker taker)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < value_count_rows(result) && !e; i++)
        if (!value_is_null(result, i, 1))
            e = taker.take(taker.context, value_read_text(result, i, 1));
    return e;
}

STATEMENT(waiting, AS_SELF, 3, 2, SHAPE_ROWS, REPEATABLE,
          "SELECT id, user_id FROM doorbell.outbox_waiting("
          "$1::bigint[], $2::integer, $3::integer)");

static enum err take_rows(const struct pg_result *result, struct row_taker taker)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < value_count_rows(result) && !e; i++) {
        struct outbox_row row = {value_read_int(result, i, 0, 0), {NULL, 0}};

        if (!value_is_null(result, i, 1))
            row.user = value_read_text(result, i, 1);
        e = taker.take(taker.context, &row);
    }
    return e;
}

enum err outbox_look(struct store *s, const struct outbox_ids *done, int64_t age_max_s,
                     struct row_taker taker)
{
    struct digits d[2];
    struct buf ids;
    const struct pg_result *result;
    enum err e = write_ids(done, &ids);

    if (!e)
        e = QUERY(s, waiting, &result, ids.data, value_int(&d[0], OUTBOX_ROWS_MAX),
                  value_int(&d[1], age_max_s));
    buf_deinit(&ids);
    return e ? e : take_rows(result, taker);
}

STATEMENT(take, AS_SELF, 5, 2, SHAPE_ROWS, ONCE,
          "SELECT id, ring FROM doorbell.outbox_take("
          "$1::bigint[], $2::text[], $3::integer, $4::integer, $5::integer)");

enum err outbox_take(struct store *s, const struct outbox_ids *ids, const char *online,
                     int64_t lease_s, const struct ring_terms *terms, struct ring_taker taker,
                     struct outbox_ids *taken)
{
    struct digits d[3];
    struct buf text;
    const struct pg_result *result;
    enum err e = write_ids(ids, &text);

    taken->count = 0;
    if (!e)
        e = QUERY(s, take, &result, text.data, online, value_int(&d[0], lease_s),
                  value_int(&d[1], terms->hit_window_s), value_int(&d[2], terms->group_ring_max));
    buf_deinit(&text);
    if (e)
        return e;
    read_ids(result, taken);
    return take_rings(result, taker);
}

STATEMENT(rings, AS_SELF, 3, 2, SHAPE_ROWS, REPEATABLE,
          "SELECT id, ring FROM doorbell.outbox_rings("
          "ARRAY[$1::bigint], $2::integer, $3::integer)");

enum err outbox_rings(struct store *s, int64_t id, const struct ring_terms *terms,
                      struct ring_taker taker)
{
    struct digits d[3];
    const struct pg_result *result;
    enum err e =
        QUERY(s, rings, &result, value_int(&d[0], id), value_int(&d[1], terms->hit_window_s),
              value_int(&d[2], terms->group_ring_max));

    return e ? e : take_rings(result, taker);
}

static enum err run_on_ids(struct store *s, const struct statement *statement,
                           const struct outbox_ids *ids)
{
    struct buf text;
    const struct pg_result *result;
    enum err e = write_ids(ids, &text);

    if (!e)
        e = connection_run(s->connection, statement, (const char *const[]){text.data}, &result);
    buf_deinit(&text);
    return e;
}

STATEMENT(done, AS_SELF, 1, 1, SHAPE_NONE, REPEATABLE, "SELECT doorbell.outbox_done($1::bigint[])");

enum err outbox_done(struct store *s, const struct outbox_ids *ids)
{
    return run_on_ids(s, &done, ids);
}

STATEMENT(retry, AS_SELF, 1, 1, SHAPE_NONE, ONCE, "SELECT doorbell.outbox_retry($1::bigint[])");

enum err outbox_retry(struct store *s, const struct outbox_ids *ids)
{
    return run_on_ids(s, &retry, ids);
}

STATEMENT(refused, AS_SELF, 1, 1, SHAPE_NONE, REPEATABLE,
          "SELECT doorbell.outbox_refused($1::bigint)");

enum err outbox_refused(struct store *s, int64_t id)
{
    struct digits digits;
    const struct pg_result *result;

    return QUERY(s, refused, &result, value_int(&digits, id));
}

STATEMENT(pulse, AS_SELF, 0, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.outbox_pulse()");

enum err outbox_pulse(struct store *s, struct span *body)
{
    return query_json(s, &pulse, NULL, body);
}

const struct statement *const outbox_statements[] = {
    &waiting, &take, &rings, &done, &retry, &refused, &pulse, NULL,
};
