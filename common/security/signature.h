/* SPDX-License-Identifier: MIT */
/* signature.h - signatures of tokens by a key pair (RFC 7518 3.3, 3.4; RFC 8037 3.1), in the form
 * in which a JWT has them. Pure; threads may share a key. */
#ifndef DOORBELL_COMMON_SECURITY_SIGNATURE_H
#define DOORBELL_COMMON_SECURITY_SIGNATURE_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/config.h"

struct signature_key;

/* From a PEM text, which ends with a NUL beyond its length; not for HS256. ERR_INVALID: it is no
 * key of that kind, and *why (static text) says how. Caller owns *out. */
MUST_USE enum err signature_public_key(enum token_algorithm algorithm, struct span pem,
                                       struct signature_key **out, const char **why);
MUST_USE enum err signature_private_key(enum token_algorithm algorithm, struct span pem,
                                        struct signature_key **out, const char **why);
void signature_key_free(struct signature_key *k);

/* Whether both are of one pair. */
bool signature_keys_match(const struct signature_key *a, const struct signature_key *b);

bool signature_is_good(const struct signature_key *k, struct span text, struct span signature);

/* Appends the signature of `text`, by a private key. */
MUST_USE enum err signature_make(const struct signature_key *k, struct span text, struct buf *out);

#endif
