/* SPDX-License-Identifier: MIT */
#include "fcgi-app/server/publisher.h"

#include <curl/curl.h>
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
#include "fcgi-app/shared/backoff.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/outbox.h"
#include "fcgi-app/store/upkeep.h"

enum {
    POLL_MS = 150,    /* rows of other SQL clients are found within 250 ms */
    SWEEP_MS = 1000,  /* what has expired is uncounted at once; this only tidies up, and rings */
    CLAIM_ROWS = 500, /* of one round */
    CHORE_ROWS = 200,
    LINGER_MS = 5, /* rings that come this soon after others go together */
    LEASE_S = 10,  /* longer than a round with a slow relay */
    CONNECT_TIMEOUT_MS = 1000,
    PUBLISH_TIMEOUT_MS = 3000,
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 5000,
    IDS_MAX = CLAIM_ROWS * 21 + 3,
};

struct publisher {
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    struct metrics *metrics;
    const struct snapshot *configured; /* what `curl` is set up by */
    struct store store;
    CURL *curl;
    struct curl_slist *headers;
    struct batch batch;
    struct backoff backoff; /* of the relay */
    int wake;
    atomic_bool is_stopped;
    int64_t next_poll_ms, next_sweep_ms, linger_until_ms;
};

enum err publisher_new(struct snapshot *snapshot, struct metrics *metrics, struct publisher **out)
{
    struct publisher *p = calloc(1, sizeof(*p));

    if (!p)
        return ERR_NO_MEMORY;
    p->snapshot = snapshot_ref(snapshot);
    p->metrics = metrics;
    p->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS};
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    p->curl = curl_easy_init();
    batch_init(&p->batch);
    if (p->wake < 0 || !p->curl || store_init(&p->store, &snapshot->config->database)) {
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
    curl_easy_cleanup(p->curl);
    curl_slist_free_all(p->headers);
    curl_global_cleanup();
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

static size_t discard(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

/* Appends to p->headers. */
static enum err add_header(struct publisher *p, const char *line)
{
    struct curl_slist *list = curl_slist_append(p->headers, line);

    if (!list)
        return ERR_NO_MEMORY;
    p->headers = list;
    return ERR_NONE;
}

static enum err set_headers(struct publisher *p)
{
    struct span key = p->snapshot->secrets.publish.keys[0];
    char line[KEY_MAX + 32];
    enum err e;

    curl_slist_free_all(p->headers);
    p->headers = NULL;
    (void)snprintf(line, sizeof(line), "Authorization: Bearer %.*s", SPAN_ARGS(key));
    e = add_header(p, line);
    if (!e)
        e = add_header(p, "Content-Type: application/json");
    /* No waiting for a 100 Continue */
    return e ? e : add_header(p, "Expect:");
}

static void set_address(CURL *curl, const char *relay_url)
{
    bool is_unix = strncmp(relay_url, "unix:", 5) == 0;
    char url[512];

    (void)snprintf(url, sizeof(url), "%s/publish", is_unix ? "http://localhost" : relay_url);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    if (is_unix)
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, relay_url + 5);
}

/* Sets up `curl` by the config in force; the kept connection survives that. */
static enum err configure(struct publisher *p)
{
    enum err e;

    if (p->configured == p->snapshot)
        return ERR_NONE;
    e = set_headers(p);
    if (e)
        return e;
    curl_easy_reset(p->curl);
    set_address(p->curl, p->snapshot->config->app.relay_url);
    (void)curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
    (void)curl_easy_setopt(p->curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    (void)curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(p->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, (long)PUBLISH_TIMEOUT_MS);
    (void)curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, discard);
    p->batch.max = (size_t)p->snapshot->config->relay.max_publish_body;
    p->configured = p->snapshot;
    return ERR_NONE;
}

/* Said once, when it begins. */
static void log_refusal(const struct publisher *p, const char *why, long status)
{
    if (p->backoff.delay_ms)
        return;
    if (status)
        log_warn("the relay does not take rings: HTTP status %ld", status);
    else
        log_warn("the relay is away: %s", why);
}

/* One publish call. ERR_INVALID: the relay refuses these rings, and always will. */
static enum err post(struct publisher *p, struct span body)
{
    CURLcode code;
    long status = 0;

    (void)curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, body.p);
    (void)curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    code = curl_easy_perform(p->curl);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        if (p->backoff.delay_ms)
            log_info("the relay takes rings again");
        backoff_succeeded(&p->backoff);
        metrics_count_rings(p->metrics, p->batch.count);
        return ERR_NONE;
    }
    if (status == 400 || status == 413)
        return ERR_INVALID;
    metrics_count_publish_failure(p->metrics);
    log_refusal(p, curl_easy_strerror(code), status);
    backoff_failed(&p->backoff, clock_ms(), clock_chance());
    return ERR_UNAVAILABLE;
}

