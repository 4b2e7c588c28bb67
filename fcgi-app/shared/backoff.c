/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/backoff.h"

bool backoff_is_due(const struct backoff *b, int64_t now_ms)
{
    return b->delay_ms == 0 || now_ms >= b->retry_at_ms;
}

void backoff_failed(struct backoff *b, int64_t now_ms, uint32_t random)
{
    int64_t half;

    b->delay_ms = b->delay_ms == 0 ? b->first_ms : b->delay_ms * 2;
    if (b->delay_ms > b->max_ms)
        b->delay_ms = b->max_ms;
    half = b->delay_ms / 2;
    b->retry_at_ms = now_ms + half + (int64_t)random % (half + 1);
}

void backoff_succeeded(struct backoff *b)
{
    b->delay_ms = 0;
    b->retry_at_ms = 0;
}
