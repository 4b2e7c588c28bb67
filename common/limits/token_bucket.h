/* SPDX-License-Identifier: MIT */
/* token_bucket.h - how many of something a second, and how many at once. Pure. */
#ifndef DOORBELL_COMMON_LIMITS_TOKEN_BUCKET_H
#define DOORBELL_COMMON_LIMITS_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed it is full. */
struct token_bucket {
    int64_t spent_milli; /* thousandths that were taken and have not yet flowed back */
    int64_t at_ms;
};

/* Takes one, if there is one: `burst` fit in, `per_second` flow back. per_second 0 is without
 * limit. */
bool token_bucket_take(struct token_bucket *b, int64_t per_second, int64_t burst, int64_t now_ms);

/* How long it takes until the next one is there, in ms; for a bucket that has just refused. */
int64_t token_bucket_wait_ms(const struct token_bucket *b, int64_t per_second, int64_t burst);

/* Whether it has filled up by now, so that it is as good as a new one. */
bool token_bucket_is_full(const struct token_bucket *b, int64_t per_second, int64_t now_ms);

#endif
