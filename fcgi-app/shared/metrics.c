/* SPDX-License-Identifier: MIT */
/* Counting must cost next to nothing, so nothing is shared while counting: each thread has its own
 * block of counters, one set a route, which it alone writes, with plain stores that are atomic only
 * so that a reader in another thread sees whole numbers. The reader, GET /metrics, pays for that:
 * it adds up all blocks. Numbers that can be looked up are not counted but asked for (the gauges).
 */
#include "fcgi-app/shared/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/bytes/invariant.h"
#include "common/metrics/histogram.h"
#include "common/metrics/text.h"

enum { CLASSES = 4 /* 2xx to 5xx */ };

#define PREFIX "doorbell_app_"

/* Written by one thread and read by any. */
typedef _Atomic uint64_t counter;

struct route_counts {
    counter classes[CLASSES];
    counter buckets[HISTOGRAM_BUCKETS]; /* not yet cumulative */
    counter sum_us;
};

struct thread_counts {
    struct route_counts *routes; /* the last one for requests of no route */
    counter unavailable, wrong;
    counter standby_used, standby_behind, standby_failed;
    atomic_bool is_connected, has_standby;
};

struct metrics {
    const struct route *routes;
    size_t routes_count;
    size_t threads_count; /* METRICS_WORKER of them are no worker's */
    struct thread_counts *threads;
    struct route_counts *route_counts; /* those of all threads, in one block */
    counter rings, skipped, failures, refused;
    counter displaced, cut;
    counter checks_remembered, checks_computed;
    counter clock_steps;
    counter webhooks[METRICS_WEBHOOKS];
    bool shows_standbys;
    _Atomic int64_t clock_difference_s[METRICS_CLOCKS];
};

/* The sums of one route over all workers. */
struct totals {
    uint64_t classes[CLASSES], requests;
    struct histogram durations;
};

enum err metrics_new(size_t workers, const struct route *routes, size_t routes_count,
                     struct metrics **out)
{
    struct metrics *m = calloc(1, sizeof(*m));

    if (!m)
        return ERR_NO_MEMORY;
    m->routes = routes;
    m->routes_count = routes_count;
    m->threads_count = METRICS_WORKER + workers;
    m->threads = calloc(m->threads_count, sizeof(*m->threads));
    m->route_counts = calloc(m->threads_count * (routes_count + 1), sizeof(*m->route_counts));
    if (!m->threads || !m->route_counts) {
        metrics_free(m);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < m->threads_count; i++)
        m->threads[i].routes = m->route_counts + i * (routes_count + 1);
    *out = m;
    return ERR_NONE;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    free(m->threads);
    free(m->route_counts);
    free(m);
}

