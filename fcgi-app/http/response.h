/* SPDX-License-Identifier: MIT */
/* response.h - the reply to one request, built in our own buffers. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_RESPONSE_H
#define DOORBELL_FCGI_APP_HTTP_RESPONSE_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/http/etag.h"
#include "fcgi-app/http/route.h"

enum {
    RESPONSE_MAX = 64 * 1024 * 1024,
    RESPONSE_PRINTF_MAX = 511,
    RESPONSE_FAULT_SIZE = 160,
    RESPONSE_HEAD_MAX = 1024
};

struct response {
    int http;
    const char *type; /* of the body; NULL for JSON */
    struct buf body;
    char etag[ETAG_SIZE];
    char allow[ROUTE_ALLOW_MAX];
    char fault[RESPONSE_FAULT_SIZE]; /* the sentence of a failure, or empty */
    bool has_fault_index;
    size_t fault_index; /* which item of a list in the body is at fault */
    int retry_after_s;  /* 0: no such header */
    int shared_s;       /* how long the web server may keep it; 0: not at all */
    bool has_rung;      /* the request wrote to the outbox: wake the publisher */
    bool reports_wrong; /* the page showed a wrong number */
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

/* The failure is that of one item of a list in the body. */
void response_blame(struct response *res, size_t index);

/* Replaces the reply by an error. `message` may be NULL. */
void response_set_error(struct response *res, enum err e, const char *message);

/* Appends the headers, as CGI wants them (RFC 3875 6.2), and the empty line. */
MUST_USE enum err response_encode_head(const struct response *res, struct buf *out);

/* What follows them: nothing for HEAD and 304. Borrowed. */
struct span response_body(const struct response *res, bool is_head);

#endif
