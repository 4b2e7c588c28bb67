/* SPDX-License-Identifier: MIT */
/* One epoll for all. Connections are watched edge-triggered and once for good, so an event that
 * comes while a job is under way is only noted. Each connection is in the list of its state, the
 * longest first: time is looked for at the heads alone. A connection that ends is freed at the end
 * of the turn, since the same turn may hold another event of it.
 *
 * When all places are taken, a connection that has shown nothing makes room: one that never sent a
 * request, then one that is idle between two, then one that dawdles with its parameters. */
#define _GNU_SOURCE /* accept4 */
#include "fcgi-app/server/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/server/checker.h"
#include "fcgi-app/server/conn.h"
#include "fcgi-app/server/dispatch.h"
#include "fcgi-app/server/queue.h"
#include "fcgi-app/shared/metrics.h"

enum {
    EVENTS = 64,  /* in a turn */
    ACCEPTS = 64, /* in a turn */
    TICK_MS = 250,
    PAUSED_MS = 50,          /* between two looks for room */
    PROGRESS_MAX_MS = 60000, /* without any: of parameters, a body, a reply, a peer's close */
    STOPPING_MAX_MS = 2000,  /* the same, once the program is to stop */
    SILENT_MIN_MS = 100,     /* one that is younger is not the one that makes room */
    IDLE_MIN_MS = 500,
    READING_MIN_MS = 1000,
    OTHER_FDS = 32, /* descriptors of the rest of the program, beside the workers' */
};

struct front {
    int epoll, listener;
    int stop; /* an eventfd */
    bool is_stopping, is_paused;
    size_t max_connections, count;
    struct conn *conns[CONN_STATES];
    struct conn *ended; /* in this turn */
    struct jobs jobs;
    size_t held, held_max; /* bytes of replies that were not taken at once; 0: no ceiling */
    struct queue *queue;
    struct checker *checker;
    struct metrics *metrics;
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    int64_t now_ms, next_tick_ms, retry_ms; /* the last one: when to accept again */
};

static bool watch_fd(const struct front *f, int operation, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};

    return epoll_ctl(f->epoll, operation, fd, &event) == 0;
}

/* What the process may open, less what it needs itself. */
static size_t connections_max(const struct config_app *config)
{
    struct rlimit limit = {.rlim_cur = 1024};
    size_t own = OTHER_FDS + 2 * (size_t)config->workers, room;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    room = limit.rlim_cur > own ? (size_t)limit.rlim_cur - own : 1;
    if (room >= (size_t)config->max_connections)
        return (size_t)config->max_connections;
    log_warn(
        "only %zu connections instead of max_connections: raise LimitNOFILE (ulimit -n), which "
        "is %zu",
        room, (size_t)limit.rlim_cur);
    return room;
}

static void apply_limits(struct front *f)
{
    const struct config_app *app = &f->snapshot->config->app;
    const struct share_limits limits = {app->user_reads, app->user_writes, app->user_queue,
                                        app->user_rate,  app->user_burst,  app->read_reserve};

    f->jobs.snapshot = f->snapshot;
    f->jobs.bodies_max = (size_t)app->max_body_memory;
    f->held_max = (size_t)app->max_reply_memory;
    queue_set_limits(f->queue, &limits);
}

enum err front_new(int listener, struct snapshot *snapshot, struct queue *queue,
                   struct checker *checker, struct metrics *metrics, struct front **out)
{
    struct front *f = calloc(1, sizeof(*f));

    if (!f)
        return ERR_NO_MEMORY;
    f->listener = listener;
    f->queue = queue;
    f->checker = checker;
    f->metrics = metrics;
    f->snapshot = snapshot_ref(snapshot);
    f->max_connections = connections_max(&snapshot->config->app);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    apply_limits(f);
    if (f->epoll < 0 || f->stop < 0 ||
        !watch_fd(f, EPOLL_CTL_ADD, listener, EPOLLIN, &f->listener) ||
        !watch_fd(f, EPOLL_CTL_ADD, f->stop, EPOLLIN | EPOLLET, &f->stop) ||
        !watch_fd(f, EPOLL_CTL_ADD, queue_event(queue), EPOLLIN, f->queue)) {
        front_free(f);
        return ERR_NO_MEMORY;
    }
    *out = f;
    return ERR_NONE;
}

