/* SPDX-License-Identifier: MIT */
#include "common/limits/token_bucket.h"

/* What flows back in so long may be more than fits; no more than that matters, nor can overflow. */
static int64_t spent_by_now(const struct token_bucket *b, int64_t per_second, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - b->at_ms;

    if (elapsed_ms >= b->spent_milli / per_second + 1)
        return 0;
    return b->spent_milli - elapsed_ms * per_second;
}

bool token_bucket_take(struct token_bucket *b, int64_t per_second, int64_t burst, int64_t now_ms)
{
    if (per_second == 0)
        return true;
    b->spent_milli = spent_by_now(b, per_second, now_ms);
    b->at_ms = now_ms;
    /* After a reload it may hold less than what was taken. */
    if (b->spent_milli > burst * 1000)
        b->spent_milli = burst * 1000;
    if (b->spent_milli + 1000 > burst * 1000)
        return false;
    b->spent_milli += 1000;
    return true;
}

int64_t token_bucket_wait_ms(const struct token_bucket *b, int64_t per_second, int64_t burst)
{
    int64_t missing_milli = b->spent_milli + 1000 - burst * 1000;

    if (per_second == 0 || missing_milli <= 0)
        return 0;
    return (missing_milli + per_second - 1) / per_second;
}

bool token_bucket_is_full(const struct token_bucket *b, int64_t per_second, int64_t now_ms)
{
    return per_second == 0 || spent_by_now(b, per_second, now_ms) == 0;
}