/* Its only writer needs no locked instruction. */
static void add_count(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static uint64_t read_counter(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

void metrics_count_request(struct metrics *m, size_t who, const struct route *route, int http,
                           int64_t duration_us)
{
    struct thread_counts *w = &m->threads[who];
    struct route_counts *counts = &w->routes[route ? (size_t)(route - m->routes) : m->routes_count];

    if (!INVARIANT(http >= 200 && http < 600))
        return;
    add_count(&counts->buckets[histogram_bucket(duration_us)], 1);
    add_count(&counts->sum_us, (uint64_t)duration_us);
    add_count(&counts->classes[http / 100 - 2], 1);
    if (http == 503)
        add_count(&w->unavailable, 1);
}

void metrics_count_wrong(struct metrics *m, size_t who)
{
    add_count(&m->threads[who].wrong, 1);
}

void metrics_set_connected(struct metrics *m, size_t who, bool is_connected)
{
    atomic_store_explicit(&m->threads[who].is_connected, is_connected, memory_order_relaxed);
}

void metrics_show_standbys(struct metrics *m)
{
    m->shows_standbys = true;
}

void metrics_count_standby(struct metrics *m, size_t who, uint64_t used, uint64_t behind,
                           uint64_t failed)
{
    add_count(&m->threads[who].standby_used, used);
    add_count(&m->threads[who].standby_behind, behind);
    add_count(&m->threads[who].standby_failed, failed);
}

void metrics_set_standby(struct metrics *m, size_t who, bool is_connected)
{
    atomic_store_explicit(&m->threads[who].has_standby, is_connected, memory_order_relaxed);
}

int64_t metrics_standbys(const struct metrics *m)
{
    int64_t connected = 0;

    for (size_t i = 0; i < m->threads_count; i++)
        connected += atomic_load_explicit(&m->threads[i].has_standby, memory_order_relaxed);
    return m->shows_standbys ? connected : -1;
}

void metrics_count_rings(struct metrics *m, size_t n)
{
    add_count(&m->rings, n);
}

void metrics_count_rings_skipped(struct metrics *m, size_t n)
{
    add_count(&m->skipped, n);
}

void metrics_count_publish_failure(struct metrics *m)
{
    add_count(&m->failures, 1);
}

void metrics_count_ring_refused(struct metrics *m)
{
    add_count(&m->refused, 1);
}

void metrics_count_webhook(struct metrics *m, enum metrics_webhook how)
{
    add_count(&m->webhooks[how], 1);
}

void metrics_count_clock_step(struct metrics *m)
{
    add_count(&m->clock_steps, 1);
}

void metrics_set_clock_difference(struct metrics *m, enum metrics_clock whose, int64_t ahead_s)
{
    atomic_store_explicit(&m->clock_difference_s[whose], ahead_s, memory_order_relaxed);
}

int64_t metrics_clock_difference(const struct metrics *m, enum metrics_clock whose)
{
    return atomic_load_explicit(&m->clock_difference_s[whose], memory_order_relaxed);
}

void metrics_count_displaced(struct metrics *m)
{
    add_count(&m->displaced, 1);
}

void metrics_count_cut(struct metrics *m)
{
    add_count(&m->cut, 1);
}

void metrics_count_check(struct metrics *m, bool is_from_memory)
{
    add_count(is_from_memory ? &m->checks_remembered : &m->checks_computed, 1);
}

static struct totals add_up(const struct metrics *m, size_t route)
{
    struct totals t = {.requests = 0};

    for (size_t i = 0; i < m->threads_count; i++) {
        const struct route_counts *counts = &m->threads[i].routes[route];

        for (size_t j = 0; j < CLASSES; j++)
            t.classes[j] += read_counter(&counts->classes[j]);
        for (size_t j = 0; j < HISTOGRAM_BUCKETS; j++)
            t.durations.buckets[j] += read_counter(&counts->buckets[j]);
        t.durations.sum_us += read_counter(&counts->sum_us);
    }
    for (size_t j = 0; j < HISTOGRAM_BUCKETS; j++)
        t.requests += t.durations.buckets[j];
    return t;
}

static enum err encode_classes(const struct totals *t, const char *labels, struct buf *out)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i < CLASSES && !e; i++)
        e = buf_printf(out, PREFIX "requests_total{%s,status=\"%zuxx\"} %" PRIu64 "\n", labels,
                       i + 2, t->classes[i]);
    return e;
}

static enum err encode_durations(const struct totals *t, const char *labels, struct buf *out)
{
    return histogram_encode(&t->durations, PREFIX "request_duration_seconds", labels, out);
}

/* The rows of each route that was ever asked. */
static enum err encode_routes(const struct metrics *m,
                              enum err (*encode)(const struct totals *, const char *, struct buf *),
                              struct buf *out)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i <= m->routes_count && !e; i++) {
        const struct route *route = i < m->routes_count ? &m->routes[i] : NULL;
        struct totals t = add_up(m, i);
        struct buf labels;

        if (t.requests == 0)
            continue;
        buf_init(&labels, 256);
        e = buf_printf(&labels, "method=\"%s\",route=\"%s\"%c",
                       route ? route_method_name(route->method) : "any",
                       route ? route->path : "none", '\0');
        if (!e)
            e = encode(&t, labels.data, out);
        buf_deinit(&labels);
    }
    return e;
}

