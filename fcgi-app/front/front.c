/* SPDX-License-Identifier: MIT */
/* One epoll for all. Connections are watched edge-triggered and once for good, so an event that
 * comes while a job is under way is only noted. The steps of a connection are conn.c's, which one
 * has waited longest conns.c's; here is what follows from a step. When all places are taken, a
 * connection that has shown nothing makes room. */
#include "fcgi-app/front/front.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "common/limits/interval.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/front/acceptor.h"
#include "fcgi-app/front/conns.h"
#include "fcgi-app/jobs/dispatch.h"
#include "fcgi-app/jobs/queue.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/workers/checker.h"

enum {
    EVENTS = 64,  /* in a turn */
    ACCEPTS = 64, /* in a turn */
    TICK_MS = 250,
    PROGRESS_MAX_MS = 60000, /* without any: of parameters, a body, a reply, a peer's close */
    STOPPING_MAX_MS = 2000,  /* the same, once the program is to stop */
    STOPPING_IDLE_MS = 250,  /* what has connected may be about to send */
};

struct front {
    int epoll;
    int stop; /* an eventfd */
    struct acceptor acceptor;
    struct conns conns;
    struct jobs jobs;
    struct queue *queue;
    struct checker *checker;
    struct metrics *metrics;
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    int64_t now_ms, next_tick_ms;
    int64_t stopping_since_ms, closing_since_ms; /* 0: not yet */
};

static bool watch_fd(const struct front *f, int operation, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};

    return epoll_ctl(f->epoll, operation, fd, &event) == 0;
}

static void apply_limits(struct front *f)
{
    const struct config_app *app = &f->snapshot->config->app;
    const struct share_limits limits = {app->user_reads, app->user_writes, app->user_queue,
                                        app->user_rate,  app->user_burst,  app->read_reserve};

    f->jobs.snapshot = f->snapshot;
    f->jobs.bodies_max = (size_t)app->max_body_memory;
    f->conns.held_max = (size_t)app->max_reply_memory;
    queue_set_limits(f->queue, &limits);
}

enum err front_new(int listener, struct snapshot *snapshot, struct queue *queue,
                   struct checker *checker, struct metrics *metrics, struct front **out)
{
    struct front *f = calloc(1, sizeof(*f));

    if (!f)
        return ERR_NO_MEMORY;
    f->queue = queue;
    f->checker = checker;
    f->metrics = metrics;
    f->snapshot = snapshot_ref(snapshot);
    f->conns.max = acceptor_connections_max(&snapshot->config->app);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    apply_limits(f);
    if (f->epoll < 0 || f->stop < 0 || !acceptor_start(&f->acceptor, f->epoll, listener) ||
        !watch_fd(f, EPOLL_CTL_ADD, f->stop, EPOLLIN | EPOLLET, &f->stop) ||
        !watch_fd(f, EPOLL_CTL_ADD, queue_event(queue), EPOLLIN, f->queue)) {
        front_free(f);
        return ERR_NO_MEMORY;
    }
    *out = f;
    return ERR_NONE;
}

static void release_job(struct front *f, struct conn *c)
{
    conns_hold(&f->conns, c, 0);
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
    conns_close(&f->conns, c);
    acceptor_resume(&f->acceptor);
}

static void follow(struct front *f, struct conn *c, enum conn_step step, enum err e);

static void read_conn(struct front *f, struct conn *c)
{
    enum conn_state before = c->state;
    uint64_t body_len = c->parser.body_len;
    enum err e = ERR_NONE;
    enum conn_step step = conn_read(c, &f->jobs, &e);

    conns_relist(&f->conns, c, before, c->parser.body_len > body_len, f->now_ms);
    follow(f, c, step, e);
}

