/* SPDX-License-Identifier: MIT */
#include "fcgi-app/workers/worker.h"

#include "common/os/clock.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/jobs/dispatch.h"
#include "fcgi-app/jobs/queue.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/standby.h"
#include "fcgi-app/store/tokens.h"
#include "fcgi-app/workers/publisher.h"

enum { RECONNECT_MS = 200 };

enum err worker_init(struct worker *w, size_t number, const struct config_database *config,
                     struct queue *queue, struct publisher *publisher, struct metrics *metrics,
                     struct health_cache *health)
{
    enum err e;

    *w = (struct worker){.queue = queue,
                         .publisher = publisher,
                         .metrics = metrics,
                         .health = health,
                         .number = number};
    e = store_init(&w->store, config);
    if (!e && config->read_url[0])
        e = standby_new(config, number, &w->store.standby);
    return e;
}

void worker_deinit(struct worker *w)
{
    store_deinit(&w->store);
}

/* Tells the queue, which gives work to those that have a connection. */
static void note_connection(struct worker *w)
{
    bool is_connected = store_is_connected(&w->store);

    if (is_connected == w->is_connected)
        return;
    w->is_connected = is_connected;
    queue_count_connected(w->queue, is_connected ? 1 : -1);
    metrics_set_connected(w->metrics, METRICS_WORKER + w->number, is_connected);
}

static void note_standby(struct worker *w)
{
    struct standby *standby = w->store.standby;
    uint64_t counts[STANDBY_RESULTS];

    if (!standby)
        return;
    standby_take_counts(standby, counts);
    metrics_count_standby(w->metrics, METRICS_WORKER + w->number, counts[STANDBY_USED],
                          counts[STANDBY_BEHIND], counts[STANDBY_FAILED]);
    metrics_set_standby(w->metrics, METRICS_WORKER + w->number, standby_is_connected(standby));
}

static enum err run_handler(struct worker *w, struct job *job)
{
    const struct endpoint ep = {&w->store, job->snapshot->config, &job->snapshot->secrets,
                                w->metrics, w->health};
    const struct request *req = &job->request;
    enum err e;

    if (req->route->access == ACCESS_USER && req->who.generation != IDENTITY_WITHOUT_TOKEN)
        tokens_guard(&w->store, req->who.user, req->who.generation);
    e = req->route->handler(&ep, req, &job->response);
    tokens_end_guard(&w->store);
    return e;
}

static void finish_job(struct worker *w, struct job *job, enum err e)
{
    const struct route *route = job->request.route;

    job_reply(job, e, store_fault(&w->store));
    store_forget(&w->store);
    if (job->response.has_rung)
        publisher_wake(w->publisher);
    /* Before it is given back, so that a client with the whole reply finds it counted. */
    metrics_count_request(w->metrics, METRICS_WORKER + w->number, route, job->response.http,
                          clock_us() - job->began_us);
    if (job->response.reports_wrong)
        metrics_count_wrong(w->metrics, METRICS_WORKER + w->number);
    note_connection(w);
    note_standby(w);
    queue_finish(w->queue, job, clock_ms());
}

static void run_job(struct worker *w, struct job *job)
{
    const struct route *route = job->request.route;
    enum err e = dispatch_decode(job);

    if (!e && job->ticket.kind != SHARE_BROADCAST && route->is_broadcast &&
        route->is_broadcast(&job->request)) {
        queue_change(w->queue, job, SHARE_BROADCAST, clock_ms());
        return;
    }
    if (!e)
        e = run_handler(w, job);
    finish_job(w, job, e);
}

/* Between two jobs, since it may take a while. */
static void connect_standby(struct worker *w)
{
    standby_connect(w->store.standby);
    note_standby(w);
}

static void reconnect(struct worker *w)
{
    store_reconnect(&w->store);
    note_connection(w);
    connect_standby(w);
}

void worker_run(struct worker *w)
{
    struct job *job;

    reconnect(w);
    while (queue_next(w->queue, w->is_connected, RECONNECT_MS, &job)) {
        if (job) {
            run_job(w, job);
            connect_standby(w);
        } else {
            reconnect(w);
        }
    }
}
