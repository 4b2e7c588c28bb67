/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/broadcasts.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(broadcast, AS_USER, 2, 2, SHAPE_ROW_OR_NONE, REPEATABLE,
          "SELECT message, expires_in FROM doorbell.broadcast($1::bigint) "
          "WHERE " EPOCH " = $2::bigint");

enum err broadcasts_find(struct store *s, int64_t id, int64_t epoch, struct broadcast *out)
{
    struct digits id_text, epoch_text;
    const struct pg_result *result;
    enum err e =
        QUERY(s, broadcast, &result, value_int(&id_text, id), value_int(&epoch_text, epoch));

    if (e)
        return e == ERR_END ? ERR_NOT_FOUND : e;
    out->json = value_read_text(result, 0, 0);
    out->expires_in_s = value_read_int(result, 0, 1, INT64_MAX);
    return ERR_NONE;
}

const struct statement *const broadcasts_statements[] = {&broadcast, NULL};
