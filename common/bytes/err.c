/* SPDX-License-Identifier: MIT */
#include "common/bytes/err.h"

#include <stddef.h>

static const char *const texts[] = {
    [ERR_NONE] = "no error",
    [ERR_INCOMPLETE] = "more bytes are needed",
    [ERR_END] = "nothing more",
    [ERR_MALFORMED] = "malformed",
    [ERR_INVALID] = "not an allowed value",
    [ERR_UNAUTHORIZED] = "not authorized",
    [ERR_REVOKED] = "revoked",
    [ERR_UNTIMELY] = "not authorized at this time",
    [ERR_FORBIDDEN] = "forbidden",
    [ERR_ANOTHER_USER] = "another user is logged in",
    [ERR_NOT_FOUND] = "not found",
    [ERR_METHOD] = "method not allowed",
    [ERR_CONFLICT] = "conflicts with what is stored",
    [ERR_TOO_BIG] = "too big",
    [ERR_UNSUPPORTED] = "not supported",
    [ERR_TOO_MANY] = "too many",
    [ERR_UNAVAILABLE] = "temporarily unavailable",
    [ERR_NO_MEMORY] = "out of memory",
};

const char *err_text(enum err e)
{
    size_t i = (size_t)e;

    return i < sizeof(texts) / sizeof(texts[0]) && texts[i] ? texts[i] : "unknown error";
}
