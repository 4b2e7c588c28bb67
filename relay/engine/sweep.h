/* SPDX-License-Identifier: MIT */
/* sweep.h - what time does to the sessions: pings, silence, expiry and deadlines, found by one
 * endless walk instead of a timer each. */
#ifndef DOORBELL_RELAY_ENGINE_SWEEP_H
#define DOORBELL_RELAY_ENGINE_SWEEP_H

#include "relay/engine/engine.h"

enum {
    SWEEP_TICK_MS = 100,
    SWEEP_TICKS = 10, /* in which every session is looked at once */
};

/* Every SWEEP_TICK_MS. True once in SWEEP_TICKS. */
bool sweep_tick(struct engine *e);

#endif
