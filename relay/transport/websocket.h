/* SPDX-License-Identifier: MIT */
/* websocket.h - connections by WebSocket, by libwebsockets on the loop of the caller. It sees them
 * only after a handshake (access/handshake.h), and only the head that was composed there. */
#ifndef DOORBELL_RELAY_TRANSPORT_WEBSOCKET_H
#define DOORBELL_RELAY_TRANSPORT_WEBSOCKET_H

#include "relay/access/handshake.h"
#include "relay/session/conn.h"

struct ev_loop;
struct websockets;

/* NULL: out of memory, or the library does not start; that has been logged. */
struct websockets *websocket_new(struct ev_loop *loop, const struct conn_events *events, void *ctx);

/* Ends all of them, by on_gone(). */
void websocket_free(struct websockets *w);

/* Once a second: lets the timers of libwebsockets run, which on a loop that is not its own it looks
 * at only after an event. They end closes that it started itself. */
void websocket_tick(struct websockets *w);

/* Takes fd in any case, and answers the handshake. NULL: there is no connection. */
struct conn *websocket_open(struct websockets *w, int fd, const struct upgrade *upgrade);

#endif
