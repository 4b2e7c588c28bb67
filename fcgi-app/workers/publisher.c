/* SPDX-License-Identifier: MIT */
/* One thread with three occupations that share a database connection and a clock: it empties the
 * outbox towards the relay, it has the relay told whose tokens were revoked, and it lets happen
 * what time alone brings about (scheduled messages, expiry). When each is due is schedule's affair,
 * how rings become calls is batch's, the revocations are teller's, and the calls relay_client's.
 *
 * Most users are away when something happens to them, and an answer computed for them is heard by
 * nobody. So a round looks at what waits, asks the relay who of these users has an open page, and
 * leases and computes only the rings of those, and the lists and feeds, which are not computed. A
 * page that opens after the question needs no ring: it asks when it has connected, which is after
 * the rows were seen, and so after they were committed.
 *
 * Nothing is lost by a crash at any point: rows are leased, not taken, and deleted only after the
 * relay has said 200, or that nobody listens; the deletion goes with the next look. What is
 * delivered twice does no harm, so no lease waits for the disk. Several processes may share an
 * outbox. */
#include "fcgi-app/workers/publisher.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bytes/invariant.h"
#include "common/limits/clock_watch.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "common/security/user.h"
#include "common/text/json.h"
#include "fcgi-app/postgres/array.h"
#include "fcgi-app/publish/answer.h"
#include "fcgi-app/publish/batch.h"
#include "fcgi-app/publish/ring_capability.h"
#include "fcgi-app/publish/schedule.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/outbox.h"
#include "fcgi-app/store/upkeep.h"
#include "fcgi-app/workers/relay_client.h"
#include "fcgi-app/workers/teller.h"

enum {
    DUE_ROWS = 200,
    LEASE_S = 10,                        /* longer than a round with a slow relay */
    USER_TEXT_MAX = 2 * USER_ID_MAX + 3, /* each byte escaped, quotes, and a comma */
    ONLINE_MAX = OUTBOX_ROWS_MAX * USER_TEXT_MAX + 3,
};

/* What the relay says of the users of a round. */
struct online {
    struct buf users; /* as an array */
    size_t count;
    bool is_unknown; /* the relay does not understand the question, or could not ask the other
                        relays: anybody may be online */
};

struct publisher {
    struct snapshot *snapshot;
    struct snapshot_inbox inbox;
    struct metrics *metrics;
    struct store store;
    struct relay_client *relay;
    struct teller teller;
    struct batch batch, question;
    struct online online;
    struct outbox_ids waiting; /* of this round */
    struct outbox_ids done;    /* of the rounds before: deleted by the next look */
    bool has_lists;            /* some that wait are not for one user */
    size_t rows;               /* that the last look saw */
    struct schedule schedule;
    struct clock_watch clock;
    bool is_clock_off[METRICS_CLOCKS]; /* another one differs from ours */
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
    teller_init(&p->teller);
    batch_init(&p->batch, &batch_rings);
    batch_init(&p->question, &batch_users);
    buf_init(&p->online.users, ONLINE_MAX);
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
    teller_deinit(&p->teller);
    batch_deinit(&p->batch);
    batch_deinit(&p->question);
    buf_deinit(&p->online.users);
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

/* Differences are said once, when they begin. */
static void compare_clocks(struct publisher *p, enum metrics_clock whose, int64_t ahead_s)
{
    static const char *const names[] = {"database", "relay"};
    bool is_off = clock_watch_is_off(ahead_s);

    metrics_set_clock_difference(p->metrics, whose, ahead_s);
    if (is_off && !p->is_clock_off[whose])
        log_warn("the %s's clock is %+" PRId64 " s from the one here: set the wrong one "
                 "right, then see \"The clock was wrong\" in deploy/README.md",
                 names[whose], ahead_s);
    else if (!is_off && p->is_clock_off[whose])
        log_info("the %s's clock is that of this host again", names[whose]);
    p->is_clock_off[whose] = is_off;
}

static void note_success(struct publisher *p)
{
    compare_clocks(p, METRICS_CLOCK_RELAY, relay_client_ahead_s(p->relay));
    if (schedule_relay_took(&p->schedule))
        log_info("the relay takes rings again");
}

/* Failures are said once, when they begin. */
static void note_failure(struct publisher *p)
{
    metrics_count_publish_failure(p->metrics);
    if (schedule_relay_failed(&p->schedule, clock_ms(), clock_chance()))
        log_warn("%s", relay_client_fault(p->relay));
}

/* One call with all that is in the batch. */
static enum err post_batch(struct publisher *p, struct span body)
{
    enum err e = relay_client_publish(p->relay, body);

