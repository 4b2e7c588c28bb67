/* SPDX-License-Identifier: MIT */
#include "common/bytes/arena.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/invariant.h"

enum { ARENA_BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next; /* an older one */
    size_t size;              /* of bytes[] */
    size_t used;
    max_align_t bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void arena_deinit(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *block = a->blocks;

        a->blocks = block->next;
        free(block);
    }
    a->used = 0;
}

/* One big request must not pin its memory for good: only a block of the usual size is kept. */
void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;

    while (a->blocks) {
        struct arena_block *block = a->blocks;

        a->blocks = block->next;
        if (!kept && block->size == ARENA_BLOCK_SIZE)
            kept = block;
        else
            free(block);
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t needed)
{
    size_t size = needed > ARENA_BLOCK_SIZE ? needed : ARENA_BLOCK_SIZE;
    struct arena_block *block;

    if (size > SIZE_MAX - sizeof(*block))
        return NULL;
    block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->next = a->blocks;
    block->size = size;
    block->used = 0;
    a->blocks = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *block = a->blocks;
    size_t rounded;
    char *p;

    if (size > SIZE_MAX - _Alignof(max_align_t))
        return NULL;
    rounded = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (!INVARIANT(a->used <= a->max) || rounded > a->max - a->used)
        return NULL;
    if (!block || rounded > block->size - block->used)
        block = add_block(a, rounded);
    if (!block)
        return NULL;
    if (!INVARIANT(block->used <= block->size && rounded <= block->size - block->used))
        return NULL;
    p = (char *)block->bytes + block->used;
    block->used += rounded;
    a->used += rounded;
    return memset(p, 0, rounded);
}

char *arena_text(struct arena *a, struct span s)
{
    char *text = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;

    if (text && s.len > 0)
        memcpy(text, s.p, s.len);
    return text;
}
