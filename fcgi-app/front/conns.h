/* SPDX-License-Identifier: MIT */
/* conns.h - the connections of the front, each in the list of its state, the longest there first:
 * a search by time looks at the heads alone. It moves and counts; what is to be done to a
 * connection is the front's. */
#ifndef DOORBELL_FCGI_APP_FRONT_CONNS_H
#define DOORBELL_FCGI_APP_FRONT_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi-app/front/conn.h"

struct conns {
    struct conn *in_state[CONN_STATES];
    struct conn *ended; /* closed, and not freed yet */
    size_t count, max;
    size_t held, held_max; /* bytes of replies that were not taken at once; 0: no ceiling */
};

/* Takes a connection that has just been accepted, idle. */
void conns_add(struct conns *all, struct conn *c, int64_t now_ms);

/* Closes it. The memory stays until conns_free_ended(), since the same turn of the loop may hold
 * another event of it. */
void conns_close(struct conns *all, struct conn *c);
void conns_free_ended(struct conns *all);

void conns_set_state(struct conns *all, struct conn *c, enum conn_state state, int64_t now_ms);

/* After a step that may have changed c->state by itself: it was `before`. Dawdling with parameters
 * counts from their first byte, everything else from the last progress. */
void conns_relist(struct conns *all, struct conn *c, enum conn_state before, bool has_progress,
                  int64_t now_ms);

/* Sets the bytes that the connection's reply holds. */
void conns_hold(struct conns *all, struct conn *c, size_t bytes);

/* While the replies hold more than their ceiling: the one that has been taken least recently. Else
 * NULL. */
struct conn *conns_find_overheld(const struct conns *all);

/* One in that state since `before_ms` or longer, or NULL. */
struct conn *conns_find_slow(const struct conns *all, enum conn_state state, int64_t before_ms);

/* One that may make room for a new connection, or NULL: one that never sent a request, then one
 * that is idle between two, then one that dawdles with its parameters. */
struct conn *conns_find_dispensable(const struct conns *all, int64_t now_ms);

#endif
