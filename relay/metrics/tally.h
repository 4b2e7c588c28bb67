/* SPDX-License-Identifier: MIT */
/* tally.h - how often something happened, by a number and a reason. Pure. */
#ifndef DOORBELL_RELAY_METRICS_TALLY_H
#define DOORBELL_RELAY_METRICS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

/* More than there are reasons; what comes beyond is counted as one. */
enum { TALLY_ROWS_MAX = 64 };

struct tally_row {
    const char *reason; /* static text without '"' and '\' */
    unsigned number;
    uint64_t count;
};

struct tally {
    struct tally_row rows[TALLY_ROWS_MAX]; /* those that have occurred, in that order */
    size_t size;
};

void tally_count(struct tally *t, unsigned number, const char *reason);

/* Appends a sample for each row: name{label="number",reason="…"} count. */
MUST_USE enum err tally_encode(const struct tally *t, const char *name, const char *label,
                               struct buf *out);

#endif
