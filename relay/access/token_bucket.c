/* SPDX-License-Identifier: MIT */
#include "relay/access/token_bucket.h"

bool token_bucket_take(struct token_bucket *r, int64_t per_second, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - r->at_ms;

    if (per_second == 0)
        return true;
    r->at_ms = now_ms;
    /* A second fills it from empty, whatever the rate was before. */
    r->spent_milli = elapsed_ms >= 1000 ? 0 : r->spent_milli - elapsed_ms * per_second;
    if (r->spent_milli < 0)
        r->spent_milli = 0;
    if (r->spent_milli + 1000 > per_second * 1000)
        return false;
    r->spent_milli += 1000;
    return true;
}
