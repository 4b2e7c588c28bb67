/* SPDX-License-Identifier: MIT */
/* surplus.h - the sessions of one user at all relays, and which of them are too many: the oldest.
 * Relays tell ages, since their clocks differ. Pure but for malloc. */
#ifndef DOORBELL_RELAY_CLUSTER_SURPLUS_H
#define DOORBELL_RELAY_CLUSTER_SURPLUS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum {
    SURPLUS_LIMIT_MAX = 64,    /* a limit above that is each relay's own */
    SURPLUS_SESSIONS_MAX = 512 /* in all; more are not looked at */
};

struct surplus_session {
    int64_t relay;
    int64_t age_ms;
};

struct surplus {
    struct surplus_session *at; /* owned */
    size_t count;
};

void surplus_deinit(struct surplus *s);

/* Adds one of a relay. ERR_TOO_MANY, ERR_NO_MEMORY. */
MUST_USE enum err surplus_add(struct surplus *s, int64_t relay, int64_t age_ms);

/* Reads {"ages":[1,2]} of a relay. ERR_MALFORMED, or as above. */
MUST_USE enum err surplus_take(struct surplus *s, int64_t relay, struct span body);

/* Puts the youngest first. */
void surplus_sort(const struct surplus *s);

/* How many of that relay's are among the first `max`. */
size_t surplus_keep(const struct surplus *s, int64_t relay, size_t max);

/* {"user":"42","keep":1}. *user is valid as long as `scratch`, of USER_ID_MAX bytes, and the body.
 * ERR_MALFORMED. */
MUST_USE enum err surplus_encode_keep(struct span user, size_t keep, struct buf *out);
MUST_USE enum err surplus_decode_keep(struct span body, char *scratch, struct span *user,
                                      size_t *keep);

#endif
