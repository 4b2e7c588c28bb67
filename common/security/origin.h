/* SPDX-License-Identifier: MIT */
/* origin.h - whether a page is one of ours, by its Origin header (RFC 6454). It is asked where the
 * browser sends an identity along by itself, a cookie above all. Pure. */
#ifndef DOORBELL_COMMON_ORIGIN_H
#define DOORBELL_COMMON_ORIGIN_H

#include <stdbool.h>

#include "common/bytes/span.h"
#include "common/config/config.h"

/* `list` holds scheme://host, scheme://host:port or scheme://host:* (any port). An empty list
 * stands for where the request was sent: its Host header, by `scheme`, or by http or https if that
 * is empty, where a proxy may have taken TLS off and nobody says so. */
bool origin_is_allowed(const struct config_list *list, struct span origin, struct span scheme,
                       struct span host);

#endif
