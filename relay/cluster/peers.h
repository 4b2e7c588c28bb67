/* SPDX-License-Identifier: MIT */
/* peers.h - the other relays of the site: when each was last heard, and who is there. Pure. */
#ifndef DOORBELL_RELAY_CLUSTER_PEERS_H
#define DOORBELL_RELAY_CLUSTER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/cluster/envelope.h"

enum {
    PEERS_MAX = 64,         /* more are not counted, and still get all there is */
    PEERS_SILENT_MS = 12000 /* one that says nothing for so long is no more */
};

struct peer {
    int64_t id; /* 0: a free place */
    int64_t heard_ms;
    struct hello hello;
};

struct peers {
    struct peer at[PEERS_MAX];
    size_t count;
};

/* Takes a hello. True: this relay was not there, or not in this life. */
bool peers_hear(struct peers *p, int64_t id, const struct hello *hello, int64_t now_ms);

/* It has said that it goes. */
void peers_leave(struct peers *p, int64_t id);

/* Forgets those that are silent. True: there was one. */
bool peers_expire(struct peers *p, int64_t now_ms);

/* The place of that relay; PEERS_MAX: it is not known. */
size_t peers_place(const struct peers *p, int64_t id);

/* A bit for each place that is taken. */
uint64_t peers_mask(const struct peers *p);

/* The sums of all of them. */
struct hello peers_totals(const struct peers *p);

/* A number that is the same in all relays that know of each other, and another one whenever one has
 * come, gone, or been cut off in between. */
int64_t peers_instance(const struct peers *p, int64_t own_id, int64_t own_life);

#endif
