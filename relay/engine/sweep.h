/* SPDX-License-Identifier: MIT */
/* sweep.h - what time does to the sessions: pings, silence, expiry and deadlines, found by one
 * endless walk instead of a timer each; and the end of those that are closing. */
#ifndef DOORBELL_RELAY_ENGINE_SWEEP_H
#define DOORBELL_RELAY_ENGINE_SWEEP_H

#include "relay/engine/engine.h"

enum {
    SWEEP_TICK_MS = 100,
    SWEEP_TICKS = 10,        /* in which every session is looked at once */
    SWEEP_CLOSING_MS = 5000, /* a peer's time to answer our close */
};

/* Every SWEEP_TICK_MS. True once in SWEEP_TICKS. */
bool sweep_tick(struct engine *engine);

/* Starts the close of those that were put on the closing list in this turn. */
void sweep_close_listed(struct engine *engine);

#endif
