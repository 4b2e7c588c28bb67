/* SPDX-License-Identifier: MIT */
#include "fcgi-app/checks/check_cache.h"

#include <stdlib.h>
#include <string.h>

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "common/bytes/invariant.h"
#include "common/bytes/owned.h"

struct entry {
    UT_hash_handle hh;
    struct entry *prev, *next; /* the one that was not asked for longest is the first */
    struct check_answer answer;
    struct owned muted; /* of the answer */
    uint8_t user_len;
    char user[];
};

struct check_cache {
    struct entry *entries;
    struct entry *oldest;
    size_t max;
};

bool check_answer_holds(const struct check_answer *a, const struct check_state *state,
                        int64_t now_us)
{
    return a->state.joined_pos == state->joined_pos && a->state.version == state->version &&
           a->state.seq == state->seq && a->state.epoch == state->epoch && now_us >= a->at_us &&
           now_us < a->valid_until_us;
}

struct check_cache *check_cache_new(void)
{
    return calloc(1, sizeof(struct check_cache));
}

static void forget(struct check_cache *c, struct entry *e)
{
    DL_DELETE(c->oldest, e);
    HASH_DEL(c->entries, e);
    owned_deinit(&e->muted);
    free(e);
}

static void shrink_to(struct check_cache *c, size_t max)
{
    while (HASH_COUNT(c->entries) > max)
        forget(c, c->oldest);
}

void check_cache_clear(struct check_cache *c)
{
    shrink_to(c, 0);
}

void check_cache_free(struct check_cache *c)
{
    if (!c)
        return;
    check_cache_clear(c);
    free(c);
}

void check_cache_set_max(struct check_cache *c, size_t max)
{
    c->max = max;
    shrink_to(c, max);
}

static struct entry *find_entry(struct check_cache *c, struct span user)
{
    struct entry *e;

    HASH_FIND(hh, c->entries, user.p, user.len, e);
    return e;
}

const struct check_answer *check_cache_find(struct check_cache *c, struct span user)
{
    struct entry *e = find_entry(c, user);

    if (!e)
        return NULL;
    DL_DELETE(c->oldest, e);
    DL_APPEND(c->oldest, e);
    return &e->answer;
}

static struct entry *add_entry(struct check_cache *c, struct span user)
{
    struct entry *e;

    if (!INVARIANT(user.len <= UINT8_MAX))
        return NULL;
    e = calloc(1, sizeof(*e) + user.len);
    if (!e)
        return NULL;
    memcpy(e->user, user.p, user.len);
    e->user_len = (uint8_t)user.len;
    HASH_ADD_KEYPTR(hh, c->entries, e->user, e->user_len, e);
    if (!e->hh.tbl) {
        free(e);
        return NULL;
    }
    DL_APPEND(c->oldest, e);
    return e;
}

void check_cache_put(struct check_cache *c, struct span user, const struct check_answer *answer)
{
    struct entry *e = find_entry(c, user);

    if (c->max == 0)
        return;
    if (!e) {
        shrink_to(c, c->max - 1);
        e = add_entry(c, user);
    }
    if (!e)
        return;
    owned_deinit(&e->muted);
    if (owned_copy(&e->muted, answer->terms.muted)) {
        forget(c, e);
        return;
    }
    e->answer = *answer;
    e->answer.terms.muted = owned_span(&e->muted);
}

size_t check_cache_count(const struct check_cache *c)
{
    return HASH_COUNT(c->entries);
}
