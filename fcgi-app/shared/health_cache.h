/* SPDX-License-Identifier: MIT */
/* health_cache.h - whether the database answered, kept for a second: anybody may ask, and nobody
 * who has proved nothing gets more database work than that. For any thread. Pure: time is an
 * argument. */
#ifndef DOORBELL_FCGI_APP_SHARED_HEALTH_CACHE_H
#define DOORBELL_FCGI_APP_SHARED_HEALTH_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HEALTH_KEPT_MS = 1000 };

/* Zeroed it knows nothing. */
struct health_cache {
    _Atomic int64_t up_until_ms, down_until_ms;
};

/* Whether it is known at now_ms; then *is_up says it. */
bool health_cache_get(const struct health_cache *c, int64_t now_ms, bool *is_up);

void health_cache_set(struct health_cache *c, int64_t now_ms, bool is_up);

#endif
