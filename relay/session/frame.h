/* SPDX-License-Identifier: MIT */
/* frame.h - an event in a protocol's bytes, with room in front for the transport's own header.
 * Encoded once for each protocol, then written to any number of sessions; one that cannot take it
 * keeps the event in its slot, and not the frame. Pure but for malloc. */
#ifndef DOORBELL_RELAY_SESSION_FRAME_H
#define DOORBELL_RELAY_SESSION_FRAME_H

#include "relay/session/event.h"
#include "relay/session/protocol.h"

enum {
    FRAME_ROOM = 32,
    FRAME_MAX = 1024 /* a welcome with 128 escaped bytes and an epoch needs 935 */
};

struct frame {
    struct buf bytes; /* FRAME_ROOM bytes to be overwritten, then the frame */
};

/* Of at most `max` bytes. */
void frame_init(struct frame *f, size_t max);
void frame_deinit(struct frame *f);

/* Replaces what the frame holds. */
MUST_USE enum err frame_set(struct frame *f, struct span bytes);

struct span frame_span(const struct frame *f);
size_t frame_len(const struct frame *f);

/* An event under way to sessions of several protocols. */
struct frames {
    struct event event;
    int64_t since_us; /* when it was asked for; 0: it is not timed */
    struct frame of[PROTOCOL_COUNT];
    unsigned encoded; /* a bit for each protocol whose frame is that of the event */
};

void frames_init(struct frames *f, size_t max);
void frames_deinit(struct frames *f);

/* Goes on with this event. */
void frames_begin(struct frames *f, const struct event *event, int64_t since_us);

/* The event's frame in this protocol, encoded at the first call. Valid until the next begin. */
MUST_USE enum err frames_get(struct frames *f, const struct engine *e,
                             const struct protocol *protocol, const struct frame **out);

#endif
