/* SPDX-License-Identifier: MIT */
#include "relay/access/rate_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/limits/token_bucket.h"

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct rate {
    UT_hash_handle hh; /* in the order in which they were last heard of */
    struct token_bucket bucket;
    size_t key_len;
    char key[];
};

struct rate_table {
    struct rate *rates;
    size_t max;
};

struct rate_table *rate_table_new(size_t max)
{
    struct rate_table *t = calloc(1, sizeof(*t));

    if (t)
        t->max = max;
    return t;
}

static void drop(struct rate_table *t, struct rate *r)
{
    HASH_DEL(t->rates, r);
    free(r);
}

void rate_table_free(struct rate_table *t)
{
    if (!t)
        return;
    while (t->rates)
        drop(t, t->rates);
    free(t);
}

static struct rate *new_rate(struct span key)
{
    struct rate *r = calloc(1, sizeof(*r) + key.len);

    if (!r)
        return NULL;
    memcpy(r->key, key.p, key.len);
    r->key_len = key.len;
    return r;
}

/* Puts it at the end of the order. NULL: out of memory, and it is no more. */
static struct rate *append(struct rate_table *t, struct rate *r)
{
    HASH_ADD_KEYPTR(hh, t->rates, r->key, r->key_len, r);
    if (r->hh.tbl)
        return r;
    free(r);
    return NULL;
}

/* Two for each that comes: so those that are of no use do not stay. */
static void forget_quiet(struct rate_table *t, int64_t per_second, int64_t now_ms)
{
    for (int i = 0; i < 2 && t->rates; i++)
        if (token_bucket_is_full(&t->rates->bucket, per_second, now_ms))
            drop(t, t->rates);
    if (HASH_COUNT(t->rates) >= t->max)
        drop(t, t->rates);
}

bool rate_table_take(struct rate_table *t, struct span key, int64_t per_second, int64_t now_ms)
{
    struct rate *r;

    if (per_second == 0)
        return true;
    HASH_FIND(hh, t->rates, key.p, key.len, r);
    if (r) {
        HASH_DEL(t->rates, r);
    } else {
        forget_quiet(t, per_second, now_ms);
        r = new_rate(key);
    }
    if (!r || !(r = append(t, r)))
        return true;
    return token_bucket_take(&r->bucket, per_second, per_second, now_ms);
}

size_t rate_table_count(const struct rate_table *t)
{
    return HASH_COUNT(t->rates);
}
