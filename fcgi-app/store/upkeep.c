/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/upkeep.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

static enum err run_upkeep(struct store *s, const struct statement *statement,
                           const char *const *values, int64_t *count)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, statement, values, &result);

    if (!e)
        *count = value_read_int(result, 0, 0, 0);
    return e;
}

STATEMENT(activate, AS_SELF, 1, 1, SHAPE_ROW, ONCE, "SELECT doorbell.activate($1::integer)");

enum err upkeep_activate(struct store *s, int64_t rows, int64_t *count)
{
    struct digits digits;

    return run_upkeep(s, &activate, VALUES(activate, value_int(&digits, rows)), count);
}

STATEMENT(sweep, AS_SELF, 1, 1, SHAPE_ROW, ONCE, "SELECT doorbell.sweep($1::integer)");

enum err upkeep_sweep(struct store *s, int64_t rows, int64_t *count)
{
    struct digits digits;

    return run_upkeep(s, &sweep, VALUES(sweep, value_int(&digits, rows)), count);
}

STATEMENT(health, AS_ANY, 0, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.health()");

enum err upkeep_health(struct store *s, struct span *json)
{
    return query_json(s, &health, NULL, json);
}

STATEMENT(ping, AS_ANY, 0, 1, SHAPE_ROW, REPEATABLE, "SELECT 1");

enum err upkeep_ping(struct store *s)
{
    const struct pg_result *result;

    return connection_run(s->connection, &ping, NULL, &result);
}

const struct statement *const upkeep_statements[] = {&activate, &sweep, &health, &ping, NULL};
