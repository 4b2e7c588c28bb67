/* SPDX-License-Identifier: MIT */
/* One thread with two occupations that share a database connection and a clock: it empties the
 * outbox towards the relay, and it lets happen what time alone brings about (scheduled messages,
 * expiry). When each is due is schedule's affair, how rings become calls is batch's, and the calls
 * are relay_client's.
 *
 * Nothing is lost by a crash at any point: rows are leased, not taken, and deleted only after the
 * relay has said 200. What is delivered twice does no harm, so no lease waits for the disk. Several
 * processes may share an outbox. */
#include "fcgi-app/server/publisher.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/postgres/array.h"
#include "fcgi-app/publish/batch.h"
#include "fcgi-app/publish/schedule.h"
#include "fcgi-app/server/relay_client.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/outbox.h"
#include "fcgi-app/store/upkeep.h"

enum {
    CLAIM_ROWS = 500, /* of one round */
    DUE_ROWS = 200,
    LEASE_S = 10, /* longer than a round with a slow relay */
    IDS_MAX = CLAIM_ROWS * 21 + 3,
};

struct publisher {
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    struct metrics *metrics;
    struct store store;
    struct relay_client *relay;
    struct batch batch;
    struct schedule schedule;
    int wake;
    atomic_bool is_stopped;
};

enum err publisher_new(struct snapshot *snapshot, struct metrics *metrics, struct publisher **out)
{
    struct publisher *p = calloc(1, sizeof(*p));

    if (!p)
        return ERR_NO_MEMORY;
    p->snapshot = snapshot_ref(snapshot);
    p->metrics = metrics;
    schedule_init(&p->schedule);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    batch_init(&p->batch);
    if (p->wake < 0 || relay_client_new(&p->relay) ||
        store_init(&p->store, &snapshot->config->database)) {
        publisher_free(p);
        return ERR_NO_MEMORY;
    }
    *out = p;
    return ERR_NONE;
}

void publisher_free(struct publisher *p)
{
    if (!p)
        return;
    if (p->wake >= 0)
        (void)close(p->wake);
    batch_deinit(&p->batch);
    relay_client_free(p->relay);
    store_deinit(&p->store);
    snapshot_offer(&p->inbox, NULL);
    snapshot_unref(p->snapshot);
    free(p);
}

