/* SPDX-License-Identifier: MIT */
/* clock_watch.h - whether the time of day can be believed: it was set while the program ran, or
 * another computer has another one. Pure. */
#ifndef DOORBELL_COMMON_LIMITS_CLOCK_WATCH_H
#define DOORBELL_COMMON_LIMITS_CLOCK_WATCH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_WATCH_S = 5 /* so much is worth telling */ };

/* Of the log. */
#define CLOCK_WATCH_STEP_LINE                                                                      \
    "the clock was set by %+" PRId64 " s: keep it right by NTP, and see deploy/README.md, "        \
    "\"The clock was wrong\""
#define CLOCK_WATCH_TOKEN_LINE                                                                     \
    "a token was refused that is over, or from the future: if fresh ones are, look at the clocks " \
    "here and where tokens are made"

/* Zeroed it has seen nothing. */
struct clock_watch {
    int64_t ahead_ms; /* of the clock that only goes forward */
    bool has_seen;
};

/* By how many seconds the clock was set forward since the call before, or back; 0: by less than
 * CLOCK_WATCH_S. */
int64_t clock_watch_step(struct clock_watch *w, int64_t unix_s, int64_t now_ms);

/* How far another clock is ahead that told `told_s` between two looks at ours. */
int64_t clock_watch_difference(int64_t told_s, int64_t before_s, int64_t after_s);

/* Whether such a difference is worth telling. */
bool clock_watch_is_off(int64_t difference_s);

#endif
