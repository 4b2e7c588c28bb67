/* SPDX-License-Identifier: MIT */
#include "relay/server/server.h"

#include <ev.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/os/listen.h"
#include "common/os/log.h"
#include "relay/engine/clients.h"
#include "relay/engine/engine.h"
#include "relay/engine/sender.h"
#include "relay/engine/sweep.h"
#include "relay/server/listener.h"
#include "relay/socketio/session.h"
#include "relay/transport/http_server.h"

enum {
    HANDSHAKES_MAX = 2048,
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 60000,
    KERNEL_BUFFER = 16 * 1024, /* for what a session does not read; in the kernel */
};

struct server {
    struct engine engine; /* stands first: the parts that see only this call back with it */
    struct ev_loop *loop;
    struct http_server *clients;
    struct http_server *publishers;
    struct address listen; /* as at the start: a reload does not move them */
    struct address publish_listen;
    ev_timer tick;
    ev_timer walker;
    ev_prepare after_turn;
};

/* --- events of the loop --- */

static void walk_after(struct engine *engine, int64_t ms)
{
    struct server *server = (struct server *)engine;

    ev_timer_stop(server->loop, &server->walker);
    if (ms < 0)
        return;
    ev_timer_set(&server->walker, (double)ms / 1e3, 0.);
    ev_timer_start(server->loop, &server->walker);
}

static void on_walker(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;

    (void)loop;
    (void)events;
    engine_now(&server->engine);
    sender_walk(&server->engine);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    struct engine *engine = &server->engine;

    (void)events;
    engine_tick(engine, SWEEP_TICK_MS);
    if (sweep_tick(engine)) {
        http_server_sweep(server->clients);
        http_server_sweep(server->publishers);
        websocket_tick(engine->websockets);
    }
    if (engine->drain_ends_ms && engine->api.now.ms >= engine->drain_ends_ms)
        ev_break(loop, EVBREAK_ALL);
}

static void on_after_turn(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    struct server *server = prepare->data;
    struct engine *engine = &server->engine;

    (void)events;
    engine->rung_in_turn = 0;
    sweep_close_listed(engine);
    if (engine->drain_ends_ms && hub_sessions(engine->hub) == 0 && !hub_first_closing(engine->hub))
        ev_break(loop, EVBREAK_ALL);
}

/* --- the publish port --- */

static enum http_action on_publish_request(void *ctx, struct http_request *req,
                                           struct http_response *res)
{
    struct engine *engine = ctx;
    bool had_seen_zero = engine->api.has_seen_zero;

    engine_now(engine);
    api_handle(&engine->api, req, res);
    if (engine->api.has_seen_zero && !had_seen_zero)
        log_warn("a publish call with to=0 rings everybody, as under web-msg-sender");
    return HTTP_REPLY;
}

/* --- life --- */

static bool is_local_listener(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);

    if (getsockname(fd, (struct sockaddr *)&a, &len))
        return false;
    if (a.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&a)->sin_addr.s_addr) >> 24 == 127;
    if (a.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&a)->sin6_addr);
    return a.ss_family == AF_UNIX;
}

static struct http_limits client_limits(const struct config *config)
{
    return (struct http_limits){(size_t)config->relay.socketio_max_payload, HANDSHAKES_MAX,
                                REQUEST_TIMEOUT_MS, IDLE_TIMEOUT_MS};
}

static struct http_limits publish_limits(const struct config *config)
{
    return (struct http_limits){(size_t)config->relay.max_publish_body,
                                (size_t)config->relay.max_publishers, REQUEST_TIMEOUT_MS,
                                IDLE_TIMEOUT_MS};
}

static enum err listen_for_clients(struct server *server)
{
    struct engine *engine = &server->engine;
    struct http_handler handler = {
        .on_request = listener_on_request,
        .on_handover = listener_on_handover,
        .body_max = listener_body_max,
        .on_abandoned = listener_on_abandoned,
        .ctx = engine,
    };
    struct http_limits limits = client_limits(engine->config);
    int size = KERNEL_BUFFER;
    enum err e;
    int fd;

