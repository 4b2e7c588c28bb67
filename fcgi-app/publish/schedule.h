/* SPDX-License-Identifier: MIT */
/* schedule.h - when the publisher does what: looks at the outbox, delivers what is due, sweeps, and
 * tries again a relay that failed. Pure: time and randomness are arguments. */
#ifndef DOORBELL_FCGI_APP_PUBLISH_SCHEDULE_H
#define DOORBELL_FCGI_APP_PUBLISH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi-app/shared/backoff.h"

struct schedule {
    struct backoff relay;
    int64_t poll_at_ms, sweep_at_ms, pulse_at_ms, move_at_ms;
    int64_t linger_until_ms;
};

/* What is to be done now besides publishing. */
struct schedule_due {
    bool deliver; /* scheduled messages */
    bool sweep;   /* expired ones */
};

void schedule_init(struct schedule *s);

/* What is due, which is then not due again for its interval, however often somebody asks. */
struct schedule_due schedule_take_due(struct schedule *s, int64_t now_ms);

/* Whether the relay may be called. */
bool schedule_may_publish(const struct schedule *s, int64_t now_ms);

/* Whether it is time to tell the relay where the database is; then not again for a while. */
bool schedule_take_pulse(struct schedule *s, int64_t now_ms);

/* Whether pages may be asked to look since the relay's address changed; then not again for a
 * minute, however many addresses its name has. */
bool schedule_take_move(struct schedule *s, int64_t now_ms);

/* A call went well; true if the one before had not. */
bool schedule_relay_took(struct schedule *s);

/* A call failed; true if the one before had not. */
bool schedule_relay_failed(struct schedule *s, int64_t now_ms, uint32_t random);

/* A call has ended, either way: what comes soon after it waits a little, to go together. */
void schedule_called(struct schedule *s, int64_t now_ms);

/* Of the rows of a round nobody was online: what comes next is likely not heard either, and waits a
 * little longer for company. */
void schedule_heard_by_nobody(struct schedule *s, int64_t now_ms);

/* How long to sleep unless woken; and once woken, how long to let others join. */
int schedule_wait_ms(const struct schedule *s, int64_t now_ms);
int schedule_linger_ms(const struct schedule *s, int64_t now_ms);

#endif
