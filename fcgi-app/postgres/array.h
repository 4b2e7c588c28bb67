/* SPDX-License-Identifier: MIT */
/* array.h - PostgreSQL's text form of one-dimensional arrays, "{1,2}" and "{\"a\",\"b\"}". Pure. */
#ifndef DOORBELL_FCGI_APP_POSTGRES_ARRAY_H
#define DOORBELL_FCGI_APP_POSTGRES_ARRAY_H

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* Open, append any number, close; the buf then holds the array, followed by a NUL. */
MUST_USE enum err array_open(struct buf *out);
MUST_USE enum err array_append_int(struct buf *out, int64_t n);
/* `text` must not contain NUL. */
MUST_USE enum err array_append_text(struct buf *out, struct span text);
MUST_USE enum err array_close(struct buf *out);

/* What an array of so many texts of at most so many bytes takes: each byte escaped, quotes and a
 * comma around each, and braces and the NUL around all. */
#define ARRAY_TEXTS_MAX(count, bytes) ((count) * (2 * (bytes) + 3) + 3)

#endif
