/* SPDX-License-Identifier: MIT */
/* request.h - one request, from what the web server passes on. Its memory is the arena's. */
#ifndef DOORBELL_FCGI_APP_HTTP_REQUEST_H
#define DOORBELL_FCGI_APP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/arena.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/http/auth.h"
#include "fcgi-app/http/body.h"
#include "fcgi-app/http/query.h"
#include "fcgi-app/http/route.h"

struct FCGX_Stream;

struct request {
    struct arena *arena; /* these three are there from the start */
    struct body *body;
    int64_t now;               /* unix seconds */
    const struct route *route; /* NULL until it is found */
    unsigned method;
    bool is_head;
    struct path path;
    struct query query;
    struct credentials credentials;
    struct span content_type, content_length;
    struct span if_none_match;
    struct span args[ROUTE_ARGS_MAX]; /* of the path */
    struct identity who;              /* of a user's request */
    bool is_service;                  /* the send key came with it */
};

/* Reads the parameters of `env`. Failures are those of path_decode_uri() and query_decode(). */
MUST_USE enum err request_init(struct request *req, char **env, struct span prefix);

/* Reads the body to its end, and decodes it into req->body. ERR_TOO_BIG before anything of it is
 * read, if its length is known. */
MUST_USE enum err request_read_body(struct request *req, struct FCGX_Stream *in, size_t max);

/* The number of a {id} of the path. ERR_NOT_FOUND if there can be no such thing. */
MUST_USE enum err request_id(const struct request *req, int64_t *id);

/* What stands for the {…} number `i` of the path, NUL-terminated. ERR_NOT_FOUND if it cannot be a
 * name: there is no such thing then. */
MUST_USE enum err request_name(const struct request *req, size_t i, const char **out);

/* A parameter of the query as a NUL-terminated text, NULL if it is absent or empty. */
MUST_USE enum err request_query(const struct request *req, const char *name, const char **out);

/* A field of the body as a NUL-terminated text, NULL if it is absent. */
MUST_USE enum err request_text(const struct request *req, const char *name, size_t max,
                               enum body_text_kind kind, const char **out);

#endif