void publisher_wake(struct publisher *p)
{
    const uint64_t one = 1;

    while (write(p->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void publisher_stop(struct publisher *p)
{
    atomic_store(&p->is_stopped, true);
    publisher_wake(p);
}

void publisher_offer(struct publisher *p, struct snapshot *snapshot)
{
    snapshot_offer(&p->inbox, snapshot);
}

/* One call with all that is in the batch. Failures are said once, when they begin. */
static enum err post_batch(struct publisher *p, struct span body)
{
    enum err e = relay_client_post(p->relay, body);

    schedule_called(&p->schedule, clock_ms());
    if (!e) {
        if (schedule_relay_took(&p->schedule))
            log_info("the relay takes rings again");
        metrics_count_rings(p->metrics, p->batch.count);
    } else if (e != ERR_INVALID) {
        metrics_count_publish_failure(p->metrics);
        if (schedule_relay_failed(&p->schedule, clock_ms(), clock_chance()))
            log_warn("%s", relay_client_fault(p->relay));
    }
    return e;
}

static enum err flush_batch(struct publisher *p)
{
    struct span body;
    enum err e;

    if (p->batch.count == 0)
        return ERR_NONE;
    e = batch_finish(&p->batch, &body);
    if (!e)
        e = post_batch(p, body);
    batch_reset(&p->batch);
    return e;
}

/* A list of users that no body can hold becomes everybody: a ring too many does no harm. */
static enum err take_ring(void *context, struct span ring)
{
    struct publisher *p = context;
    enum err e = ERR_NONE;

    if (!batch_can_hold(&p->batch, ring))
        ring = SPAN("{\"all\":true}");
    if (!batch_has_room(&p->batch, ring))
        e = flush_batch(p);
    return e ? e : batch_add(&p->batch, ring);
}

static struct ring_terms terms_of(const struct publisher *p)
{
    const struct config_app *app = &p->snapshot->config->app;

    return (struct ring_terms){app->hit_window_s, app->group_ring_max};
}

/* Brings the rings of leased rows to the relay. */
static enum err publish_rows(struct publisher *p, const char *ids)
{
    struct ring_terms terms = terms_of(p);
    enum err e;

    batch_reset(&p->batch);
    e = outbox_rings(&p->store, ids, &terms, (struct ring_taker){take_ring, p});
    return e ? e : flush_batch(p);
}

/* Leaves the rows to a later round, ours or another process's. */
static void give_rows_back(struct publisher *p, const char *ids)
{
    if (outbox_retry(&p->store, ids))
        log_debug("rings wait for the end of their lease");
}

/* A row that the relay refuses for good must not hold up the others: each is tried alone, and
 * only that one is dropped. */
static enum err publish_row_by_row(struct publisher *p, struct span ids)
{
    enum err e = ERR_NONE;

    ids = (struct span){ids.p + 1, ids.len - 3}; /* without "{", "}" and the NUL */
    while (ids.p && !e) {
        char id[32];
        struct span digits = span_cut(&ids, ',');

        (void)snprintf(id, sizeof(id), "{%.*s}", SPAN_ARGS(digits));
        e = publish_rows(p, id);
        if (e == ERR_INVALID) {
            metrics_count_ring_refused(p->metrics);
            log_error(
                "ring %s was refused by the relay and dropped; are both programs of one version?",
                id);
        }
        if (!e || e == ERR_INVALID)
            e = outbox_done(&p->store, id);
        else
            give_rows_back(p, id);
    }
    return e;
}

/* Leases rows and brings their rings to the relay. Several rows may make one ring, so it is all or
 * nothing: a ring that comes twice does no harm. */
static enum err take_and_publish(struct publisher *p, struct buf *ids, int64_t *count)
{
    const struct lease lease = {CLAIM_ROWS, LEASE_S, p->snapshot->config->app.ring_max_age_s};
    struct ring_terms terms = terms_of(p);
    enum err e;

    batch_reset(&p->batch);
    e = outbox_take(&p->store, &lease, &terms, (struct ring_taker){take_ring, p}, ids, count);
    return e ? e : flush_batch(p);
}

/* ERR_END once nothing waits: what has come since the last rows were taken wakes us, or is polled.
 */
static enum err publish_round(struct publisher *p, struct buf *ids)
{
    int64_t count;
    enum err e = take_and_publish(p, ids, &count);

    if (buf_span(ids).len == 0)
        return e;
    if (!e)
        e = outbox_done(&p->store, ids->data);
    else if (e == ERR_INVALID)
        e = publish_row_by_row(p, buf_span(ids));
    else
        give_rows_back(p, ids->data);
    return !e && count < CLAIM_ROWS ? ERR_END : e;
}

static void publish_all(struct publisher *p)
{
    struct buf ids;
    enum err e = relay_client_configure(p->relay, p->snapshot);

    p->batch.max = (size_t)p->snapshot->config->relay.max_publish_body;
    buf_init(&ids, IDS_MAX);
    while (!e && schedule_may_publish(&p->schedule, clock_ms())) {
        buf_reset(&ids);
        e = publish_round(p, &ids);
    }
    buf_deinit(&ids);
}

/* In portions, until nothing is left or somebody stops us. */
static void repeat_upkeep(struct publisher *p,
                          enum err (*upkeep)(struct store *s, int64_t rows, int64_t *count))
{
    int64_t count = 1;

    while (count > 0 && !atomic_load(&p->is_stopped))
        if (upkeep(&p->store, DUE_ROWS, &count))
            return;
}

static void do_upkeep(struct publisher *p)
{
    struct schedule_due due = schedule_take_due(&p->schedule, clock_ms());

    if (due.deliver)
        repeat_upkeep(p, upkeep_activate);
    if (due.sweep)
        repeat_upkeep(p, upkeep_sweep);
}

/* Until somebody has written to the outbox, or it is time to look whether an SQL client has. While
 * many write, what one round costs is shared by those of some milliseconds. */
static void wait_for_work(struct publisher *p)
{
    struct pollfd fd = {.fd = p->wake, .events = POLLIN};
    uint64_t count;

    if (poll(&fd, 1, schedule_wait_ms(&p->schedule, clock_ms())) <= 0)
        return;
    (void)poll(NULL, 0, schedule_linger_ms(&p->schedule, clock_ms()));
    (void)!read(p->wake, &count, sizeof(count));
}

void publisher_run(struct publisher *p)
{
    while (!atomic_load(&p->is_stopped)) {
        snapshot_update(&p->inbox, &p->snapshot);
        do_upkeep(p);
        publish_all(p);
        wait_for_work(p);
    }
    publish_all(p);
}
