/* SPDX-License-Identifier: MIT */
/* server.c - the loop's side of the relay: both listeners, the timers, and what the engine cannot
 * do itself. Each callback reads the clock into engine.now and calls the engine; after each turn
 * the engine writes what became due and says when it wants to go on with what it has begun. */
#define _GNU_SOURCE /* getrandom */
#include "relay/server/server.h"

#include <ev.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/limits/clock_watch.h"
#include "common/limits/interval.h"
#include "common/os/clock.h"
#include "common/os/listen.h"
#include "common/os/log.h"
#include "relay/engine/engine.h"
#include "relay/engine/ringer.h"
#include "relay/engine/sweep.h"
#include "relay/publish/api.h"
#include "relay/server/instant.h"
#include "relay/server/listener.h"
#include "relay/server/protocols.h"
#include "relay/server/site.h"

enum {
    HANDSHAKES_MAX = 2048,
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 60000,
    KERNEL_BUFFER = 16 * 1024, /* for what a session does not read; in the kernel */
};

/* Of what the log tells once in a while, however often it happens. */
struct notice {
    uint64_t told;
    int64_t next_line_ms;
};

struct server {
    struct engine engine;
    struct api api;
    struct listener listener;
    struct site *site; /* NULL: this relay is the only one */
    struct ev_loop *loop;
    struct http_server *clients;
    struct http_server *publishers;
    struct address listen; /* as at the start: a reload does not move them */
    struct address publish_listen;
    ev_timer tick;
    ev_timer walker;
    ev_prepare after_turn;
    int64_t tick_us; /* when the last tick came; 0: none has */
    struct clock_watch clock;
    struct notice untimely, hidden; /* tokens, and addresses */
};

/* --- what the engine asks for --- */

/* The log's lines about a session name its serial number; the first one says where it is from. */
static void log_session(const struct session *s, const char *what)
{
    struct span user = hub_user_id(s);
    char address[IP_TEXT_MAX];

    if (what) {
        log_debug("C-%" PRIu32 " user=%.*s: %s", s->origin.serial, SPAN_ARGS(user), what);
        return;
    }
    ip_format(&s->origin.peer, address);
    log_debug("C-%" PRIu32 " address=%s: arrived", s->origin.serial, address);
}

static enum err fill_random(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? ERR_NONE : ERR_UNAVAILABLE;
}

static const struct engine_ops engine_ops = {log_session, http_server_answer, fill_random,
                                             clock_us};

/* --- events of the loop --- */

static void on_piece(void *ctx, struct conn *c, const struct piece *piece)
{
    struct server *server = ctx;

    server->engine.now = instant_now();
    engine_on_piece(&server->engine, c, piece);
}

static void on_writable(void *ctx, struct conn *c)
{
    struct server *server = ctx;

    server->engine.now = instant_now();
    engine_on_writable(&server->engine, c);
}

static void on_gone(void *ctx, struct conn *c)
{
    struct server *server = ctx;

    server->engine.now = instant_now();
    engine_on_gone(&server->engine, c);
}

static const struct conn_events conn_events = {on_piece, on_writable, on_gone};

static void on_walker(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;

    (void)loop;
    (void)events;
    server->engine.now = instant_now();
    ringer_walk(&server->engine);
}

/* 0 where the kernel does not tell. */
static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    int64_t pages = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%*s %" SCNd64, &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void note_lag(struct server *server)
{
    struct engine *e = &server->engine;
    int64_t before_us = server->tick_us;

    server->tick_us = e->now.us;
    if (before_us)
        histogram_add(&e->metrics.lag, e->now.us - before_us - SWEEP_TICK_MS * 1000);
}

/* Whether there was more of it since the log told, which it then does. */
static bool is_news(const struct engine *e, struct notice *notice, enum counter what)
{
    uint64_t count = e->metrics.counters[what];

    if (count == notice->told || !interval_take(&notice->next_line_ms, e->now.ms, LOG_QUIET_MS))
        return false;
    notice->told = count;
    return true;
}

static void watch_clock(struct server *server)
{
    struct engine *e = &server->engine;
    int64_t step_s = clock_watch_step(&server->clock, e->now.s, e->now.ms);

    if (step_s) {
        metrics_count(&e->metrics, COUNT_CLOCK_STEPS, 1);
        log_warn(CLOCK_WATCH_STEP_LINE, step_s);
    }
    if (is_news(e, &server->untimely, COUNT_UNTIMELY_TOKENS))
        log_info(CLOCK_WATCH_TOKEN_LINE);
}

