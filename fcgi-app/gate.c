/* SPDX-License-Identifier: MIT */
/* The epoll is edge-triggered: a sender of half a request makes an event for each piece he sends,
 * and none while he sends nothing. Each connection's slot says whether a worker has it, and whether
 * something came meanwhile. Slots are found by descriptor and never freed, so an event that comes
 * late finds at worst a connection in which nothing waits. */
#define _GNU_SOURCE /* accept4 */
#include "fcgi-app/gate.h"

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

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/http/fcgi_parser.h"

enum {
    /* A request that is bigger is handed out before it is whole. Well below what a peer can write
     * that polls: a unix socket turns unwritable at a quarter of its buffer, some 52 KB. */
    PEEK_MAX = 16 * 1024,
    TRANSFER_TIMEOUT_S = 10, /* of one read or write in the middle of a request */
    WAIT_MAX_MS = 60000,     /* for the rest of a request, or for the peer to close */
    IDLE_MIN_MS = 500,       /* who has been idle for less does not make room for others */
    TICK_MS = 1000,
};

enum slot_state { SLOT_FREE, SLOT_PARKED, SLOT_TAKEN, SLOT_TAKEN_AND_MORE };

/* What a parked connection waits for. */
enum slot_wait { WAIT_REQUEST, WAIT_REST, WAIT_CLOSE };

struct slot {
    _Atomic enum slot_state state;
    _Atomic enum slot_wait wait;
    atomic_bool is_watched;   /* by the epoll */
    _Atomic int64_t since_ms; /* when it began to wait for that */
};

struct gate {
    int listener, epoll, stop;
    size_t max_connections;
    int slots_count;
    struct slot *slots; /* by descriptor */
    atomic_size_t open;
    atomic_int fd_max; /* the highest descriptor that was ever a connection's */
    atomic_bool is_stopped;
    atomic_bool is_paused; /* the listener is not watched, for want of places */
    _Atomic int64_t next_tick_ms;
};

static bool watch(struct gate *g, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(g->epoll, operation, fd, &event) == 0;
}

static void arm_listener(struct gate *g)
{
    (void)watch(g, EPOLL_CTL_MOD, g->listener, EPOLLIN | EPOLLONESHOT);
}

enum err gate_new(int listener, size_t max_connections, struct gate **out)
{
    struct rlimit limit = {.rlim_cur = 1024};
    struct gate *g = calloc(1, sizeof(*g));

    if (!g)
        return ERR_NO_MEMORY;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    g->listener = listener;
    g->max_connections = max_connections;
    g->slots_count = limit.rlim_cur > 1 << 20 ? 1 << 20 : (int)limit.rlim_cur;
    g->slots = calloc((size_t)g->slots_count, sizeof(*g->slots));
    g->epoll = epoll_create1(EPOLL_CLOEXEC);
    g->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!g->slots || g->epoll < 0 || g->stop < 0 ||
        !watch(g, EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLONESHOT) ||
        !watch(g, EPOLL_CTL_ADD, g->stop, EPOLLIN)) {
        gate_free(g);
        return ERR_NO_MEMORY;
    }
    *out = g;
    return ERR_NONE;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    for (int fd = 0; g->slots && fd < g->slots_count && fd <= atomic_load(&g->fd_max); fd++)
        if (atomic_load(&g->slots[fd].state) == SLOT_PARKED)
            (void)close(fd);
    if (g->epoll >= 0)
        (void)close(g->epoll);
    if (g->stop >= 0)
        (void)close(g->stop);
    free(g->slots);
    free(g);
}

void gate_forget(struct gate *g)
{
    atomic_fetch_sub(&g->open, 1);
    if (atomic_exchange(&g->is_paused, false))
        arm_listener(g);
}

void gate_close(struct gate *g, int fd)
{
    atomic_store(&g->slots[fd].state, SLOT_FREE);
    (void)close(fd);
    gate_forget(g);
}

/* Makes a parked connection ours; of one that is another's, notes that something came. */
static bool take(struct slot *s)
{
    enum slot_state state = SLOT_PARKED;

    if (atomic_compare_exchange_strong(&s->state, &state, SLOT_TAKEN))
        return true;
    if (state == SLOT_TAKEN)
        (void)atomic_compare_exchange_strong(&s->state, &state, SLOT_TAKEN_AND_MORE);
    /* It may have been parked between the two looks. */
    return state == SLOT_PARKED && atomic_compare_exchange_strong(&s->state, &state, SLOT_TAKEN);
}

/* Lets go of a connection that is ours. False: something came meanwhile, and it is still ours. All
 * that touches the descriptor comes before the state: from then on another may close it. */
static bool park(struct gate *g, int fd, enum slot_wait wait)
{
    struct slot *s = &g->slots[fd];
    enum slot_state state = SLOT_TAKEN;

    if (wait == WAIT_REQUEST || wait != atomic_load(&s->wait))
        atomic_store(&s->since_ms, clock_ms());
    atomic_store(&s->wait, wait);
    if (!atomic_exchange(&s->is_watched, true) &&
        !watch(g, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET)) {
        gate_close(g, fd);
        return true;
    }
    if (atomic_compare_exchange_strong(&s->state, &state, SLOT_PARKED))
        return true;
    atomic_store(&s->state, SLOT_TAKEN);
    return false;
}

static void park_after_use(struct gate *g, struct gate_seat *seat, int fd, enum slot_wait wait)
{
    if (park(g, fd, wait))
        return;
    seat->has_more = true;
    seat->fd = fd;
}

void gate_park(struct gate *g, struct gate_seat *seat, int fd)
{
    if (atomic_load(&g->is_stopped))
        gate_close(g, fd);
    else
        park_after_use(g, seat, fd, WAIT_REQUEST);
}

