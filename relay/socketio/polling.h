/* SPDX-License-Identifier: MIT */
/* polling.h - the requests of socket.io clients: handshakes, long polls, posts, and those for an
 * upgrade, which page_socket.h gets. */
#ifndef DOORBELL_RELAY_SOCKETIO_POLLING_H
#define DOORBELL_RELAY_SOCKETIO_POLLING_H

#include "relay/engine/engine.h"
#include "relay/transport/http_server.h"

/* Whether this path is theirs. */
bool polling_owns(const struct engine *engine, struct span path);

/* As in struct http_handler. */
enum http_action polling_on_request(struct engine *engine, struct http_request *req,
                                    struct http_response *res);
size_t polling_body_max(const struct engine *engine, const struct http_request *req);
void polling_on_abandoned(struct engine *engine, void *waiter);

#endif
