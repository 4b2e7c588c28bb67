/* SPDX-License-Identifier: MIT */
/* ring_capability.h - lets the ring of one new message to everybody carry what opens its text. Pure
 * but for malloc, which most rings do without. */
#ifndef DOORBELL_FCGI_APP_PUBLISH_RING_CAPABILITY_H
#define DOORBELL_FCGI_APP_PUBLISH_RING_CAPABILITY_H

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/service_keys.h"

/* *out is `ring`, an object of POST /publish; or, where it is a step and a key may make one, a copy
 * with "c". That is in *room, which is initialised here, and the caller's to end. ERR_INVALID: it
 * is no ring. */
MUST_USE enum err ring_add_capability(const struct service_keys *keys, struct span ring,
                                      struct buf *room, struct span *out);

#endif