static void set_state(struct front *f, struct conn *c, enum conn_state state)
{
    DL_DELETE(f->conns[c->state], c);
    c->state = state;
    c->since_ms = f->now_ms;
    DL_APPEND(f->conns[state], c);
}

/* A step may have moved it on: it is in the list of `before` still. Dawdling with the parameters
 * counts from their first byte, all else from the last progress. */
static void relist(struct front *f, struct conn *c, enum conn_state before, bool has_progress)
{
    enum conn_state state = c->state;

    if (state == before && !(state == CONN_BODY && has_progress))
        return;
    c->state = before;
    set_state(f, c, state);
}

static void pause_accepting(struct front *f, bool is_paused)
{
    f->retry_ms = f->now_ms + PAUSED_MS;
    if (is_paused == f->is_paused || f->is_stopping)
        return;
    f->is_paused = is_paused;
    (void)watch_fd(f, EPOLL_CTL_MOD, f->listener, is_paused ? 0 : EPOLLIN, &f->listener);
}

/* Counts what the job holds for a web server that does not take it. */
static void hold(struct front *f, struct conn *c, size_t bytes)
{
    (void)INVARIANT(f->held >= c->held);
    f->held += bytes - c->held;
    c->held = bytes;
}

static void release_job(struct front *f, struct conn *c)
{
    hold(f, c, 0);
    jobs_give_back(&f->jobs, c->job);
    c->job = NULL;
}

static void drop_job(struct front *f, struct conn *c)
{
    if (!c->job)
        return;
    if (c->state != CONN_WAITING || queue_withdraw(f->queue, c->job, f->now_ms)) {
        release_job(f, c);
    } else {
        c->job->conn = NULL; /* a worker has it, and it comes back */
        c->job = NULL;
    }
}

static void end_conn(struct front *f, struct conn *c)
{
    drop_job(f, c);
    (void)close(c->fd);
    c->fd = -1;
    DL_DELETE(f->conns[c->state], c);
    LL_PREPEND(f->ended, c);
    (void)INVARIANT(f->count > 0);
    f->count--;
    pause_accepting(f, false);
}

static void free_ended(struct front *f)
{
    while (f->ended) {
        struct conn *c = f->ended;

        f->ended = c->next;
        free(c);
    }
}

static void follow(struct front *f, struct conn *c, enum conn_step step, enum err e);

static void read_conn(struct front *f, struct conn *c)
{
    enum conn_state before = c->state;
    uint64_t body_len = c->parser.body_len;
    enum err e = ERR_NONE;
    enum conn_step step = conn_read(c, &f->jobs, &e);

    relist(f, c, before, c->parser.body_len > body_len);
    follow(f, c, step, e);
}

/* Over the ceiling, those go whose web servers have taken nothing for longest. */
static void cut_replies(struct front *f)
{
    while (f->held_max > 0 && f->held > f->held_max && f->conns[CONN_WRITING]) {
        metrics_count_cut(f->metrics);
        end_conn(f, f->conns[CONN_WRITING]);
    }
}

