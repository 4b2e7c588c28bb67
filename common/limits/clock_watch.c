/* SPDX-License-Identifier: MIT */
#include "common/limits/clock_watch.h"

bool clock_watch_is_off(int64_t difference_s)
{
    return difference_s >= CLOCK_WATCH_S || difference_s <= -CLOCK_WATCH_S;
}

int64_t clock_watch_step(struct clock_watch *w, int64_t unix_s, int64_t now_ms)
{
    int64_t ahead_ms = unix_s * 1000 - now_ms;
    int64_t step_s = w->has_seen ? (ahead_ms - w->ahead_ms) / 1000 : 0;

    w->has_seen = true;
    w->ahead_ms = ahead_ms;
    return clock_watch_is_off(step_s) ? step_s : 0;
}

int64_t clock_watch_difference(int64_t told_s, int64_t before_s, int64_t after_s)
{
    if (told_s > after_s)
        return told_s - after_s;
    return told_s < before_s ? told_s - before_s : 0;
}
