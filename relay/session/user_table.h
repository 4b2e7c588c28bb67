/* SPDX-License-Identifier: MIT */
/* user_table.h - the users who are here, by id: a hash table of our own, since the handle that
 * uthash puts into each entry is larger than all that is known of a user. Pure but for malloc. */
#ifndef DOORBELL_RELAY_SESSION_USER_TABLE_H
#define DOORBELL_RELAY_SESSION_USER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/span.h"

struct session;

struct hub_user {
    struct hub_user *next; /* in its bucket */
    struct session *newest;
    struct session *oldest;
    uint32_t sessions;
    uint32_t hash;
    uint8_t id_len;
    char id[];
};

/* Starts zeroed. */
struct user_table {
    struct hub_user **buckets;
    size_t size; /* a power of two; 0 before the first user */
    size_t count;
};

/* Frees the users, too. */
void user_table_deinit(struct user_table *t);

struct hub_user *user_table_find(const struct user_table *t, struct span id); /* NULL: not here */

/* A new user, who is not there yet. NULL: out of memory, and nothing is changed. */
struct hub_user *user_table_add(struct user_table *t, struct span id);

/* Frees the user. */
void user_table_remove(struct user_table *t, struct hub_user *u);

#endif
