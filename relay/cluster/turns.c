/* SPDX-License-Identifier: MIT */
#include "relay/cluster/turns.h"

bool turns_is_due(const struct turns *t, int64_t now_ms)
{
    return now_ms >= t->not_before_ms;
}

static void begin_pause(struct turns *t, int64_t now_ms, uint32_t chance)
{
    t->failed = 0;
    t->ceiling_ms = t->ceiling_ms ? t->ceiling_ms * 2 : TURNS_FIRST_MS;
    if (t->ceiling_ms > TURNS_MAX_MS)
        t->ceiling_ms = TURNS_MAX_MS;
    t->not_before_ms = now_ms + (int64_t)chance % (t->ceiling_ms + 1);
}

void turns_failed(struct turns *t, int64_t now_ms, uint32_t chance)
{
    t->at = (t->at + 1) % t->count;
    if (++t->failed >= t->count)
        begin_pause(t, now_ms, chance);
}

void turns_cut(struct turns *t, int64_t now_ms, uint32_t chance)
{
    begin_pause(t, now_ms, chance);
}

void turns_succeeded(struct turns *t)
{
    t->failed = 0;
    t->ceiling_ms = 0;
    t->not_before_ms = 0;
}