static void watch_addresses(struct server *server)
{
    if (is_news(&server->engine, &server->hidden, COUNT_HIDDEN_ADDRESSES))
        log_warn("clients come with an X-Forwarded-For that is not believed: if it is your web "
                 "server's, add its address to trusted_proxies, or all clients share one address");
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    struct engine *e = &server->engine;

    (void)loop;
    (void)events;
    e->now = instant_now();
    note_lag(server);
    watch_clock(server);
    watch_addresses(server);
    if (!sweep_tick(e))
        return;
    http_server_sweep(server->clients);
    http_server_sweep(server->publishers);
    websocket_tick(server->listener.websockets);
    e->metrics.resident_bytes = resident_bytes();
    e->metrics.lost_lines = log_lost();
}

static void set_walker(struct server *server)
{
    int64_t ms = ringer_wait_ms(&server->engine);

    if (ms < 0 || ev_is_active(&server->walker))
        return;
    ev_timer_set(&server->walker, (double)ms / 1e3, 0.);
    ev_timer_start(server->loop, &server->walker);
}

static void on_after_turn(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    struct server *server = prepare->data;

    (void)events;
    engine_turn(&server->engine);
    set_walker(server);
    if (engine_is_drained(&server->engine))
        ev_break(loop, EVBREAK_ALL);
}

/* --- the publish port --- */

static enum err ring_user(void *ctx, struct span user, const struct ring *ring, size_t *count)
{
    return ringer_ring_user(ctx, user, ring, count);
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    enum err e = ringer_ring_all(ctx, ring, count);

    if (e == ERR_NO_MEMORY)
        log_error("a broadcast is lost: out of memory");
    return e;
}

static void learn(void *ctx, const struct epoch_name *name, int64_t seq)
{
    if (ringer_learn(ctx, name, seq))
        log_warn("the database has another epoch: all pages are told to ask");
}

static const struct api_ops api_ops = {ring_user, ring_all, learn, http_server_answer};

static bool refuses_publish(void *ctx, const struct http_request *req, struct http_response *res)
{
    struct server *server = ctx;

    server->api.now = instant_now();
    return api_refuses(&server->api, req, res);
}

static void on_publish_refusal(void *ctx, struct http_request *req, struct http_response *res)
{
    (void)req;
    api_note_refusal(&((struct server *)ctx)->api, res);
}

static enum http_action on_publish_request(void *ctx, struct http_request *req,
                                           struct http_response *res)
{
    struct server *server = ctx;
    struct api *api = &server->api;
    bool had_seen_zero = api->has_seen_zero, is_parked;

    server->engine.now = api->now = instant_now();
    api->is_draining = server->engine.admission.drain_ends_ms != 0;
    is_parked = api_handle(api, req, res);
    if (api->has_seen_zero && !had_seen_zero)
        log_warn("a publish call with to=0 rings everybody, as under web-msg-sender");
    return is_parked ? HTTP_PARK : HTTP_REPLY;
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

/* How many descriptors may be in use when a client comes; 0: any number. */
static int descriptors_max(const struct config *config)
{
    int64_t reserved = config->relay.reserved_descriptors;
    struct rlimit limit;
    int64_t all;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX)
        return 0;
    all = (int64_t)limit.rlim_cur;
    return (int)(all - (reserved < all / 4 ? reserved : all / 4));
}

static void warn_of_few_descriptors(const struct config *config)
{
    int max = descriptors_max(config);

    if (max && config->relay.max_sessions > max)
        log_warn("max_sessions is %" PRId64
                 ", but there are only %d descriptors for clients: raise "
                 "LimitNOFILE= of the unit, or lower max_sessions",
                 config->relay.max_sessions, max);
}

static struct http_limits client_limits(const struct config *config)
{
    return (struct http_limits){.head_max = (size_t)config->relay.max_head,
                                .body_max = (size_t)config->relay.socketio_max_payload,
                                .connections_max = HANDSHAKES_MAX,
                                .descriptors_max = descriptors_max(config),
                                .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                .idle_timeout_ms = IDLE_TIMEOUT_MS};
}

static struct http_limits publish_limits(const struct config *config)
{
    return (struct http_limits){.head_max = (size_t)config->relay.max_head,
                                .body_max = (size_t)config->relay.max_publish_body,
                                .connections_max = (size_t)config->relay.max_publishers,
                                .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                .idle_timeout_ms = IDLE_TIMEOUT_MS};
}

