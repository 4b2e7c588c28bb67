/* SPDX-License-Identifier: MIT */
/* polling.h - the requests of socket.io clients: handshakes, long polls, posts, and those for an
 * upgrade, which page_socket.h gets. */
#ifndef DOORBELL_RELAY_POLLING_H
#define DOORBELL_RELAY_POLLING_H

#include "relay/core.h"
#include "relay/http_server.h"

/* Whether this path is theirs. */
bool polling_owns(const struct core *core, struct span path);

/* As in struct http_handler. */
enum http_action polling_on_request(struct core *core, struct http_request *req,
                                    struct http_response *res);
size_t polling_body_max(const struct core *core, const struct http_request *req);
void polling_on_abandoned(struct core *core, void *waiter);

#endif
