/* SPDX-License-Identifier: MIT */
#include "relay/engine/pace.h"

#include "common/bytes/invariant.h"

/* After a stall of the loop no more is made up for than this. */
enum { CATCH_UP_MS = 50 };

void pace_start(struct pace *p, const struct ring *ring, bool is_under_way, int64_t now_ms)
{
    if (is_under_way) {
        ring_merge_many(&p->ring, ring);
        return;
    }
    p->ring = *ring;
    p->paid_ms = now_ms - PACE_TICK_MS;
    p->owed_ppm = 0;
}

size_t pace_budget(struct pace *p, int64_t rate, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - p->paid_ms;
    int64_t ppm;

    if (rate == 0)
        return PACE_TURN_MAX;
    if (!INVARIANT(elapsed_ms >= 0 && p->owed_ppm >= 0 && p->owed_ppm < 1000000))
        elapsed_ms = p->owed_ppm = 0;
    if (elapsed_ms > CATCH_UP_MS)
        elapsed_ms = CATCH_UP_MS;
    p->paid_ms = now_ms;
    ppm = p->owed_ppm + elapsed_ms * rate * 1000;
    p->owed_ppm = ppm % 1000000;
    ppm /= 1000000;
    return ppm < PACE_TURN_MAX ? (size_t)ppm : PACE_TURN_MAX;
}

uint32_t pace_spread_ms(size_t count, int64_t pace, int64_t check_rate)
{
    int64_t ms;

    /* What a second's pace would let through anyway needs no spreading. */
    if (check_rate == 0 || (int64_t)count <= pace)
        return 0;
    ms = (int64_t)count * 1000 / check_rate;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}
