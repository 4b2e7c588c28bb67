/* SPDX-License-Identifier: MIT */
/* route.h - finds the row for a method and path in a table of routes. Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_ROUTE_H
#define DOORBELL_FCGI_APP_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/admission/shares.h"
#include "fcgi-app/http/path.h"

struct endpoint;
struct request;
struct response;

enum method {
    METHOD_GET = 1,
    METHOD_POST = 2,
    METHOD_PUT = 4,
    METHOD_DELETE = 8,
};

/* Who may call: also what a service key must be for, so that no route can leave that open. */
enum access {
    ACCESS_PUBLIC,     /* anybody; a service key, when there is one, must be one for metrics */
    ACCESS_USER,       /* one user, proven by a token or by the web server */
    ACCESS_CAPABILITY, /* anybody who has the {id}'s capability; who that is does not matter */
    ACCESS_SEND,       /* from here on the site's back ends, by a service key for that */
    ACCESS_MANAGE,
    ACCESS_STATISTICS,
    ACCESS_METRICS,
};

enum { ROUTE_ARGS_MAX = 2, ROUTE_ALLOW_MAX = 48 };

struct route {
    enum method method;
    const char *path; /* "{id}" matches digits, any other "{name}" a segment that is not empty */
    enum access access;
    enum share_kind share;
    size_t body_max;
    enum err (*handler)(const struct endpoint *ep, const struct request *req, struct response *res);
    bool (*is_broadcast)(const struct request *req); /* once decoded; NULL: `share` says it */
};

struct route_match {
    const struct route *route;
    struct span args[ROUTE_ARGS_MAX]; /* what the {…} matched, in order; borrowed from the path */
    char allow[ROUTE_ALLOW_MAX];      /* with ERR_METHOD: the methods that the path has */
};

/* METHOD_GET for GET and HEAD; 0 for a method that no route has. */
unsigned route_method(struct span name);

/* "GET" for METHOD_GET. */
const char *route_method_name(enum method method);

/* ERR_NOT_FOUND if no row has the path, ERR_METHOD if none of those that have it has the method. */
MUST_USE enum err route_find(const struct route *routes, size_t count, unsigned method,
                             const struct path *path, struct route_match *out);

#endif
