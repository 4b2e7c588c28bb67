/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/users.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(export, AS_SERVICE, 1, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.export($1)");

enum err users_export(struct store *s, const char *user, struct span *json)
{
    return QUERY_JSON(s, export, json, user);
}

STATEMENT(erase, AS_SERVICE, 1, 1, SHAPE_ROW, ONCE, "SELECT doorbell.erase($1)::integer");

enum err users_erase(struct store *s, const char *user, bool *was_known)
{
    const struct pg_result *result;
    enum err e = QUERY(s, erase, &result, user);

    if (!e)
        *was_known = value_read_int(result, 0, 0, 0) != 0;
    return e;
}

const struct statement *const users_statements[] = {&export, &erase, NULL};
