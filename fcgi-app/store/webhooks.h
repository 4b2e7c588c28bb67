/* SPDX-License-Identifier: MIT */
/* webhooks.h - the queue of calls to the webhooks of categories. */
#ifndef DOORBELL_FCGI_APP_STORE_WEBHOOKS_H
#define DOORBELL_FCGI_APP_STORE_WEBHOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* A call that is due. */
struct webhook_call {
    int64_t id;       /* 0: many have ended without being made, take again */
    struct span url;  /* NUL-terminated */
    struct span body; /* JSON */
};

/* Leases the one that is due first. `language` is that of texts for everybody, and of readers who
 * chose none. ERR_END: none is due. */
MUST_USE enum err webhooks_take(struct store *s, int64_t lease_s, const char *language,
                                struct webhook_call *out);

/* How it went. A call that failed is due again later, unless it is final or a day old; *is_given_up
 * says so. Where nobody answered, the others of its category wait as well. */
MUST_USE enum err webhooks_done(struct store *s, int64_t id);
MUST_USE enum err webhooks_failed(struct store *s, int64_t id, const char *fault, bool is_final,
                                  bool is_silent, bool *is_given_up);

/* Those that were given up, after the call `after`, as JSON. */
MUST_USE enum err webhooks_list(struct store *s, int64_t after, int64_t limit, struct span *json);

/* Makes one of them due again. ERR_NOT_FOUND. */
MUST_USE enum err webhooks_retry(struct store *s, int64_t id);

#endif
