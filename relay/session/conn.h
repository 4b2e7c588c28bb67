/* SPDX-License-Identifier: MIT */
/* conn.h - one connection of a client: what carries its bytes, and whose it is. A session has one,
 * none between two polls, or a second one that wants to take over from the first. The transports
 * (transport/) make them and free them; all others borrow. Pure. */
#ifndef DOORBELL_RELAY_SESSION_CONN_H
#define DOORBELL_RELAY_SESSION_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct conn;
struct frame;
struct session;

enum send_result { SEND_DONE, SEND_BLOCKED, SEND_DEAD };

struct transport {
    /* Writes a frame, if the connection takes it: what it does not wholly take is kept for it, and
     * then no other one until on_writable(), which is asked for. */
    enum send_result (*send)(struct conn *c, const struct frame *f);

    /* Starts the end of the connection, told with this code and reason (static text) where there
     * is a place for them; on_gone() follows, perhaps before the return. */
    void (*close)(struct conn *c, uint16_t code, const char *reason);

    /* Cuts the connection; on_gone() follows, in a later turn. */
    void (*kill)(struct conn *c);
};

struct conn {
    const struct transport *transport;
    struct session *session; /* whose it is; NULL: nobody's (any more) */
    struct buf *partial;     /* owned: a message that has not wholly arrived; else NULL */
};

enum piece_kind { PIECE_TEXT, PIECE_BINARY, PIECE_PONG };

/* What a transport has read: a message, or a part of one. */
struct piece {
    struct span bytes;
    enum piece_kind kind;
    bool is_last; /* of its message */
};

/* What the transports tell. */
struct conn_events {
    void (*on_piece)(void *ctx, struct conn *c, const struct piece *piece);

    /* Takes frames again, after SEND_BLOCKED. */
    void (*on_writable)(void *ctx, struct conn *c);

    /* The connection is no more, and is freed after the return. */
    void (*on_gone)(void *ctx, struct conn *c);
};

/* Puts a message of at most `max` bytes together. ERR_NONE: this was its last piece, and *whole is
 * all of it, valid until conn_drop_partial(). ERR_INCOMPLETE, ERR_TOO_BIG, ERR_NO_MEMORY. */
MUST_USE enum err conn_collect(struct conn *c, const struct piece *piece, size_t max,
                               struct span *whole);
void conn_drop_partial(struct conn *c);

/* Cuts a connection that is nobody's. */
void conn_cut(struct conn *c);

#endif
