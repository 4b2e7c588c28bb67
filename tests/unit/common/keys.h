/* SPDX-License-Identifier: MIT */
/* keys.h - keyrings, service keys and token keys from what their files would hold. */
#ifndef DOORBELL_TESTS_UNIT_COMMON_KEYS_H
#define DOORBELL_TESTS_UNIT_COMMON_KEYS_H

#include <stdlib.h>

#include "common/bytes/owned.h"
#include "common/security/keyring.h"
#include "common/security/service_keys.h"
#include "common/security/token.h"

static inline enum err keys_ring(struct keyring *k, struct span file)
{
    const char *why = NULL;
    struct owned copy;
    enum err e;

    if (owned_copy(&copy, file))
        abort();
    e = keyring_init(k, &copy, &why);
    if (copy.bytes || !e != !why)
        abort(); /* not taken, or refused without a reason */
    return e;
}

static inline enum err keys_service(struct service_keys *s, struct span file, size_t *line)
{
    const char *why = NULL;
    struct owned copy;
    enum err e;

    if (owned_copy(&copy, file))
        abort();
    e = service_keys_init(s, &copy, &why, line);
    if (copy.bytes || !e != !why)
        abort(); /* not taken, or refused without a reason */
    return e;
}

/* One file, of secrets or a PEM; tokens live as long as they like. */
static inline enum err keys_token(enum token_algorithm algorithm, const char *file,
                                  const char *audience, struct token_keys **out)
{
    const struct config_auth auth = {
        .algorithm = algorithm, .audience = (char *)audience, .token_ttl_max_s = INT64_MAX / 2};
    const char *why = NULL;
    struct owned copy;
    size_t bad = 1;
    enum err e;

    if (owned_copy(&copy, span_of(file)))
        abort();
    e = token_keys_new(&auth, &copy, 1, out, &bad, &why);
    if (copy.bytes || (e && (bad != 0 || !why)))
        abort();
    return e;
}

#endif
