/* SPDX-License-Identifier: MIT */
#include "fcgi-app/server/worker.h"

#include <string.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/endpoints/routes.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/server/dispatch.h"
#include "fcgi-app/server/pool.h"
#include "fcgi-app/server/publisher.h"
#include "fcgi-app/shared/metrics.h"

enum {
    ARENA_MAX = 2 * ROUTES_BODY_MAX,
};

enum err worker_new_metrics(size_t count, struct metrics **out)
{
    size_t routes_count;
    const struct route *routes = routes_all(&routes_count);

    return metrics_new(count, routes, routes_count, out);
}

enum err worker_init(struct worker *w, size_t number, struct snapshot *snapshot,
                     struct publisher *publisher, struct metrics *metrics)
{
    *w = (struct worker){.publisher = publisher, .metrics = metrics, .number = number};
    w->snapshot = snapshot_ref(snapshot);
    arena_init(&w->arena, ARENA_MAX);
    response_init(&w->response);
    buf_init(&w->head, RESPONSE_HEAD_MAX);
    exchange_init(&w->exchange);
    return store_init(&w->store, &snapshot->config->database);
}

void worker_deinit(struct worker *w)
{
    snapshot_offer(&w->inbox, NULL);
    snapshot_unref(w->snapshot);
    arena_deinit(&w->arena);
    response_deinit(&w->response);
    buf_deinit(&w->head);
    exchange_deinit(&w->exchange);
    store_deinit(&w->store);
}

/* The most specific sentence wins: the endpoint's, then the body's, then the database's. */
static void set_response_error(struct worker *w, struct response *res, const struct body *body,
                               enum err e)
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

static void write_response(struct worker *w, const struct response *res, bool is_head)
{
    enum err e;

    buf_reset(&w->head);
    e = response_encode_head(res, &w->head);
    if (!INVARIANT(e != ERR_TOO_BIG) || e)
        return; /* the web server makes a 502 of it */
    exchange_write(&w->exchange, buf_span(&w->head));
    exchange_write(&w->exchange, response_body(res, is_head));
}

/* Answers one request. `e` is ERR_TOO_BIG if its parameters are not there. */
static void answer_request(struct worker *w, enum err e)
{
    struct response *res = &w->response;
    struct body body = {.root = NULL};
    struct request req = {.arena = &w->arena, .body = &body, .now = clock_unix()};
    struct endpoint ep;
    int64_t began_us = clock_us();

    snapshot_update(&w->inbox, &w->snapshot);
    ep = (struct endpoint){&w->store, w->snapshot->config, &w->snapshot->secrets, w->metrics};
    response_reset(res);
    e = e ? dispatch_refuse(res) : dispatch_request(&ep, &w->exchange, &req, res);
    if (e)
        set_response_error(w, res, &body, e);
    /* Spread, so that not all come back in the same second */
    if (res->http == 503)
        res->retry_after_s = 1 + (int)(clock_chance() % 3);
    if (res->has_rung)
        publisher_wake(w->publisher);
    write_response(w, res, req.is_head);
    /* Before the exchange is closed, so that a client with the whole reply finds it counted. */
    metrics_count_request(w->metrics, w->number, req.route, res->http, clock_us() - began_us);
    metrics_set_connected(w->metrics, w->number, store_is_connected(&w->store));
    body_deinit(&body);
    store_forget(&w->store);
    arena_reset(&w->arena);
}

static void serve_connection(struct worker *w, struct pool_cursor *cursor, int fd)
{
    enum err e = exchange_open(&w->exchange, fd);

    if (!e || e == ERR_TOO_BIG)
        answer_request(w, e);
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
    }
}

void worker_run(struct worker *w, struct pool *pool)
{
    struct pool_cursor cursor = {.stops_seen = 0};
    int fd;

    w->pool = pool;
    while (pool_next(pool, &cursor, &fd))
        serve_connection(w, &cursor, fd);
}
