/* SPDX-License-Identifier: MIT */
#include "common/bytes/invariant.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the places beyond, none is told of; all are counted. */
enum { PLACES_MAX = 64 };

/* The only globals of the pure code: a bug has no context to be counted in. */
static void (*listener)(const char *place);
static _Atomic uint64_t count;
static const char *_Atomic places[PLACES_MAX];

/* Whether this place was never seen before; no lock, since any thread may come here. */
static bool is_new(const char *place)
{
    for (size_t i = 0; i < PLACES_MAX; i++) {
        const char *seen = NULL;

        if (atomic_compare_exchange_strong(&places[i], &seen, place))
            return true;
        if (seen == place)
            return false;
    }
    return false;
}

bool invariant_broken(const char *place)
{
    if (!listener) {
        fprintf(stderr, "broken invariant: %s\n", place);
        abort();
    }
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    if (is_new(place))
        listener(place);
    return false;
}

void invariant_listen(void (*on_broken)(const char *place))
{
    listener = on_broken;
}

uint64_t invariant_count(void)
{
    return atomic_load_explicit(&count, memory_order_relaxed);
}
