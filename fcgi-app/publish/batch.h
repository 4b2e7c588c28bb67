/* SPDX-License-Identifier: MIT */
/* batch.h - rings on their way to the relay: the body of a publish call, kept under the size that
 * the relay takes. Pure. */
#ifndef DOORBELL_FCGI_APP_PUBLISH_BATCH_H
#define DOORBELL_FCGI_APP_PUBLISH_BATCH_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct batch {
    struct buf body;
    size_t max; /* bytes of a body; the caller may lower it */
    size_t count;
};

void batch_init(struct batch *b);
void batch_deinit(struct batch *b);

/* Whether a body could hold the ring at all, and whether this one still can. */
bool batch_can_hold(const struct batch *b, struct span ring);
bool batch_has_room(const struct batch *b, struct span ring);

MUST_USE enum err batch_add(struct batch *b, struct span ring);

/* The finished body; only batch_reset() may follow. */
MUST_USE enum err batch_finish(struct batch *b, struct span *body);
void batch_reset(struct batch *b);

#endif
