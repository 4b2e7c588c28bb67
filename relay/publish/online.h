/* SPDX-License-Identifier: MIT */
/* online.h - the body of POST /online, which asks about more users than a query string holds. Pure.
 */
#ifndef DOORBELL_RELAY_PUBLISH_ONLINE_H
#define DOORBELL_RELAY_PUBLISH_ONLINE_H

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "relay/publish/rings.h"

enum { ONLINE_BODY_USERS_MAX = 1000 /* so that the answer fits */ };

/* Decodes {"users":["42","43"],"epoch":"k3x","seq":94}, the users for rings_next_user(); borrows
 * from `body`. An empty list is one. On failure *why (static text) says what is wrong:
 * ERR_MALFORMED, ERR_INVALID, ERR_TOO_BIG. */
MUST_USE enum err online_decode(struct span body, struct rings_users *users, struct told *told,
                                const char **why);

#endif