static enum err encode_requests(const struct metrics *m, struct buf *out)
{
    enum err e = metrics_text_head(out, PREFIX "requests_total", "counter", "Requests answered");

    if (!e)
        e = encode_routes(m, encode_classes, out);
    if (!e)
        e = metrics_text_head(out, PREFIX "request_duration_seconds", "histogram",
                              "Time from a request's last byte to its reply");
    return e ? e : encode_routes(m, encode_durations, out);
}

static enum err encode_publisher(const struct metrics *m, struct buf *out)
{
    enum err e = metrics_text_one(out, PREFIX "rings_published_total", "counter",
                                  "Rings that the relay took", (int64_t)read_counter(&m->rings));

    if (!e)
        e = metrics_text_one(out, PREFIX "rings_skipped_total", "counter",
                             "Rings not computed, since their user had no open page",
                             (int64_t)read_counter(&m->skipped));
    if (!e)
        e = metrics_text_head(out, PREFIX "publish_errors_total", "counter",
                              "Publish calls that failed for now, and rings refused for good");
    if (e)
        return e;
    return buf_printf(out,
                      PREFIX "publish_errors_total{reason=\"unavailable\"} %" PRIu64 "\n" PREFIX
                             "publish_errors_total{reason=\"refused\"} %" PRIu64 "\n",
                      read_counter(&m->failures), read_counter(&m->refused));
}

static enum err encode_workers(const struct metrics *m, struct buf *out)
{
    uint64_t unavailable = 0, wrong = 0, connected = 0;
    enum err e;

    for (size_t i = 0; i < m->threads_count; i++) {
        unavailable += read_counter(&m->threads[i].unavailable);
        wrong += read_counter(&m->threads[i].wrong);
        if (i >= METRICS_WORKER)
            connected += atomic_load_explicit(&m->threads[i].is_connected, memory_order_relaxed);
    }
    e = metrics_text_one(out, PREFIX "unavailable_total", "counter", "Requests answered by 503",
                         (int64_t)unavailable);
    if (!e)
        e = metrics_text_one(out, PREFIX "wrong_numbers_total", "counter",
                             "Numbers that a page computed and reported as wrong", (int64_t)wrong);
    if (!e)
        e = metrics_text_one(out, PREFIX "workers", "gauge", "Workers",
                             (int64_t)(m->threads_count - METRICS_WORKER));
    if (e)
        return e;
    return metrics_text_one(out, PREFIX "workers_connected", "gauge",
                            "Workers that have a database connection", (int64_t)connected);
}

static enum err encode_standbys(const struct metrics *m, struct buf *out)
{
    uint64_t used = 0, behind = 0, failed = 0;
    enum err e;

    if (!m->shows_standbys)
        return ERR_NONE;
    for (size_t i = 0; i < m->threads_count; i++) {
        used += read_counter(&m->threads[i].standby_used);
        behind += read_counter(&m->threads[i].standby_behind);
        failed += read_counter(&m->threads[i].standby_failed);
    }
    e = metrics_text_head(
        out, PREFIX "standby_reads_total", "counter",
        "Reads that a standby was asked for; all but used went on to the primary");
    if (!e)
        e = buf_printf(out,
                       PREFIX "standby_reads_total{result=\"used\"} %" PRIu64 "\n" PREFIX
                              "standby_reads_total{result=\"behind\"} %" PRIu64 "\n" PREFIX
                              "standby_reads_total{result=\"failed\"} %" PRIu64 "\n",
                       used, behind, failed);
    if (e)
        return e;
    return metrics_text_one(out, PREFIX "workers_with_standby", "gauge",
                            "Workers that are connected to a standby", metrics_standbys(m));
}

static enum err encode_checks(const struct metrics *m, struct buf *out)
{
    enum err e = metrics_text_head(out, PREFIX "checks_total", "counter",
                                   "Checks answered: from memory, or computed by the database");

