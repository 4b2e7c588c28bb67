/* SPDX-License-Identifier: MIT */
/* stats.h - what is counted, as Prometheus wants to read it. Pure. */
#ifndef DOORBELL_RELAY_STATS_H
#define DOORBELL_RELAY_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum counter {
    COUNT_ACCEPTS,          /* connections of either port */
    COUNT_ACCEPT_PAUSES,    /* out of descriptors or memory */
    COUNT_REFUSED_UPGRADES, /* answered with another status than 101 */
    COUNT_OPENED,           /* sessions */
    COUNT_LOGINS,           /* sessions that became a user's */
    COUNT_CALLS,            /* of the publish port */
    COUNT_REFUSED_CALLS,    /* of them, answered with 4xx or 5xx */
    COUNT_RINGS_PERSONAL,   /* rings of publish calls, by kind */
    COUNT_RINGS_MANY,       /* to a list of users */
    COUNT_RINGS_ALL,        /* to everybody */
    COUNT_FRAMES,           /* written to sessions */
    COUNT_BYTES,            /* of those frames */
    COUNT_MERGED,           /* messages that went into a slot, for want of a reader */
    COUNT_CLOSED_BY_PEER,   /* sessions whose peer went away */
    COUNT_CLOSED_POLICY,    /* sessions that we closed, by code */
    COUNT_CLOSED_TOO_BIG,   /* 1009 */
    COUNT_CLOSED_RESTART,   /* 1012 */
    COUNT_CLOSED_LATER,     /* 1013 */
    COUNT_CLOSED_TOKEN,     /* 4401 */
    COUNT_CLOSED_KICKED,    /* 4403 */
    COUNT_CLOSED_NO_LOGIN,  /* 4408 */
    COUNT_CLOSED_TOO_MANY,  /* 4429 */
    COUNTER_COUNT,
};

struct stats {
    uint64_t counters[COUNTER_COUNT];
};

/* What is counted nowhere else, but known at the moment of asking. */
struct gauges {
    size_t sessions;
    size_t users;
    size_t pages;
    size_t due; /* sessions that a broadcast has still to ring */
    size_t kicks;
    int64_t uptime_s;
};

void stats_count(struct stats *s, enum counter what, uint64_t n);

/* Counts one session closed by us with this code. */
void stats_count_close(struct stats *s, unsigned code);

/* Appends the text of GET /metrics. */
MUST_USE enum err stats_encode(const struct stats *s, const struct gauges *g, struct buf *out);

#endif
