/* SPDX-License-Identifier: MIT */
/* arena.h - memory of one request: many small allocations, one reset. Pure but for malloc. */
#ifndef DOORBELL_COMMON_ARENA_H
#define DOORBELL_COMMON_ARENA_H

#include <stddef.h>

#include "common/bytes/span.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes given out since the last reset */
    size_t max;                 /* the ceiling of `used` */
};

/* Allocates nothing. */
void arena_init(struct arena *a, size_t max);
void arena_deinit(struct arena *a);

/* Takes back everything given out; keeps one block for the next round. */
void arena_reset(struct arena *a);

/* Zeroed and aligned for any type; valid until reset. NULL over the ceiling or out of memory. */
void *arena_alloc(struct arena *a, size_t size);

/* A NUL-terminated copy; NULL as above. */
char *arena_text(struct arena *a, struct span s);

#endif
