/* SPDX-License-Identifier: MIT */
/* histogram.h - times, counted by how long they were, as Prometheus reads them. Pure. */
#ifndef DOORBELL_COMMON_HISTOGRAM_H
#define DOORBELL_COMMON_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

enum { HISTOGRAM_BUCKETS = 17 /* from 100 microseconds to 10 seconds, and all beyond */ };

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* not yet cumulative */
    uint64_t sum_us;
};

/* Which of the buckets such a time is in, for counters that are kept elsewhere. */
size_t histogram_bucket(int64_t us);

/* A negative time counts as none at all: clocks of two readings may be one. */
void histogram_add(struct histogram *h, int64_t us);

/* Appends the rows of a metric, without what announces it. `labels`: kind="all", or empty. */
MUST_USE enum err histogram_encode(const struct histogram *h, const char *name, const char *labels,
                                   struct buf *out);

#endif
