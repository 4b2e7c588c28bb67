/* SPDX-License-Identifier: MIT */
/* status.h - what a result is on the wire: HTTP status, the `code` of an error, and the sentence
 * that is sent when nobody has said anything better. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_STATUS_H
#define DOORBELL_FCGI_APP_HTTP_STATUS_H

#include "common/bytes/err.h"

struct status {
    int http;
    const char *code;
    const char *message;
};

/* Never NULL. */
const struct status *status_of(enum err e);

/* The reason phrase of a status that doorbell-app sends; never NULL. */
const char *status_reason(int http);

#endif
