/* SPDX-License-Identifier: MIT */
/* batch.h - what goes to the relay in one call, as JSON texts: the body, kept
 * under the size that the relay takes. Pure. */
#ifndef DOORBELL_FCGI_APP_PUBLISH_BATCH_H
#define DOORBELL_FCGI_APP_PUBLISH_BATCH_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* What is around the items: of POST /publish, /online and /revocations. */
struct batch_form {
    struct span head, tail;
};
extern const struct batch_form batch_rings, batch_users, batch_revocations;

struct batch {
    const struct batch_form *form;
    struct buf body;
    size_t max; /* bytes of a body; the caller may lower it */
    size_t count;
};

void batch_init(struct batch *b, const struct batch_form *form);
void batch_deinit(struct batch *b);

/* Whether a body could hold the item at all, and whether this one still can. */
bool batch_can_hold(const struct batch *b, struct span item);
bool batch_has_room(const struct batch *b, struct span item);

MUST_USE enum err batch_add(struct batch *b, struct span item);

/* The finished body; only batch_reset() may follow. */
MUST_USE enum err batch_finish(struct batch *b, struct span *body);
void batch_reset(struct batch *b);

#endif