static void write_conn(struct front *f, struct conn *c)
{
    bool was_full = c->is_full;
    size_t written = c->written;
    enum conn_step step = conn_write(c);

    if (c->is_full && !was_full)
        (void)watch_fd(f, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
    if (c->written > written)
        set_state(f, c, CONN_WRITING);
    if (step == CONN_MORE)
        hold(f, c, c->job->exchange.out.len);
    follow(f, c, step, ERR_NONE);
    cut_replies(f);
}

/* The reply is there: writes what the socket takes now. */
static void write_reply(struct front *f, struct conn *c)
{
    c->written = 0;
    set_state(f, c, CONN_WRITING);
    write_conn(f, c);
}

/* A refusal of our own, without a worker. */
static void refuse(struct front *f, struct conn *c, enum err e)
{
    struct job *job = c->job;
    const struct route *route = job->request.route;

    job_reply(job, e, NULL);
    metrics_count_request(f->metrics, METRICS_FRONT, route, job->response.http,
                          job->began_us ? clock_us() - job->began_us : 0);
    write_reply(f, c);
}

static void submit(struct front *f, struct conn *c)
{
    struct job *job = c->job;
    enum share_kind kind = dispatch_share(job);
    enum err e;

    job->began_us = clock_us();
    set_state(f, c, CONN_WAITING);
    if (kind == SHARE_CHECK && !endpoint_is_plain_check(&job->request))
        kind = SHARE_READ;
    e = queue_put(f->queue, job, kind, f->now_ms);
    if (e)
        refuse(f, c, e);
    else if (kind == SHARE_CHECK)
        checker_put(f->checker, job);
}

static void await_next(struct front *f, struct conn *c)
{
    release_job(f, c);
    c->has_served = true;
    if (f->is_stopping) {
        end_conn(f, c);
        return;
    }
    set_state(f, c, CONN_IDLE);
    if (c->has_news)
        read_conn(f, c);
}

static void discard_rest(struct front *f, struct conn *c)
{
    if (conn_discard(c) == CONN_END)
        end_conn(f, c);
}

static void linger(struct front *f, struct conn *c)
{
    release_job(f, c);
    (void)shutdown(c->fd, SHUT_WR);
    set_state(f, c, CONN_LINGERING);
    discard_rest(f, c);
}

static void follow(struct front *f, struct conn *c, enum conn_step step, enum err e)
{
    switch (step) {
    case CONN_MORE:
        break;
    case CONN_REQUEST:
        submit(f, c);
        break;
    case CONN_REPLY:
        refuse(f, c, e);
        break;
    case CONN_DONE:
        await_next(f, c);
        break;
    case CONN_LINGER:
        linger(f, c);
        break;
    case CONN_END:
        end_conn(f, c);
        break;
    }
}

/* What is idle and may make room for a new connection, or NULL. */
static struct conn *find_dispensable(const struct front *f)
{
    struct conn *idle = f->conns[CONN_IDLE], *reading = f->conns[CONN_READING];

    if (idle && f->now_ms - idle->since_ms >= (idle->has_served ? IDLE_MIN_MS : SILENT_MIN_MS))
        return idle;
    if (reading && f->now_ms - reading->since_ms >= READING_MIN_MS)
        return reading;
    return NULL;
}

static bool make_room(struct front *f)
{
    struct conn *c;

    if (f->count < f->max_connections)
        return true;
    c = find_dispensable(f);
    if (!c)
        return false;
    metrics_count_displaced(f->metrics);
    end_conn(f, c);
    return true;
}

static void adopt_conn(struct front *f, int fd)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c || !watch_fd(f, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, c)) {
        free(c);
        (void)close(fd);
        return;
    }
    c->fd = fd;
    c->since_ms = f->now_ms;
    DL_APPEND(f->conns[CONN_IDLE], c);
    f->count++;
    read_conn(f, c);
}

static void accept_conns(struct front *f)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int fd;

        if (!make_room(f)) {
            pause_accepting(f, true);
            return;
        }
        fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && errno != EAGAIN) {
            log_warn("cannot accept a connection: %s; if it is for want of descriptors, raise "
                     "LimitNOFILE or lower max_connections",
                     strerror(errno));
            pause_accepting(f, true);
        }
        if (fd < 0)
            return;
        adopt_conn(f, fd);
    }
}

static void handle_conn(struct front *f, struct conn *c, uint32_t events)
{
    if (c->fd < 0)
        return; /* it ended in this turn */
    c->has_news = c->has_news || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
    switch (c->state) {
    case CONN_IDLE:
    case CONN_READING:
    case CONN_BODY:
        read_conn(f, c);
        break;
    case CONN_WAITING:
        if (events & (EPOLLHUP | EPOLLERR)) /* half closed is not gone */
            end_conn(f, c);
        break;
    case CONN_WRITING:
        if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
            write_conn(f, c);
        break;
    case CONN_LINGERING:
        discard_rest(f, c);
        break;
    case CONN_STATES:
        break;
    }
}

static void reply_finished(struct front *f)
{
    struct job *job = queue_take_finished(f->queue);

    while (job) {
        struct job *next = job->next;

        if (job->conn)
            write_reply(f, job->conn);
        else
            jobs_give_back(&f->jobs, job);
        job = next;
    }
}

