/* SPDX-License-Identifier: MIT */
/* bearer.h - "Authorization: Bearer key" (RFC 6750 2.1). Pure. */
#ifndef DOORBELL_COMMON_BEARER_H
#define DOORBELL_COMMON_BEARER_H

#include <stdbool.h>

#include "common/bytes/span.h"

/* The key in the value of an Authorization header; false if it is of another scheme, which is none
 * of ours: a site may well ask for Basic at the web server. */
bool bearer_read(struct span authorization, struct span *key);

#endif
