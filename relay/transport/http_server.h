/* SPDX-License-Identifier: MIT */
/* http_server.h - connections that speak HTTP, of either port, on the one loop: reads requests,
 * writes answers in their order, and lets nobody hold anything for long. What a request means is
 * its handler's. */
#ifndef DOORBELL_RELAY_TRANSPORT_HTTP_SERVER_H
#define DOORBELL_RELAY_TRANSPORT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/http/http.h"
#include "relay/metrics/metrics.h"

struct ev_loop;
struct http_server;

enum http_action {
    HTTP_REPLY, /* write the response */
    HTTP_TAKEN, /* the handler has taken the descriptor by http_server_take() */
    HTTP_PARK,  /* the answer comes later, by http_server_answer() for req->conn; the header lines
                   of res->headers are kept for it, req->waiter is told if it cannot come */
};

/* NULL: what a port never needs. */
struct http_handler {
    enum http_action (*on_request)(void *ctx, struct http_request *req, struct http_response *res);
    /* The longest body that this request may have, up to the limit's body_max; NULL: that. */
    size_t (*body_max)(void *ctx, const struct http_request *req);
    bool takes_chunks; /* as bodies; else only those with a length */
    /* Whether the head alone refuses the request, by what is then in *res; asked before anything
     * is read for its body, and again whenever more of that has come. NULL: none is. */
    bool (*refuses)(void *ctx, const struct http_request *req, struct http_response *res);
    /* A request is refused before on_request() has seen it, by res->status; adds header lines and a
     * body. Of a head that is too long only the begin is known; `req` is NULL if nothing is. NULL:
     * there is nothing to add. */
    void (*on_refusal)(void *ctx, struct http_request *req, struct http_response *res);
    void *ctx;
};

struct http_limits {
    size_t head_max;
    size_t body_max;
    size_t connections_max; /* not counting parked ones; at more, the one that was silent for
                               longest is closed; 0: no limit */
    int descriptors_max;    /* a connection whose descriptor is no lower is closed, and accepting
                               pauses; 0: no limit */
    int64_t request_timeout_ms;
    int64_t idle_timeout_ms; /* between two requests */
};

/* Takes `listen_fd`. NULL: out of memory. */
struct http_server *http_server_new(struct ev_loop *loop, int listen_fd,
                                    const struct http_handler *handler,
                                    const struct http_limits *limits, struct metrics *metrics);

/* Closes the listener and all connections; waiters are not told any more. */
void http_server_free(struct http_server *server);

/* Closes the listener; open connections are still served. */
void http_server_stop_accepting(struct http_server *server);

/* The descriptor of the connection whose request is being handled, which is the caller's from now
 * on and no connection of HTTP any more; negative: its client has sent more than the request. */
int http_server_take(struct http_conn *conn);

/* Answers a parked request; res->headers does not count. The connection is the server's again. */
void http_server_answer(struct http_conn *conn, struct http_response *res);

/* From now on these hold, for connections that are there as well: each goes on with what it has
 * read, a request that has become too long is refused. */
void http_server_set_limits(struct http_server *server, const struct http_limits *limits);

/* Once a second: closes connections that are too slow, and accepts again if that was paused. */
void http_server_sweep(struct http_server *server);

#endif
