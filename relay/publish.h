/* SPDX-License-Identifier: MIT */
/* publish.h - the body of POST /publish: all of it is checked before any of it is delivered. Pure.
 */
#ifndef DOORBELL_RELAY_PUBLISH_H
#define DOORBELL_RELAY_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/span.h"
#include "relay/message.h"

enum { PUBLISH_RINGS_MAX = 10000, PUBLISH_REPORT_MAX = 100 };

struct json_object;

struct publish_ring {
    struct json_object *to; /* an array of user ids; NULL for all */
    size_t user_count;
    struct ring ring;
};

struct publish {
    struct json_object *root; /* owns what the rings borrow */
    struct publish_ring *rings;
    size_t ring_count;
    bool wants_report;
};

/* On failure *why (static text) says what is wrong: ERR_MALFORMED, ERR_INVALID, ERR_TOO_BIG,
 * ERR_NO_MEMORY. */
MUST_USE enum err publish_decode(struct span body, struct publish *out, const char **why);
void publish_deinit(struct publish *p);

/* The n-th user a ring is for. */
struct span publish_user(const struct publish_ring *ring, size_t n);

/* Decodes {"user":"42"} of POST /kick. Caller owns *root, from which *user borrows. */
MUST_USE enum err publish_decode_user(struct span body, struct json_object **root,
                                      struct span *user, const char **why);

#endif
