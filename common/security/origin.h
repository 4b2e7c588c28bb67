/* SPDX-License-Identifier: MIT */
/* origin.h - whether a page is one of ours, by its Origin header (RFC 6454). It is asked where the
 * browser sends an identity along by itself, a cookie above all. Pure. */
#ifndef DOORBELL_COMMON_ORIGIN_H
#define DOORBELL_COMMON_ORIGIN_H

#include <stdbool.h>

#include "common/bytes/span.h"
#include "common/config/config.h"

/* `list` holds scheme://host, scheme://host:port or scheme://host:* (any port). An empty list
 * allows the host the request was sent to: its Host header, under `scheme`, or under http and https
 * if that is empty, since a proxy may have ended TLS without saying so. */
bool origin_is_allowed(const struct config_list *list, struct span origin, struct span scheme,
                       struct span host);

#endif
