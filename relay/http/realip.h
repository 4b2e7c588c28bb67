/* SPDX-License-Identifier: MIT */
/* realip.h - the browser of a request that came through web servers. Pure. */
#ifndef DOORBELL_RELAY_HTTP_REALIP_H
#define DOORBELL_RELAY_HTTP_REALIP_H

#include "common/config/config.h"
#include "relay/http/http.h"

/* Sets the request's peer, scheme and host to what the trusted proxies say: see forwarded.h. */
void realip_resolve(struct http_request *req, const struct config_list *trusted);

/* Whether a peer that is not trusted names another address: if it is a web server, all its clients
 * have the one of it. */
bool realip_is_hidden(const struct http_request *req, const struct config_list *trusted);

#endif
