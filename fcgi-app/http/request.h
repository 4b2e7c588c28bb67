/* SPDX-License-Identifier: MIT */
/* request.h - one request, from what the web server passes on. Its memory is the arena's. Pure. */
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

struct request {
    struct arena *arena; /* these three are there from the start */
    struct body *body;
    int64_t now_us;            /* unix microseconds */
    const struct route *route; /* NULL until it is found */
    unsigned method;
    bool is_head;
    bool is_repeated; /* the web server has sent it to another doorbell-app before, in vain */
    struct path path;
    struct query query;
    struct credentials credentials;
    struct span content_type, content_length;
    struct span if_none_match, accept_language;
    struct span args[ROUTE_ARGS_MAX]; /* of the path */
    struct identity who;              /* of a user's request */
    int64_t epoch;                    /* that its capability is for */
    const struct service_key *key;    /* that came with it, or NULL; borrowed from the secrets */
};

/* Reads the parameters of `env`; `proxies` are trusted to tell what came before them. Failures are
 * those of path_decode_uri() and query_decode(). */
MUST_USE enum err request_init(struct request *req, char **env, struct span prefix,
                               const struct config_list *proxies);

/* How long the body is, or at most may be. ERR_TOO_BIG if it is known to be longer than `max`,
 * ERR_MALFORMED if its length is no number. */
MUST_USE enum err request_expect_body(const struct request *req, size_t max, size_t *len);

/* Whether the body has the length that it was going to have: `len` bytes of it have come, up to one
 * more than `expected`. ERR_MALFORMED, ERR_TOO_BIG. */
MUST_USE enum err request_check_body(const struct request *req, size_t len, size_t expected);

/* The number of a {id} of the path. ERR_NOT_FOUND if there can be no such thing. */
MUST_USE enum err request_id(const struct request *req, int64_t *id);

/* What the {…} number `i` of the path matched, NUL-terminated. ERR_NOT_FOUND if it cannot be a
 * name: there is no such thing then. */
MUST_USE enum err request_name(const struct request *req, size_t i, const char **out);

/* A parameter of the query as a NUL-terminated text, NULL if it is absent or empty. */
MUST_USE enum err request_query(const struct request *req, const char *name, const char **out);

/* A field of the body as a NUL-terminated text, NULL if it is absent. */
MUST_USE enum err request_text(const struct request *req, const char *name, size_t max,
                               enum body_text_kind kind, const char **out);

/* The same of a field that null or nothing takes away: "" then. */
MUST_USE enum err request_text_or_none(const struct request *req, const char *name, size_t max,
                                       enum body_text_kind kind, const char **out);

/* An object of the body as NUL-terminated JSON of at most `max` bytes, NULL if it is absent. */
MUST_USE enum err request_object(const struct request *req, const char *name, size_t max,
                                 const char **out);

#endif
