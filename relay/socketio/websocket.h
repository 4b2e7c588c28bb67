/* SPDX-License-Identifier: MIT */
/* websocket.h - the WebSockets of socket.io pages: those that a page begins with, and those on
 * trial, which take over from polling or go. Called for sessions with a page, as in transport.h. */
#ifndef DOORBELL_RELAY_SOCKETIO_WEBSOCKET_H
#define DOORBELL_RELAY_SOCKETIO_WEBSOCKET_H

#include "relay/socketio/session.h"

/* A good upgrade request, whose connection will be handed over: of this page, or, NULL, of a new
 * one by this handshake. */
void page_socket_expect(struct engine *engine, struct page *upgrading,
                        const struct eio_query *handshake);

/* Takes fd. */
void page_socket_on_handover(struct engine *engine, int fd);

void page_socket_on_open(struct session *s);
void page_socket_on_piece(struct session *s, struct span piece, bool is_binary, bool is_last);

/* True: the connection was one on trial, and is forgotten; no session ends with it. */
bool page_socket_on_gone(struct engine *engine, struct session *s);

#endif
