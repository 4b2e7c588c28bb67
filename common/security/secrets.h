/* SPDX-License-Identifier: MIT */
/* secrets.h - all that must never be seen: the keys of tokens, of back ends, of publishing
 * and of webhooks.
 * Pure; common/os/load.h reads them. */
#ifndef DOORBELL_COMMON_SECRETS_H
#define DOORBELL_COMMON_SECRETS_H

#include <stdio.h>

#include "common/bytes/err.h"
#include "common/bytes/owned.h"
#include "common/config/config.h"
#include "common/security/keyring.h"
#include "common/security/service_keys.h"
#include "common/security/token.h"

struct secrets {
    struct token_keys *token;
    struct service_keys service; /* empty in the relay, which has no use for them */
    struct keyring publish;
    struct keyring webhook; /* empty: there are no webhooks */
    struct owned cluster;   /* the password for Redis; empty: none, and in doorbell-app */
    struct owned sentinel;  /* the same for its sentinels */
};

/* A key that is in two of them would let the holder of one do what the other is for: a line in
 * `faults` that names the setting (never a byte of a key), and ERR_INVALID. */
MUST_USE enum err secrets_check(const struct config *c, const struct secrets *s, FILE *faults);
void secrets_deinit(struct secrets *s);

#endif
