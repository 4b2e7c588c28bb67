/* SPDX-License-Identifier: MIT */
/* All jobs that wait make a round: for those whose user has an answer in memory, one statement
 * tells the states of their users, which prove it or not; for the others a second one computes the
 * answers. Where a standby is free, the states of all are asked for, and the others' answers are
 * for it to compute, which takes as much from the primary as computing takes more than proving. A
 * user whom the database does not know yet has to be registered, which is a worker's work. */
#include "fcgi-app/workers/checker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/os/clock.h"
#include "fcgi-app/checks/check_cache.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/jobs/queue.h"
#include "fcgi-app/postgres/array.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/checks.h"
#include "fcgi-app/workers/check_standby.h"

enum {
    ROUND_MAX = CHECK_STANDBY_MAX,
};

struct checker {
    pthread_mutex_t lock; /* of the next four */
    pthread_cond_t changed;
    struct job *first, **end; /* that wait, linked by `next` */
    bool is_stopped;

    struct check_standby *standby; /* NULL: there are none */
    struct queue *queue;
    struct metrics *metrics;
    struct store store;
    struct check_cache *cache;
    int64_t hit_window_s; /* that the answers are for */
    size_t connects;      /* of the connection that they came by */

    struct job *round[ROUND_MAX]; /* NULL once it has its answer */
    size_t round_len;
    struct asked {
        size_t place; /* in the round */
        const struct check_answer *remembered;
    } asked[ROUND_MAX];              /* the users of the statement */
    struct buf users;                /* as an array */
    struct check_standby_round *out; /* what goes to a standby; NULL: nothing does */
};

static void wake(void *checker)
{
    struct checker *c = checker;

    (void)pthread_mutex_lock(&c->lock);
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
}

enum err checker_new(const struct config_database *config, struct queue *queue,
                     struct metrics *metrics, struct check_standby *standby, struct checker **out)
{
    struct checker *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
    if (standby)
        check_standby_tell(standby, wake, c);
    c->standby = standby;
    c->end = &c->first;
    c->queue = queue;
    c->metrics = metrics;
    buf_init(&c->users, ARRAY_TEXTS_MAX(ROUND_MAX, USER_ID_MAX));
    c->cache = check_cache_new();
    if (!c->cache || pthread_mutex_init(&c->lock, NULL) != 0 ||
        pthread_cond_init(&c->changed, NULL) != 0 || checks_init(&c->store, config)) {
        checker_free(c);
        return ERR_NO_MEMORY;
    }
    *out = c;
    return ERR_NONE;
}

void checker_free(struct checker *c)
{
    if (!c)
        return;
    store_deinit(&c->store);
    check_cache_free(c->cache);
    buf_deinit(&c->users);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

void checker_put(struct checker *c, struct job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&c->lock);
    if (!c->first)
        (void)pthread_cond_signal(&c->changed);
    *c->end = job;
    c->end = &job->next;
    (void)pthread_mutex_unlock(&c->lock);
}

