/* SPDX-License-Identifier: MIT */
#include "fcgi-app/jobs/dispatch.h"

#include <string.h>

#include "common/limits/clock_watch.h"
#include "common/limits/interval.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/endpoints/routes.h"
#include "fcgi-app/http/capability.h"
#include "fcgi-app/http/fcgi_parser.h"

enum { EMPTY_BODY_MAX = 1024 };

/* Before it is queued, so that to guess costs the database nothing. */
static enum err check_capability(const struct secrets *secrets, struct request *req,
                                 struct response *res)
{
    struct span text;
    int64_t id;

    if (request_id(req, &id) || query_get(&req->query, "c", &text) ||
        !capability_check(&secrets->service, id, text, &req->epoch))
        return endpoint_deny_broadcast(res);
    return ERR_NONE;
}

static enum err authenticate(const struct snapshot *snapshot, struct request *req,
                             struct response *res)
{
    static const char too_long[] = "the token expires further away than token_ttl_max: sign it "
                                   "for a shorter time, or raise the setting";
    enum access access = req->route->access;
    enum err e;

    if (access == ACCESS_USER) {
        e = auth_user(&snapshot->config->auth, &snapshot->secrets, &req->credentials,
                      req->now_us / 1000000, &req->who);
        return e == ERR_INVALID ? response_fail(res, ERR_UNAUTHORIZED, "%s", too_long) : e;
    }
    if (access == ACCESS_CAPABILITY)
        return check_capability(&snapshot->secrets, req, res);
    if (access == ACCESS_PUBLIC && !auth_has_bearer(&req->credentials))
        return ERR_NONE;
    e = auth_service(&snapshot->secrets, &req->credentials, access, &req->key);
    return e == ERR_FORBIDDEN ? endpoint_refuse_key(req, res, auth_purposes(access)) : e;
}

/* An expired token is nothing unusual, many may be the fault of a clock. */
static void tell_untimely(struct jobs *jobs)
{
    if (interval_take(&jobs->next_line_ms, clock_ms(), LOG_QUIET_MS))
        log_info(CLOCK_WATCH_TOKEN_LINE);
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

/* The other one may have done all of it but the reply, and a body has been used up. */
static enum err refuse_repetition(const struct request *req, struct response *res)
{
    if (!req->is_repeated || req->method == METHOD_GET)
        return ERR_NONE;
    return response_fail(res, ERR_UNAVAILABLE,
                         "another doorbell-app ended while it had this request, and may have done "
                         "it: look, or repeat the call with its key");
}

/* Many HTTP clients send a body with every write, if only `{}` or an empty form. It may come also
 * where there are no fields; a field in it is then unknown, as everywhere. */
static size_t body_max(const struct route *route)
{
    return route->body_max == 0 && route->method != METHOD_GET ? EMPTY_BODY_MAX : route->body_max;
}

enum err dispatch_params(struct jobs *jobs, struct job *job)
{
    const struct config *config = job->snapshot->config;
    struct request *req = &job->request;
    size_t expected = 0;
    enum err e;

    req->now_us = clock_unix_us();
    e = request_init(req, exchange_params(&job->exchange), span_of(config->app.prefix),
                     &config->relay.trusted_proxies);
    if (!e)
        e = refuse_repetition(req, &job->response);
    if (!e)
        e = find_request_route(req, &job->response);
    if (!e)
        e = authenticate(job->snapshot, req, &job->response);
    if (e == ERR_UNTIMELY)
        tell_untimely(jobs);
    if (!e)
        e = request_expect_body(req, body_max(req->route), &expected);
    return e ? e : jobs_make_room(jobs, job, expected);
}

enum err dispatch_body(struct job *job, uint64_t body_len)
{
    size_t most = job->body_expected + 1; /* which is one too many */
    size_t len = body_len < most ? (size_t)body_len : most;
    size_t more = len - job->body_len;
    enum err e = exchange_read(&job->exchange, job->body_bytes + job->body_len, more);

    job->body_len = len;
    if (e || len < most)
        return e;
    return request_check_body(&job->request, len, job->body_expected);
}

enum share_kind dispatch_share(const struct job *job)
{
    const struct request *req = &job->request;

    return req->route->access == ACCESS_PUBLIC && req->key ? SHARE_SERVICE : req->route->share;
}

enum err dispatch_decode(struct job *job)
{
    struct request *req = &job->request;
    enum err e;

    if (job->is_decoded)
        return ERR_NONE;
    job->is_decoded = true;
    e = request_check_body(req, job->body_len, job->body_expected);
    if (!e)
        e = body_decode(req->body, req->content_type, job->body_bytes, job->body_len);
    return e || req->route->body_max > 0 ? e : body_only(req->body, NULL, 0);
}

enum err dispatch_refuse(struct job *job)
{
    return response_fail(&job->response, ERR_MALFORMED,
                         "the request has more than %d headers and parameters or more than %d KiB "
                         "of them",
                         FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX / 1024);
}
