/* SPDX-License-Identifier: MIT */
/* Keeps the workers free of connections that have nothing for them. Every connection waits in one
 * epoll; when something arrives, the worker that gets the event looks at the bytes without taking
 * them, and either serves the request they make or lets the connection wait on. What the bytes mean
 * is fcgi_parser's affair, and reading them exchange's.
 *
 * The epoll is edge-triggered: a peer that sends half a request causes one event for each piece,
 * and none while it is silent. That makes the hand-over the delicate part, since an event may come
 * while a worker has the connection. The state of a connection therefore moves by compare-and-swap
 * only, parked -> taken -> parked, and an event for a taken one leaves the mark "and more", which
 * makes the worker that parks it look again. Connections are found by descriptor and their
 * states never freed, so a late event finds at worst a connection on which nothing waits. */
#define _GNU_SOURCE /* accept4 */
#include "fcgi-app/server/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/http/fcgi_parser.h"

enum {
    /* A bigger request is handed out before it is whole. This is well below what a peer that polls
     * can write: a unix socket becomes unwritable at a quarter of its buffer, some 52 KB. */
    PEEK_MAX = 16 * 1024,
    TRANSFER_TIMEOUT_S = 10, /* for one read or write in the middle of a request */
    WAIT_MAX_MS = 60000,     /* for the rest of a request, or for the peer to close */
    IDLE_MIN_MS = 500,       /* a connection idle for less does not make room for others */
    TICK_MS = 1000,
};

enum conn_state { CONN_FREE, CONN_PARKED, CONN_TAKEN, CONN_TAKEN_AND_MORE };

/* What a parked connection waits for. */
enum conn_wait { WAIT_REQUEST, WAIT_REST, WAIT_CLOSE };

struct conn {
    _Atomic enum conn_state state;
    _Atomic enum conn_wait wait;
    atomic_bool is_watched;   /* by the epoll */
    _Atomic int64_t since_ms; /* when it began to wait for that */
};

struct pool {
    int listener, epoll, stop;
    size_t max_connections;
    int conns_count;
    struct conn *conns; /* by descriptor */
    atomic_size_t open;
    atomic_int fd_max; /* the highest descriptor that was ever a connection's */
    atomic_bool is_stopped;
    atomic_bool is_paused; /* the listener is not watched: there are max_connections */
    _Atomic int64_t next_tick_ms;
};

static bool watch_fd(struct pool *p, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(p->epoll, operation, fd, &event) == 0;
}

static void arm_listener(struct pool *p)
{
    (void)watch_fd(p, EPOLL_CTL_MOD, p->listener, EPOLLIN | EPOLLONESHOT);
}

enum err pool_new(int listener, size_t max_connections, struct pool **out)
{
    struct rlimit limit = {.rlim_cur = 1024};
    struct pool *p = calloc(1, sizeof(*p));

    if (!p)
        return ERR_NO_MEMORY;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    p->listener = listener;
    p->max_connections = max_connections;
    p->conns_count = limit.rlim_cur > 1 << 20 ? 1 << 20 : (int)limit.rlim_cur;
    p->conns = calloc((size_t)p->conns_count, sizeof(*p->conns));
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!p->conns || p->epoll < 0 || p->stop < 0 ||
        !watch_fd(p, EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLONESHOT) ||
        !watch_fd(p, EPOLL_CTL_ADD, p->stop, EPOLLIN)) {
        pool_free(p);
        return ERR_NO_MEMORY;
    }
    *out = p;
    return ERR_NONE;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    for (int fd = 0; p->conns && fd < p->conns_count && fd <= atomic_load(&p->fd_max); fd++)
        if (atomic_load(&p->conns[fd].state) == CONN_PARKED)
            (void)close(fd);
    if (p->epoll >= 0)
        (void)close(p->epoll);
    if (p->stop >= 0)
        (void)close(p->stop);
    free(p->conns);
    free(p);
}

void pool_close(struct pool *p, int fd)
{
    size_t open;

    /* Only its owner closes a connection. */
    (void)INVARIANT(atomic_load(&p->conns[fd].state) >= CONN_TAKEN);
    atomic_store(&p->conns[fd].state, CONN_FREE);
    (void)close(fd);
    open = atomic_fetch_sub(&p->open, 1);
    (void)INVARIANT(open > 0);
    if (atomic_exchange(&p->is_paused, false))
        arm_listener(p);
}