static enum err listen_for_clients(struct server *server)
{
    struct http_handler handler = {.on_request = listener_on_request,
                                   .on_refusal = listener_on_refusal,
                                   .body_max = listener_body_max,
                                   .ctx = &server->listener};
    struct http_limits limits = client_limits(server->engine.config);
    int size = KERNEL_BUFFER;
    enum err e;
    int fd;

    server->listen = server->engine.config->relay.listen;
    e = listen_open(&server->listen, server->engine.config->relay.listen_mode,
                    server->engine.config->relay.listen_group, &fd);
    if (e)
        return e;
    /* Its connections inherit this. The kernel's default is megabytes for a peer that does not
     * read. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    warn_of_few_descriptors(server->engine.config);
    if (server->engine.config->relay.trusted_proxies.count == 0)
        log_warn("trusted_proxies is empty: behind a web server all clients share its address, and "
                 "the limits of one; name it there");
    server->clients = http_server_new(server->loop, fd, &handler, &limits, &server->engine.metrics);
    return server->clients ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err listen_for_publishers(struct server *server)
{
    struct http_handler handler = {.on_request = on_publish_request,
                                   .refuses = refuses_publish,
                                   .on_refusal = on_publish_refusal,
                                   .takes_chunks = true,
                                   .ctx = server};
    struct http_limits limits = publish_limits(server->engine.config);
    enum err e;
    int fd;

    server->publish_listen = server->engine.config->relay.publish_listen;
    e = listen_open(&server->publish_listen, server->engine.config->relay.listen_mode,
                    server->engine.config->relay.listen_group, &fd);
    if (e)
        return e;
    server->api.is_local = is_local_listener(fd);
    if (server->engine.config->relay.legacy_publish && !server->api.is_local)
        log_warn("legacy_publish: the key is still needed, the publish listener is not local");
    server->publishers =
        http_server_new(server->loop, fd, &handler, &limits, &server->engine.metrics);
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

static void set_up_api(struct server *server, const struct secrets *secrets)
{
    struct engine *e = &server->engine;

    server->api = (struct api){.config = e->config,
                               .secrets = secrets,
                               .hub = e->hub,
                               .revocations = e->authenticator.revocations,
                               .metrics = &e->metrics,
                               .ops = &api_ops,
                               .ctx = e,
                               .started = e->now};
}

static enum err set_up(struct server *server, const struct config *config,
                       const struct secrets *secrets)
{
    struct engine *e = &server->engine;
    struct listener *l = &server->listener;
    enum err error;

    e->now = instant_now();
    if ((error = engine_init(e, &engine_ops, protocols, config, secrets)))
        return error;
    set_up_api(server, secrets);
    l->engine = e;
    l->websockets = websocket_new(server->loop, &conn_events, server);
    if (!l->websockets)
        return ERR_UNAVAILABLE;
    l->sse = sse_new(server->loop, &conn_events, server);
    if (!l->sse)
        return ERR_NO_MEMORY;
    e->metrics.resident_bytes = resident_bytes();
    start_timers(server);
    if (config->relay.cluster[0] &&
        (error = site_new(server->loop, e, &server->api, config, secrets, &server->site)))
        return error;
    if ((error = listen_for_clients(server)))
        return error;
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
    e = set_up(server, config, secrets);
    if (e)
        server_free(server);
    else
        *out = server;
    return e;
}

static void stop_accepting(struct server *server)
{
    if (!server->clients || server->engine.admission.drain_ends_ms)
        return;
    http_server_stop_accepting(server->clients);
    listen_unlink(&server->listen);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    stop_accepting(server);
    site_free(server->site);
    /* Their sessions go with them, by on_gone(). */
    websocket_free(server->listener.websockets);
    sse_free(server->listener.sse);
    if (server->engine.hub)
        engine_end_sessions(&server->engine);
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
    server->api.config = config;
    server->api.secrets = secrets;
    if (server->site)
        site_configure(server->site, config, secrets);
    http_server_set_limits(server->publishers, &limits);
    limits = client_limits(config);
    http_server_set_limits(server->clients, &limits);
}

void server_drain(struct server *server)
{
    stop_accepting(server);
    server->engine.now = instant_now();
    engine_drain(&server->engine, server->listen.type == ADDRESS_INHERITED);
}
