/* SPDX-License-Identifier: MIT */
/* upkeep.h - what is due by time alone, and how the database is. */
#ifndef DOORBELL_FCGI_APP_STORE_UPKEEP_H
#define DOORBELL_FCGI_APP_STORE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* How many rows it was, and what time the database says it is, in unix seconds. */
struct upkeep {
    int64_t count, now_s;
};

/* Deliver what is due, and tidy up what has expired; at most `rows`. */
MUST_USE enum err upkeep_activate(struct store *s, int64_t rows, struct upkeep *out);
MUST_USE enum err upkeep_sweep(struct store *s, int64_t rows, struct upkeep *out);

/* As JSON, and whether the database can be written now. */
MUST_USE enum err upkeep_health(struct store *s, bool *is_writable, struct span *json);

/* ERR_UNAVAILABLE also if the database can only be read. */
MUST_USE enum err upkeep_ping(struct store *s);

#endif
