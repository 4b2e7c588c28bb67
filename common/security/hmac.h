/* SPDX-License-Identifier: MIT */
/* hmac.h - HMAC with SHA-256 (RFC 2104), its key set up once. Pure; threads may share a key. */
#ifndef DOORBELL_COMMON_HMAC_H
#define DOORBELL_COMMON_HMAC_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { HMAC_SIZE = 32 };

struct hmac_key;

/* Copies the key. Caller owns *out. */
MUST_USE enum err hmac_key_new(struct span key, struct hmac_key **out);
void hmac_key_free(struct hmac_key *k);

/* Writes the mac of `text`. ERR_NO_MEMORY. */
MUST_USE enum err hmac_make(const struct hmac_key *k, struct span text, char mac[HMAC_SIZE]);

/* Whether `mac` is that of `text`; in a time that does not tell where it differs. False for another
 * length, and for want of memory. */
bool hmac_matches(const struct hmac_key *k, struct span text, struct span mac);

#endif
