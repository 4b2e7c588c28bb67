/* SPDX-License-Identifier: MIT */
/* broadcaster.h - the broadcast under way: what it says, and how fast it goes round. One that
 * starts meanwhile merges with it. What of a broadcast does not merge is the protocols'
 * (announce()). */
#ifndef DOORBELL_RELAY_ENGINE_BROADCASTER_H
#define DOORBELL_RELAY_ENGINE_BROADCASTER_H

#include "common/config/config.h"
#include "relay/engine/pace.h"
#include "relay/session/frame.h"
#include "relay/session/session.h"

enum { BROADCASTER_FRAME_MAX = 1024 * 1024 };

/* A step has a round of its own, in which few ask; sessions whose protocol knows no steps do ask,
 * and are told in another one. */
enum broadcast_round { ROUND_OF_ALL, ROUND_OF_STEP, ROUND_OF_REST };

struct broadcaster {
    struct pace pace;
    struct frames frames; /* of the merged ring */
    enum broadcast_round round;
    bool has_rest;
    char category[STEP_CATEGORY_MAX]; /* of the step, whose texts are kept here */
    char capability[STEP_CAPABILITY_MAX];
};

void broadcaster_init(struct broadcaster *b);
void broadcaster_deinit(struct broadcaster *b);

/* Starts with this ring, or merges it into the one under way. `count` are to be rung. */
void broadcaster_start(struct broadcaster *b, const struct ring *ring, bool is_under_way,
                       const struct config_relay *relay, size_t count, const struct instant *now);

/* Whether sessions of this protocol are told in this round. */
bool broadcaster_is_for(struct broadcaster *b, const struct protocol *protocol);

/* At the end of a round: whether another one is to follow, which it then is in. */
bool broadcaster_goes_on(struct broadcaster *b);

/* Rings per second of this round; 0: all at once. */
int64_t broadcaster_rate(const struct broadcaster *b, const struct config_relay *relay);

#endif