void front_free(struct front *f)
{
    if (!f)
        return;
    reply_finished(f);
    for (int state = 0; state < CONN_STATES; state++)
        while (f->conns[state])
            end_conn(f, f->conns[state]);
    free_ended(f);
    jobs_deinit(&f->jobs);
    snapshot_offer(&f->inbox, NULL);
    snapshot_unref(f->snapshot);
    if (f->epoll >= 0)
        (void)close(f->epoll);
    if (f->stop >= 0)
        (void)close(f->stop);
    free(f);
}

static void handle_event(struct front *f, const struct epoll_event *event)
{
    if (event->data.ptr == &f->listener)
        accept_conns(f);
    else if (event->data.ptr == f->queue)
        reply_finished(f);
    else if (event->data.ptr == &f->stop)
        f->is_stopping = true;
    else
        handle_conn(f, event->data.ptr, event->events);
}

static void end_slow(struct front *f, enum conn_state state, const char *what)
{
    int max_ms = f->is_stopping ? STOPPING_MAX_MS : PROGRESS_MAX_MS;

    while (f->conns[state] && f->now_ms - f->conns[state]->since_ms >= max_ms) {
        if (what)
            log_warn("a connection was closed: %s for %d s", what, max_ms / 1000);
        end_conn(f, f->conns[state]);
    }
}

/* What no worker has taken within the time that a statement may run is not worth waiting for. */
static void refuse_overdue(struct front *f)
{
    int64_t before_ms = f->now_ms - f->snapshot->config->app.queue_timeout_ms;
    struct job *job;

    while ((job = queue_take_overdue(f->queue, before_ms, f->now_ms))) {
        enum err e = response_fail(&job->response, ERR_UNAVAILABLE,
                                   "the request has waited too long; nothing was done, try again");

        if (job->conn)
            refuse(f, job->conn, e);
        else
            jobs_give_back(&f->jobs, job);
    }
}

static void tick(struct front *f)
{
    if (f->now_ms < f->next_tick_ms)
        return;
    f->next_tick_ms = f->now_ms + TICK_MS;
    end_slow(f, CONN_READING, "the web server did not send the rest of a request");
    end_slow(f, CONN_BODY, "the web server did not send the rest of a body");
    end_slow(f, CONN_WRITING, "the web server did not take the rest of a reply");
    end_slow(f, CONN_LINGERING, NULL);
    refuse_overdue(f);
}

static void run_turn(struct front *f, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    struct snapshot *before = f->snapshot;
    int count = epoll_wait(f->epoll, events, EVENTS, timeout_ms);

    f->now_ms = clock_ms();
    snapshot_update(&f->inbox, &f->snapshot);
    if (f->snapshot != before)
        apply_limits(f);
    for (int i = 0; i < count; i++)
        handle_event(f, &events[i]);
    if (f->is_paused && f->now_ms >= f->retry_ms)
        pause_accepting(f, false);
    tick(f);
    free_ended(f);
}

static int next_timeout(const struct front *f)
{
    return f->is_paused ? PAUSED_MS : TICK_MS;
}

/* What has arrived is served: each connection is read once more. */
static void begin_stopping(struct front *f)
{
    struct conn *c, *next;
    size_t count;

    do {
        count = f->count;
        accept_conns(f);
    } while (f->count > count);
    (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, f->listener, NULL);
    for (int state = CONN_IDLE; state <= CONN_BODY; state++)
        DL_FOREACH_SAFE(f->conns[state], c, next)
        {
            read_conn(f, c);
        }
    for (int state = CONN_IDLE; state <= CONN_BODY; state++)
        while (f->conns[state])
            end_conn(f, f->conns[state]);
    free_ended(f);
}

void front_run(struct front *f)
{
    while (!f->is_stopping)
        run_turn(f, next_timeout(f));
    begin_stopping(f);
    while (f->conns[CONN_WAITING] || f->conns[CONN_WRITING])
        run_turn(f, next_timeout(f));
    queue_stop(f->queue);
    checker_stop(f->checker);
}

void front_offer(struct front *f, struct snapshot *snapshot)
{
    snapshot_offer(&f->inbox, snapshot);
}

void front_stop(struct front *f)
{
    const uint64_t one = 1;

    while (write(f->stop, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}
