/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/schedule.h"

#include "common/bytes/invariant.h"
#include "common/limits/interval.h"

enum {
    POLL_MS = 150,   /* rows of other SQL clients are found within 250 ms */
    SWEEP_MS = 1000, /* what has expired is uncounted at once; this only tidies up, and rings */
    PULSE_MS = 5000, /* a page learns from a ping that it missed something */
    MOVE_MS = 60000,
    LINGER_MS = 5,
    QUIET_LINGER_MS = 25,
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 5000,
};

void schedule_init(struct schedule *s)
{
    *s = (struct schedule){.relay = {.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS}};
}

struct schedule_due schedule_take_due(struct schedule *s, int64_t now_ms)
{
    struct schedule_due due = {.deliver = interval_take(&s->poll_at_ms, now_ms, POLL_MS)};

    if (due.deliver)
        due.sweep = interval_take(&s->sweep_at_ms, now_ms, SWEEP_MS);
    return due;
}

bool schedule_may_publish(const struct schedule *s, int64_t now_ms)
{
    return backoff_is_due(&s->relay, now_ms);
}

bool schedule_take_pulse(struct schedule *s, int64_t now_ms)
{
    return interval_take(&s->pulse_at_ms, now_ms, PULSE_MS);
}

bool schedule_take_move(struct schedule *s, int64_t now_ms)
{
    return interval_take(&s->move_at_ms, now_ms, MOVE_MS);
}

bool schedule_relay_took(struct schedule *s)
{
    bool had_failed = s->relay.delay_ms != 0;

    backoff_succeeded(&s->relay);
    return had_failed;
}

bool schedule_relay_failed(struct schedule *s, int64_t now_ms, uint32_t random)
{
    bool is_first = s->relay.delay_ms == 0;

    backoff_failed(&s->relay, now_ms, random);
    return is_first;
}

void schedule_called(struct schedule *s, int64_t now_ms)
{
    s->linger_until_ms = now_ms + LINGER_MS;
}

void schedule_heard_by_nobody(struct schedule *s, int64_t now_ms)
{
    s->linger_until_ms = now_ms + QUIET_LINGER_MS;
}

/* A clock that only goes forward never leaves more than the interval. */
static int ms_until(int64_t at_ms, int64_t now_ms, int64_t interval_ms)
{
    int64_t left_ms = at_ms - now_ms;

    if (!INVARIANT(left_ms <= interval_ms))
        left_ms = interval_ms;
    return left_ms > 0 ? (int)left_ms : 0;
}

int schedule_wait_ms(const struct schedule *s, int64_t now_ms)
{
    return ms_until(s->poll_at_ms, now_ms, POLL_MS);
}

int schedule_linger_ms(const struct schedule *s, int64_t now_ms)
{
    return ms_until(s->linger_until_ms, now_ms, QUIET_LINGER_MS);
}
