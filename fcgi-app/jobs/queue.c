/* SPDX-License-Identifier: MIT */
/* One lock around the shares, since each call is short. A worker sleeps on a condition, the front
 * in its epoll: it is told of finished jobs by an eventfd, once until it has taken them. */
#include "fcgi-app/jobs/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes/invariant.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed[2]; /* [1]: for workers that have a connection */
    struct shares *shares;
    size_t connected; /* workers that have a connection */
    struct job *finished, **finished_end;
    int event;
    bool is_stopped;
};

static bool init_locks(struct queue *q)
{
    pthread_condattr_t attributes;
    bool is_done;

    if (pthread_mutex_init(&q->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0)
        return false;
    is_done = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&q->changed[0], &attributes) == 0 &&
              pthread_cond_init(&q->changed[1], &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return is_done;
}

enum err queue_new(struct queue **out)
{
    struct queue *q = calloc(1, sizeof(*q));

    if (!q)
        return ERR_NO_MEMORY;
    q->finished_end = &q->finished;
    q->shares = shares_new();
    q->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!q->shares || q->event < 0 || !init_locks(q)) {
        queue_free(q);
        return ERR_NO_MEMORY;
    }
    *out = q;
    return ERR_NONE;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    shares_free(q->shares);
    if (q->event >= 0)
        (void)close(q->event);
    for (int i = 0; i < 2; i++)
        (void)pthread_cond_destroy(&q->changed[i]);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

static void wake_all(struct queue *q)
{
    for (int i = 0; i < 2; i++)
        (void)pthread_cond_broadcast(&q->changed[i]);
}

void queue_set_limits(struct queue *q, const struct share_limits *limits)
{
    (void)pthread_mutex_lock(&q->lock);
    shares_set_limits(q->shares, limits);
    (void)pthread_mutex_unlock(&q->lock);
}

enum err queue_put(struct queue *q, struct job *job, enum share_kind kind, int64_t now_ms)
{
    struct span user = span_of(job->request.who.user);
    int retry_after_s = 0;
    enum err e;

    (void)pthread_mutex_lock(&q->lock);
    e = shares_enter(q->shares, &job->ticket, kind, user, now_ms, &retry_after_s);
    if (!e && job->ticket.state == SHARE_READY)
        (void)pthread_cond_signal(&q->changed[q->connected > 0]);
    (void)pthread_mutex_unlock(&q->lock);
    if (e == ERR_TOO_MANY) {
        job->response.retry_after_s = retry_after_s;
        e = response_fail(&job->response, e,
                          "this user asks too much at once; try again after Retry-After");
    }
    return e;
}

bool queue_withdraw(struct queue *q, struct job *job, int64_t now_ms)
{
    bool is_free;

    (void)pthread_mutex_lock(&q->lock);
    is_free = job->ticket.state == SHARE_WAITING || job->ticket.state == SHARE_READY;
    if (is_free)
        shares_leave(q->shares, &job->ticket, now_ms);
    (void)pthread_mutex_unlock(&q->lock);
    return is_free;
}

struct job *queue_take_overdue(struct queue *q, int64_t before_ms, int64_t now_ms)
{
    struct share_ticket *ticket;

    (void)pthread_mutex_lock(&q->lock);
    ticket = shares_overdue(q->shares, before_ms);
    if (ticket)
        shares_leave(q->shares, ticket, now_ms);
    (void)pthread_mutex_unlock(&q->lock);
    return job_of_ticket(ticket);
}

struct job *queue_take_finished(struct queue *q)
{
    struct job *finished;
    uint64_t count;

    (void)pthread_mutex_lock(&q->lock);
    while (read(q->event, &count, sizeof(count)) < 0 && errno == EINTR)
        continue;
    finished = q->finished;
    q->finished = NULL;
    q->finished_end = &q->finished;
    (void)pthread_mutex_unlock(&q->lock);
    return finished;
}

int queue_event(const struct queue *q)
{
    return q->event;
}

void queue_stop(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->is_stopped = true;
    wake_all(q);
    (void)pthread_mutex_unlock(&q->lock);
}

/* The next job that this worker may have. */
static struct job *next_job(struct queue *q, bool is_connected)
{
    if (!is_connected && q->connected > 0)
        return NULL;
    return job_of_ticket(shares_next(q->shares));
}

/* Until something changes; a worker without a connection no longer than until `due`. True: it is.
 */
static bool wait_for_change(struct queue *q, bool is_connected, const struct timespec *due)
{
    if (!is_connected)
        return pthread_cond_timedwait(&q->changed[0], &q->lock, due) == ETIMEDOUT;
    (void)pthread_cond_wait(&q->changed[1], &q->lock);
    return false;
}

static struct timespec time_after(int64_t ms)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    ms += t.tv_nsec / 1000000;
    return (struct timespec){t.tv_sec + (time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

bool queue_next(struct queue *q, bool is_connected, int64_t wait_ms, struct job **job)
{
    struct timespec due = {0};
    bool is_due = false, is_stopped;

    if (!is_connected)
        due = time_after(wait_ms);
    (void)pthread_mutex_lock(&q->lock);
    for (*job = next_job(q, is_connected); !*job && !is_due && !q->is_stopped;
         *job = next_job(q, is_connected))
        is_due = wait_for_change(q, is_connected, &due);
    is_stopped = !*job && q->is_stopped;
    (void)pthread_mutex_unlock(&q->lock);
    return !is_stopped;
}

void queue_finish(struct queue *q, struct job *job, int64_t now_ms)
{
    const uint64_t one = 1;

    job->next = NULL;
    (void)pthread_mutex_lock(&q->lock);
    shares_leave(q->shares, &job->ticket, now_ms);
    if (!q->finished)
        while (write(q->event, &one, sizeof(one)) < 0 && errno == EINTR)
            continue;
    *q->finished_end = job;
    q->finished_end = &job->next;
    if (shares_waiting(q->shares) > 0)
        wake_all(q);
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_change(struct queue *q, struct job *job, enum share_kind kind, int64_t now_ms)
{
    (void)pthread_mutex_lock(&q->lock);
    shares_change(q->shares, &job->ticket, kind, now_ms);
    wake_all(q);
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_count_connected(struct queue *q, int change)
{
    (void)pthread_mutex_lock(&q->lock);
    (void)INVARIANT(change > 0 || q->connected > 0);
    q->connected = change > 0 ? q->connected + 1 : q->connected - 1;
    shares_set_connections(q->shares, q->connected);
    wake_all(q);
    (void)pthread_mutex_unlock(&q->lock);
}