    server->listen = engine->config->relay.listen;
    e = listen_open(&server->listen, engine->config->relay.listen_mode,
                    engine->config->relay.listen_group, &fd);
    if (e)
        return e;
    /* Its connections inherit this. The kernel's own idea of it is megabytes for who does not read.
     */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    server->clients = http_server_new(server->loop, fd, &handler, &limits, &engine->metrics);
    return server->clients ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err listen_for_publishers(struct server *server)
{
    struct engine *engine = &server->engine;
    struct http_handler handler = {.on_request = on_publish_request, .ctx = engine};
    struct http_limits limits = publish_limits(engine->config);
    enum err e;
    int fd;

    server->publish_listen = engine->config->relay.publish_listen;
    e = listen_open(&server->publish_listen, engine->config->relay.listen_mode,
                    engine->config->relay.listen_group, &fd);
    if (e)
        return e;
    engine->api.is_local = is_local_listener(fd);
    if (engine->config->relay.legacy_publish && !engine->api.is_local)
        log_warn("legacy_publish: the key is still needed, the publish listener is not local");
    server->publishers = http_server_new(server->loop, fd, &handler, &limits, &engine->metrics);
    return server->publishers ? ERR_NONE : ERR_NO_MEMORY;
}

static void start_timers(struct server *server)
{
    ev_timer_init(&server->tick, on_tick, SWEEP_TICK_MS / 1e3, SWEEP_TICK_MS / 1e3);
    ev_timer_init(&server->walker, on_walker, 0., 0.);
    ev_prepare_init(&server->after_turn, on_after_turn);
    server->tick.data = server->walker.data = server->after_turn.data = server;
    ev_timer_start(server->loop, &server->tick);
    ev_prepare_start(server->loop, &server->after_turn);
}

static enum err set_up(struct server *server)
{
    struct engine *engine = &server->engine;
    enum err e;

    if ((e = engine_init(engine)))
        return e;
    engine->api.ops = &sender_api_ops;
    engine->api.ctx = engine;
    engine->walk_after = walk_after;
    engine->websockets = websocket_new(server->loop, &clients_events, engine);
    if (!engine->websockets)
        return ERR_UNAVAILABLE;
    engine->pages = pages_new(engine);
    if (!engine->pages)
        return ERR_NO_MEMORY;
    engine->sse = sse_new(server->loop, &clients_events, engine);
    if (!engine->sse)
        return ERR_NO_MEMORY;
    start_timers(server);
    if ((e = listen_for_clients(server)))
        return e;
    return listen_for_publishers(server);
}

enum err server_new(struct ev_loop *loop, const struct config *config,
                    const struct secrets *secrets, struct server **out)
{
    struct server *server = calloc(1, sizeof(*server));
    enum err e;

    if (!server)
        return ERR_NO_MEMORY;
    server->loop = loop;
    engine_configure(&server->engine, config, secrets);
    e = set_up(server);
    if (e)
        server_free(server);
    else
        *out = server;
    return e;
}

static void stop_accepting(struct server *server)
{
    if (!server->clients || server->engine.drain_ends_ms)
        return;
    http_server_stop_accepting(server->clients);
    listen_unlink(&server->listen);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    stop_accepting(server);
    /* Their sessions go with them, by on_gone(). */
    websocket_free(server->engine.websockets);
    sse_free(server->engine.sse);
    pages_free(server->engine.pages);
    http_server_free(server->clients);
    if (server->publishers) {
        http_server_free(server->publishers);
        listen_unlink(&server->publish_listen);
    }
    ev_timer_stop(server->loop, &server->tick);
    ev_timer_stop(server->loop, &server->walker);
    ev_prepare_stop(server->loop, &server->after_turn);
    engine_deinit(&server->engine);
    free(server);
}

void server_reconfigure(struct server *server, const struct config *config,
                        const struct secrets *secrets)
{
    struct http_limits limits = publish_limits(config);

    engine_configure(&server->engine, config, secrets);
    http_server_set_limits(server->publishers, &limits);
    limits = client_limits(config);
    http_server_set_limits(server->clients, &limits);
}

void server_drain(struct server *server)
{
    struct engine *engine = &server->engine;
    size_t count = hub_sessions(engine->hub);
    struct session *s = hub_first(engine->hub), *next;

    engine_now(engine);
    stop_accepting(server);
    engine->api.is_draining = true;
    engine->drain_ends_ms =
        engine->api.now.ms + engine->config->relay.drain_window_ms + SWEEP_CLOSING_MS;
    for (size_t i = 0; i < count; i++, s = next) {
        next = s->next;
        if (s->state == SESSION_NEW && !s->page)
            engine_close(engine, s, CLOSE_RESTART, "restarting");
        else
            sender_send_close_notice(engine, s);
    }
}
