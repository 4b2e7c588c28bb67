/* SPDX-License-Identifier: MIT */
#include "fcgi-app/workers/check_standby.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/os/clock.h"
#include "fcgi-app/jobs/job.h"
#include "fcgi-app/postgres/array.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/checks.h"
#include "fcgi-app/store/standby.h"

enum {
    CONNECT_EVERY_S = 1, /* how often it looks whether it should connect */
    ROUNDS = 2,          /* one that is asked, one that is filled */
};

struct check_standby {
    pthread_mutex_t lock; /* of the next two, and of the places of the rounds */
    pthread_cond_t changed;
    bool is_connected, is_stopped;

    struct metrics *metrics;
    void (*is_back)(void *ctx);
    void *ctx;
    struct standby *standby;
    struct buf users; /* as an array */
    struct check_standby_round rounds[ROUNDS];
};

/* Under the lock. */
static struct check_standby_round *round_at(struct check_standby *s, enum round_place place)
{
    for (size_t i = 0; i < ROUNDS; i++)
        if (s->rounds[i].place == place)
            return &s->rounds[i];
    return NULL;
}

/* What is borrowed from the last answer has to be given back before the next question. */
static struct check_standby_round *next_round(struct check_standby *s)
{
    return round_at(s, ROUND_BACK) ? NULL : round_at(s, ROUND_WAITING);
}

/* Waits until there is something to ask, or some time has passed without a connection. False: it is
 * stopped. */
static bool await_round(struct check_standby *s, struct check_standby_round **out)
{
    struct timespec until;
    bool goes_on;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CONNECT_EVERY_S;
    (void)pthread_mutex_lock(&s->lock);
    s->is_connected = standby_is_connected(s->standby);
    if (s->is_connected)
        while (!next_round(s) && !s->is_stopped)
            (void)pthread_cond_wait(&s->changed, &s->lock);
    else if (!s->is_stopped && !next_round(s))
        (void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
    *out = next_round(s);
    if (*out)
        (*out)->place = ROUND_OUT;
    goes_on = *out || !s->is_stopped;
    (void)pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static enum err list_users(struct check_standby *s, const struct check_standby_round *round)
{
    enum err e;

    buf_reset(&s->users);
    e = array_open(&s->users);
    for (size_t i = 0; i < round->count && !e; i++)
        e = array_append_text(&s->users, span_of(round->checks[i].job->request.who.user));
    return e ? e : array_close(&s->users);
}

static bool is_same_state(const struct check_state *a, const struct check_state *b)
{
    return a->joined_pos == b->joined_pos && a->version == b->version && a->seq == b->seq &&
           a->epoch == b->epoch && a->epoch > 0;
}

/* What the clock has changed since it was computed is the primary's to say. */
static bool take_answer(void *ctx, size_t number, const struct check_answer *answer)
{
    struct check_standby_round *round = ctx;

    if (number >= round->count || !is_same_state(&answer->state, &round->checks[number].state) ||
        answer->valid_until_us <= round->checks[number].now_us)
        return false;
    round->checks[number].answer = *answer;
    round->checks[number].answer.at_us = round->checks[number].now_us;
    return round->checks[number].is_answered = true;
}

static void count_results(struct check_standby *s)
{
    uint64_t counts[STANDBY_RESULTS];

    standby_take_counts(s->standby, counts);
    metrics_count_standby(s->metrics, METRICS_CHECKER, counts[STANDBY_USED], counts[STANDBY_BEHIND],
                          counts[STANDBY_FAILED]);
}

static void place(struct check_standby *s, struct check_standby_round *round,
                  enum round_place where)
{
    (void)pthread_mutex_lock(&s->lock);
    round->place = where;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

static void ask(struct check_standby *s, struct check_standby_round *round)
{
    const struct checks_proof proof = {round->count, round->checks[0].now_us, round->asked_us};

    if (list_users(s, round) == ERR_NONE)
        checks_answers_there(s->standby, s->users.data, round->hit_window_s, &proof, round,
                             take_answer);
    count_results(s);
    place(s, round, ROUND_BACK);
    s->is_back(s->ctx);
}

void check_standby_run(struct check_standby *s)
{
    struct check_standby_round *round = NULL;

    standby_connect(s->standby);
    while (await_round(s, &round)) {
        if (round)
            ask(s, round);
        standby_connect(s->standby);
    }
}

void check_standby_stop(struct check_standby *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->is_stopped = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

void check_standby_tell(struct check_standby *s, void (*is_back)(void *ctx), void *ctx)
{
    s->is_back = is_back;
    s->ctx = ctx;
}

enum err check_standby_new(const struct config_database *config, struct metrics *metrics,
                           struct check_standby **out)
{
    struct check_standby *s = calloc(1, sizeof(*s));

    if (!s)
        return ERR_NO_MEMORY;
    s->metrics = metrics;
    buf_init(&s->users, ARRAY_TEXTS_MAX(CHECK_STANDBY_MAX, USER_ID_MAX));
    if (pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->changed, NULL) != 0 ||
        standby_new(config, 0, &s->standby)) {
        check_standby_free(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return ERR_NONE;
}

void check_standby_free(struct check_standby *s)
{
    if (!s)
        return;
    standby_free(s->standby);
    buf_deinit(&s->users);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* What waits takes more of its kind. */
static bool has_room(const struct check_standby_round *round, size_t more, int64_t hit_window_s,
                     size_t connects)
{
    return round->count + more <= CHECK_STANDBY_MAX && round->hit_window_s == hit_window_s &&
           round->connects == connects;
}

struct check_standby_round *check_standby_begin(struct check_standby *s, size_t more,
                                                int64_t hit_window_s, size_t connects)
{
    struct check_standby_round *round;

    if (!s)
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    round = round_at(s, ROUND_WAITING);
    if (round && !has_room(round, more, hit_window_s, connects))
        round = NULL;
    else if (!round && s->is_connected)
        round = round_at(s, ROUND_FREE);
    if (round && round->place == ROUND_FREE) {
        round->count = 0;
        round->hit_window_s = hit_window_s;
        round->connects = connects;
        round->asked_us = clock_us();
    }
    if (round)
        round->place = ROUND_FILLING;
    (void)pthread_mutex_unlock(&s->lock);
    return round;
}

void check_standby_ask(struct check_standby *s, struct check_standby_round *round)
{
    place(s, round, round->count > 0 ? ROUND_WAITING : ROUND_FREE);
}

struct check_standby_round *check_standby_back(struct check_standby *s)
{
    struct check_standby_round *round;

    if (!s)
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    round = round_at(s, ROUND_BACK);
    (void)pthread_mutex_unlock(&s->lock);
    return round;
}

bool check_standby_is_busy(struct check_standby *s)
{
    bool is_busy;

    if (!s)
        return false;
    (void)pthread_mutex_lock(&s->lock);
    is_busy = round_at(s, ROUND_WAITING) || round_at(s, ROUND_OUT) || round_at(s, ROUND_BACK);
    (void)pthread_mutex_unlock(&s->lock);
    return is_busy;
}

void check_standby_end(struct check_standby *s, struct check_standby_round *round)
{
    place(s, round, ROUND_FREE);
}