    schedule_called(&p->schedule, clock_ms());
    if (!e) {
        note_success(p);
        metrics_count_rings(p->metrics, p->batch.count);
    } else if (e != ERR_INVALID) {
        note_failure(p);
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

/* That the relay can be asked does not tell yet that it takes rings. */
static enum err ask_relay(struct publisher *p, struct span body)
{
    struct span reply;
    enum err e = relay_client_ask(p->relay, body, &reply);

    schedule_called(&p->schedule, clock_ms());
    if (!e)
        e = answer_read_users(reply, &p->online.users, &p->online.count);
    if (e == ERR_INVALID) {
        p->online.is_unknown = true;
        return ERR_NONE;
    }
    if (e)
        note_failure(p);
    return e;
}

static enum err flush_question(struct publisher *p)
{
    struct span body;
    enum err e = ERR_NONE;

    if (p->question.count == 0)
        return ERR_NONE;
    if (!p->online.is_unknown && !(e = batch_finish(&p->question, &body)))
        e = ask_relay(p, body);
    batch_reset(&p->question);
    return e;
}

static enum err ask_about(struct publisher *p, struct span user)
{
    struct buf text;
    enum err e;

    buf_init(&text, USER_TEXT_MAX);
    e = json_append_text(&text, user);
    if (!e && !batch_has_room(&p->question, buf_span(&text)))
        e = flush_question(p);
    if (!e)
        e = batch_add(&p->question, buf_span(&text));
    buf_deinit(&text);
    return e;
}

/* A list of users that no body can hold becomes everybody: a ring too many does no harm. */
static enum err add_ring(struct publisher *p, struct span ring)
{
    enum err e = ERR_NONE;

    if (!batch_can_hold(&p->batch, ring))
        ring = SPAN("{\"all\":true}");
    if (!batch_has_room(&p->batch, ring))
        e = flush_batch(p);
    return e ? e : batch_add(&p->batch, ring);
}

static enum err take_ring(void *context, struct span ring)
{
    struct publisher *p = context;
    struct buf room;
    enum err e = ring_add_capability(&p->snapshot->secrets.service, ring, &room, &ring);

    if (!e)
        e = add_ring(p, ring);
    buf_deinit(&room);
    return e;
}

static struct ring_terms terms_of(const struct publisher *p)
{
    const struct config_app *app = &p->snapshot->config->app;

    return (struct ring_terms){app->hit_window_s, app->group_ring_max};
}

static void add_id(struct outbox_ids *ids, int64_t id)
{
    if (INVARIANT(ids->count < OUTBOX_ROWS_MAX))
        ids->ids[ids->count++] = id;
}

static void add_ids(struct outbox_ids *ids, const struct outbox_ids *more)
{
    for (size_t i = 0; i < more->count; i++)
        add_id(ids, more->ids[i]);
}

static enum err take_row(void *context, const struct outbox_row *row)
{
    struct publisher *p = context;

    if (p->rows++ == 0)
        p->done.count = 0; /* this look has deleted them */
    add_id(&p->waiting, row->id);
    if (row->user.p)
        return ask_about(p, row->user);
    p->has_lists = true;
    return ERR_NONE;
}

static enum err look(struct publisher *p)
{
    const int64_t age_max_s = p->snapshot->config->app.ring_max_age_s;
    enum err e;

    p->rows = p->waiting.count = p->online.count = 0;
    p->has_lists = p->online.is_unknown = false;
    batch_reset(&p->question);
    buf_reset(&p->online.users);
    e = array_open(&p->online.users);
    if (!e)
        e = outbox_look(&p->store, &p->done, age_max_s, (struct row_taker){take_row, p});
    if (!e && p->rows == 0)
        p->done.count = 0;
    if (!e)
        e = flush_question(p);
    return e ? e : array_close(&p->online.users);
}

/* Leaves the rows to a later round, ours or another process's. */
static void give_rows_back(struct publisher *p, const struct outbox_ids *ids)
{
    if (outbox_retry(&p->store, ids))
        log_debug("rings wait for the end of their lease");
}

static enum err publish_row(struct publisher *p, int64_t id)
{
    struct ring_terms terms = terms_of(p);
    enum err e;

    batch_reset(&p->batch);
    e = outbox_rings(&p->store, id, &terms, (struct ring_taker){take_ring, p});
    return e ? e : flush_batch(p);
}

/* A row that the relay refuses must not hold up the others, and is not lost: all pages ask instead.
 */
static enum err refuse_row(struct publisher *p, int64_t id)
{
    metrics_count_ring_refused(p->metrics);
    note_failure(p);
    return outbox_refused(&p->store, id);
}

/* Each is tried alone, and only those are given up that are refused alone. */
static enum err publish_row_by_row(struct publisher *p, const struct outbox_ids *taken)
{
    struct outbox_ids left = {.count = 0};
    enum err e = ERR_NONE;

    for (size_t i = 0; i < taken->count; i++) {
        int64_t id = taken->ids[i];

        if (!e)
            e = publish_row(p, id);
        if (e == ERR_INVALID)
            e = refuse_row(p, id);
        else
            add_id(e ? &left : &p->done, id);
    }
    if (left.count > 0)
        give_rows_back(p, &left);
    return e;
}

/* Leases the rows and brings their rings to the relay. Several rows may make one ring, so it is all
 * or nothing: a ring that comes twice does no harm. */
static enum err publish_waiting(struct publisher *p)
{
    const char *online = p->online.is_unknown ? NULL : p->online.users.data;
    struct ring_terms terms = terms_of(p);
    struct outbox_ids taken;
    enum err e;

    batch_reset(&p->batch);
    e = outbox_take(&p->store, &p->waiting, online, LEASE_S, &terms,
                    (struct ring_taker){take_ring, p}, &taken);
    if (!e)
        e = flush_batch(p);
    if (!e)
        add_ids(&p->done, &taken);
    else if (e == ERR_INVALID && taken.count > 0)
        e = publish_row_by_row(p, &taken);
    else if (taken.count > 0)
        give_rows_back(p, &taken);
    if (!e)
        metrics_count_rings_skipped(p->metrics, p->waiting.count - taken.count);
    return e;
}

/* ERR_END once nothing waits: what has come since the last look wakes us, or is polled. */
static enum err publish_round(struct publisher *p)
{
    enum err e = look(p);

    if (e)
        return e;
    if (p->has_lists || p->online.is_unknown || p->online.count > 0) {
        e = publish_waiting(p);
    } else if (p->waiting.count > 0) {
        note_success(p);
        schedule_heard_by_nobody(&p->schedule, clock_ms());
        add_ids(&p->done, &p->waiting);
        metrics_count_rings_skipped(p->metrics, p->waiting.count);
    }
    return !e && p->rows < OUTBOX_ROWS_MAX ? ERR_END : e;
}

/* A relay that has just started, or that nobody has called for a while, learns where the database
 * is, and pages from its pings. One that does not understand it does without. */
static enum err send_pulse(struct publisher *p)
{
    struct span body;
    enum err e;

    if (!schedule_may_publish(&p->schedule, clock_ms()) ||
        !schedule_take_pulse(&p->schedule, clock_ms()))
        return ERR_NONE;
    e = outbox_pulse(&p->store, &body);
    if (!e)
        e = post_batch(p, body);
    return e == ERR_INVALID ? ERR_NONE : e;
}

/* Pages that were at the relay's new address before us have missed what was rung at the old one. */
static enum err ask_moved_pages(struct publisher *p)
{
    enum err e;

    if (!relay_client_has_moved(p->relay) || !schedule_may_publish(&p->schedule, clock_ms()) ||
        !schedule_take_move(&p->schedule, clock_ms()))
        return ERR_NONE;
    batch_reset(&p->batch);
    e = batch_add(&p->batch, SPAN("{\"all\":true}"));
    if (!e)
        e = flush_batch(p);
    if (!e)
        relay_client_settle(p->relay);
    return e;
}

static void publish_all(struct publisher *p)
{
    enum err e = relay_client_configure(p->relay, p->snapshot);

    p->batch.max = p->question.max = (size_t)p->snapshot->config->relay.max_publish_body;
    if (!e)
        e = send_pulse(p);
    if (!e)
        e = ask_moved_pages(p);
    while (!e && schedule_may_publish(&p->schedule, clock_ms()))
        e = publish_round(p);
}

static void watch_clock(struct publisher *p)
{
    int64_t step_s = clock_watch_step(&p->clock, clock_unix(), clock_ms());

    if (!step_s)
        return;
    metrics_count_clock_step(p->metrics);
    log_warn(CLOCK_WATCH_STEP_LINE, step_s);
}

/* In portions, until nothing is left or somebody stops us. */
static void repeat_upkeep(struct publisher *p,
                          enum err (*upkeep)(struct store *s, int64_t rows, struct upkeep *out))
{
    struct upkeep done = {.count = 1};

    while (done.count > 0 && !atomic_load(&p->is_stopped)) {
        int64_t before_s = clock_unix();

        if (upkeep(&p->store, DUE_ROWS, &done))
            return;
        compare_clocks(p, METRICS_CLOCK_DATABASE,
                       clock_watch_difference(done.now_s, before_s, clock_unix()));
    }
}

static void do_upkeep(struct publisher *p)
{
    struct schedule_due due = schedule_take_due(&p->schedule, clock_ms());

    if (due.deliver)
        repeat_upkeep(p, upkeep_activate);
    watch_clock(p);
    if (due.sweep)
        repeat_upkeep(p, upkeep_sweep);
    if (due.deliver && !relay_client_configure(p->relay, p->snapshot))
        teller_tell(&p->teller, &p->store, p->relay, p->snapshot->config, due.sweep);
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
    if (p->done.count > 0 && outbox_done(&p->store, &p->done))
        log_debug("rings that the relay has may come once more");
}
