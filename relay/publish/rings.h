/* SPDX-License-Identifier: MIT */
/* rings.h - the body of POST /publish: all of it is checked before any of it is delivered. Pure.
 */
#ifndef DOORBELL_RELAY_PUBLISH_RINGS_H
#define DOORBELL_RELAY_PUBLISH_RINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/user.h"
#include "relay/publish/told.h"
#include "relay/session/event.h"

enum { RINGS_MAX = 10000, RINGS_REPORT_MAX = 100 };

struct json_object;

struct published_ring {
    struct span to; /* the list of user ids as it is written; {NULL, 0} for all */
    size_t user_count;
    struct epoch_name epoch; /* of its numbers, as the ring or else the call says */
    struct ring ring;
    struct span json; /* all of it, as it is written */
};

/* Borrows from the body. */
struct rings {
    struct published_ring *rings;
    size_t ring_count;
    struct told told;
    bool wants_report;
};

/* Walks the users that a ring is for. */
struct rings_users {
    struct span rest;
    char scratch[USER_ID_MAX]; /* of an id that was written with escapes */
};

/* On failure *why (static text) says what is wrong: ERR_MALFORMED, ERR_INVALID, ERR_TOO_BIG,
 * ERR_NO_MEMORY. */
MUST_USE enum err rings_decode(struct span body, struct rings *out, const char **why);
void rings_deinit(struct rings *p);

/* None, for a ring that is for all. */
struct rings_users rings_users(const struct published_ring *ring);

/* False at the end. *user is valid until the next call. */
bool rings_next_user(struct rings_users *users, struct span *user);

/* Decodes {"user":"42"} of POST /kick. Caller owns *root, from which *user borrows. */
MUST_USE enum err rings_decode_user(struct span body, struct json_object **root, struct span *user,
                                    const char **why);

#endif
