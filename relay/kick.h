/* SPDX-License-Identifier: MIT */
/* kick.h - users whose tokens issued until a moment are refused. An entry is of no use any more
 * once every token of that time has expired, and then goes. Pure but for malloc. */
#ifndef DOORBELL_RELAY_KICK_H
#define DOORBELL_RELAY_KICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct kicks;

/* At most `max` users at a time. */
struct kicks *kicks_new(size_t max);
void kicks_free(struct kicks *k);

/* Refuses the user's tokens issued at `now` or before. ERR_TOO_MANY if the table is full of entries
 * that still matter: they are not dropped for a new one. ERR_NO_MEMORY. */
MUST_USE enum err kicks_add(struct kicks *k, struct span user, int64_t now,
                            int64_t token_ttl_max_s);

bool kicks_refuse(const struct kicks *k, struct span user, int64_t issued_at);

size_t kicks_count(const struct kicks *k);

#endif
