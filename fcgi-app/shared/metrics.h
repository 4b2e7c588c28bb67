/* SPDX-License-Identifier: MIT */
/* metrics.h - what is counted, in Prometheus' text format. Each worker has counters of its own, so
 * that none waits for another; a scrape gets the sums. Pure: no I/O, no clock. */
#ifndef DOORBELL_FCGI_APP_SHARED_METRICS_H
#define DOORBELL_FCGI_APP_SHARED_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "fcgi-app/http/route.h"

struct metrics;

/* What is not counted, but found out at the moment of asking. */
struct metrics_gauges {
    bool is_database_up; /* else the others are not known */
    bool is_writable;
    int64_t outbox_rows, outbox_age_s, overdue, drift;
    uint64_t lost_lines; /* of the log */
};

/* Who counts requests: the front, the checker, or a worker, whose number is added. */
enum { METRICS_FRONT, METRICS_CHECKER, METRICS_WORKER };

/* `routes` must outlive *out. Caller owns *out. */
MUST_USE enum err metrics_new(size_t workers, const struct route *routes, size_t routes_count,
                              struct metrics **out);
void metrics_free(struct metrics *m);

/* For that thread alone. `route` is one of those given at birth, or NULL. */
void metrics_count_request(struct metrics *m, size_t who, const struct route *route, int http,
                           int64_t duration_us);
void metrics_set_connected(struct metrics *m, size_t who, bool is_connected);

/* Some reads go to standbys: their numbers are shown. Before the threads start. */
void metrics_show_standbys(struct metrics *m);

/* For that thread alone: reads that a standby answered, those for which its copy was too old, and
 * those that it did not answer; and whether it is connected to one. */
void metrics_count_standby(struct metrics *m, size_t who, uint64_t used, uint64_t behind,
                           uint64_t failed);
void metrics_set_standby(struct metrics *m, size_t who, bool is_connected);

/* Workers that are connected to a standby; -1: there are to be none. For any thread. */
int64_t metrics_standbys(const struct metrics *m);

/* For that thread alone: a page reported that it had computed a wrong number. */
void metrics_count_wrong(struct metrics *m, size_t who);

/* For the front's thread alone: connections closed to make room for others, and replies cut off
 * since too many were not taken. */
void metrics_count_displaced(struct metrics *m);
void metrics_count_cut(struct metrics *m);

/* For the checker's thread alone: a check was answered, from memory or anew. */
void metrics_count_check(struct metrics *m, bool is_from_memory);

/* For the publisher's thread alone: rings that the relay took, those that nobody would have heard,
 * calls that failed for now, and rings that the relay will never take. */
void metrics_count_rings(struct metrics *m, size_t n);
void metrics_count_rings_skipped(struct metrics *m, size_t n);
void metrics_count_publish_failure(struct metrics *m);
void metrics_count_ring_refused(struct metrics *m);

enum metrics_webhook {
    METRICS_WEBHOOK_TAKEN,
    METRICS_WEBHOOK_FAILED,
    METRICS_WEBHOOK_GIVEN_UP,
    METRICS_WEBHOOKS,
};

/* For the webhook sender's thread alone: how a call went. */
void metrics_count_webhook(struct metrics *m, enum metrics_webhook how);

enum metrics_clock { METRICS_CLOCK_DATABASE, METRICS_CLOCK_RELAY, METRICS_CLOCKS };

/* Likewise: the clock was set, and another one is ahead by so many seconds. */
void metrics_count_clock_step(struct metrics *m);
void metrics_set_clock_difference(struct metrics *m, enum metrics_clock whose, int64_t ahead_s);

/* The latter. For any thread. */
int64_t metrics_clock_difference(const struct metrics *m, enum metrics_clock whose);

/* Appends the text of GET /metrics. For any thread. */
MUST_USE enum err metrics_encode(const struct metrics *m, const struct metrics_gauges *g,
                                 struct buf *out);

#endif
