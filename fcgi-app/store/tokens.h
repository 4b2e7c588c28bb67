/* SPDX-License-Identifier: MIT */
/* tokens.h - which tokens count: a user's generation, revoking, and whose tokens were revoked. */
#ifndef DOORBELL_FCGI_APP_STORE_TOKENS_H
#define DOORBELL_FCGI_APP_STORE_TOKENS_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* For a new token. */
MUST_USE enum err tokens_generation(struct store *s, const char *user, int64_t *generation);

/* Makes all tokens of the user until now void. */
MUST_USE enum err tokens_revoke(struct store *s, const char *user);

/* From here on no statement for a user runs unless that token still counts: ERR_REVOKED. `user` is
 * borrowed, until the end. It is looked at in the round trip of each statement. */
void tokens_guard(struct store *s, const char *user, int64_t generation);
void tokens_end_guard(struct store *s);

/* What is called with each revocation, as JSON; the first failure ends it. Must not ask the store.
 */
struct revocation_taker {
    enum err (*take)(void *context, int64_t seq, struct span revocation);
    void *context;
};

/* Gives up to `rows` revocations after number `after`, and not older, to `taker`. */
MUST_USE enum err tokens_revoked(struct store *s, int64_t after, int64_t age_max_s, int64_t rows,
                                 struct revocation_taker taker);

#endif
