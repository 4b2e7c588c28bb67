/* SPDX-License-Identifier: MIT */
#include "relay/access/revocations.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct revocation {
    UT_hash_handle hh; /* in the order in which they were told */
    int64_t kicked_us, revoked_us;
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

static bool is_over(int64_t at_us, int64_t now_us, int64_t token_ttl_max_s)
{
    return (now_us - at_us) / 1000000 > token_ttl_max_s + TOKEN_LEEWAY_S;
}

/* The oldest come first, but for what is told again to a relay that has been restarted: that stays
 * for a little longer than it must. */
void revocations_forget(struct revocations *k, int64_t now_us, int64_t token_ttl_max_s)
{
    while (k->users && is_over(k->users->kicked_us, now_us, token_ttl_max_s) &&
           is_over(k->users->revoked_us, now_us, token_ttl_max_s))
        drop(k, k->users);
}

static enum err put(struct revocations *k, struct span user, struct revocation **out)
{
    struct revocation *u;

    if (HASH_COUNT(k->users) >= k->max)
        return ERR_TOO_MANY;
    u = calloc(1, sizeof(*u) + user.len);
    if (!u)
        return ERR_NO_MEMORY;
    u->id_len = user.len;
    memcpy(u->id, user.p, user.len);
    HASH_ADD_KEYPTR(hh, k->users, u->id, u->id_len, u);
    if (!u->hh.tbl) {
        free(u);
        return ERR_NO_MEMORY;
    }
    *out = u;
    return ERR_NONE;
}

/* The user's entry, at the end of the order, with what it says already. */
static enum err renew(struct revocations *k, struct span user, int64_t now_us,
                      int64_t token_ttl_max_s, struct revocation **out)
{
    struct revocation *u = find(k, user);
    int64_t kicked_us = u ? u->kicked_us : 0;
    int64_t revoked_us = u ? u->revoked_us : 0;
    enum err e;

    if (u)
        drop(k, u);
    revocations_forget(k, now_us, token_ttl_max_s);
    e = put(k, user, out);
    if (e)
        return e;
    (*out)->kicked_us = kicked_us;
    (*out)->revoked_us = revoked_us;
    return ERR_NONE;
}

enum err revocations_kick(struct revocations *k, struct span user, int64_t now_us,
                          int64_t token_ttl_max_s)
{
    struct revocation *u;
    enum err e = renew(k, user, now_us, token_ttl_max_s, &u);

    if (!e && now_us > u->kicked_us)
        u->kicked_us = now_us;
    return e;
}

enum err revocations_add(struct revocations *k, struct span user, int64_t revoked_us,
                         int64_t now_us, int64_t token_ttl_max_s)
{
    struct revocation *u = find(k, user);
    enum err e;

    if ((u && u->revoked_us >= revoked_us) || is_over(revoked_us, now_us, token_ttl_max_s))
        return ERR_END;
    e = renew(k, user, now_us, token_ttl_max_s, &u);
    if (!e)
        u->revoked_us = revoked_us;
    return e;
}

bool revocations_refuse(const struct revocations *k, const struct token_claims *claims)
{
    const struct revocation *u = find(k, span_of(claims->user));

    return u && (claims->issued_at_us <= u->kicked_us ||
                 token_is_revoked(claims->generation, u->revoked_us));
}

size_t revocations_count(const struct revocations *k)
{
    return HASH_COUNT(k->users);
}
