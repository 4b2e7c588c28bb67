/* SPDX-License-Identifier: MIT */
/* broadcast_log.h - what the broadcasts under way say to socket.io pages, in their order. Unlike
 * rings their texts do not merge, so each page remembers up to where it has been told. Pure but for
 * malloc. */
#ifndef DOORBELL_RELAY_SOCKETIO_BROADCAST_LOG_H
#define DOORBELL_RELAY_SOCKETIO_BROADCAST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct broadcast_log {
    struct buf items; /* each with a separator after it */
    uint64_t start;   /* the place of the first one; places only grow */
};

void broadcast_log_init(struct broadcast_log *b);
void broadcast_log_deinit(struct broadcast_log *b);

/* Adds a packet as engineio.h sends it, or an empty one, which means a ring without a text.
 * ERR_TOO_BIG: more than `texts_max` bytes are being told with it, and a page may be told all of
 * them at once. ERR_NO_MEMORY. */
MUST_USE enum err broadcast_log_add(struct broadcast_log *b, struct span packet, size_t texts_max);

/* The place after the last item, where a new session begins. */
uint64_t broadcast_log_end(const struct broadcast_log *b);

/* The item at *place, which moves past it. False: there is none left. *out is valid until the
 * next change. */
bool broadcast_log_next(const struct broadcast_log *b, uint64_t *place, struct span *out);

/* All have been told what is before that place. */
void broadcast_log_forget(struct broadcast_log *b, uint64_t place);

/* All have been told. */
void broadcast_log_clear(struct broadcast_log *b);

#endif
