/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/health_cache.h"

bool health_cache_get(const struct health_cache *c, int64_t now_ms, bool *is_up)
{
    *is_up = now_ms < atomic_load(&c->up_until_ms);
    return *is_up || now_ms < atomic_load(&c->down_until_ms);
}

void health_cache_set(struct health_cache *c, int64_t now_ms, bool is_up)
{
    atomic_store(&c->up_until_ms, is_up ? now_ms + HEALTH_KEPT_MS : 0);
    atomic_store(&c->down_until_ms, is_up ? 0 : now_ms + HEALTH_KEPT_MS);
}
