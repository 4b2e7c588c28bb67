/* SPDX-License-Identifier: MIT */
/* response.h - one answer: built in our own buffers, then written in one go. */
#ifndef DOORBELL_FCGI_APP_HTTP_RESPONSE_H
#define DOORBELL_FCGI_APP_HTTP_RESPONSE_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/http/etag.h"
#include "fcgi-app/http/route.h"

struct FCGX_Stream;

enum { RESPONSE_MAX = 64 * 1024 * 1024, RESPONSE_PRINTF_MAX = 511, RESPONSE_FAULT_SIZE = 160 };

struct response {
    int http;
    const char *type; /* of the body; NULL for JSON */
    struct buf body;
    char etag[ETAG_SIZE];
    char allow[ROUTE_ALLOW_MAX];
    char fault[RESPONSE_FAULT_SIZE]; /* the sentence of a failure, or empty */
    int retry_after_s;               /* 0: no such header */
    bool has_rung; /* the request wrote to the outbox: the publisher is to be woken */
};

void response_init(struct response *res);
void response_deinit(struct response *res);

/* Makes *res ready for the next request. */
void response_reset(struct response *res);

/* Append to the reply; response_printf() at most RESPONSE_PRINTF_MAX bytes. */
MUST_USE enum err response_json(struct response *res, struct span json);
MUST_USE enum err response_printf(struct response *res, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Keeps a sentence for the caller and returns `e`. */
MUST_USE enum err response_fail(struct response *res, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Replaces the reply by an error. `message` may be NULL. */
void response_set_error(struct response *res, enum err e, const char *message);

/* The body is left out for HEAD; a failed write shows when the request is finished. */
void response_write(const struct response *res, bool is_head, struct FCGX_Stream *out);

#endif
