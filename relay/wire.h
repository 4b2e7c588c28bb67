/* SPDX-License-Identifier: MIT */
/* wire.h - sessions over WebSocket, by libwebsockets on the loop of the caller. It sees connections
 * only after admit.h has let them in, and only the head that was composed there. */
#ifndef DOORBELL_RELAY_WIRE_H
#define DOORBELL_RELAY_WIRE_H

#include <stdbool.h>

#include "relay/frame.h"
#include "relay/session.h"

struct ev_loop;
struct wire;

/* Calls up, in the order of a session's life. */
struct wire_ops {
    void (*on_open)(void *ctx, struct session *s);

    /* A piece of a message; its control frames come here as well, with no bytes. */
    void (*on_heard)(void *ctx, struct session *s);
    void (*on_piece)(void *ctx, struct session *s, struct span piece, bool is_binary, bool is_last);

    /* Takes bytes again, after wire_send() said WIRE_BLOCKED. */
    void (*on_writable)(void *ctx, struct session *s);

    /* The connection is no more: s->wire is NULL, the session is the callee's to free. */
    void (*on_gone)(void *ctx, struct session *s);
};

struct wire *wire_new(struct ev_loop *loop, const struct wire_ops *ops, void *ctx);
void wire_free(struct wire *w);

/* Once a second: lets the timers of libwebsockets run, which on a loop that is not its own it looks
 * at only behind an event. They end closes that it started itself. */
void wire_tick(struct wire *w);

/* Takes fd in any case. False: it did not become a session, on_open() was not called, s is the
 * caller's still. True: on_open() was called, and perhaps even on_gone(). */
bool wire_adopt(struct wire *w, int fd, const char *head, size_t head_len, struct session *s);

enum wire_result { WIRE_SENT, WIRE_BLOCKED, WIRE_DEAD };

/* Writes a frame, if the connection takes it: what it does not wholly take is kept for it, and then
 * no other one until on_writable(), which is asked for. */
enum wire_result wire_send(struct session *s, const struct frame *f);

/* Whether a frame would be WIRE_BLOCKED now. */
bool wire_is_blocked(const struct session *s);

/* Starts the closing handshake, with the session's close_code and close_reason; on_gone() follows,
 * perhaps before the return. */
void wire_close(struct session *s);

/* Cuts the connection; on_gone() follows in a later turn. */
void wire_kill(struct session *s);

#endif
