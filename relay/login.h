/* SPDX-License-Identifier: MIT */
/* login.h - how a session becomes a user's, or stays so for longer. Pure. */
#ifndef DOORBELL_RELAY_LOGIN_H
#define DOORBELL_RELAY_LOGIN_H

#include "common/security/token.h"
#include "relay/hub.h"
#include "relay/kick.h"

struct login_desk {
    struct hub *hub;
    struct kicks *kicks;
    const struct token_keys *keys;
    int64_t sessions_per_user_max; /* 0: no limit */
    bool takes_bare_ids;           /* of those who have no token, by login_with_proof() */
};

enum login_result {
    LOGIN_DONE,     /* greet it */
    LOGIN_EXTENDED, /* was the same user's already */
    LOGIN_REFUSED,  /* has been put on the hub's closing list */
};

/* The close code that refuses this token, 0 if it is good: then *out holds its claims. */
uint16_t login_check(const struct login_desk *desk, struct span token, struct instant now,
                     struct token_claims *out);

/* Shows a token at the desk. More than sessions_per_user_max sessions of the user: the oldest are
 * put on the closing list. */
enum login_result login_with_token(const struct login_desk *desk, struct session *s,
                                   struct span token, struct instant now);

/* Shows what a socket.io page has: a token, or where that is allowed a user's bare id. The session
 * must not be a user's yet; a refusal leaves it as it is. */
enum login_result login_with_proof(const struct login_desk *desk, struct session *s,
                                   struct span proof, struct instant now);

#endif
