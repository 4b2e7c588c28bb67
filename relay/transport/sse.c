/* SPDX-License-Identifier: MIT */
/* sse.c - event streams, straight on the loop: a head, then frames as they come. What the kernel
 * does not take of one frame is kept, at most that one, and until it is gone the stream is blocked.
 */
#include "relay/transport/sse.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes/buf.h"
#include "relay/session/frame.h"

/* How long bytes may stay unacknowledged. With a ping every 25 s at most, a peer that vanished is
 * noticed within 60 s. */
enum { UNACKNOWLEDGED_MAX_MS = 30 * 1000 };

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
                           "Connection: close\r\n\r\n";

struct sse_stream {
    ev_io io;
    struct conn conn;
    bool is_closing;
    struct sse *host;
    struct sse_stream *prev, *next;
    struct buf rest; /* of a frame that was not wholly taken */
};

struct sse {
    struct ev_loop *loop;
    const struct conn_events *events;
    void *ctx;
    struct sse_stream *first;
};

struct sse *sse_new(struct ev_loop *loop, const struct conn_events *events, void *ctx)
{
    struct sse *host = calloc(1, sizeof(*host));

    if (!host)
        return NULL;
    host->loop = loop;
    host->events = events;
    host->ctx = ctx;
    return host;
}

static void end_stream(struct sse_stream *st)
{
    struct sse *host = st->host;

    ev_io_stop(host->loop, &st->io);
    ev_clear_pending(host->loop, &st->io);
    close(st->io.fd);
    if (st->prev)
        st->prev->next = st->next;
    else
        host->first = st->next;
    if (st->next)
        st->next->prev = st->prev;
    buf_deinit(&st->rest);
    host->events->on_gone(host->ctx, &st->conn);
    free(st);
}

void sse_free(struct sse *host)
{
    if (!host)
        return;
    while (host->first)
        end_stream(host->first);
    free(host);
}

static void watch(struct sse_stream *st, int events)
{
    if (ev_is_active(&st->io) && st->io.events == events)
        return;
    ev_io_stop(st->host->loop, &st->io);
    ev_io_modify(&st->io, events);
    ev_io_start(st->host->loop, &st->io);
}

/* How many bytes were taken; -1: the connection is no more. */
static ssize_t write_some(const struct sse_stream *st, struct span bytes)
{
    ssize_t n;

    do
        n = send(st->io.fd, bytes.p, bytes.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
}

/* Writes all of it, or keeps what is not taken until it is. */
static enum send_result write_all(struct sse_stream *st, struct span bytes)
{
    ssize_t n = write_some(st, bytes);

    if (n < 0)
        return SEND_DEAD;
    if ((size_t)n == bytes.len)
        return SEND_DONE;
    watch(st, EV_READ | EV_WRITE);
    return buf_append(&st->rest, (struct span){bytes.p + n, bytes.len - (size_t)n}) ? SEND_DEAD
                                                                                    : SEND_DONE;
}

/* False: the connection is no more, and the stream with it. */
static bool flush_rest(struct sse_stream *st)
{
    ssize_t n = write_some(st, buf_span(&st->rest));

    if (n < 0) {
        end_stream(st);
        return false;
    }
    buf_consume(&st->rest, (size_t)n);
    return true;
}

static void on_stream_writable(struct sse_stream *st)
{
    if (st->rest.len > 0 && (!flush_rest(st) || st->rest.len > 0))
        return;
    buf_deinit(&st->rest);
    if (st->is_closing) {
        end_stream(st);
        return;
    }
    watch(st, EV_READ);
    st->host->events->on_writable(st->host->ctx, &st->conn);
}

static void on_stream(struct ev_loop *loop, ev_io *io, int events)
{
    struct sse_stream *st = io->data;
    char unheard[1024];

    (void)loop;
    if (events & EV_READ) {
        ssize_t n = recv(io->fd, unheard, sizeof(unheard), 0);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            end_stream(st);
            return;
        }
    }
    if (events & EV_WRITE)
        on_stream_writable(st);
}

static void limit_silence(int fd)
{
    int ms = UNACKNOWLEDGED_MAX_MS;

    /* Fails on a unix socket, whose peer cannot vanish. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static struct sse_stream *stream_of(struct conn *c)
{
    return (struct sse_stream *)((char *)c - offsetof(struct sse_stream, conn));
}

static enum send_result send_frame(struct conn *c, const struct frame *f)
{
    struct sse_stream *st = stream_of(c);

    return st->rest.len > 0 ? SEND_BLOCKED : write_all(st, frame_span(f));
}

static void close_stream(struct conn *c, uint16_t code, const char *reason)
{
    struct sse_stream *st = stream_of(c);

    (void)code;
    (void)reason;
    st->is_closing = true;
    /* What is half written ends first. */
    if (st->rest.len == 0)
        end_stream(st);
}

static void kill_stream(struct conn *c)
{
    (void)shutdown(stream_of(c)->io.fd, SHUT_RDWR);
}

static const struct transport sse_transport = {send_frame, close_stream, kill_stream};

static bool begin(struct sse_stream *st, int fd)
{
    buf_init(&st->rest, sizeof(head) + FRAME_MAX);
    ev_io_init(&st->io, on_stream, fd, EV_READ);
    st->io.data = st;
    if (write_all(st, (struct span){head, sizeof(head) - 1}) == SEND_DONE)
        return true;
    ev_io_stop(st->host->loop, &st->io);
    buf_deinit(&st->rest);
    return false;
}

struct conn *sse_open(struct sse *host, int fd)
{
    struct sse_stream *st = calloc(1, sizeof(*st));

    if (st)
        st->host = host;
    if (!st || !begin(st, fd)) {
        free(st);
        close(fd);
        return NULL;
    }
    limit_silence(fd);
    st->conn.transport = &sse_transport;
    st->next = host->first;
    if (st->next)
        st->next->prev = st;
    host->first = st;
    if (!ev_is_active(&st->io))
        ev_io_start(host->loop, &st->io);
    return &st->conn;
}
