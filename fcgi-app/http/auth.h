/* SPDX-License-Identifier: MIT */
/* auth.h - who is asking. Of several proofs the first one counts (Bearer, cookie, REMOTE_USER), and
 * a wrong one is never made good by the next. Pure: time is an argument. */
#ifndef DOORBELL_FCGI_APP_HTTP_AUTH_H
#define DOORBELL_FCGI_APP_HTTP_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"
#include "common/security/user.h"
#include "fcgi-app/http/route.h"

/* What the request brings, as it came; empty where absent. */
struct credentials {
    struct span authorization;
    struct span token; /* of the cookie; {NULL, 0} where there is none */
    struct span remote_user;
    struct span origin;
    struct span scheme;        /* http or https, that the request came by */
    struct span host;          /* and the host that it was sent to */
    struct span expected_user; /* whom the page believes to act for, percent-encoded */
    bool is_cross_site;        /* as its browser says */
    bool is_write;
};

/* Above every revocation: of those who are proven without a token. */
#define IDENTITY_WITHOUT_TOKEN INT64_MAX

struct identity {
    char user[USER_ID_MAX + 1];
    int64_t since;                 /* unix seconds when the user registered; -1 if unknown */
    int64_t generation;            /* of the token: see token_is_revoked() */
    char lang[TOKEN_LANG_MAX + 1]; /* of the token; empty if it names none */
};

/* ERR_UNAUTHORIZED, ERR_UNTIMELY; ERR_INVALID for a token that lives too long; ERR_FORBIDDEN for a
 * write by an ambient identity from a foreign page, and for a read that says that it is from one;
 * ERR_ANOTHER_USER if the request expects a user other than the proven one. */
MUST_USE enum err auth_user(const struct config_auth *rules, const struct secrets *keys,
                            const struct credentials *c, int64_t now, struct identity *out);

/* The purposes any one of which a service key needs there, the one to ask for first. */
unsigned auth_purposes(enum access access);

/* ERR_UNAUTHORIZED unless a service key is there; ERR_FORBIDDEN if it is not for this. *out is that
 * key, borrowed from `keys`, or NULL. */
MUST_USE enum err auth_service(const struct secrets *keys, const struct credentials *c,
                               enum access access, const struct service_key **out);

/* Whether a Bearer is there at all. */
bool auth_has_bearer(const struct credentials *c);

#endif
