/* SPDX-License-Identifier: MIT */
/* load.h - the configuration and the secrets that it names, from their files. What is wrong with
 * them is a line in `faults` each, "doorbell.conf:12: what", which never has a byte of a secret.
 * A program opens only files that it uses. One that is named without a slash in front is in the
 * folder of systemd's credentials, $CREDENTIALS_DIRECTORY, or without one beside doorbell.conf. */
#ifndef DOORBELL_COMMON_LOAD_H
#define DOORBELL_COMMON_LOAD_H

#include <stdio.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"

/* From `path` (NULL: defaults alone) and the environment, for `program`. Caller owns *out. */
MUST_USE enum err load_config(const char *path, enum program program, FILE *faults,
                              struct config **out);

/* What `program` needs. ERR_INVALID for a file that cannot be read or that holds no good key, and
 * for a key that is in two files. Caller owns *out. */
MUST_USE enum err load_secrets(const struct config *c, enum program program, FILE *faults,
                               struct secrets *out);

#endif
