/* SPDX-License-Identifier: MIT */
/* signature.h - what proves to a site that a call of its webhook is ours, and recent. Pure but for
 * malloc. */
#ifndef DOORBELL_FCGI_APP_WEBHOOKS_SIGNATURE_H
#define DOORBELL_FCGI_APP_WEBHOOKS_SIGNATURE_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/hmac.h"

enum { SIGNATURE_SIZE = 32 + 2 * HMAC_SIZE };

/* Writes "t=<now_s>,v1=<hex>", NUL-terminated: the HMAC of the seconds, a dot, and the body.
 * ERR_NO_MEMORY. */
MUST_USE enum err signature_write(const struct hmac_key *key, int64_t now_s, struct span body,
                                  char out[SIGNATURE_SIZE]);

#endif
