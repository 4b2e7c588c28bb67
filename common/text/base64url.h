/* SPDX-License-Identifier: MIT */
/* base64url.h - RFC 4648 5 without padding, as JWTs are written. Pure. */
#ifndef DOORBELL_COMMON_BASE64URL_H
#define DOORBELL_COMMON_BASE64URL_H

#include <stddef.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* The bytes that decoding `len` characters may need. */
#define BASE64URL_DECODED_MAX(len) ((len) / 4 * 3 + 3)

/* Decodes the one canonical spelling only: no padding, no white space, unused bits zero. `out` has
 * room for BASE64URL_DECODED_MAX(text.len). ERR_MALFORMED. */
MUST_USE enum err base64url_decode(struct span text, char *out, size_t *len);

/* Appends the spelling of `bytes`. */
MUST_USE enum err base64url_encode(struct span bytes, struct buf *out);

#endif
