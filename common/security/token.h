/* SPDX-License-Identifier: MIT */
/* token.h - who a user is: a JWT (RFC 7519), verified with an algorithm that is ours and never the
 * token's. Time is an argument. Pure. */
#ifndef DOORBELL_COMMON_TOKEN_H
#define DOORBELL_COMMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/config.h"
#include "common/security/keyring.h"
#include "common/security/user.h"
#include "common/text/language.h"

enum {
    TOKEN_MAX = 4096,
    TOKEN_LEEWAY_S = 30,
    TOKEN_LANG_MAX = LANGUAGE_TAG_MAX,
    TOKEN_PEM_MAX = 16 * 1024
};

struct token_claims {
    char user[USER_ID_MAX + 1];    /* `sub`, NUL-terminated */
    char lang[TOKEN_LANG_MAX + 1]; /* empty if absent */
    int64_t expires_at;            /* unix seconds */
    int64_t issued_at_us;          /* unix microseconds; 0 if absent: very old */
    int64_t generation;            /* see token_is_revoked() */
    int64_t since;                 /* unix seconds when the user registered; -1 if absent */
};

/* What a token of ours says. */
struct token_grant {
    struct span user;
    int64_t now_us, ttl_s;
    int64_t generation;     /* the user's last revocation so far, 0 if there was none */
    bool has_no_generation; /* nobody knows it now: the time decides, as for tokens of others */
};

struct token_keys;

/* From what the key files of [auth] held, one or more: secret_file for HS256, or public_key_file.
 * It takes the bytes of all of them in any case. On failure files[*bad] is at fault and *why
 * (static text) says how. Caller owns *out. */
MUST_USE enum err token_keys_new(const struct config_auth *auth, struct owned files[], size_t count,
                                 struct token_keys **out, size_t *bad, const char **why);
void token_keys_free(struct token_keys *keys);

/* With this private key token_sign() signs: a PEM text, whose bytes it takes in any case.
 * ERR_INVALID as above, also if none of the public keys is its own. */
MUST_USE enum err token_keys_set_signer(struct token_keys *keys, struct owned *file,
                                        const char **why);

/* The secrets of HS256, to be compared with other keys; empty for the other algorithms. */
const struct keyring *token_keys_secrets(const struct token_keys *keys);

/* ERR_UNAUTHORIZED for anything wrong with the token, however it is wrong; ERR_UNTIMELY if that is
 * its time alone: to the log, which suspects a clock, and to nobody else; ERR_INVALID for a good
 * one that expires further away than token_ttl_max. */
MUST_USE enum err token_verify(const struct token_keys *keys, struct span token, int64_t now,
                               struct token_claims *out);

/* Whether the user's tokens were revoked after this one was issued; revoked_us is the moment of
 * their last revocation, 0 if there was none. A token of ours knows the last one before it (`gen`),
 * so that no clock has a say; for others it is the moment before they were issued. */
static inline bool token_is_revoked(int64_t generation, int64_t revoked_us)
{
    return generation < revoked_us;
}

/* Appends a token to `out`. ERR_UNSUPPORTED if the algorithm's private key is not ours, ERR_INVALID
 * for a user id or a life that cannot be. */
MUST_USE enum err token_sign(const struct token_keys *keys, const struct token_grant *grant,
                             struct buf *out);

#endif
