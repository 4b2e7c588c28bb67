/* SPDX-License-Identifier: MIT */
/* http.h - HTTP/1.1 heads in, responses out (RFC 9112). Bodies by
 * Content-Length, or in chunks (chunked.h). Strict where leniency is what attacks are made of.
 * Pure. */
#ifndef DOORBELL_RELAY_HTTP_HTTP_H
#define DOORBELL_RELAY_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/text/ip.h"

enum { HTTP_LINE_MAX = 8192, HTTP_HEADERS_MAX = 64, HTTP_LINES_MAX = 1024 };

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };

struct http_header {
    struct span name;
    struct span value;
};

/* What waits for the answer to a parked request. */
struct http_waiter {
    void (*on_abandoned)(void *ctx); /* its connection is no more */
    void *ctx;
};

/* What says where a request ends. */
struct http_framing {
    bool has_length;
    bool has_transfer_encoding;
    bool is_chunked; /* and nothing else is said */
    bool expects_continue;
};

struct http_request {
    enum http_method method;
    struct span path;   /* still percent-encoded */
    struct span query;  /* after the '?' */
    struct span scheme; /* of the page's own origin; empty: not known, see realip.h */
    struct span host;   /* and its host */
    size_t header_count;
    size_t head_len; /* with the empty line that ends it */
    size_t content_length;
    struct http_framing framing;
    bool keeps_alive;
    bool is_http_1_0;
    struct ip peer;            /* set by the server that accepted it; see realip.h */
    struct http_conn *conn;    /* as well; only http_server.h knows what it is */
    struct http_waiter waiter; /* set by the handler that parks it */
    char *body; /* content_length bytes, set by who read them; decoding may change them */
    struct http_header headers[HTTP_HEADERS_MAX];
};

struct http_response {
    int status;
    const char *content_type;   /* static text */
    const char *why;            /* of a refusal, for the metrics: static text; NULL: not said */
    const char *headers;        /* whole header lines, or empty; borrowed until it is encoded */
    char lines[HTTP_LINES_MAX]; /* room for header lines that are no static text */
    struct buf body;
    bool is_head; /* only its length is written */
};

/* Decodes one request head; *out borrows from `in`. ERR_INCOMPLETE, ERR_MALFORMED: *out is of no
 * use. ERR_TOO_BIG (longer than `max`, a request line longer than HTTP_LINE_MAX, too many headers):
 * *out has what came before that, and is good for nothing but the refusal. */
MUST_USE enum err http_decode_head(struct span in, size_t max, struct http_request *out);

/* The status that refuses this request for its body alone: 411, 413, 417; 0 when it may come. */
int http_refuse_body(const struct http_request *req, size_t body_max, bool takes_chunks);

/* The value of the only header of that name, without blanks around it. ERR_NOT_FOUND: there is
 * none, ERR_INVALID: there is more than one. *out is then {NULL, 0}. */
MUST_USE enum err http_find_header(const struct http_request *req, struct span name,
                                   struct span *out);

/* The same where none is as good as two. */
struct span http_header(const struct http_request *req, struct span name);

/* Whether a comma-separated list, in one field of that name or several, has this token, letters of
 * any case: RFC 9110 5.3. */
bool http_list_has(const struct http_request *req, struct span name, struct span token);

/* The user's token in the cookies, as cookies_token() has it. */
struct span http_token(const struct http_request *req);

/* The key of "Authorization: Bearer key"; {NULL, 0} for any other. */
struct span http_bearer(const struct http_request *req);

/* Appends header lines to those of a response; none, if res->lines has no room for them all. */
__attribute__((format(printf, 2, 3))) void http_add_lines(struct http_response *res,
                                                          const char *format, ...);

/* Appends the whole response. */
MUST_USE enum err http_encode_response(struct buf *out, const struct http_response *res,
                                       bool keep_alive, int64_t unix_s);

#endif
