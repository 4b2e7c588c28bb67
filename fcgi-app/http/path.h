/* SPDX-License-Identifier: MIT */
/* path.h - the path of a request, as segments under the prefix. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_PATH_H
#define DOORBELL_FCGI_APP_HTTP_PATH_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { PATH_SEGMENTS_MAX = 8 };

struct path {
    struct span segments[PATH_SEGMENTS_MAX];
    size_t count;
};

/* Splits REQUEST_URI: up to '?', without `prefix`, at '/', then each segment percent-decoded once,
 * in place; *out borrows from `uri`. ERR_NOT_FOUND if it is not under the prefix or has too many
 * segments; ERR_MALFORMED for a bad escape, NUL, invalid UTF-8, "." and "..". */
MUST_USE enum err path_decode_uri(char *uri, size_t len, struct span prefix, struct path *out);

/* The same for SCRIPT_NAME and PATH_INFO joined, which the web server has decoded already. */
MUST_USE enum err path_split(struct span text, struct span prefix, struct path *out);

#endif
