/* SPDX-License-Identifier: MIT */
/* buf.h - bytes that grow up to a ceiling named at birth. Pure but for malloc. */
#ifndef DOORBELL_COMMON_BUF_H
#define DOORBELL_COMMON_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct buf {
    char *data; /* owned; NULL while nothing was written */
    size_t len;
    size_t cap;
    size_t max; /* the ceiling of len; what it held before the ceiling came down may be longer */
};

/* Allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* Frees the bytes; a zeroed or already freed buf is fine. */
void buf_deinit(struct buf *b);

/* Sets another ceiling. What the buf holds stays, even where it is more; then nothing can be added
 * until enough of it is consumed. */
void buf_set_max(struct buf *b, size_t max);

/* How many bytes can be added; 0 at the ceiling and above it. */
size_t buf_room(const struct buf *b);

/* Forgets the bytes and keeps the memory. */
void buf_reset(struct buf *b);

/* Borrows the bytes until the next change of *b. */
struct span buf_span(const struct buf *b);

/* Makes room for `extra` more bytes at data + len. */
MUST_USE enum err buf_reserve(struct buf *b, size_t extra);

/* All append whole or not at all: ERR_TOO_BIG over the ceiling, ERR_NO_MEMORY. */
MUST_USE enum err buf_append(struct buf *b, struct span s);
MUST_USE enum err buf_append_char(struct buf *b, char c);
MUST_USE enum err buf_append_int(struct buf *b, int64_t n);
MUST_USE enum err buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes (all of them if there are fewer). */
void buf_consume(struct buf *b, size_t n);

#endif
