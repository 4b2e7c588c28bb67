/* SPDX-License-Identifier: MIT */
/* checks.h - the checks of many users at once, as fcgi-app/workers/checker.c asks them. */
#ifndef DOORBELL_FCGI_APP_STORE_CHECKS_H
#define DOORBELL_FCGI_APP_STORE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "fcgi-app/checks/check_cache.h"
#include "fcgi-app/store/store.h"

/* Connects by the statements of checks alone, and with the settings that they want. */
MUST_USE enum err checks_init(struct store *s, const struct config_database *config);

/* Both ask for `users`, a PostgreSQL array of texts, and call `take` for each that the database
 * knows: the first is number 0. `generation` is that below which their tokens are void. */

/* Their states, all at now_us. */
MUST_USE enum err checks_states(struct store *s, const char *users, void *ctx,
                                void (*take)(void *ctx, size_t number,
                                             const struct check_state *state, int64_t now_us,
                                             int64_t generation));

MUST_USE enum err checks_answers(
    struct store *s, const char *users, int64_t hit_window_s, void *ctx,
    void (*take)(void *ctx, size_t number, const struct check_answer *answer, int64_t generation));

/* What the primary has said of the users that a standby is asked for. */
struct checks_proof {
    size_t count;
    int64_t now_us;   /* by the primary's clock, */
    int64_t asked_us; /* and by ours, before it was asked */
};

/* Asks a standby for the answers. `take` returns whether the answer is proved; what is borrowed in
 * one stays until the next question. */
void checks_answers_there(struct standby *s, const char *users, int64_t hit_window_s,
                          const struct checks_proof *proof, void *ctx,
                          bool (*take)(void *ctx, size_t number,
                                       const struct check_answer *answer));

#endif
