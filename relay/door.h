/* SPDX-License-Identifier: MIT */
/* door.h - the client port: who is let in becomes a session, who is not gets an answer of HTTP. */
#ifndef DOORBELL_RELAY_DOOR_H
#define DOORBELL_RELAY_DOOR_H

#include "relay/core.h"
#include "relay/http_server.h"

/* As in struct http_handler, with the core as their ctx. */
enum http_action door_on_request(void *ctx, struct http_request *req, struct http_response *res);
void door_on_handover(void *ctx, int fd);
size_t door_body_max(void *ctx, const struct http_request *req);
void door_on_abandoned(void *ctx, void *waiter);

#endif
