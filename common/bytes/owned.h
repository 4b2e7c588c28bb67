/* SPDX-License-Identifier: MIT */
/* owned.h - bytes with one owner: what a file held, perhaps a key. They are wiped before they are
 * freed, and never grown: realloc would leave copies of secrets behind. Pure but for malloc. */
#ifndef DOORBELL_COMMON_OWNED_H
#define DOORBELL_COMMON_OWNED_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct owned {
    char *bytes; /* followed by a NUL that len does not count; NULL: nothing is owned */
    size_t len;
};

/* Room for `size` bytes and the NUL, of which none is used yet. ERR_NO_MEMORY. */
MUST_USE enum err owned_init(struct owned *o, size_t size);

/* A copy of s. ERR_NO_MEMORY. */
MUST_USE enum err owned_copy(struct owned *o, struct span s);

/* Wipes and frees; a zeroed or already freed one is fine. */
void owned_deinit(struct owned *o);

/* Borrows the bytes. */
struct span owned_span(const struct owned *o);

#endif
