/* SPDX-License-Identifier: MIT */
#include "fcgi-app/workers/webhook_sender.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/webhooks.h"
#include "fcgi-app/workers/webhook_client.h"

enum {
    LOOK_MS = 1000,
    LEASE_MORE_S = 30,         /* than a call may take */
    QUIET_MS = 10 * 60 * 1000, /* without a failure, before it is said that they are over */
};

struct webhook_sender {
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    struct metrics *metrics;
    struct store store;
    struct webhook_client *client;
    bool is_failing;
    int64_t failed_ms;
    int wake;
    atomic_bool is_stopped;
};

enum err webhook_sender_new(struct snapshot *snapshot, struct metrics *metrics,
                            struct webhook_sender **out)
{
    struct webhook_sender *w = calloc(1, sizeof(*w));

    if (!w)
        return ERR_NO_MEMORY;
    w->snapshot = snapshot_ref(snapshot);
    w->metrics = metrics;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake < 0 || webhook_client_new(&w->client) ||
        store_init(&w->store, &snapshot->config->database)) {
        webhook_sender_free(w);
        return ERR_NO_MEMORY;
    }
    *out = w;
    return ERR_NONE;
}

void webhook_sender_free(struct webhook_sender *w)
{
    if (!w)
        return;
    if (w->wake >= 0)
        (void)close(w->wake);
    webhook_client_free(w->client);
    store_deinit(&w->store);
    snapshot_offer(&w->inbox, NULL);
    snapshot_unref(w->snapshot);
    free(w);
}

void webhook_sender_stop(struct webhook_sender *w)
{
    const uint64_t one = 1;

    atomic_store(&w->is_stopped, true);
    webhook_client_stop(w->client);
    while (write(w->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void webhook_sender_offer(struct webhook_sender *w, struct snapshot *snapshot)
{
    snapshot_offer(&w->inbox, snapshot);
}

/* One site may take its calls while another does not: that is no end of the failures. */
static enum err note_success(struct webhook_sender *w, int64_t id)
{
    metrics_count_webhook(w->metrics, METRICS_WEBHOOK_TAKEN);
    if (w->is_failing && clock_ms() - w->failed_ms >= QUIET_MS) {
        log_info("webhooks are taken again");
        w->is_failing = false;
    }
    return webhooks_done(&w->store, id);
}

/* Failures are said when they begin, and each call that is given up. */
static enum err note_failure(struct webhook_sender *w, int64_t id, bool is_final)
{
    const char *fault = webhook_client_fault(w->client);
    bool is_given_up;
    enum err e = webhooks_failed(&w->store, id, fault, is_final,
                                 webhook_client_was_silent(w->client), &is_given_up);

    metrics_count_webhook(w->metrics,
                          is_given_up ? METRICS_WEBHOOK_GIVEN_UP : METRICS_WEBHOOK_FAILED);
    if (is_given_up)
        log_warn("call %" PRId64 " of a webhook was given up: %s; POST /webhooks/failed/%" PRId64
                 "/retry makes it once more",
                 id, fault, id);
    else if (!w->is_failing)
        log_warn("calls of webhooks fail, and are tried again for a day: %s; the table "
                 "doorbell.webhook_call has the fault of each",
                 fault);
    w->is_failing = true;
    w->failed_ms = clock_ms();
    return e;
}

/* ERR_END once none is due. Many may end without being made. */
static enum err call_next(struct webhook_sender *w)
{
    const struct config_app *app = &w->snapshot->config->app;
    struct webhook_call call;
    enum err e = webhooks_take(&w->store, app->webhook_timeout_ms / 1000 + LEASE_MORE_S,
                               app->default_language, &call);

    if (e || call.id == 0)
        return e;
    e = webhook_client_call(w->client, call.url.p, call.body);
    if (e && e != ERR_INVALID && e != ERR_UNAVAILABLE)
        return e;
    return e ? note_failure(w, call.id, e == ERR_INVALID) : note_success(w, call.id);
}

void webhook_sender_run(struct webhook_sender *w)
{
    struct pollfd fd = {.fd = w->wake, .events = POLLIN};

    while (!atomic_load(&w->is_stopped)) {
        enum err e;

        snapshot_update(&w->inbox, &w->snapshot);
        e = webhook_client_configure(w->client, w->snapshot);
        if (!e)
            e = call_next(w);
        if (e)
            (void)poll(&fd, 1, LOOK_MS);
    }
}
