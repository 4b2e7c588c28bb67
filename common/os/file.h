/* SPDX-License-Identifier: MIT */
/* file.h - reads small files whole: the configuration and the keys that it names. */
#ifndef DOORBELL_COMMON_FILE_H
#define DOORBELL_COMMON_FILE_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/owned.h"

/* Reads all of `path`, at most max bytes. On failure *why (static text) says what is wrong:
 * ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_TOO_BIG, ERR_INVALID, ERR_NO_MEMORY. */
MUST_USE enum err file_read(const char *path, size_t max, struct owned *out, const char **why);

#endif
