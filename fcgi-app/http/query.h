/* SPDX-License-Identifier: MIT */
/* query.h - the parameters of a query string. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_QUERY_H
#define DOORBELL_FCGI_APP_HTTP_QUERY_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { QUERY_PARAMS_MAX = 32 };

struct query {
    struct {
        struct span name, value;
    } params[QUERY_PARAMS_MAX];
    size_t count;
};

/* Decodes `bytes` in place; *out borrows from it. ERR_MALFORMED for a bad escape, invalid UTF-8,
 * a control character, or more than QUERY_PARAMS_MAX parameters. */
MUST_USE enum err query_decode(char *bytes, size_t len, struct query *out);

/* The value; the empty span if it is absent. ERR_INVALID if it is given twice. Names that nobody
 * asks for are passed over: pages add their own against caches. */
MUST_USE enum err query_get(const struct query *q, const char *name, struct span *out);

#endif
