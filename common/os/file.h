/* SPDX-License-Identifier: MIT */
/* file.h - reads small files whole: the configuration and the keys that it names. */
#ifndef DOORBELL_COMMON_FILE_H
#define DOORBELL_COMMON_FILE_H

#include <stddef.h>

#include "common/bytes/err.h"

/* Reads all of `path`, at most max bytes, followed by a NUL that *len does not count. On failure
 * *why (static text) says what is wrong: ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_TOO_BIG, ERR_INVALID,
 * ERR_NO_MEMORY. Caller owns *bytes. */
MUST_USE enum err file_read(const char *path, size_t max, char **bytes, size_t *len,
                            const char **why);

/* Wipes before freeing, for secrets. */
void file_free_secret(char *bytes, size_t len);

#endif
