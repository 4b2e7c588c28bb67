/* SPDX-License-Identifier: MIT */
#include "relay/kick.h"

#include <stdlib.h>
#include <string.h>

#include "common/security/token.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct kicked {
    UT_hash_handle hh; /* in the order of the kicks */
    int64_t at;
    size_t id_len;
    char id[];
};

struct kicks {
    struct kicked *users;
    size_t max;
};

struct kicks *kicks_new(size_t max)
{
    struct kicks *k = calloc(1, sizeof(*k));

    if (k)
        k->max = max;
    return k;
}

static void drop(struct kicks *k, struct kicked *u)
{
    HASH_DEL(k->users, u);
    free(u);
}

void kicks_free(struct kicks *k)
{
    if (!k)
        return;
    while (k->users)
        drop(k, k->users);
    free(k);
}

static struct kicked *find(const struct kicks *k, struct span user)
{
    struct kicked *u;

    HASH_FIND(hh, k->users, user.p, user.len, u);
    return u;
}

/* The oldest stand first: a second kick of a user puts the entry at the end again. */
static void drop_expired(struct kicks *k, int64_t now, int64_t token_ttl_max_s)
{
    while (k->users && now - k->users->at > token_ttl_max_s + TOKEN_LEEWAY_S)
        drop(k, k->users);
}

enum err kicks_add(struct kicks *k, struct span user, int64_t now, int64_t token_ttl_max_s)
{
    struct kicked *u = find(k, user);

    if (u)
        drop(k, u);
    drop_expired(k, now, token_ttl_max_s);
    if (HASH_COUNT(k->users) >= k->max)
        return ERR_TOO_MANY;
    u = calloc(1, sizeof(*u) + user.len);
    if (!u)
        return ERR_NO_MEMORY;
    u->at = now;
    u->id_len = user.len;
    memcpy(u->id, user.p, user.len);
    HASH_ADD_KEYPTR(hh, k->users, u->id, u->id_len, u);
    if (u->hh.tbl)
        return ERR_NONE;
    free(u);
    return ERR_NO_MEMORY;
}

bool kicks_refuse(const struct kicks *k, struct span user, int64_t issued_at)
{
    const struct kicked *u = find(k, user);

    return u && issued_at <= u->at;
}

size_t kicks_count(const struct kicks *k)
{
    return HASH_COUNT(k->users);
}
