/* SPDX-License-Identifier: MIT */
/* told.h - what a call says of the database besides its business: `epoch` and `seq`, both optional.
 * Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_TOLD_H
#define DOORBELL_RELAY_PUBLISH_TOLD_H

#include "relay/session/epoch.h"

struct told {
    struct epoch_name epoch;
    int64_t seq;
};

/* Reads the values of the two members, {NULL, 0} for an absent one. ERR_INVALID: *why says what is
 * wrong. */
MUST_USE enum err told_decode(struct span epoch, struct span seq, struct told *out,
                              const char **why);

#endif
