/* SPDX-License-Identifier: MIT */
/* frame.h - a message in its protocol's bytes, with room in front for the transport's own header.
 * Encoded once, then written to any number of sessions; who cannot take it keeps the message in its
 * slot, and not the frame. Pure but for malloc. */
#ifndef DOORBELL_RELAY_SESSION_FRAME_H
#define DOORBELL_RELAY_SESSION_FRAME_H

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "relay/session/protocol.h"

enum { FRAME_ROOM = 32, FRAME_MAX = 1024 /* a welcome with 128 escaped bytes needs 800 */ };

struct frame {
    struct buf bytes; /* FRAME_ROOM bytes to be overwritten, then the frame */
};

/* Of at most `max` bytes: FRAME_MAX for a message. */
void frame_init(struct frame *f, size_t max);
void frame_deinit(struct frame *f);

/* Replaces what the frame holds. */
MUST_USE enum err frame_encode(struct frame *f, const struct protocol *protocol,
                               const struct event *m);

/* The same with bytes that are encoded already. */
MUST_USE enum err frame_set(struct frame *f, struct span bytes);

size_t frame_len(const struct frame *f);

#endif
