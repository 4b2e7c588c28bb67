/* SPDX-License-Identifier: MIT */
/* backoff.h - when to try again something that is away: delays that double up to a ceiling, each
 * drawn at random from its upper half, so that many who wait do not come back at once. Pure: time
 * and randomness are arguments. */
#ifndef DOORBELL_FCGI_APP_SHARED_BACKOFF_H
#define DOORBELL_FCGI_APP_SHARED_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int64_t first_ms, max_ms;
    int64_t delay_ms; /* 0: the last try went well */
    int64_t retry_at_ms;
};

/* Whether it is time to try. */
bool backoff_is_due(const struct backoff *b, int64_t now_ms);

void backoff_failed(struct backoff *b, int64_t now_ms, uint32_t random);
void backoff_succeeded(struct backoff *b);

#endif
