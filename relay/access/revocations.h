/* SPDX-License-Identifier: MIT */
/* revocations.h - users whose tokens issued until a moment are refused. An entry is of no use any
 * more once every token of that time has expired, and then goes. Pure but for malloc. */
#ifndef DOORBELL_RELAY_ACCESS_REVOCATIONS_H
#define DOORBELL_RELAY_ACCESS_REVOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct revocations;

/* At most `max` users at a time. */
struct revocations *revocations_new(size_t max);
void revocations_free(struct revocations *k);

/* Refuses the user's tokens issued at `now` or before. ERR_TOO_MANY if the table is full of entries
 * that still matter: they are not dropped for a new one. ERR_NO_MEMORY. */
MUST_USE enum err revocations_add(struct revocations *k, struct span user, int64_t now,
                                  int64_t token_ttl_max_s);

bool revocations_refuse(const struct revocations *k, struct span user, int64_t issued_at);

size_t revocations_count(const struct revocations *k);

#endif
