/* SPDX-License-Identifier: MIT */
/* polling.h - the requests of socket.io clients: handshakes, long polls, posts, and those for an
 * upgrade to WebSocket. Pure. */
#ifndef DOORBELL_RELAY_SOCKETIO_POLLING_H
#define DOORBELL_RELAY_SOCKETIO_POLLING_H

#include "relay/http/http.h"
#include "relay/session/protocol.h"

/* As in struct protocol_requests. */
bool polling_owns(const struct config *config, struct span path);
size_t polling_body_max(struct engine *e, const struct http_request *req);
enum request_outcome polling_answer(struct engine *e, struct http_request *req,
                                    struct http_response *res, struct upgrade *upgrade);
void polling_on_refusal(struct engine *e, const struct http_request *req, int status);

#endif
