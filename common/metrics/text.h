/* SPDX-License-Identifier: MIT */
/* text.h - the text format of Prometheus. Names are whole ("doorbell_relay_users"), help has no
 * full stop, labels come with their braces or are empty. Pure. */
#ifndef DOORBELL_COMMON_METRICS_TEXT_H
#define DOORBELL_COMMON_METRICS_TEXT_H

#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"

/* The two lines that announce a metric; its rows follow. `type`: counter, gauge, histogram. */
MUST_USE enum err metrics_text_head(struct buf *out, const char *name, const char *type,
                                    const char *help);

MUST_USE enum err metrics_text_row(struct buf *out, const char *name, const char *labels,
                                   int64_t value);

/* A metric of one row without labels. */
MUST_USE enum err metrics_text_one(struct buf *out, const char *name, const char *type,
                                   const char *help, int64_t value);

/* What every program has: doorbell_bugs_total, its broken invariants, and doorbell_log_lost_total,
 * the lines of its log that were lost. */
MUST_USE enum err metrics_text_program(struct buf *out, uint64_t lost_lines);

#endif
