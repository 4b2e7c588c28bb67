/* SPDX-License-Identifier: MIT */
/* broadcaster.h - the broadcast under way: what it says, and how fast it goes round. One that
 * starts meanwhile merges with it. What of a broadcast does not merge is the protocols'
 * (announce()). */
#ifndef DOORBELL_RELAY_ENGINE_BROADCASTER_H
#define DOORBELL_RELAY_ENGINE_BROADCASTER_H

#include "relay/engine/pace.h"
#include "relay/session/frame.h"
#include "relay/session/session.h"

enum { BROADCASTER_FRAME_MAX = 1024 * 1024 };

struct broadcaster {
    struct pace pace;
    struct frames frames; /* of the merged ring */
};

void broadcaster_init(struct broadcaster *b);
void broadcaster_deinit(struct broadcaster *b);

/* Starts with this ring, or merges it into the one under way. */
void broadcaster_start(struct broadcaster *b, const struct ring *ring, bool is_under_way,
                       const struct instant *now);

#endif
