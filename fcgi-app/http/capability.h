/* SPDX-License-Identifier: MIT */
/* capability.h - what opens one message to everybody, and says nothing about who asks: a text that
 * the ring of the message carries, bound to its id and to the epoch. Its key is derived from a
 * service key that may manage, which can read every message anyway. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_CAPABILITY_H
#define DOORBELL_FCGI_APP_HTTP_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/service_keys.h"

enum {
    CAPABILITY_EPOCH_MAX = 64,
    CAPABILITY_MAX = CAPABILITY_EPOCH_MAX + 1 + 22,
};

/* Appends the capability for message `id` in `epoch`, as text: of URL-safe characters alone. It is
 * made with the first key of the first section that may manage. ERR_UNSUPPORTED: none may;
 * ERR_INVALID: an epoch too long; ERR_NO_MEMORY, ERR_TOO_BIG. */
MUST_USE enum err capability_make(const struct service_keys *keys, int64_t id, struct span epoch,
                                  struct buf *out);

/* Whether `text` was made for this message, with any key that may manage, in a time that does not
 * tell how far it is right. *epoch is the one that it is for. */
bool capability_check(const struct service_keys *keys, int64_t id, struct span text,
                      int64_t *epoch);

#endif
