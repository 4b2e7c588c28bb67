/* SPDX-License-Identifier: MIT */
/* check_cache.h - the answers of recent checks, each with what it depends on. Whether one still
 * holds is proved by the state of the user in the database and by its clock. The one that has not
 * been asked for longest makes room. Pure but for malloc. */
#ifndef DOORBELL_FCGI_APP_CHECKS_CHECK_CACHE_H
#define DOORBELL_FCGI_APP_CHECKS_CHECK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/span.h"
#include "fcgi-app/checks/unread.h"

/* What says that nothing moved: doorbell.check_state. */
struct check_state {
    int64_t joined_pos, version, seq, epoch;
};

/* An answer: doorbell.unread_many(). The times are microseconds of the database's clock. */
struct check_answer {
    struct check_state state;
    int64_t num, hit, latest;
    struct unread_terms terms;
    int64_t at_us;          /* it was so then */
    int64_t valid_until_us; /* from then on time alone may change it; INT64_MAX: never */
};

/* Whether the answer is also that of `now_us`, when the user's state was `state`. */
bool check_answer_holds(const struct check_answer *a, const struct check_state *state,
                        int64_t now_us);

struct check_cache;

struct check_cache *check_cache_new(void); /* NULL: out of memory */
void check_cache_free(struct check_cache *c);

/* How many answers it remembers; those over it go now. */
void check_cache_set_max(struct check_cache *c, size_t max);

/* Borrowed until the next change; NULL if there is none. */
const struct check_answer *check_cache_find(struct check_cache *c, struct span user);

/* Remembers the answer in place of an older one, or does not for want of memory. */
void check_cache_put(struct check_cache *c, struct span user, const struct check_answer *answer);

void check_cache_clear(struct check_cache *c);
size_t check_cache_count(const struct check_cache *c);

#endif
