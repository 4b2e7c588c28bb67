/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/sent.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(explain, AS_SERVICE, 2, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.explain($1, $2::bigint)");

enum err sent_explain(struct store *s, const char *user, int64_t id, struct span *json)
{
    struct digits digits;

    return QUERY_JSON(s, explain, json, user, value_int(&digits, id));
}

const struct statement *const sent_statements[] = {&explain, NULL};
