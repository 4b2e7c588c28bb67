/* SPDX-License-Identifier: MIT */
/* listener.h - the client port: gives each request to the protocol that owns its path, and opens
 * the connections of those that are let in. */
#ifndef DOORBELL_RELAY_SERVER_LISTENER_H
#define DOORBELL_RELAY_SERVER_LISTENER_H

#include "relay/engine/engine.h"
#include "relay/transport/http_server.h"
#include "relay/transport/sse.h"
#include "relay/transport/websocket.h"

struct listener {
    struct engine *engine;
    struct websockets *websockets;
    struct sse *sse;
};

/* As in struct http_handler, with a listener as their ctx. */
enum http_action listener_on_request(void *ctx, struct http_request *req,
                                     struct http_response *res);
void listener_on_refusal(void *ctx, struct http_request *req, struct http_response *res);
size_t listener_body_max(void *ctx, const struct http_request *req);

#endif
