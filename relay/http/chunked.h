/* SPDX-License-Identifier: MIT */
/* chunked.h - bodies that come in chunks (RFC 9112 7.1), decoded as they arrive. Strict like heads:
 * no bare line feeds, no blanks but before an extension; extensions and trailers are passed over.
 * Pure. */
#ifndef DOORBELL_RELAY_HTTP_CHUNKED_H
#define DOORBELL_RELAY_HTTP_CHUNKED_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { CHUNKED_LINE_MAX = 256, CHUNKED_TRAILER_MAX = 8192 };

enum chunked_state {
    CHUNKED_SIZE,
    CHUNKED_EXTENSION,
    CHUNKED_SIZE_END,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_END,
    CHUNKED_TRAILER, /* at the start of a line of it */
    CHUNKED_TRAILER_LINE,
    CHUNKED_TRAILER_LINE_END,
    CHUNKED_END,
};

/* Between two pieces of a body; zeroed at its start. */
struct chunked {
    enum chunked_state state;
    size_t left;   /* of the chunk */
    size_t passed; /* bytes of the line, or of the trailer */
};

/* Moves what is data in `in` to `out`, which may be where `in` begins. ERR_NONE: this was the end
 * of the body, *used bytes are what was read of `in`. ERR_INCOMPLETE: all of it was read.
 * ERR_MALFORMED. *written counts the bytes of data. */
MUST_USE enum err chunked_decode(struct chunked *c, struct span in, char *out, size_t *used,
                                 size_t *written);

#endif
