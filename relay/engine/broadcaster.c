/* SPDX-License-Identifier: MIT */
#include "relay/engine/broadcaster.h"

void broadcaster_init(struct broadcaster *b)
{
    frames_init(&b->frames, BROADCASTER_FRAME_MAX);
}

void broadcaster_deinit(struct broadcaster *b)
{
    frames_deinit(&b->frames);
}

void broadcaster_start(struct broadcaster *b, const struct ring *ring, bool is_under_way,
                       const struct instant *now)
{
    struct event event = {.type = EVENT_BROADCAST};

    pace_start(&b->pace, ring, is_under_way, now->ms);
    event.as.ring = b->pace.ring;
    event.as.ring.text = (struct span){NULL, 0}; /* it does not merge, and is not ours */
    frames_begin(&b->frames, &event, now->us);
}
