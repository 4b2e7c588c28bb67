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

/* What a token is worth: looked at once, at the handshake, it says who may come and logs in. */
struct verdict {
    uint16_t code;              /* the close code that refuses it; 0: it is good */
    const char *why;            /* static text, of a refusal */
    struct token_claims claims; /* of a good one */
};

void authenticator_check(const struct authenticator *authenticator, struct span token,
                         struct instant now, struct verdict *out);

/* The user of a good token; empty for another. */
struct span verdict_user(const struct verdict *v);

/* Logs in by a token that was checked. More than sessions_per_user_max sessions of the user: the
 * oldest are put on the closing list. */
enum login_result authenticator_log_in(const struct authenticator *authenticator, struct session *s,
                                       const struct verdict *verdict);

/* Shows what a socket.io page has: a token, or where that is allowed a user's bare id. The session
 * must not be a user's yet; a refusal leaves it as it is. */
enum login_result authenticator_log_in_by_proof(const struct authenticator *authenticator,
                                                struct session *s, struct span proof,
                                                struct instant now);

/* The same for a proof on which there is a verdict already. */
enum login_result authenticator_log_in_by_checked(const struct authenticator *authenticator,
                                                  struct session *s, struct span proof,
                                                  struct verdict v);

#endif
