/* SPDX-License-Identifier: MIT */
#include "relay/session/event.h"

void ring_merge_many(struct ring *ring, const struct ring *newer)
{
    uint32_t spread_ms = newer->spread_ms > ring->spread_ms ? newer->spread_ms : ring->spread_ms;

    /* A client at `from` knows of everything up to there; and the same step may come twice. */
    bool is_news =
        newer->type == RING_ASK || (newer->seq > ring->step.from && newer->seq != ring->seq);

    if (ring->type != RING_ASK && (newer->type == RING_ASK || newer->seq > ring->seq))
        *ring = *newer;
    if (is_news)
        ring->step = (struct step){0};
    ring->spread_ms = spread_ms;
}
