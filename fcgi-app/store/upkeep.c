/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/upkeep.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

static enum err run_upkeep(struct store *s, const struct statement *statement,
                           const char *const *values, struct upkeep *out)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, statement, values, &result);

    if (!e)
        *out = (struct upkeep){value_read_int(result, 0, 0, 0), value_read_int(result, 0, 1, 0)};
    return e;
}

#define NOW_S "floor(extract(epoch FROM clock_timestamp()))::bigint"

STATEMENT(activate, AS_SELF, 1, 2, SHAPE_ROW, ONCE,
          "SELECT doorbell.activate($1::integer), " NOW_S);

enum err upkeep_activate(struct store *s, int64_t rows, struct upkeep *out)
{
    struct digits digits;

    return run_upkeep(s, &activate, VALUES(activate, value_int(&digits, rows)), out);
}

STATEMENT(sweep, AS_SELF, 1, 2, SHAPE_ROW, ONCE, "SELECT doorbell.sweep($1::integer), " NOW_S);

enum err upkeep_sweep(struct store *s, int64_t rows, struct upkeep *out)
{
    struct digits digits;

    return run_upkeep(s, &sweep, VALUES(sweep, value_int(&digits, rows)), out);
}

#define IS_WRITABLE "(current_setting('transaction_read_only') = 'off')::integer"

STATEMENT(health, AS_ANY, 0, 2, SHAPE_ROW, REPEATABLE, "SELECT " IS_WRITABLE ", doorbell.health()");

enum err upkeep_health(struct store *s, bool *is_writable, struct span *json)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, &health, NULL, &result);

    if (e)
        return e;
    *is_writable = value_read_int(result, 0, 0, 0) != 0;
    *json = value_read_text(result, 0, 1);
    return ERR_NONE;
}

STATEMENT(ping, AS_ANY, 0, 1, SHAPE_ROW, REPEATABLE, "SELECT " IS_WRITABLE);

enum err upkeep_ping(struct store *s)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, &ping, NULL, &result);

    return e || value_read_int(result, 0, 0, 0) != 0 ? e : ERR_UNAVAILABLE;
}

const struct statement *const upkeep_statements[] = {&activate, &sweep, &health, &ping, NULL};
