/* SPDX-License-Identifier: MIT */
#include "relay/session/event.h"

void ring_merge_many(struct ring *ring, const struct ring *newer)
{
    if (ring->type == RING_ASK)
        return;
    if (newer->type == RING_ASK) {
        *ring = *newer;
        return;
    }
    if (newer->seq > ring->seq)
        ring->seq = newer->seq;
    if (newer->spread_ms > ring->spread_ms)
        ring->spread_ms = newer->spread_ms;
}
