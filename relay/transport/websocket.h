/* SPDX-License-Identifier: MIT */
/* websocket.h - sessions over WebSocket, by libwebsockets on the loop of the caller. It sees
 * connections only after admit.h has let them in, and only the head that was composed there. */
#ifndef DOORBELL_RELAY_TRANSPORT_WEBSOCKET_H
#define DOORBELL_RELAY_TRANSPORT_WEBSOCKET_H

#include <stdbool.h>

#include "relay/session/frame.h"
#include "relay/session/session.h"
#include "relay/session/transport.h"

struct ev_loop;
struct websockets;

struct websockets *websocket_new(struct ev_loop *loop, const struct transport_events *events,
                                 void *ctx);
void websocket_free(struct websockets *w);

/* Once a second: lets the timers of libwebsockets run, which on a loop that is not its own it looks
 * at only behind an event. They end closes that it started itself. */
void websocket_tick(struct websockets *w);

/* Takes fd in any case. False: it did not become a session, on_open() was not called, s is the
 * caller's still. True: on_open() was called, and perhaps even on_gone(). */
bool websocket_adopt(struct websockets *w, int fd, const char *head, size_t head_len,
                     struct session *s);

/* Makes the connection of one session another's, which had none of its own here. */
void websocket_move(struct session *from, struct session *to);

extern const struct transport websocket_transport;

#endif
