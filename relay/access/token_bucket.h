/* SPDX-License-Identifier: MIT */
/* token_bucket.h - how many of something a second: a bucket that holds a second's worth. Pure. */
#ifndef DOORBELL_RELAY_ACCESS_TOKEN_BUCKET_H
#define DOORBELL_RELAY_ACCESS_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed it is full. */
struct token_bucket {
    int64_t spent_milli; /* thousandths that were taken and have not yet flowed back */
    int64_t at_ms;
};

/* Takes one, if there is one. per_second 0 is without limit. */
bool token_bucket_take(struct token_bucket *r, int64_t per_second, int64_t now_ms);

#endif
