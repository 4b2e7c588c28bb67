/* SPDX-License-Identifier: MIT */
/* dispatch.h - all that is decided about a request before its handler runs: whether its path and
 * method exist, who is asking, and whether its body is acceptable. In that order, so that no body
 * is read for a caller who has proved nothing. */
#ifndef DOORBELL_FCGI_APP_SERVER_DISPATCH_H
#define DOORBELL_FCGI_APP_SERVER_DISPATCH_H

#include "common/bytes/err.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/server/exchange.h"

/* Fills *req from the open exchange, and *res by the route's handler. `req` brings arena, body and
 * time. */
MUST_USE enum err dispatch_request(const struct endpoint *ep, struct exchange *x,
                                   struct request *req, struct response *res);

/* For a request whose parameters are over a limit, and not there: what is wrong. */
MUST_USE enum err dispatch_refuse(struct response *res);

#endif
