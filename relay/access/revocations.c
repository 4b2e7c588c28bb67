/* SPDX-License-Identifier: MIT */
#include "relay/access/revocations.h"

#include <stdlib.h>
#include <string.h>

#include "common/security/token.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct revocation {
    UT_hash_handle hh; /* in the order of the kicks */
    int64_t at;
    size_t id_len;
    char id[];
};

struct revocations {
    struct revocation *users;
    size_t max;
};

struct revocations *revocations_new(size_t max)
{
    struct revocations *k = calloc(1, sizeof(*k));

    if (k)
        k->max = max;
    return k;
}

static void drop(struct revocations *k, struct revocation *u)
{
    HASH_DEL(k->users, u);
    free(u);
}

void revocations_free(struct revocations *k)
{
    if (!k)
        return;
    while (k->users)
        drop(k, k->users);
    free(k);
}

static struct revocation *find(const struct revocations *k, struct span user)
{
    struct revocation *u;

    HASH_FIND(hh, k->users, user.p, user.len, u);
    return u;
}

/* The oldest come first: a second kick of a user puts the entry at the end again. */
static void drop_expired(struct revocations *k, int64_t now, int64_t token_ttl_max_s)
{
    while (k->users && now - k->users->at > token_ttl_max_s + TOKEN_LEEWAY_S)
        drop(k, k->users);
}

enum err revocations_add(struct revocations *k, struct span user, int64_t now,
                         int64_t token_ttl_max_s)
{
    struct revocation *u = find(k, user);

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

bool revocations_refuse(const struct revocations *k, struct span user, int64_t issued_at)
{
    const struct revocation *u = find(k, user);

    return u && issued_at <= u->at;
}

size_t revocations_count(const struct revocations *k)
{
    return HASH_COUNT(k->users);
}
