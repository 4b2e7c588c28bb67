/* SPDX-License-Identifier: MIT */
/* transport.h - what carries a session's frames: WebSocket (wire.h) or an answer of HTTP that does
 * not end (stream.h). */
#ifndef DOORBELL_RELAY_SESSION_TRANSPORT_H
#define DOORBELL_RELAY_SESSION_TRANSPORT_H

#include <stdbool.h>

#include "common/bytes/span.h"

struct frame;
struct session;

enum send_result { SEND_DONE, SEND_BLOCKED, SEND_DEAD };

struct transport {
    /* Writes a frame, if the connection takes it: what it does not wholly take is kept for it, and
     * then no other one until on_writable(), which is asked for. */
    enum send_result (*send)(struct session *s, const struct frame *f);

    /* Whether a frame would be SEND_BLOCKED now. */
    bool (*is_blocked)(const struct session *s);

    /* Starts the end of the connection, told with the session's close_code and close_reason where
     * there is a place for them; on_gone() follows, perhaps before the return. */
    void (*close)(struct session *s);

    /* Cuts the connection; on_gone() follows, in a later turn. */
    void (*kill)(struct session *s);
};

/* Calls up, in the order of a session's life. */
struct transport_events {
    void (*on_open)(void *ctx, struct session *s);

    /* A piece of a message; a pong comes as on_heard() alone. */
    void (*on_heard)(void *ctx, struct session *s);
    void (*on_piece)(void *ctx, struct session *s, struct span piece, bool is_binary, bool is_last);

    /* Takes frames again, after SEND_BLOCKED. */
    void (*on_writable)(void *ctx, struct session *s);

    /* The connection is no more: s->carrier is NULL, the session is the callee's to free. */
    void (*on_gone)(void *ctx, struct session *s);
};

#endif