void checker_stop(struct checker *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->is_stopped = true;
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Takes what waits, up to a round, or nothing if one is back from a standby. False: stopped, and
 * there is and will be nothing. */
static bool take_round(struct checker *c)
{
    bool goes_on;

    (void)pthread_mutex_lock(&c->lock);
    while (!c->first && !check_standby_back(c->standby) &&
           !(c->is_stopped && !check_standby_is_busy(c->standby)))
        (void)pthread_cond_wait(&c->changed, &c->lock);
    goes_on = c->first || check_standby_back(c->standby);
    for (c->round_len = 0; c->first && c->round_len < ROUND_MAX; c->round_len++) {
        c->round[c->round_len] = c->first;
        c->first = c->first->next;
    }
    if (!c->first)
        c->end = &c->first;
    (void)pthread_mutex_unlock(&c->lock);
    return goes_on;
}

static void finish(struct checker *c, size_t i, enum err e)
{
    struct job *job = c->round[i];
    const struct route *route = job->request.route;

    job_reply(job, e, store_fault(&c->store));
    metrics_count_request(c->metrics, METRICS_CHECKER, route, job->response.http,
                          clock_us() - job->began_us);
    c->round[i] = NULL;
    queue_finish(c->queue, job, clock_ms());
}

static void answer(struct checker *c, size_t i, const struct check_answer *a)
{
    const struct unread unread = {a->num,       a->hit,         a->latest, a->state.version,
                                  a->state.seq, a->state.epoch, a->terms};
    struct job *job = c->round[i];

    finish(c, i, endpoint_reply_unread(&job->request, &job->response, &unread));
}

static struct span user_of(const struct job *job)
{
    return span_of(job->request.who.user);
}

/* Makes the array of the users who have no answer yet; of those only that are remembered, if
 * `remembered`. Returns how many they are. */
static size_t gather_users(struct checker *c, bool remembered)
{
    size_t count = 0;
    enum err e;

    buf_reset(&c->users);
    e = array_open(&c->users);
    for (size_t i = 0; i < c->round_len && !e; i++) {
        const struct check_answer *a;

        if (!c->round[i])
            continue;
        a = check_cache_find(c->cache, user_of(c->round[i]));
        if (remembered && !a)
            continue;
        c->asked[count++] = (struct asked){i, a};
        e = array_append_text(&c->users, user_of(c->round[i]));
    }
    return e || array_close(&c->users) ? 0 : count;
}

/* Ends the job if its token is void. */
static bool refuse_revoked(struct checker *c, size_t i, int64_t generation)
{
    if (!token_is_revoked(c->round[i]->request.who.generation, generation))
        return false;
    finish(c, i, ERR_REVOKED);
    return true;
}

static void send_out(struct checker *c, size_t i, const struct check_state *state, int64_t now_us)
{
    struct check_standby_round *out = c->out;

    out->checks[out->count].job = c->round[i];
    out->checks[out->count].state = *state;
    out->checks[out->count].now_us = now_us;
    out->checks[out->count].is_answered = false;
    out->count++;
    c->round[i] = NULL;
}

static void take_state(void *ctx, size_t number, const struct check_state *state, int64_t now_us,
                       int64_t generation)
{
    struct checker *c = ctx;
    const struct asked *asked = &c->asked[number];

    /* After a reconnect within the statement it may be another database that says so. */
    if (store_connects(&c->store) != c->connects || refuse_revoked(c, asked->place, generation))
        return;
    if (asked->remembered && check_answer_holds(asked->remembered, state, now_us)) {
        metrics_count_check(c->metrics, true);
        answer(c, asked->place, asked->remembered);
    } else if (c->out) {
        send_out(c, asked->place, state, now_us);
    }
}

static void take_answer(void *ctx, size_t number, const struct check_answer *a, int64_t generation)
{
    struct checker *c = ctx;
    size_t i = c->asked[number].place;

    if (refuse_revoked(c, i, generation))
        return;
    metrics_count_check(c->metrics, false);
    check_cache_put(c->cache, user_of(c->round[i]), a);
    answer(c, i, a);
}

/* What is remembered was true of the database that was asked, and for one hit_window. */
static void forget_what_is_not_comparable(struct checker *c, const struct config_app *app)
{
    size_t connects = store_connects(&c->store);

    check_cache_set_max(c->cache, (size_t)app->check_cache);
    if (connects == c->connects && app->hit_window_s == c->hit_window_s)
        return;
    check_cache_clear(c->cache);
    c->connects = connects;
    c->hit_window_s = app->hit_window_s;
}

/* Answers from memory what is proved, and sends the others out, if there is where to. */
static enum err ask_for_states(struct checker *c)
{
    enum err e = ERR_NONE;

    c->out = check_standby_begin(c->standby, c->round_len, c->hit_window_s, c->connects);
    if (gather_users(c, !c->out) > 0)
        e = checks_states(&c->store, c->users.data, c, take_state);
    if (c->out)
        check_standby_ask(c->standby, c->out);
    c->out = NULL;
    return e;
}

static enum err ask_for_others(struct checker *c)
{
    if (gather_users(c, false) == 0)
        return ERR_NONE;
    return checks_answers(&c->store, c->users.data, c->hit_window_s, c, take_answer);
}

/* Those whom the database does not know. */
static void hand_over_rest(struct checker *c)
{
    for (size_t i = 0; i < c->round_len; i++) {
        struct job *job = c->round[i];
        enum err e;

        if (!job)
            continue;
        e = queue_put(c->queue, job, SHARE_FIRST_CHECK, clock_ms());
        if (e)
            finish(c, i, e);
    }
}

/* Has the primary answer those that have none yet. `e`: it has failed already. */
static void end_round(struct checker *c, enum err e)
{
    if (!e)
        e = ask_for_others(c);
    if (!e)
        hand_over_rest(c);
    for (size_t i = 0; i < c->round_len && e; i++)
        if (c->round[i])
            finish(c, i, e);
    store_forget(&c->store);
    metrics_set_connected(c->metrics, METRICS_CHECKER, store_is_connected(&c->store));
}

static void run_round(struct checker *c)
{
    forget_what_is_not_comparable(c, &c->round[0]->snapshot->config->app);
    end_round(c, ask_for_states(c));
}

/* What a standby has answered is true of the connection that proved it, and for its hit_window. */
static void end_standby_round(struct checker *c, struct check_standby_round *back)
{
    c->round_len = back->count;
    for (size_t i = 0; i < back->count; i++) {
        c->round[i] = back->checks[i].job;
        if (!back->checks[i].is_answered)
            continue;
        metrics_count_check(c->metrics, false);
        if (back->connects == c->connects && back->hit_window_s == c->hit_window_s)
            check_cache_put(c->cache, user_of(c->round[i]), &back->checks[i].answer);
        answer(c, i, &back->checks[i].answer);
    }
    check_standby_end(c->standby, back);
    end_round(c, ERR_NONE);
}

void checker_run(struct checker *c)
{
    store_reconnect(&c->store);
    while (take_round(c)) {
        struct check_standby_round *back;

        if (c->round_len > 0)
            run_round(c);
        back = check_standby_back(c->standby);
        if (back)
            end_standby_round(c, back);
    }
    if (c->standby)
        check_standby_stop(c->standby);
}
