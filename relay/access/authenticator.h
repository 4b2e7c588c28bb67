/* SPDX-License-Identifier: MIT */
/* authenticator.h - how a session becomes a user's, or stays so for longer. Pure. */
#ifndef DOORBELL_RELAY_ACCESS_AUTHENTICATOR_H
#define DOORBELL_RELAY_ACCESS_AUTHENTICATOR_H

#include "common/security/token.h"
#include "relay/access/revocations.h"
#include "relay/session/hub.h"

struct authenticator {
    struct hub *hub;
    struct revocations *revocations;
    const struct token_keys *keys;
    int64_t sessions_per_user_max; /* 0: no limit */
    uint64_t *untimely;            /* counts tokens that were refused for their time alone */
    bool takes_bare_ids; /* of those who have no token, by authenticator_log_in_by_proof() */
};

enum login_result {
    LOGIN_DONE,     /* greet it */
    LOGIN_EXTENDED, /* was the same user's already */
    LOGIN_REFUSED,  /* has been put on the hub's closing list */
};

/* The close code that refuses this token, and *why (static text); or 0 if it is good: then *out
 * holds its claims. */
uint16_t authenticator_check(const struct authenticator *authenticator, struct span token,
                             struct instant now, struct token_claims *out, const char **why);

/* Shows a token at the authenticator. More than sessions_per_user_max sessions of the user: the
 * oldest are put on the closing list. */
enum login_result authenticator_log_in(const struct authenticator *authenticator, struct session *s,
                                       struct span token, struct instant now);

/* Shows what a socket.io page has: a token, or where that is allowed a user's bare id. The session
 * must not be a user's yet; a refusal leaves it as it is. */
enum login_result authenticator_log_in_by_proof(const struct authenticator *authenticator,
                                                struct session *s, struct span proof,
                                                struct instant now);

#endif
