/* SPDX-License-Identifier: MIT */
/* upkeep.h - what is due by time alone, and how the database is. */
#ifndef DOORBELL_FCGI_APP_STORE_UPKEEP_H
#define DOORBELL_FCGI_APP_STORE_UPKEEP_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* Deliver what is due, and tidy up what has expired; at most `rows`, *count says how many. */
MUST_USE enum err upkeep_activate(struct store *s, int64_t rows, int64_t *count);
MUST_USE enum err upkeep_sweep(struct store *s, int64_t rows, int64_t *count);

/* As JSON. */
MUST_USE enum err upkeep_health(struct store *s, struct span *json);

/* Whether the database answers at all. */
MUST_USE enum err upkeep_ping(struct store *s);

#endif
