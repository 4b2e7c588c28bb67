/* SPDX-License-Identifier: MIT */
/* bulletin.h - what the broadcasts under way say to socket.io pages, in their order. Unlike rings
 * their texts do not merge, so each page remembers up to where it has been told. Pure but for
 * malloc. */
#ifndef DOORBELL_RELAY_BULLETIN_H
#define DOORBELL_RELAY_BULLETIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct bulletin {
    struct buf items; /* each with a separator behind it */
    uint64_t start;   /* the place of the first one; places only grow */
};

void bulletin_init(struct bulletin *b);
void bulletin_deinit(struct bulletin *b);

/* Adds a packet as engineio.h sends it, or an empty one, which stands for a ring without a text.
 * ERR_TOO_BIG: more than `texts_max` bytes are being told with it, and a page may be told all of
 * them at once. ERR_NO_MEMORY. */
MUST_USE enum err bulletin_add(struct bulletin *b, struct span packet, size_t texts_max);

/* The place behind the last item: who comes now begins there. */
uint64_t bulletin_end(const struct bulletin *b);

/* The item at *place, which moves behind it. False: there is none left. *out is valid until the
 * next change. */
bool bulletin_next(const struct bulletin *b, uint64_t *place, struct span *out);

/* All have been told. */
void bulletin_clear(struct bulletin *b);

#endif
