/* SPDX-License-Identifier: MIT */
#include "fcgi-app/server/dispatch.h"

#include <string.h>

#include "fcgi-app/endpoints/routes.h"

enum { EMPTY_BODY_MAX = 1024 };

static enum err authenticate(const struct endpoint *ep, struct request *req, struct response *res)
{
    enum access access = req->route->access;
    enum err e;

    if (access == ACCESS_USER)
        return auth_user(&ep->config->auth, ep->secrets, &req->credentials, req->now, &req->who);
    if (access == ACCESS_PUBLIC && !auth_has_bearer(&req->credentials))
        return ERR_NONE;
    e = auth_service(ep->secrets, &req->credentials, access, &req->key);
    return e == ERR_FORBIDDEN ? endpoint_refuse_key(req, res, auth_purposes(access)) : e;
}

/* Many HTTP clients send a body with every write, if only `{}` or an empty form. It may come also
 * where there are no fields; a field in it is then unknown, as everywhere. */
static enum err read_body(struct request *req, struct exchange *x)
{
    size_t max = req->route->body_max, expected, len;
    bool has_fields = max > 0;
    char *bytes;
    enum err e;

    if (!has_fields && req->route->method != METHOD_GET)
        max = EMPTY_BODY_MAX;
    e = request_expect_body(req, max, &expected);
    if (e)
        return e;
    bytes = arena_alloc(req->arena, expected + 1);
    if (!bytes)
        return ERR_NO_MEMORY;
    e = exchange_read(x, bytes, expected + 1, &len);
    if (!e)
        e = request_take_body(req, bytes, len, expected);
    return e || has_fields ? e : body_only(req->body, NULL, 0);
}

static enum err find_request_route(struct request *req, struct response *res)
{
    struct route_match match;
    size_t count;
    const struct route *routes = routes_all(&count);
    enum err e = route_find(routes, count, req->method, &req->path, &match);

    if (e == ERR_METHOD)
        memcpy(res->allow, match.allow, sizeof(res->allow));
    if (e)
        return e;
    req->route = match.route;
    memcpy(req->args, match.args, sizeof(req->args));
    return ERR_NONE;
}

enum err dispatch_request(const struct endpoint *ep, struct exchange *x, struct request *req,
                          struct response *res)
{
    enum err e = request_init(req, exchange_params(x), span_of(ep->config->app.prefix));

    if (!e)
        e = find_request_route(req, res);
    if (!e)
        e = authenticate(ep, req, res);
    if (!e)
        e = read_body(req, x);
    return e ? e : req->route->handler(ep, req, res);
}

enum err dispatch_refuse(struct response *res)
{
    return response_fail(res, ERR_MALFORMED,
                         "the request has more than %d headers and parameters or more than %d KiB "
                         "of them",
                         FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX / 1024);
}
