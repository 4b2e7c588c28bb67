/* SPDX-License-Identifier: MIT */
#include "fcgi-app/database/value.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

const char *value_int(struct digits *d, int64_t n)
{
    (void)snprintf(d->text, sizeof(d->text), "%" PRId64, n);
    return d->text;
}

const char *value_bool(bool b)
{
    return b ? "true" : "false";
}

int64_t value_read_int(const PGresult *result, int row, int column, int64_t if_null)
{
    if (PQgetisnull(result, row, column))
        return if_null;
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

struct span value_read_text(const PGresult *result, int row, int column)
{
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

bool value_is_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column);
}

int value_count_rows(const PGresult *result)
{
    return PQntuples(result);
}
