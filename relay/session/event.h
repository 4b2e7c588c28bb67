/* SPDX-License-Identifier: MIT */
/* event.h - what the relay says to a session, before a protocol gives it its bytes. */
#ifndef DOORBELL_RELAY_SESSION_EVENT_H
#define DOORBELL_RELAY_SESSION_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/span.h"

enum ring_type {
    RING_ASK,      /* spread_ms: ask */
    RING_MANY,     /* seq, spread_ms: ask, unless already there */
    RING_PERSONAL, /* the answer itself: version, seq, num, hit, id */
};

/* Bytes of the texts of a step as JSON, with quotes and escapes. */
enum { STEP_CATEGORY_MAX = 2 + 64 * 6, STEP_CAPABILITY_MAX = 2 + 126 };

/* One new message to everybody, from which a client that is at `from` computes its number. Its
 * spans are JSON as it was published; {NULL, 0}: none. */
struct step {
    int64_t from;
    int64_t add; /* 0: the ring is no step */
    bool is_critical;
    bool is_young;
    struct span category;
    struct span capability; /* for the message's text */
};

struct ring {
    enum ring_type type;
    uint8_t hit;
    bool has_scope;
    uint32_t spread_ms;
    int64_t scope; /* of a personal one: number of the last change of the user's groups and mutes */
    int64_t version;
    int64_t seq;
    int64_t num;
    int64_t id;       /* 0: none */
    struct step step; /* of a ring for many */
    struct span text; /* from another system, for clients that show texts; {NULL, 0}: none */
};

/* Who is here. */
struct online {
    uint32_t users;
    uint32_t pages;
};

enum event_type {
    EVENT_WELCOME,
    EVENT_RING,
    EVENT_BROADCAST, /* a ring to everybody, merged with those under way */
    EVENT_ONLINE,
    EVENT_PING,
    EVENT_ERROR,
    EVENT_CLOSE_NOTICE,
};

/* What an error message names: a fault that does not end the session, or, where the transport has
 * no close code, why the session ends. */
enum event_fault {
    FAULT_UNKNOWN_TYPE,
    FAULT_POLICY,
    FAULT_RESTART,
    FAULT_UNAVAILABLE,
    FAULT_TOKEN,
    FAULT_KICKED,
    FAULT_TOO_MANY,
    FAULT_COUNT,
};

struct event {
    enum event_type type;
    union {
        struct span user; /* WELCOME */
        struct ring ring; /* RING, BROADCAST */
        struct online online;
        int64_t seq;       /* PING: up to where a page should be; 0: not known */
        uint32_t after_ms; /* BYE */
        enum event_fault fault;
    } as;
};

/* Merges `newer` into *ring, so that the result serves the readers of both: two rings of many, the
 * higher seq, without a step; anything with an ask, an ask. Not for personal rings. */
void ring_merge_many(struct ring *ring, const struct ring *newer);

#endif
