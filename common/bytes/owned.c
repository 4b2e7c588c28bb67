/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "common/bytes/owned.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum err owned_init(struct owned *o, size_t size)
{
    char *bytes = size < SIZE_MAX ? malloc(size + 1) : NULL;

    if (!bytes)
        return ERR_NO_MEMORY;
    bytes[0] = '\0';
    *o = (struct owned){.bytes = bytes};
    return ERR_NONE;
}

enum err owned_copy(struct owned *o, struct span s)
{
    enum err e = owned_init(o, s.len);

    if (e)
        return e;
    if (s.len > 0)
        memcpy(o->bytes, s.p, s.len);
    o->bytes[s.len] = '\0';
    o->len = s.len;
    return ERR_NONE;
}

void owned_deinit(struct owned *o)
{
    if (o->bytes)
        explicit_bzero(o->bytes, o->len);
    free(o->bytes);
    *o = (struct owned){0};
}

struct span owned_span(const struct owned *o)
{
    return (struct span){o->bytes, o->len};
}
