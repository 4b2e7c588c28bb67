/* SPDX-License-Identifier: MIT */
/* broadcasts.h - a message to everybody, as it is for everybody. */
#ifndef DOORBELL_FCGI_APP_STORE_BROADCASTS_H
#define DOORBELL_FCGI_APP_STORE_BROADCASTS_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

struct broadcast {
    struct span json;
    int64_t expires_in_s; /* whole seconds; INT64_MAX: it does not expire */
};

/* ERR_NOT_FOUND: there is none, or it was recalled, replaced or has expired, or the epoch is
 * another one. */
MUST_USE enum err broadcasts_find(struct store *s, int64_t id, int64_t epoch,
                                  struct broadcast *out);

#endif
