/* SPDX-License-Identifier: MIT */
/* error.h - the body of a refusal: {"error":{"code":"...","message":"..."}}. Pure. */
#ifndef DOORBELL_COMMON_ERROR_H
#define DOORBELL_COMMON_ERROR_H

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

/* Appends it; `code` is one of status.h. On failure *out is empty: the status has to do. */
void error_encode(struct buf *out, const char *code, const char *message);

#endif