/* Makes a parked connection ours. If another worker has it, leaves a mark that something came. */
static bool take_conn(struct conn *c)
{
    enum conn_state state = CONN_PARKED;

    if (atomic_compare_exchange_strong(&c->state, &state, CONN_TAKEN))
        return true;
    if (state == CONN_TAKEN)
        (void)atomic_compare_exchange_strong(&c->state, &state, CONN_TAKEN_AND_MORE);
    /* It may have been parked between the two attempts. */
    return state == CONN_PARKED && atomic_compare_exchange_strong(&c->state, &state, CONN_TAKEN);
}

/* Lets go of a connection that is ours. False: something came meanwhile, and it is still ours.
 * Everything that touches the descriptor comes before the change of state: after it, another worker
 * may close the connection. */
static bool park_conn(struct pool *p, int fd, enum conn_wait wait)
{
    struct conn *c = &p->conns[fd];
    enum conn_state state = CONN_TAKEN;

    if (wait == WAIT_REQUEST || wait != atomic_load(&c->wait))
        atomic_store(&c->since_ms, clock_ms());
    atomic_store(&c->wait, wait);
    if (!atomic_exchange(&c->is_watched, true) &&
        !watch_fd(p, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET)) {
        pool_close(p, fd);
        return true;
    }
    if (atomic_compare_exchange_strong(&c->state, &state, CONN_PARKED))
        return true;
    atomic_store(&c->state, CONN_TAKEN);
    return false;
}

static void park_after_use(struct pool *p, struct pool_cursor *cursor, int fd, enum conn_wait wait)
{
    if (park_conn(p, fd, wait))
        return;
    cursor->has_more = true;
    cursor->fd = fd;
}

void pool_park(struct pool *p, struct pool_cursor *cursor, int fd)
{
    if (atomic_load(&p->is_stopped))
        pool_close(p, fd);
    else
        park_after_use(p, cursor, fd, WAIT_REQUEST);
}

void pool_linger(struct pool *p, struct pool_cursor *cursor, int fd)
{
    (void)shutdown(fd, SHUT_WR);
    park_after_use(p, cursor, fd, WAIT_CLOSE);
}

/* Discards what has come; true once nothing more will. */
static bool is_closed_by_peer(int fd)
{
    char bytes[PEEK_MAX];
    ssize_t n;

    do
        n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0 || errno != EAGAIN;
}

enum finding { FOUND_NOTHING, FOUND_PART, FOUND_REQUEST, FOUND_END };

/* What waits on a connection between two requests. */
static enum finding peek_request(int fd)
{
    char bytes[PEEK_MAX];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    struct fcgi_parser parser;
    size_t used;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return FOUND_NOTHING;
    if (n <= 0)
        return FOUND_END;
    fcgi_parser_init(&parser);
    switch (fcgi_parser_feed(&parser, (struct span){bytes, (size_t)n}, &used)) {
    case ERR_INCOMPLETE:
        return n == PEEK_MAX ? FOUND_REQUEST : FOUND_PART;
    case ERR_MALFORMED:
        log_warn("a request was refused: %s", parser.fault);
        return FOUND_END;
    default: /* whole, or too big: that is answered */
        return FOUND_REQUEST;
    }
}

/* Whether a request waits on a connection that is ours; if not, parks or closes it. `is_last`: the
 * peer will send nothing more. */
static bool examine_conn(struct pool *p, int fd, bool is_last)
{
    enum finding finding;
    enum conn_wait wait;

    do {
        wait = atomic_load(&p->conns[fd].wait);
        if (wait == WAIT_CLOSE)
            finding = is_closed_by_peer(fd) ? FOUND_END : FOUND_NOTHING;
        else
            finding = peek_request(fd);
        if (finding == FOUND_REQUEST)
            return true;
        if (finding == FOUND_END || (finding == FOUND_PART && is_last)) {
            pool_close(p, fd);
            return false;
        }
        if (wait != WAIT_CLOSE)
            wait = finding == FOUND_PART ? WAIT_REST : WAIT_REQUEST;
    } while (!park_conn(p, fd, wait));
    return false;
}

/* Closes the connection that has been parked for longest, but none that may be about to send. */
static bool close_oldest(struct pool *p)
{
    int oldest = -1;
    int64_t oldest_ms = clock_ms() - IDLE_MIN_MS;

    for (int fd = 0; fd <= atomic_load(&p->fd_max); fd++) {
        struct conn *c = &p->conns[fd];

        if (atomic_load(&c->state) == CONN_PARKED && atomic_load(&c->since_ms) < oldest_ms) {
            oldest = fd;
            oldest_ms = atomic_load(&c->since_ms);
        }
    }
    if (oldest < 0 || !take_conn(&p->conns[oldest]))
        return false;
    pool_close(p, oldest);
    return true;
}