static enum err flush(struct publisher *p)
{
    struct span body;
    enum err e;

    if (p->batch.count == 0)
        return ERR_NONE;
    e = batch_finish(&p->batch, &body);
    if (!e)
        e = post(p, body);
    p->linger_until_ms = clock_ms() + LINGER_MS;
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
        e = flush(p);
    return e ? e : batch_add(&p->batch, ring);
}

static struct ring_terms terms_of(const struct publisher *p)
{
    const struct config_app *app = &p->snapshot->config->app;

    return (struct ring_terms){app->hit_window_s, app->group_ring_max};
}

/* Brings the rings of leased rows to the relay. */
static enum err publish(struct publisher *p, const char *ids)
{
    struct ring_terms terms = terms_of(p);
    enum err e;

    batch_reset(&p->batch);
    e = outbox_rings(&p->store, ids, &terms, (struct ring_taker){take_ring, p});
    return e ? e : flush(p);
}

/* Leaves the rows to a later round, ours or another process's. */
static void give_back(struct publisher *p, const char *ids)
{
    if (outbox_retry(&p->store, ids))
        log_debug("the rings wait until their lease ends");
}

/* A row that the relay refuses for good must not hold up the others: each is tried alone, and
 * only that one is dropped. */
static enum err publish_one_by_one(struct publisher *p, struct span ids)
{
    enum err e = ERR_NONE;

    ids = (struct span){ids.p + 1, ids.len - 3}; /* without "{", "}" and the NUL */
    while (ids.p && !e) {
        char id[32];
        struct span digits = span_cut(&ids, ',');

        (void)snprintf(id, sizeof(id), "{%.*s}", SPAN_ARGS(digits));
        e = publish(p, id);
        if (e == ERR_INVALID) {
            metrics_count_ring_refused(p->metrics);
            log_error("ring %s was refused by the relay and dropped", id);
        }
        if (!e || e == ERR_INVALID)
            e = outbox_done(&p->store, id);
        else
            give_back(p, id);
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
    return e ? e : flush(p);
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
        e = publish_one_by_one(p, buf_span(ids));
    else
        give_back(p, ids->data);
    return !e && count < CLAIM_ROWS ? ERR_END : e;
}

static void publish_all(struct publisher *p)
{
    struct buf ids;
    enum err e = configure(p);

    buf_init(&ids, IDS_MAX);
    while (!e && backoff_is_due(&p->backoff, clock_ms())) {
        buf_reset(&ids);
        e = publish_round(p, &ids);
    }
    buf_deinit(&ids);
}

static void run_chore(struct publisher *p,
                      enum err (*chore)(struct store *s, int64_t rows, int64_t *count))
{
    int64_t count = 1;

    while (count > 0 && !atomic_load(&p->is_stopped))
        if (chore(&p->store, CHORE_ROWS, &count))
            return;
}

/* At their times, however often somebody wakes us. */
static void run_chores(struct publisher *p)
{
    int64_t now_ms = clock_ms();

    if (now_ms < p->next_poll_ms)
        return;
    p->next_poll_ms = now_ms + POLL_MS;
    run_chore(p, upkeep_activate);
    if (now_ms < p->next_sweep_ms)
        return;
    p->next_sweep_ms = now_ms + SWEEP_MS;
    run_chore(p, upkeep_sweep);
}

static int ms_until(int64_t at_ms)
{
    int64_t left_ms = at_ms - clock_ms();

    return left_ms > 0 ? (int)left_ms : 0;
}

/* Until somebody has written to the outbox, or it is time to look whether an SQL client has. While
 * many write, what one round costs is shared by those of some milliseconds. */
static void wait_for_work(struct publisher *p)
{
    struct pollfd fd = {.fd = p->wake, .events = POLLIN};
    uint64_t count;

    if (poll(&fd, 1, ms_until(p->next_poll_ms)) <= 0)
        return;
    (void)poll(NULL, 0, ms_until(p->linger_until_ms));
    (void)!read(p->wake, &count, sizeof(count));
}

void publisher_run(struct publisher *p)
{
    while (!atomic_load(&p->is_stopped)) {
        snapshot_update(&p->inbox, &p->snapshot);
        run_chores(p);
        publish_all(p);
        wait_for_work(p);
    }
    publish_all(p);
}