/* Over the ceiling, those go whose web servers have taken nothing for longest. */
static void cut_replies(struct front *f)
{
    struct conn *c;

    while ((c = conns_find_overheld(&f->conns))) {
        metrics_count_cut(f->metrics);
        end_conn(f, c);
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
        conns_set_state(&f->conns, c, CONN_WRITING, f->now_ms);
    if (step == CONN_MORE)
        conns_hold(&f->conns, c, c->job->exchange.out.len);
    follow(f, c, step, ERR_NONE);
    cut_replies(f);
}

/* The reply is there: writes what the socket takes now. Where the connection is to end after it,
 * the web server is told: it could use it for another request in that moment, which would be lost.
 */
static void write_reply(struct front *f, struct conn *c)
{
    if (c->job->keeps_connection && (f->stopping_since_ms || conn_is_spoilt(c)))
        job_dismiss(c->job);
    c->written = 0;
    conns_set_state(&f->conns, c, CONN_WRITING, f->now_ms);
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
    conns_set_state(&f->conns, c, CONN_WAITING, f->now_ms);
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
    conns_set_state(&f->conns, c, CONN_IDLE, f->now_ms);
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
    conns_set_state(&f->conns, c, CONN_LINGERING, f->now_ms);
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

static bool make_room(struct front *f)
{
    struct conn *c;

    if (f->conns.count < f->conns.max)
        return true;
    c = conns_find_dispensable(&f->conns, f->now_ms);
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
    conns_add(&f->conns, c, f->now_ms);
    read_conn(f, c);
}

static void accept_conns(struct front *f)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int fd;

        if (!make_room(f)) {
            acceptor_pause(&f->acceptor, f->now_ms);
            return;
        }
        fd = acceptor_take(&f->acceptor, f->now_ms);
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
        while (f->conns.in_state[state])
            end_conn(f, f->conns.in_state[state]);
    conns_free_ended(&f->conns);
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
    if (event->data.ptr == &f->acceptor)
        accept_conns(f);
    else if (event->data.ptr == f->queue)
        reply_finished(f);
    else if (event->data.ptr == &f->stop)
        f->stopping_since_ms = f->now_ms;
    else
        handle_conn(f, event->data.ptr, event->events);
}

static void end_slow(struct front *f, enum conn_state state, const char *what)
{
    int max_ms = f->stopping_since_ms ? STOPPING_MAX_MS : PROGRESS_MAX_MS;
    struct conn *c;

    while ((c = conns_find_slow(&f->conns, state, f->now_ms - max_ms))) {
        if (what)
            log_warn("a connection was closed: %s for %d s", what, max_ms / 1000);
        end_conn(f, c);
    }
}

/* All that have shown nothing, unless a request has just begun. */
static void end_idle(struct front *f)
{
    struct conn *c, *next;

    DL_FOREACH_SAFE(f->conns.in_state[CONN_IDLE], c, next)
    {
        read_conn(f, c);
        if (c->state == CONN_IDLE && c->fd >= 0)
            end_conn(f, c);
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
    if (!interval_take(&f->next_tick_ms, f->now_ms, TICK_MS))
        return;
    end_slow(f, CONN_READING, "the web server did not send the rest of a request");
    end_slow(f, CONN_BODY, "the web server did not send the rest of a body");
    end_slow(f, CONN_WRITING, "the web server did not take the rest of a reply");
    end_slow(f, CONN_LINGERING, NULL);
    refuse_overdue(f);
    if (f->closing_since_ms && f->now_ms - f->closing_since_ms >= STOPPING_IDLE_MS)
        end_idle(f);
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
    acceptor_tick(&f->acceptor, f->now_ms);
    tick(f);
    conns_free_ended(&f->conns);
}

static int next_timeout(const struct front *f)
{
    return f->acceptor.is_paused ? ACCEPTOR_RETRY_MS : TICK_MS;
}

/* A web server may use a connection that it keeps in the moment in which it is closed, and would
 * lose the request. So there is time for it to close those itself, while all is served as before.
 */
static bool awaits_kept(const struct front *f)
{
    struct conn *c;

    if (f->now_ms - f->stopping_since_ms >= STOPPING_MAX_MS)
        return false;
    DL_FOREACH(f->conns.in_state[CONN_IDLE], c)
    {
        if (c->has_served)
            return true;
    }
    return false;
}

/* What has arrived is served: each connection is read once more. Whoever shares the listener has
 * what comes from now on. */
static void begin_closing(struct front *f)
{
    struct conn *c, *next;
    size_t count;

    f->closing_since_ms = f->now_ms;
    do {
        count = f->conns.count;
        accept_conns(f);
    } while (f->conns.count > count);
    acceptor_stop(&f->acceptor);
    for (int state = CONN_IDLE; state <= CONN_BODY; state++)
        DL_FOREACH_SAFE(f->conns.in_state[state], c, next)
        {
            read_conn(f, c);
        }
    conns_free_ended(&f->conns);
}

static bool has_requests(const struct front *f)
{
    for (int state = CONN_IDLE; state <= CONN_WRITING; state++)
        if (f->conns.in_state[state])
            return true;
    return false;
}

void front_run(struct front *f)
{
    while (!f->stopping_since_ms || awaits_kept(f))
        run_turn(f, next_timeout(f));
    begin_closing(f);
    while (has_requests(f))
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
