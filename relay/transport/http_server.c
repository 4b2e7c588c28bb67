/* SPDX-License-Identifier: MIT */
/* http_server.c - the life of an HTTP connection. work() is its heart: answer one request, write,
 * and go on as long as there is input and its answers are taken; so a client that pipelines waits
 * for itself, and after REQUESTS_PER_TURN for the others. libev calls back whoever was heard last
 * first: so a callback only hands on to a watcher of lower priority, which turns that round and
 * serves what has arrived in its order. Connections are in the order in which
 * they were last heard of, so the first is the one to drop for want of room; those that are parked
 * are on a list of their own and never dropped for that. */
#define _GNU_SOURCE /* accept4 */
#include "relay/transport/http_server.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "relay/http/chunked.h"

enum {
    ACCEPTS_PER_TURN = 64,
    REQUESTS_PER_TURN = 16,
    READ_SIZE = 64 * 1024,
    RESPONSE_MAX = 1024 * 1024,
    RESPONSE_HEAD_MAX = 8 * 1024,
    KEPT_BUFFER_MAX = 4 * 1024,  /* of an idle connection */
    PARKED_INPUT_MAX = 8 * 1024, /* behind a request that waits: no client has much to say then */
    LINGER_MS = 2000,
};

/* What is kept for the answer to come. */
struct http_parked {
    struct http_waiter waiter;
    char *headers; /* owned */
    bool keeps_alive;
    bool is_head; /* only the answer's length is written */
};

struct http_conn {
    ev_io io;
    ev_timer turn; /* what to do for it within this turn of the loop, or in the next one */
    struct http_server *server;
    struct http_conn *prev, *next; /* the one heard of last is last; or of the parked ones */
    struct buf in;
    struct buf out;
    struct ip peer;
    int64_t deadline_ms;
    bool is_within_request;
    bool has_continued;   /* 100 was sent for this request */
    bool is_ending;       /* no further request is read */
    bool is_lingering;    /* all is said; waiting for the peer to close */
    bool has_ended_input; /* the peer will send no more */
    bool is_parked;       /* a request waits for http_server_answer() */
    struct chunked chunked;
    size_t chunks_len;  /* of what they have brought so far */
    size_t request_len; /* of the request that is being handled, which `in` begins with */
    struct http_parked parked;
};

struct http_server {
    struct ev_loop *loop;
    ev_io listener;
    struct http_handler handler;
    struct http_limits limits;
    struct metrics *metrics;
    struct http_conn *first, *last;
    struct http_conn *parked; /* a list without an end to add at: nobody is the first to go */
    size_t connections;       /* without the parked ones */
    char chunk[READ_SIZE];
};

static void unlink_conn(struct http_conn *c)
{
    struct http_server *server = c->server;

    if (c->prev)
        c->prev->next = c->next;
    else if (c->is_parked)
        server->parked = c->next;
    else
        server->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else if (!c->is_parked)
        server->last = c->prev;
    if (!c->is_parked)
        server->connections--;
}

static void link_last(struct http_conn *c)
{
    struct http_server *server = c->server;

    c->next = NULL;
    c->prev = server->last;
    if (c->prev)
        c->prev->next = c;
    else
        server->first = c;
    server->last = c;
    server->connections++;
}

static void link_parked(struct http_conn *c)
{
    struct http_server *server = c->server;

    c->prev = NULL;
    c->next = server->parked;
    if (c->next)
        c->next->prev = c;
    server->parked = c;
}

/* Nothing calls back for it any more. */
static void stop_watching(struct http_conn *c)
{
    ev_io_stop(c->server->loop, &c->io);
    ev_timer_stop(c->server->loop, &c->turn);
}

/* Frees the connection, and returns its descriptor, which stays open. */
static int release_conn(struct http_conn *c)
{
    int fd = c->io.fd;

    stop_watching(c);
    unlink_conn(c);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    free(c->parked.headers);
    free(c);
    return fd;
}

static void close_conn(struct http_conn *c)
{
    if (c->is_parked && c->parked.waiter.on_abandoned)
        c->parked.waiter.on_abandoned(c->parked.waiter.ctx);
    close(release_conn(c));
}

