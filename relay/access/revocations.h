/* SPDX-License-Identifier: MIT */
/* revocations.h - users whose tokens issued until a moment are refused: by a revocation, which the
 * database keeps and doorbell-app tells, or by a kick, which only this table knows. An entry is of
 * no use any more once every token of that time has expired, and then goes. Pure but for malloc. */
#ifndef DOORBELL_RELAY_ACCESS_REVOCATIONS_H
#define DOORBELL_RELAY_ACCESS_REVOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/token.h"

struct revocations;

/* At most `max` users at a time. */
struct revocations *revocations_new(size_t max);
void revocations_free(struct revocations *k);

/* Both: ERR_TOO_MANY if the table is full of entries that still matter: they are not dropped for a
 * new one. ERR_NO_MEMORY. Times are unix microseconds. */

/* Refuses the user's tokens issued at now_us or before. */
MUST_USE enum err revocations_kick(struct revocations *k, struct span user, int64_t now_us,
                                   int64_t token_ttl_max_s);

/* Refuses the tokens that token_is_revoked() says. ERR_END: it is known, or of no use any more. */
MUST_USE enum err revocations_add(struct revocations *k, struct span user, int64_t revoked_us,
                                  int64_t now_us, int64_t token_ttl_max_s);

bool revocations_refuse(const struct revocations *k, const struct token_claims *claims);

/* Those that are of no use any more go without a new one, too. */
void revocations_forget(struct revocations *k, int64_t now_us, int64_t token_ttl_max_s);

size_t revocations_count(const struct revocations *k);

#endif
