/* SPDX-License-Identifier: MIT */
/* slot.h - what waits for a session that does not read: never a queue, one slot that merges. Rings
 * only say that something has changed, so the latest of them says all. Pure. */
#ifndef DOORBELL_RELAY_SESSION_SLOT_H
#define DOORBELL_RELAY_SESSION_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/session/event.h"

struct slot {
    int64_t version; /* of the personal ring, with its fields */
    int64_t seq;
    int64_t num;
    int64_t id;
    int64_t scope;
    int64_t many_seq; /* of the ring for many */
    int64_t since_us; /* since when a ring waits for our next turn; 0: it waits for its reader */
    uint32_t spread_ms;
    uint32_t after_ms; /* of bye */
    uint32_t epoch;    /* serial of that of the rings */
    uint8_t waiting;   /* a bit for each kind of message */
    uint8_t hit;
    bool has_scope;
    uint8_t fault; /* enum event_fault */
};

/* Goes on in this epoch: numbers of another one are dropped, since all are told to ask when it
 * changes. Before each put and take. */
void slot_enter(struct slot *s, uint32_t epoch);

/* Merges one message into the slot, which keeps no step: its reader will ask. */
void slot_put(struct slot *s, const struct event *m);

/* Takes the next message out, bye last. False when nothing waits. *out needs its `user` (welcome),
 * counts (online) and `seq` (ping) filled in by the caller, which has the present ones. */
bool slot_take(struct slot *s, struct event *out);

bool slot_is_empty(const struct slot *s);

#endif
