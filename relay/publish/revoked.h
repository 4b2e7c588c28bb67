/* SPDX-License-Identifier: MIT */
/* revoked.h - the body of POST /revocations, by which doorbell-app tells what the database keeps.
 * Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_REVOKED_H
#define DOORBELL_RELAY_PUBLISH_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/user.h"

enum { REVOKED_MAX = 1000 };

/* Walks the users. Borrows from the body. */
struct revoked {
    struct span rest;
    char scratch[USER_ID_MAX]; /* of an id that was written with escapes */
};

/* Decodes {"revocations":[{"user":"42","at":1700000000123456}]}, all of it before any of it counts.
 * An empty list is one. On failure *why (static text) says what is wrong: ERR_MALFORMED,
 * ERR_INVALID, ERR_TOO_BIG. */
MUST_USE enum err revoked_decode(struct span body, struct revoked *out, const char **why);

/* False at the end. *user is valid until the next call; *at_us is unix microseconds. */
bool revoked_next(struct revoked *r, struct span *user, int64_t *at_us);

#endif
