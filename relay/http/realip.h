/* SPDX-License-Identifier: MIT */
/* realip.h - whose request this is: the address that the connection comes from, or, if that is a
 * trusted proxy's, the one that the proxy names. Pure. */
#ifndef DOORBELL_RELAY_HTTP_REALIP_H
#define DOORBELL_RELAY_HTTP_REALIP_H

#include "common/config/config.h"
#include "common/text/ip.h"
#include "relay/http/http.h"

/* Reads X-Forwarded-For from its end, over as many trusted proxies as follow each other: what
 * comes before the first other one is anybody's claim. `trusted` has networks, and "unix". */
struct ip realip_of_request(const struct http_request *req, const struct config_list *trusted);

/* Whether a peer that is not trusted names another address: if it is a web server, all its clients
 * have the one of it. */
bool realip_is_hidden(const struct http_request *req, const struct config_list *trusted);

#endif