void gate_linger(struct gate *g, struct gate_seat *seat, int fd)
{
    (void)shutdown(fd, SHUT_WR);
    park_after_use(g, seat, fd, WAIT_CLOSE);
}

/* Throws away what has come; true once nothing more will. */
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
static enum finding look(int fd)
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
 * peer will send no more. */
static bool examine(struct gate *g, int fd, bool is_last)
{
    enum finding finding;
    enum slot_wait wait;

    do {
        wait = atomic_load(&g->slots[fd].wait);
        if (wait == WAIT_CLOSE)
            finding = is_closed_by_peer(fd) ? FOUND_END : FOUND_NOTHING;
        else
            finding = look(fd);
        if (finding == FOUND_REQUEST)
            return true;
        if (finding == FOUND_END || (finding == FOUND_PART && is_last)) {
            gate_close(g, fd);
            return false;
        }
        if (wait != WAIT_CLOSE)
            wait = finding == FOUND_PART ? WAIT_REST : WAIT_REQUEST;
    } while (!park(g, fd, wait));
    return false;
}

/* The parked connection that has been so for longest; but none that may be about to send. */
static bool close_oldest(struct gate *g)
{
    int oldest = -1;
    int64_t oldest_ms = clock_ms() - IDLE_MIN_MS;

    for (int fd = 0; fd <= atomic_load(&g->fd_max); fd++) {
        struct slot *s = &g->slots[fd];

        if (atomic_load(&s->state) == SLOT_PARKED && atomic_load(&s->since_ms) < oldest_ms) {
            oldest = fd;
            oldest_ms = atomic_load(&s->since_ms);
        }
    }
    if (oldest < 0 || !take(&g->slots[oldest]))
        return false;
    gate_close(g, oldest);
    return true;
}

static void note_fd(struct gate *g, int fd)
{
    int max = atomic_load(&g->fd_max);

    while (fd > max && !atomic_compare_exchange_weak(&g->fd_max, &max, fd))
        continue;
}

/* libfcgi reads and writes such a connection blocking, but not for ever. */
static bool adopt(struct gate *g, int fd)
{
    const struct timeval timeout = {.tv_sec = TRANSFER_TIMEOUT_S};
    struct slot *s;

    if (fd >= g->slots_count) {
        (void)close(fd);
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    s = &g->slots[fd];
    atomic_store(&s->is_watched, false);
    atomic_store(&s->wait, WAIT_REQUEST);
    atomic_store(&s->since_ms, clock_ms());
    atomic_store(&s->state, SLOT_TAKEN);
    atomic_fetch_add(&g->open, 1);
    note_fd(g, fd);
    return true;
}

/* Accepts one connection, and lets the next worker accept while we look at it. */
static bool accept_one(struct gate *g, int *fd)
{
    bool is_full = atomic_load(&g->open) >= g->max_connections && !close_oldest(g);

    if (is_full) {
        atomic_store(&g->is_paused, true);
        return false;
    }
    *fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
    if (*fd >= 0) {
        arm_listener(g);
        return adopt(g, *fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn("cannot accept: %s", strerror(errno));
        (void)close_oldest(g);
        atomic_store(&g->is_paused, true); /* until one is closed, or the next tick */
    } else if (!atomic_load(&g->is_stopped)) {
        arm_listener(g);
    }
    return false;
}

/* Once a second, by whichever worker comes first. */
static void tick(struct gate *g)
{
    int64_t now_ms = clock_ms();
    int64_t due_ms = atomic_load(&g->next_tick_ms);

    if (now_ms < due_ms ||
        !atomic_compare_exchange_strong(&g->next_tick_ms, &due_ms, now_ms + TICK_MS))
        return;
    if (atomic_exchange(&g->is_paused, false))
        arm_listener(g);
    for (int fd = 0; fd <= atomic_load(&g->fd_max); fd++) {
        struct slot *s = &g->slots[fd];

        if (atomic_load(&s->state) != SLOT_PARKED || atomic_load(&s->wait) == WAIT_REQUEST ||
            now_ms - atomic_load(&s->since_ms) < WAIT_MAX_MS || !take(s))
            continue;
        if (atomic_load(&s->wait) == WAIT_REST)
            log_warn("a connection that sent half a request was closed");
        gate_close(g, fd);
    }
}

/* The next connection on which something happened, now ours; false if there is none yet. */
static bool take_next(struct gate *g, struct gate_seat *seat, int *fd, uint32_t *events)
{
    struct epoll_event event;

    *events = 0;
    if (seat->has_more) {
        seat->has_more = false;
        *fd = seat->fd;
        return true;
    }
    if (epoll_wait(g->epoll, &event, 1, TICK_MS) <= 0)
        return false;
    /* Ready events take turns: the stop twice in a row means that nothing else is ready. */
    seat->stops_seen = event.data.fd == g->stop ? seat->stops_seen + 1 : 0;
    if (event.data.fd == g->stop)
        return false;
    *fd = event.data.fd;
    *events = event.events;
    return *fd == g->listener ? accept_one(g, fd) : take(&g->slots[*fd]);
}

bool gate_next(struct gate *g, struct gate_seat *seat, int *fd)
{
    uint32_t events;

    while (seat->stops_seen < 2) {
        bool is_taken = take_next(g, seat, fd, &events);

        tick(g);
        if (is_taken && examine(g, *fd, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0))
            return true;
    }
    return false;
}

void gate_stop(struct gate *g)
{
    const uint64_t one = 1;

    atomic_store(&g->is_stopped, true);
    while (write(g->stop, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}
