/* SPDX-License-Identifier: MIT */
/* status.h - what a result is on the wire: HTTP status, the `code` of an error, and the sentence
 * that is sent when nobody has said anything better. The one vocabulary of both programs. Pure. */
#ifndef DOORBELL_COMMON_STATUS_H
#define DOORBELL_COMMON_STATUS_H

#include "common/bytes/err.h"

struct status {
    int http;
    const char *code;
    const char *message;
};

/* Never NULL. */
const struct status *status_of(enum err e);

/* The `code` for a status of 400 and more whose error is not at hand; never NULL. */
const char *status_code(int http);

/* The reason phrase of a status that is sent; never NULL. */
const char *status_reason(int http);

#endif
