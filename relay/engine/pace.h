/* SPDX-License-Identifier: MIT */
/* pace.h - how fast a broadcast goes round, so that the questions it causes do not all come at
 * once. What is rung is the merge of every broadcast under way; the hub knows who is next. Pure. */
#ifndef DOORBELL_RELAY_ENGINE_PACE_H
#define DOORBELL_RELAY_ENGINE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/session/event.h"

/* Sessions rung in one turn of the loop at most, so that others are served between. */
enum { PACE_TURN_MAX = 256, PACE_TICK_MS = 5 };

struct pace {
    struct ring ring;
    int64_t paid_ms;  /* until when the budget has been given out */
    int64_t owed_ppm; /* millionths of a ring that the last division left */
};

/* Starts with `ring`, or merges it into the one under way. */
void pace_start(struct pace *p, const struct ring *ring, bool is_under_way, int64_t now_ms);

/* How many may be rung now, at `rate` per second; 0 is without limit but PACE_TURN_MAX. */
size_t pace_budget(struct pace *p, int64_t rate, int64_t now_ms);

/* Over what time the clients are to spread their questions, when `count` are rung at once. */
uint32_t pace_spread_ms(size_t count, int64_t pace, int64_t check_rate);

#endif