    if (e)
        return e;
    return buf_printf(out,
                      PREFIX "checks_total{from=\"memory\"} %" PRIu64 "\n" PREFIX
                             "checks_total{from=\"database\"} %" PRIu64 "\n",
                      read_counter(&m->checks_remembered), read_counter(&m->checks_computed));
}

static enum err encode_connections(const struct metrics *m, struct buf *out)
{
    enum err e = metrics_text_one(out, PREFIX "connections_displaced_total", "counter",
                                  "Idle connections closed to make room for others",
                                  (int64_t)read_counter(&m->displaced));

    if (e)
        return e;
    return metrics_text_one(out, PREFIX "replies_cut_total", "counter",
                            "Replies that a slow web server did not take, cut off for their memory",
                            (int64_t)read_counter(&m->cut));
}

static enum err encode_webhooks(const struct metrics *m, struct buf *out)
{
    static const char *const names[] = {
        [METRICS_WEBHOOK_TAKEN] = "taken",
        [METRICS_WEBHOOK_FAILED] = "failed",
        [METRICS_WEBHOOK_GIVEN_UP] = "given_up",
    };
    enum err e = metrics_text_head(out, PREFIX "webhook_calls_total", "counter",
                                   "Calls of webhooks, by how they went");

    for (size_t i = 0; i < METRICS_WEBHOOKS && !e; i++)
        e = buf_printf(out, PREFIX "webhook_calls_total{result=\"%s\"} %" PRIu64 "\n", names[i],
                       read_counter(&m->webhooks[i]));
    return e;
}

static enum err encode_clock(const struct metrics *m, struct buf *out)
{
    enum err e =
        metrics_text_one(out, PREFIX "clock_steps_total", "counter", "Times that the clock was set",
                         (int64_t)read_counter(&m->clock_steps));

    if (!e)
        e = metrics_text_one(out, PREFIX "clock_difference_seconds", "gauge",
                             "How far the database's clock is ahead",
                             metrics_clock_difference(m, METRICS_CLOCK_DATABASE));
    if (!e)
        e = metrics_text_one(out, PREFIX "relay_clock_difference_seconds", "gauge",
                             "How far the relay's clock is ahead",
                             metrics_clock_difference(m, METRICS_CLOCK_RELAY));
    return e;
}

static enum err encode_database(const struct metrics_gauges *g, struct buf *out)
{
    enum err e = metrics_text_one(out, PREFIX "database_up", "gauge",
                                  "Whether the database answers", g->is_database_up);

    if (e || !g->is_database_up)
        return e;
    e = metrics_text_one(out, PREFIX "database_writable", "gauge",
                         "Whether the database can be written", g->is_writable);
    if (!e)
        e = metrics_text_one(out, PREFIX "outbox_rows", "gauge", "Rings that wait for the relay",
                             g->outbox_rows);
    if (!e)
        e = metrics_text_one(out, PREFIX "outbox_age_seconds", "gauge", "Age of the oldest of them",
                             g->outbox_age_s);
    if (!e)
        e = metrics_text_one(out, PREFIX "overdue_messages", "gauge",
                             "Scheduled messages due, not delivered", g->overdue);
    if (e)
        return e;
    return metrics_text_one(out, PREFIX "wrong_counters", "gauge",
                            "Wrong counters in a small sample", g->drift);
}

enum err metrics_encode(const struct metrics *m, const struct metrics_gauges *g, struct buf *out)
{
    enum err e = encode_requests(m, out);

    if (!e)
        e = encode_workers(m, out);
    if (!e)
        e = encode_connections(m, out);
    if (!e)
        e = encode_checks(m, out);
    if (!e)
        e = encode_standbys(m, out);
    if (!e)
        e = encode_publisher(m, out);
    if (!e)
        e = encode_webhooks(m, out);
    if (!e)
        e = encode_clock(m, out);
    if (!e)
        e = metrics_text_program(out, g->lost_lines);
    return e ? e : encode_database(g, out);
}
