/* SPDX-License-Identifier: MIT */
/* ringer.h - rings of publish calls on their way: to users, and to everybody at a pace; both slice
 * by slice, so that no turn of the loop gets long. */
#ifndef DOORBELL_RELAY_ENGINE_RINGER_H
#define DOORBELL_RELAY_ENGINE_RINGER_H

#include "relay/engine/engine.h"

/* Rings every session of that user, *count of them. ERR_TOO_BIG: the text is longer than a client
 * can be told; ERR_NO_MEMORY. Nobody is rung then. */
MUST_USE enum err ringer_ring_user(struct engine *e, struct span user, const struct ring *ring,
                                   size_t *count);

/* Starts a broadcast, to *count sessions. Errors as above, and ERR_TOO_MANY: too many texts are
 * under way already. Nothing is started then. */
MUST_USE enum err ringer_ring_all(struct engine *e, const struct ring *ring, size_t *count);

/* Takes what a publish call tells of the database (epoch_learn()). True: it is another epoch than
 * was known, and everybody is told to ask. */
bool ringer_learn(struct engine *e, const struct epoch_name *name, int64_t seq);

/* Sends a slice of what was deferred, and rings as many of a broadcast as the pace allows now. */
void ringer_walk(struct engine *e);

/* In how many milliseconds to come again; negative: there is nothing to do. */
int64_t ringer_wait_ms(const struct engine *e);

#endif
