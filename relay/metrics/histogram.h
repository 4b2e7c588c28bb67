/* SPDX-License-Identifier: MIT */
/* histogram.h - times, counted by how long they were, as Prometheus reads them. Pure. */
#ifndef DOORBELL_RELAY_METRICS_HISTOGRAM_H
#define DOORBELL_RELAY_METRICS_HISTOGRAM_H

#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

enum { HISTOGRAM_BUCKETS = 17 /* from 100 microseconds to 10 seconds, and all beyond */ };

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* not yet cumulative */
    uint64_t sum_us;
};

/* A negative time counts as none at all: clocks of two readings may be one. */
void histogram_add(struct histogram *h, int64_t us);

/* Appends the rows of a metric, without what announces it. `labels`: kind="all", or empty. */
MUST_USE enum err histogram_encode(const struct histogram *h, const char *name, const char *labels,
                                   struct buf *out);

#endif
