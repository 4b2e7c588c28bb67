/* SPDX-License-Identifier: MIT */
#include "relay/access/address_limit.h"

#include <stdlib.h>
#include <string.h>

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct place {
    UT_hash_handle hh;
    struct ip ip;
    size_t sessions;
    size_t proven;
};

struct address_limit {
    struct place *places;
};

struct ip address_limit_place(const struct ip *ip)
{
    static const struct ip_network v4 = {{{[10] = 0xff, [11] = 0xff}}, 96};
    struct ip place = *ip;

    if (!ip_is_within(ip, &v4))
        memset(place.bytes + 8, 0, 8);
    return place;
}

static struct place *find(const struct address_limit *c, const struct ip *ip)
{
    struct ip key = address_limit_place(ip);
    struct place *p;

    HASH_FIND(hh, c->places, &key, sizeof(key), p);
    return p;
}

struct address_limit *address_limit_new(void)
{
    return calloc(1, sizeof(struct address_limit));
}

void address_limit_free(struct address_limit *c)
{
    struct place *p, *next;

    if (!c)
        return;
    HASH_ITER(hh, c->places, p, next)
    {
        HASH_DEL(c->places, p);
        free(p);
    }
    free(c);
}

static struct place *add(struct address_limit *c, const struct ip *ip)
{
    struct place *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->ip = address_limit_place(ip);
    HASH_ADD(hh, c->places, ip, sizeof(p->ip), p);
    if (!p->hh.tbl) {
        free(p);
        return NULL;
    }
    return p;
}

enum err address_limit_add(struct address_limit *c, const struct ip *ip)
{
    struct place *p;

    if (ip_is_none(ip))
        return ERR_NONE;
    p = find(c, ip);
    if (!p && !(p = add(c, ip)))
        return ERR_NO_MEMORY;
    p->sessions++;
    return ERR_NONE;
}

void address_limit_prove(struct address_limit *c, const struct ip *ip)
{
    struct place *p = ip_is_none(ip) ? NULL : find(c, ip);

    if (p)
        p->proven++;
}

void address_limit_remove(struct address_limit *c, const struct ip *ip, bool is_proven)
{
    struct place *p = ip_is_none(ip) ? NULL : find(c, ip);

    if (!p)
        return;
    p->proven -= is_proven;
    if (--p->sessions > 0)
        return;
    HASH_DEL(c->places, p);
    free(p);
}

size_t address_limit_count(const struct address_limit *c, const struct ip *ip)
{
    const struct place *p = ip_is_none(ip) ? NULL : find(c, ip);

    return p ? p->sessions : 0;
}

size_t address_limit_anonymous(const struct address_limit *c, const struct ip *ip)
{
    const struct place *p = ip_is_none(ip) ? NULL : find(c, ip);

    return p ? p->sessions - p->proven : 0;
}
