/* SPDX-License-Identifier: MIT */
/* interval.h - what is to happen once in a while, however often somebody looks. Pure. */
#ifndef DOORBELL_COMMON_LIMITS_INTERVAL_H
#define DOORBELL_COMMON_LIMITS_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

/* Whether it is due, which it is then not again for `interval_ms`. *at_ms is when, zeroed: now. */
static inline bool interval_take(int64_t *at_ms, int64_t now_ms, int64_t interval_ms)
{
    if (now_ms < *at_ms)
        return false;
    *at_ms = now_ms + interval_ms;
    return true;
}

#endif
