/* SPDX-License-Identifier: MIT */
#include "relay/session/user_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 256 };

/* FNV-1a. Ids are those of the site's accounts: to make many collide takes as many accounts. */
static uint32_t hash_of(struct span id)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.p[i]) * 16777619u;
    return hash;
}

static struct hub_user **bucket_of(const struct user_table *t, uint32_t hash)
{
    return &t->buckets[hash & (t->size - 1)];
}

void user_table_deinit(struct user_table *t)
{
    for (size_t i = 0; i < t->size; i++)
        while (t->buckets[i])
            user_table_remove(t, t->buckets[i]);
    free(t->buckets);
    *t = (struct user_table){0};
}

struct hub_user *user_table_find(const struct user_table *t, struct span id)
{
    uint32_t hash = hash_of(id);
    struct hub_user *u = t->size ? *bucket_of(t, hash) : NULL;

    while (u && (u->hash != hash || !span_equal((struct span){u->id, u->id_len}, id)))
        u = u->next;
    return u;
}

static void link_user(struct user_table *t, struct hub_user *u)
{
    struct hub_user **bucket = bucket_of(t, u->hash);

    u->next = *bucket;
    *bucket = u;
}

/* Two users a bucket at most, on average. */
static bool grow(struct user_table *t)
{
    struct user_table larger = {.size = t->size ? t->size * 2 : SIZE_FIRST, .count = t->count};

    if (t->count < 2 * t->size)
        return true;
    larger.buckets = calloc(larger.size, sizeof(struct hub_user *));
    if (!larger.buckets)
        return t->size > 0; /* longer chains will do */
    for (size_t i = 0; i < t->size; i++) {
        for (struct hub_user *u = t->buckets[i], *next; u; u = next) {
            next = u->next;
            link_user(&larger, u);
        }
    }
    free(t->buckets);
    *t = larger;
    return true;
}

struct hub_user *user_table_add(struct user_table *t, struct span id)
{
    /* Not sizeof: the id begins in what would be padding. */
    struct hub_user *u = grow(t) ? calloc(1, offsetof(struct hub_user, id) + id.len) : NULL;

    if (!u)
        return NULL;
    memcpy(u->id, id.p, id.len);
    u->id_len = (uint8_t)id.len;
    u->hash = hash_of(id);
    link_user(t, u);
    t->count++;
    return u;
}

void user_table_remove(struct user_table *t, struct hub_user *u)
{
    struct hub_user **at = bucket_of(t, u->hash);

    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    t->count--;
    free(u);
}
