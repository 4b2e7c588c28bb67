/* SPDX-License-Identifier: MIT */
/* listener.h - the client port: who is let in becomes a session, who is not gets an answer of HTTP.
 */
#ifndef DOORBELL_RELAY_SERVER_LISTENER_H
#define DOORBELL_RELAY_SERVER_LISTENER_H

#include "relay/engine/engine.h"
#include "relay/transport/http_server.h"

/* As in struct http_handler, with the engine as their ctx. */
enum http_action listener_on_request(void *ctx, struct http_request *req,
                                     struct http_response *res);
void listener_on_handover(void *ctx, int fd);
size_t listener_body_max(void *ctx, const struct http_request *req);
void listener_on_abandoned(void *ctx, void *waiter);

#endif