static void note_fd(struct pool *p, int fd)
{
    int max = atomic_load(&p->fd_max);

    while (fd > max && !atomic_compare_exchange_weak(&p->fd_max, &max, fd))
        continue;
}

/* A request is read and answered with blocking calls, but none of them waits forever. */
static bool adopt_conn(struct pool *p, int fd)
{
    const struct timeval timeout = {.tv_sec = TRANSFER_TIMEOUT_S};
    struct conn *c;

    if (fd >= p->conns_count) {
        (void)close(fd);
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    c = &p->conns[fd];
    atomic_store(&c->is_watched, false);
    atomic_store(&c->wait, WAIT_REQUEST);
    atomic_store(&c->since_ms, clock_ms());
    atomic_store(&c->state, CONN_TAKEN);
    atomic_fetch_add(&p->open, 1);
    note_fd(p, fd);
    return true;
}

/* Accepts one connection, and lets the next worker accept while we look at it. */
static bool accept_one(struct pool *p, int *fd)
{
    bool is_full = atomic_load(&p->open) >= p->max_connections && !close_oldest(p);

    if (is_full) {
        atomic_store(&p->is_paused, true);
        return false;
    }
    *fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (*fd >= 0) {
        arm_listener(p);
        return adopt_conn(p, *fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn("cannot accept a connection: %s; if it is for want of descriptors, raise "
                 "LimitNOFILE or lower max_connections",
                 strerror(errno));
        (void)close_oldest(p);
        atomic_store(&p->is_paused, true); /* until a connection closes, or the next tick */
    } else if (!atomic_load(&p->is_stopped)) {
        arm_listener(p);
    }
    return false;
}

/* Once a second, by whichever worker comes first: the timeouts of parked connections. */
static void pool_tick(struct pool *p)
{
    int64_t now_ms = clock_ms();
    int64_t due_ms = atomic_load(&p->next_tick_ms);

    if (now_ms < due_ms ||
        !atomic_compare_exchange_strong(&p->next_tick_ms, &due_ms, now_ms + TICK_MS))
        return;
    if (atomic_exchange(&p->is_paused, false))
        arm_listener(p);
    for (int fd = 0; fd <= atomic_load(&p->fd_max); fd++) {
        struct conn *c = &p->conns[fd];

        if (atomic_load(&c->state) != CONN_PARKED || atomic_load(&c->wait) == WAIT_REQUEST ||
            now_ms - atomic_load(&c->since_ms) < WAIT_MAX_MS || !take_conn(c))
            continue;
        if (atomic_load(&c->wait) == WAIT_REST)
            log_warn(
                "a web server sent half a request and then nothing for %d s: its connection was "
                "closed",
                WAIT_MAX_MS / 1000);
        pool_close(p, fd);
    }
}

/* The next connection on which something happened, now ours; false if there is none yet. */
static bool take_next(struct pool *p, struct pool_cursor *cursor, int *fd, uint32_t *events)
{
    struct epoll_event event;

    *events = 0;
    if (cursor->has_more) {
        cursor->has_more = false;
        *fd = cursor->fd;
        return true;
    }
    if (epoll_wait(p->epoll, &event, 1, TICK_MS) <= 0)
        return false;
    /* Ready events take turns: the stop twice in a row means that nothing else is ready. */
    cursor->stops_seen = event.data.fd == p->stop ? cursor->stops_seen + 1 : 0;
    if (event.data.fd == p->stop)
        return false;
    *fd = event.data.fd;
    *events = event.events;
    return *fd == p->listener ? accept_one(p, fd) : take_conn(&p->conns[*fd]);
}

bool pool_next(struct pool *p, struct pool_cursor *cursor, int *fd)
{
    uint32_t events;

    while (cursor->stops_seen < 2) {
        bool is_taken = take_next(p, cursor, fd, &events);

        pool_tick(p);
        if (is_taken && examine_conn(p, *fd, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0))
            return true;
    }
    return false;
}

void pool_stop(struct pool *p)
{
    const uint64_t one = 1;

    atomic_store(&p->is_stopped, true);
    while (write(p->stop, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}
