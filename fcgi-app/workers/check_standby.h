/* SPDX-License-Identifier: MIT */
/* check_standby.h - the thread that has a standby compute the answers of checks. It asks one round
 * at a time, with what the primary has just said of each user, and gives it back with the answers
 * that are of the same state. Another round is filled meanwhile. So a standby that is slow or
 * silent delays two rounds, and no other check: those go to the primary. */
#ifndef DOORBELL_FCGI_APP_WORKERS_CHECK_STANDBY_H
#define DOORBELL_FCGI_APP_WORKERS_CHECK_STANDBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "fcgi-app/checks/check_cache.h"

enum { CHECK_STANDBY_MAX = 64 };

struct job;
struct metrics;
struct check_standby;

enum round_place { ROUND_FREE, ROUND_FILLING, ROUND_WAITING, ROUND_OUT, ROUND_BACK };

struct check_standby_round {
    enum round_place place;
    size_t count;
    int64_t hit_window_s;
    size_t connects;  /* of the connection to the primary that proves it */
    int64_t asked_us; /* by our clock, before the primary was asked */
    struct {
        struct job *job;
        struct check_state state; /* at the primary, */
        int64_t now_us;           /* by its clock */
        bool is_answered;
        struct check_answer answer; /* borrowed until check_standby_end() */
    } checks[CHECK_STANDBY_MAX];
};

/* Does not connect yet. config and metrics must outlive *out. Caller owns *out. */
MUST_USE enum err check_standby_new(const struct config_database *config, struct metrics *metrics,
                                    struct check_standby **out);
void check_standby_free(struct check_standby *s);

/* Asks until it is stopped, and what is out is back. */
void check_standby_run(struct check_standby *s);
void check_standby_stop(struct check_standby *s);

/* Has the thread call `is_back` whenever a round is. Before it runs. */
void check_standby_tell(struct check_standby *s, void (*is_back)(void *ctx), void *ctx);

/* A round with room for so many checks more, to be filled; NULL if there is none, or no standby.
 * All that follow are for one thread. */
struct check_standby_round *check_standby_begin(struct check_standby *s, size_t more,
                                                int64_t hit_window_s, size_t connects);

/* Sends out what is in it. An empty one does not come back. */
void check_standby_ask(struct check_standby *s, struct check_standby_round *round);

/* A round that is back, until check_standby_end(); NULL if none is. */
struct check_standby_round *check_standby_back(struct check_standby *s);
void check_standby_end(struct check_standby *s, struct check_standby_round *round);

/* Whether a round is out, or back. */
bool check_standby_is_busy(struct check_standby *s);

#endif
