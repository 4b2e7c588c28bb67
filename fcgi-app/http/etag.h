/* SPDX-License-Identifier: MIT */
/* etag.h - entity tags over the bytes of a reply (RFC 7232). Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_ETAG_H
#define DOORBELL_FCGI_APP_HTTP_ETAG_H

#include <stdbool.h>

#include "common/bytes/span.h"

enum { ETAG_SIZE = 16 + 2 + 1 /* hex digits, quotes, NUL */ };

/* Writes the tag of `reply`, quotes included, NUL-terminated. */
void etag_of(struct span reply, char out[ETAG_SIZE]);

/* Whether the value of If-None-Match names `etag`, by weak comparison: a list, or "*". */
bool etag_matches(struct span if_none_match, struct span etag);

#endif
