/* SPDX-License-Identifier: MIT */
#include "fcgi-app/server/worker.h"

#include <string.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/endpoints/endpoints.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/server/pool.h"
#include "fcgi-app/server/publisher.h"
#include "fcgi-app/shared/metrics.h"

enum {
    EMPTY_BODY_MAX = 1024,
    SMALL_BODY_MAX = 64 * 1024,
    SEND_BODY_MAX = 8 * 1024 * 1024,
    ARENA_MAX = 2 * SEND_BODY_MAX,
};

static const struct route routes[] = {
    /* method       path                      access          body max        handler */
    {METHOD_POST, "/messages", ACCESS_SERVICE, SEND_BODY_MAX, send_message},
    {METHOD_GET, "/unread", ACCESS_USER, 0, check_unread},
    {METHOD_GET, "/messages", ACCESS_USER, 0, list_messages},
    {METHOD_POST, "/messages/read", ACCESS_USER, SMALL_BODY_MAX, mark_many_read},
    {METHOD_POST, "/messages/unread", ACCESS_USER, SMALL_BODY_MAX, mark_many_unread},
    {METHOD_GET, "/messages/{id}", ACCESS_USER, 0, show_message},
    {METHOD_DELETE, "/messages/{id}", ACCESS_USER, 0, remove_message},
    {METHOD_POST, "/messages/{id}/read", ACCESS_USER, 0, mark_message_read},
    {METHOD_POST, "/messages/{id}/unread", ACCESS_USER, 0, mark_message_unread},
    {METHOD_POST, "/messages/{id}/archive", ACCESS_USER, 0, archive_message},
    {METHOD_POST, "/messages/{id}/ack", ACCESS_USER, 0, acknowledge_message},
    {METHOD_POST, "/seen", ACCESS_USER, SMALL_BODY_MAX, mark_seen},
    {METHOD_GET, "/preferences", ACCESS_USER, 0, show_preferences},
    {METHOD_PUT, "/preferences", ACCESS_USER, SMALL_BODY_MAX, change_preferences},
    {METHOD_GET, "/sent/{id}", ACCESS_SERVICE, 0, show_sent},
    {METHOD_DELETE, "/sent/{id}", ACCESS_SERVICE, 0, recall_sent},
    {METHOD_GET, "/groups/{group}/members", ACCESS_SERVICE, 0, list_members},
    {METHOD_POST, "/groups/{group}/members", ACCESS_SERVICE, SEND_BODY_MAX, change_members},
    {METHOD_PUT, "/groups/{group}/members/{user}", ACCESS_SERVICE, 0, add_member},
    {METHOD_DELETE, "/groups/{group}/members/{user}", ACCESS_SERVICE, 0, remove_member},
    {METHOD_GET, "/categories", ACCESS_SERVICE, 0, list_categories},
    {METHOD_PUT, "/categories/{name}", ACCESS_SERVICE, SMALL_BODY_MAX, change_category},
    {METHOD_DELETE, "/categories/{name}", ACCESS_SERVICE, 0, remove_category},
    {METHOD_GET, "/users/{user}", ACCESS_SERVICE, 0, export_user},
    {METHOD_DELETE, "/users/{user}", ACCESS_SERVICE, 0, erase_user},
    {METHOD_POST, "/tokens", ACCESS_SERVICE, SMALL_BODY_MAX, make_token},
    {METHOD_GET, "/health", ACCESS_PUBLIC, 0, show_health},
    {METHOD_GET, "/metrics", ACCESS_SERVICE, 0, show_metrics},
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

enum err worker_new_metrics(size_t count, struct metrics **out)
{
    return metrics_new(count, routes, ROUTES, out);
}

enum err worker_init(struct worker *w, size_t number, struct snapshot *snapshot,
                     struct publisher *publisher, struct metrics *metrics)
{
    *w = (struct worker){.publisher = publisher, .metrics = metrics, .number = number};
    w->snapshot = snapshot_ref(snapshot);
    arena_init(&w->arena, ARENA_MAX);
    response_init(&w->response);
    exchange_init(&w->exchange);
    return store_init(&w->store, &snapshot->config->database);
}

void worker_deinit(struct worker *w)
{
    snapshot_offer(&w->inbox, NULL);
    snapshot_unref(w->snapshot);
    arena_deinit(&w->arena);
    response_deinit(&w->response);
    exchange_deinit(&w->exchange);
    store_deinit(&w->store);
}

static enum err authenticate(const struct worker *w, enum access access, struct request *req)
{
    const struct secrets *keys = &w->snapshot->secrets;

    if (access == ACCESS_USER)
        return auth_user(&w->snapshot->config->auth, keys, &req->credentials, req->now, &req->who);
    if (access == ACCESS_PUBLIC && !auth_has_bearer(&req->credentials))
        return ERR_NONE;
    req->is_service = true;
    return auth_service(keys, &req->credentials);
}

/* Many HTTP clients send a body with every write, were it `{}` or an empty form. Where there are no
 * fields it may come, and a field in it is unknown as everywhere. */
static enum err read_body(struct request *req, struct FCGX_Stream *in)
{
    size_t max = req->route->body_max;
    enum err e;

    if (max == 0 && req->route->method != METHOD_GET)
        e = request_read_body(req, in, EMPTY_BODY_MAX);
    else
        e = request_read_body(req, in, max);
    return e || max > 0 ? e : body_only(req->body, NULL, 0);
}

/* All that is decided before an endpoint is asked. */
static enum err dispatch(struct worker *w, struct request *req, struct response *res)
{
    struct route_match match;
    struct span prefix = span_of(w->snapshot->config->app.prefix);
    enum err e = request_init(req, w->exchange.fcgi.envp, prefix);

    if (e)
        return e;
    e = route_find(routes, ROUTES, req->method, &req->path, &match);
    if (e == ERR_METHOD)
        memcpy(res->allow, match.allow, sizeof(res->allow));
    if (e)
        return e;
    req->route = match.route;
    memcpy(req->args, match.args, sizeof(req->args));
    e = authenticate(w, match.route->access, req);
    if (!e)
        e = read_body(req, w->exchange.fcgi.in);
    return e ? e : match.route->handler(w, req, res);
}

static enum err refuse_params(struct response *res)
{
    return response_fail(res, ERR_MALFORMED,
                         "the request has more than %d headers and parameters "
                         "or more than %d KiB of them",
                         FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX / 1024);
}

/* Whoever noticed the failure may have said something about it. */
static void set_error(struct worker *w, struct response *res, const struct body *body, enum err e)
{
    char fault[RESPONSE_FAULT_SIZE];
    const char *message = store_fault(&w->store);

    memcpy(fault, res->fault, sizeof(fault));
    if (body->fault[0])
        message = body->fault;
    if (fault[0])
        message = fault;
    response_set_error(res, e, message);
}

/* Answers one request. `e` is ERR_TOO_BIG if its parameters are not there. */
static void answer(struct worker *w, enum err e)
{
    struct response *res = &w->response;
    struct body body = {.root = NULL};
    struct request req = {.arena = &w->arena, .body = &body, .now = clock_unix()};
    int64_t began_us = clock_us();

    snapshot_update(&w->inbox, &w->snapshot);
    response_reset(res);
    e = e ? refuse_params(res) : dispatch(w, &req, res);
    if (e)
        set_error(w, res, &body, e);
    /* Not all at once, when the database is back */
    if (res->http == 503)
        res->retry_after_s = 1 + (int)(clock_chance() % 3);
    if (res->has_rung)
        publisher_wake(w->publisher);
    response_write(res, req.is_head, w->exchange.fcgi.out);
    /* What the peer has got whole has been counted: that ends only after this. */
    metrics_count_request(w->metrics, w->number, req.route, res->http, clock_us() - began_us);
    metrics_set_connected(w->metrics, w->number, store_is_connected(&w->store));
    body_deinit(&body);
    store_forget(&w->store);
    arena_reset(&w->arena);
}

static void serve(struct worker *w, struct pool_cursor *cursor, int fd)
{
    enum err e = exchange_open(&w->exchange, fd);

    if (!e || e == ERR_TOO_BIG)
        answer(w, e);
    switch (exchange_close(&w->exchange)) {
    case EXCHANGE_KEEP:
        pool_park(w->pool, cursor, fd);
        break;
    case EXCHANGE_CLOSE:
        pool_close(w->pool, fd);
        break;
    case EXCHANGE_LINGER:
        pool_linger(w->pool, cursor, fd);
        break;
    case EXCHANGE_GONE:
        pool_forget(w->pool);
        break;
    }
}

void worker_run(struct worker *w, struct pool *pool)
{
    struct pool_cursor cursor = {.stops_seen = 0};
    int fd;

    w->pool = pool;
    while (pool_next(pool, &cursor, &fd))
        serve(w, &cursor, fd);
}
