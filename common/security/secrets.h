/* SPDX-License-Identifier: MIT */
/* secrets.h - all that must never be seen: the keys of tokens, of sending and of publishing, loaded
 * from the files that the config names, and checked against each other. */
#ifndef DOORBELL_COMMON_SECRETS_H
#define DOORBELL_COMMON_SECRETS_H

#include <stdio.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/keyring.h"
#include "common/security/token.h"

struct secrets {
    struct token_keys *token;
    struct keyring send; /* empty in the relay, which has no use for it */
    struct keyring publish;
};

/* Loads what `program` needs. A file that cannot be read, a key under KEY_MIN bytes, a key that
 * stands in two files: a line in `faults` that names the setting (never a byte of a key), and
 * ERR_INVALID. *out is written only on success; secrets_deinit() it. */
MUST_USE enum err secrets_load(const struct config *c, enum program program, FILE *faults,
                               struct secrets *out);
void secrets_deinit(struct secrets *s);

#endif
