/* SPDX-License-Identifier: MIT */
/* error.h - the body of a refusal: {"error":{"code":"...","message":"..."}}; with an index where
 * one item of a list is at fault. Pure. */
#ifndef DOORBELL_COMMON_ERROR_H
#define DOORBELL_COMMON_ERROR_H

#include <stddef.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

/* Appends it; `code` is one of status.h. On failure *out is empty: the status has to do. */
void error_encode(struct buf *out, const char *code, const char *message);
void error_encode_at(struct buf *out, const char *code, const char *message, size_t index);

#endif
