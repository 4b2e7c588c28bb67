/* SPDX-License-Identifier: MIT */
/* metrics.h - what is counted, as Prometheus wants to read it. Pure. */
#ifndef DOORBELL_RELAY_METRICS_METRICS_H
#define DOORBELL_RELAY_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/metrics/histogram.h"
#include "relay/metrics/tally.h"

enum counter {
    COUNT_ACCEPTS,          /* connections of either port */
    COUNT_ACCEPT_PAUSES,    /* out of descriptors or memory */
    COUNT_HIDDEN_ADDRESSES, /* behind a web server that is not trusted */
    COUNT_OPENED,           /* sessions */
    COUNT_LOGINS,           /* sessions that became a user's */
    COUNT_UNTIMELY_TOKENS,  /* refused for their time alone */
    COUNT_CLOCK_STEPS,      /* times that the clock was set */
    COUNT_CALLS,            /* of the publish port */
    COUNT_REFUSED_CALLS,    /* of them, answered with 4xx or 5xx */
    COUNT_RINGS_PERSONAL,   /* rings of publish calls, by kind */
    COUNT_RINGS_MANY,       /* to a list of users */
    COUNT_RINGS_ALL,        /* to everybody */
    COUNT_FRAMES,           /* written to sessions */
    COUNT_BYTES,            /* of those frames */
    COUNT_MERGED,           /* messages that went into a slot, for want of a reader */
    COUNTER_COUNT,
};

/* Kinds of rings whose way from the publish call to the socket is timed. */
enum delay { DELAY_PERSONAL, DELAY_MANY, DELAY_ALL, DELAY_COUNT };

struct metrics {
    uint64_t counters[COUNTER_COUNT];
    struct tally refusals; /* of requests of clients, by status */
    struct tally closes;   /* of sessions by us, by code */
    uint64_t left;         /* sessions whose peer went away */
    struct histogram delays[DELAY_COUNT];
    struct histogram lag; /* of the loop's tick */
    int64_t resident_bytes;
    uint64_t lost_lines; /* of the log */
};

struct hub;

/* What a relay knows that is one of several; one that is not is the only one. */
struct cluster_gauges {
    bool connected;
    int64_t relays; /* this one too */
    uint64_t sent, received, links, lost, moves, no_master;
};

/* What is counted nowhere else, but known at the moment of asking. */
struct gauges {
    const struct hub *hub;
    size_t revocations;
    struct cluster_gauges cluster;
    int64_t uptime_s;
};

void metrics_count(struct metrics *s, enum counter what, uint64_t n);

/* Counts one request of a client, if its status is that of a refusal. `reason` is static text
 * without '"' and '\'. */
void metrics_count_refusal(struct metrics *s, int status, const char *reason);

/* Counts one session closed by us. `reason` is as above. */
void metrics_count_close(struct metrics *s, unsigned code, const char *reason);

/* Counts one whose peer went away. */
void metrics_count_left(struct metrics *s);

/* Appends the text of GET /metrics. */
MUST_USE enum err metrics_append(const struct metrics *s, const struct gauges *g, struct buf *out);

#endif