static void watch(struct http_conn *c, int events)
{
    if (ev_is_active(&c->io) && c->io.events == events)
        return;
    ev_io_stop(c->server->loop, &c->io);
    ev_io_modify(&c->io, events);
    ev_io_start(c->server->loop, &c->io);
}

/* Goes on in the next turn, without waiting for more input. */
static void go_on_later(struct http_conn *c)
{
    if (ev_is_active(&c->turn))
        return;
    ev_timer_set(&c->turn, 0., 0.);
    ev_timer_start(c->server->loop, &c->turn);
}

/* A close() with unread bytes would reset the connection, and the answer might be lost with it. */
static bool end_conn(struct http_conn *c)
{
    if (c->has_ended_input || shutdown(c->io.fd, SHUT_WR)) {
        close_conn(c);
        return false;
    }
    c->is_lingering = true;
    c->deadline_ms = clock_ms() + LINGER_MS;
    buf_deinit(&c->in);
    watch(c, EV_READ);
    return true;
}

/* What is long takes memory only as long as it is read or written. */
static void free_if_long(struct buf *empty)
{
    if (empty->len == 0 && empty->cap > KEPT_BUFFER_MAX)
        buf_deinit(empty);
}

/* Writes what is to be written. False: the connection is no more. */
static bool flush(struct http_conn *c)
{
    while (c->out.len > 0) {
        ssize_t n = send(c->io.fd, c->out.data, c->out.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (n < 0) {
            close_conn(c);
            return false;
        }
        buf_consume(&c->out, (size_t)n);
    }
    free_if_long(&c->out);
    return true;
}

static void reply(struct http_conn *c, const struct http_response *res, bool keep_alive)
{
    if (http_encode_response(&c->out, res, keep_alive, clock_unix()) || !keep_alive)
        c->is_ending = true;
}

/* `req`: NULL if nothing of it is known. */
static void refuse(struct http_conn *c, struct http_request *req, int status)
{
    const struct http_handler *handler = &c->server->handler;
    struct http_response res = {.status = status,
                                .content_type = "text/plain",
                                .headers = "",
                                .is_head = req && req->method == HTTP_HEAD};

    buf_init(&res.body, RESPONSE_MAX - RESPONSE_HEAD_MAX);
    if (handler->on_refusal)
        handler->on_refusal(handler->ctx, req, &res);
    reply(c, &res, false);
    buf_deinit(&res.body);
}

static void consume_request(struct http_conn *c)
{
    buf_consume(&c->in, c->request_len);
    c->request_len = 0;
    c->chunked = (struct chunked){0};
    c->chunks_len = 0;
    free_if_long(&c->in);
}

static void finish_request(struct http_conn *c)
{
    consume_request(c);
    c->has_continued = false;
    c->is_within_request = c->in.len > 0;
    c->deadline_ms = clock_ms() + (c->is_within_request ? c->server->limits.request_timeout_ms
                                                        : c->server->limits.idle_timeout_ms);
}

enum progress { PROGRESS_DONE, PROGRESS_WAIT, PROGRESS_GONE };

static enum progress park(struct http_conn *c, const struct http_request *req, const char *headers)
{
    c->parked.headers = strdup(headers);
    consume_request(c);
    unlink_conn(c);
    c->is_parked = true;
    c->parked.waiter = req->waiter;
    c->parked.keeps_alive = req->keeps_alive;
    c->parked.is_head = req->method == HTTP_HEAD;
    link_parked(c);
    return PROGRESS_WAIT;
}

static enum progress handle(struct http_conn *c, struct http_request *req)
{
    const struct http_handler *handler = &c->server->handler;
    struct http_response res = {.status = 500,
                                .content_type = "text/plain",
                                .headers = "",
                                .is_head = req->method == HTTP_HEAD};

    buf_init(&res.body, RESPONSE_MAX - RESPONSE_HEAD_MAX);
    req->conn = c;
    c->request_len = req->head_len + req->content_length;
    req->body = c->in.data + req->head_len;
    switch (handler->on_request(handler->ctx, req, &res)) {
    case HTTP_REPLY:
        reply(c, &res, req->keeps_alive && !c->has_ended_input);
        break;
    case HTTP_PARK:
        buf_deinit(&res.body);
        return park(c, req, res.headers);
    case HTTP_TAKEN:
        buf_deinit(&res.body);
        (void)release_conn(c);
        return PROGRESS_GONE;
    }
    buf_deinit(&res.body);
    finish_request(c);
    return PROGRESS_DONE;
}

static enum progress await_body(struct http_conn *c, const struct http_request *req)
{
    if (!req->framing.expects_continue || c->has_continued)
        return PROGRESS_WAIT;
    c->has_continued = true;
    if (buf_append(&c->out, SPAN("HTTP/1.1 100 Continue\r\n\r\n")))
        c->is_ending = true;
    return PROGRESS_DONE;
}

static size_t body_max(const struct http_conn *c, const struct http_request *req)
{
    const struct http_handler *handler = &c->server->handler;
    size_t max = c->server->limits.body_max;
    size_t own = handler->body_max ? handler->body_max(handler->ctx, req) : max;

    return own < max ? own : max;
}

/* Makes of the chunks that have arrived the body that they bring. */
static enum err unite_chunks(struct http_conn *c, struct http_request *req, size_t max)
{
    char *at = c->in.data + req->head_len + c->chunks_len;
    size_t arrived = c->in.len - req->head_len - c->chunks_len, used, written;
    enum err e = chunked_decode(&c->chunked, (struct span){at, arrived}, at, &used, &written);

    memmove(at + written, at + used, arrived - used);
    c->in.len -= used - written;
    c->chunks_len += written;
    req->content_length = c->chunks_len;
    return c->chunks_len > max ? ERR_TOO_BIG : e;
}

/* Whether what is known of the request, without its body, has refused it. The connection goes on if
 * the body is there, or none is to come. */
static bool refuse_by_head(struct http_conn *c, const struct http_request *req)
{
    const struct http_handler *handler = &c->server->handler;
    struct http_response res = {.headers = "", .is_head = req->method == HTTP_HEAD};
    bool is_whole;

    if (!handler->refuses)
        return false;
    buf_init(&res.body, RESPONSE_MAX - RESPONSE_HEAD_MAX);
    if (!handler->refuses(handler->ctx, req, &res))
        return false;
    is_whole = !http_refuse_body(req, c->in.len - req->head_len, false);
    reply(c, &res, is_whole && req->keeps_alive && !c->has_ended_input);
    buf_deinit(&res.body);
    if (!c->is_ending) {
        c->request_len = req->head_len + req->content_length;
        finish_request(c);
    }
    return true;
}

static enum progress serve_chunks(struct http_conn *c, struct http_request *req, size_t max)
{
    enum err e = unite_chunks(c, req, max);

    if ((!e || e == ERR_INCOMPLETE) && refuse_by_head(c, req))
        return PROGRESS_DONE;
    switch (e) {
    case ERR_NONE:
        return handle(c, req);
    case ERR_INCOMPLETE:
        return await_body(c, req);
    case ERR_TOO_BIG:
        refuse(c, req, 413);
        return PROGRESS_DONE;
    default:
        refuse(c, req, 400);
        return PROGRESS_DONE;
    }
}

static enum progress serve_request(struct http_conn *c)
{
    struct http_request req;
    size_t max;
    enum err e = http_decode_head(buf_span(&c->in), c->server->limits.head_max, &req);
    int status;

    if (e == ERR_INCOMPLETE)
        return PROGRESS_WAIT;
    req.peer = c->peer;
    if (e) {
        refuse(c, e == ERR_TOO_BIG ? &req : NULL, e == ERR_TOO_BIG ? 431 : 400);
        return PROGRESS_DONE;
    }
    /* Only a client that knows the method can tell whether the answer has a body. */
    if (req.method == HTTP_OTHER)
        req.keeps_alive = false;
    if (req.framing.is_chunked)
        req.content_length = c->chunks_len; /* so far */
    if (refuse_by_head(c, &req))
        return PROGRESS_DONE;
    max = body_max(c, &req);
    if ((status = http_refuse_body(&req, max, c->server->handler.takes_chunks))) {
        refuse(c, &req, status);
        return PROGRESS_DONE;
    }
    if (req.framing.is_chunked)
        return serve_chunks(c, &req, max);
    if (c->in.len - req.head_len < req.content_length)
        return await_body(c, &req);
    return handle(c, &req);
}

/* How much may be read now, by the limits as they are now: a reload may have set them below what
 * was read already. */
static size_t room(struct http_conn *c)
{
    size_t left;

    /* After a request that waits for its answer no client has much to say. */
    buf_set_max(&c->in, c->is_parked ? PARKED_INPUT_MAX
                                     : c->server->limits.head_max + CHUNKED_LINE_MAX +
                                           c->server->limits.body_max);
    left = buf_room(&c->in);
    return left < READ_SIZE ? left : READ_SIZE;
}

/* Answers what has arrived, as long as the answers are taken. */
static void work(struct http_conn *c)
{
    for (int n = 0; n < REQUESTS_PER_TURN; n++) {
        /* Once an answer that had to wait is written, what came meanwhile has its turn. */
        enum progress p = c->out.len > 0 ? PROGRESS_DONE : PROGRESS_WAIT;

        if (!c->is_ending && !c->is_parked && c->out.len == 0)
            p = serve_request(c);
        if (p == PROGRESS_GONE || !flush(c))
            return;
        /* A client that has ended does not wait for an answer, nor does one that goes on. */
        if (c->is_parked && (c->has_ended_input || room(c) == 0)) {
            close_conn(c);
            return;
        }
        if (c->out.len > 0) {
            watch(c, EV_WRITE);
            return;
        }
        if (c->is_ending || (p == PROGRESS_WAIT && c->has_ended_input)) {
            end_conn(c);
            return;
        }
        if (p == PROGRESS_WAIT) {
            watch(c, EV_READ);
            return;
        }
    }
    /* The others first. */
    watch(c, EV_READ);
    go_on_later(c);
}

static void note_heard(struct http_conn *c)
{
    if (!c->is_within_request) {
        c->is_within_request = true;
        c->deadline_ms = clock_ms() + c->server->limits.request_timeout_ms;
    }
    unlink_conn(c);
    link_last(c);
}

/* False: the connection is no more. */
static bool read_input(struct http_conn *c)
{
    ssize_t n = recv(c->io.fd, c->server->chunk, c->is_lingering ? READ_SIZE : room(c), 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (n < 0 || (n == 0 && (c->is_lingering || c->in.len == 0))) {
        close_conn(c);
        return false;
    }
    if (c->is_lingering)
        return true;
    if (n == 0) {
        c->has_ended_input = true;
        return true;
    }
    if (!c->is_parked)
        note_heard(c);
    if (buf_append(&c->in, (struct span){c->server->chunk, (size_t)n})) {
        close_conn(c);
        return false;
    }
    return true;
}

static void on_conn(struct ev_loop *loop, ev_io *io, int events)
{
    struct http_conn *c = io->data;

    ev_feed_event(loop, &c->turn, events);
}

static void on_turn(struct ev_loop *loop, ev_timer *turn, int events)
{
    struct http_conn *c = turn->data;

    (void)loop;
    if (c->is_parked && room(c) == 0) {
        close_conn(c);
        return;
    }
    if ((events & EV_READ) && room(c) > 0 && !read_input(c))
        return;
    if (!c->is_lingering)
        work(c);
}

static struct http_conn *new_conn(struct http_server *server, int fd, const struct ip *peer)
{
    struct http_conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->server = server;
    c->peer = *peer;
    c->is_within_request = true;
    c->deadline_ms = clock_ms() + server->limits.request_timeout_ms;
    buf_init(&c->in, 0); /* its ceiling is set at each read */
    buf_init(&c->out, RESPONSE_MAX);
    ev_io_init(&c->io, on_conn, fd, EV_READ);
    ev_timer_init(&c->turn, on_turn, 0., 0.);
    ev_set_priority(&c->turn, EV_MINPRI);
    c->io.data = c->turn.data = c;
    link_last(c);
    return c;
}

static void take_connection(struct http_server *server, int fd, const struct ip *peer)
{
    size_t max = server->limits.connections_max;
    struct http_conn *c = new_conn(server, fd, peer);

    metrics_count(server->metrics, COUNT_ACCEPTS, 1);
    if (!c) {
        close(fd);
        return;
    }
    if (max && server->connections > max)
        close_conn(server->first);
    ev_io_start(server->loop, &c->io);
}

static void pause_accepting(struct http_server *server, const char *why)
{
    log_warn("accepting is paused for a moment: %s", why);
    metrics_count(server->metrics, COUNT_ACCEPT_PAUSES, 1);
    ev_io_stop(server->loop, &server->listener);
}

static void on_listener(struct ev_loop *loop, ev_io *io, int events)
{
    struct http_server *server = io->data;

    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        struct sockaddr *name = (struct sockaddr *)&from;
        socklen_t len = sizeof(from);
        int fd = accept4(io->fd, name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        /* The kernel gives the lowest that is free: so many are in use, by whatever. */
        if (fd >= 0 && server->limits.descriptors_max && fd >= server->limits.descriptors_max) {
            close(fd);
            pause_accepting(server, "the descriptors that are left are for publish calls");
            return;
        }
        if (fd >= 0) {
            struct ip peer = ip_of_sockaddr(name);

            take_connection(server, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(server, strerror(errno));
        /* All else is a connection that failed before it was ours. */
        if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO)
            return;
    }
}

struct http_server *http_server_new(struct ev_loop *loop, int listen_fd,
                                    const struct http_handler *handler,
                                    const struct http_limits *limits, struct metrics *metrics)
{
    struct http_server *server = calloc(1, sizeof(*server));
    int one = 1;

    if (!server) {
        close(listen_fd);
        return NULL;
    }
    server->loop = loop;
    server->handler = *handler;
    server->limits = *limits;
    server->metrics = metrics;
    /* Its connections inherit this. Fails on a unix socket, which has no such delay. */
    (void)setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ev_io_init(&server->listener, on_listener, listen_fd, EV_READ);
    server->listener.data = server;
    ev_io_start(loop, &server->listener);
    return server;
}

void http_server_set_limits(struct http_server *server, const struct http_limits *limits)
{
    server->limits = *limits;
}

void http_server_stop_accepting(struct http_server *server)
{
    if (server->listener.fd < 0)
        return;
    ev_io_stop(server->loop, &server->listener);
    close(server->listener.fd);
    server->listener.fd = -1;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    http_server_stop_accepting(server);
    while (server->first)
        close_conn(server->first);
    while (server->parked)
        close(release_conn(server->parked));
    free(server);
}

int http_server_take(struct http_conn *c)
{
    int fd = c->io.fd;

    /* RFC 6455 4.1: the client waits for the answer before it sends frames. */
    if (c->in.len != c->request_len)
        return -1;
    stop_watching(c);
    return fd;
}

void http_server_answer(struct http_conn *c, struct http_response *res)
{
    unlink_conn(c);
    c->is_parked = false;
    link_last(c);
    /* Without them, for want of memory, a foreign page cannot read the answer, and asks again. */
    res->headers = c->parked.headers ? c->parked.headers : "";
    res->is_head = c->parked.is_head;
    reply(c, res, c->parked.keeps_alive);
    free(c->parked.headers);
    c->parked.headers = NULL;
    finish_request(c);
    if (!flush(c))
        return;
    watch(c, c->out.len > 0 ? EV_WRITE : EV_READ);
    /* Its next request, or its end, has a turn of its own: the caller may be within another. */
    go_on_later(c);
}

void http_server_sweep(struct http_server *server)
{
    int64_t now = clock_ms();
    struct http_conn *c, *next;

    for (c = server->first; c; c = next) {
        next = c->next;
        if (now >= c->deadline_ms)
            close_conn(c);
    }
    if (!ev_is_active(&server->listener) && server->listener.fd >= 0)
        ev_io_start(server->loop, &server->listener);
}
