/* SPDX-License-Identifier: MIT */
/* value.h - C values as parameters of a statement, and back from its result. */
#ifndef DOORBELL_FCGI_APP_DATABASE_VALUE_H
#define DOORBELL_FCGI_APP_DATABASE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/span.h"

struct pg_result; /* libpq's PGresult */

/* Room for a number as text. */
struct digits {
    char text[24];
};

/* Writes to *d, and returns its text. */
const char *value_int(struct digits *d, int64_t n);

const char *value_bool(bool b);

/* The cell must be an integer by the statement's text; its form is then PostgreSQL's promise. */
int64_t value_read_int(const struct pg_result *result, int row, int column, int64_t if_null);

/* Borrowed from the result. */
struct span value_read_text(const struct pg_result *result, int row, int column);

bool value_is_null(const struct pg_result *result, int row, int column);

int value_count_rows(const struct pg_result *result);

#endif
