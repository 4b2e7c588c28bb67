/* SPDX-License-Identifier: MIT */
#include "relay/cluster/questions.h"

#include <stdlib.h>
#include <string.h>

#include "common/text/json.h"
#include "common/text/json_walk.h"

void questions_deinit(struct questions *q)
{
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        question_end(&q->at[i]);
}

static struct question *free_place(struct questions *q)
{
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        if (q->at[i].id == 0)
            return &q->at[i];
    return NULL;
}

enum err questions_begin(struct questions *q, enum question_kind kind, struct span users,
                         size_t count, int64_t now_ms, struct question **out)
{
    struct question *one = free_place(q);

    if (!one || count > QUESTIONS_USERS_MAX)
        return ERR_TOO_MANY;
    *one = (struct question){.kind = kind,
                             .ends_ms = now_ms + QUESTION_MS,
                             .users = malloc(users.len + 1),
                             .users_len = users.len,
                             .counts = calloc(count + 1, sizeof(*one->counts)),
                             .count = count,
                             .receivers = -1};
    if (!one->users || !one->counts) {
        question_end(one);
        return ERR_NO_MEMORY;
    }
    if (users.len > 0)
        memcpy(one->users, users.p, users.len);
    if (++q->last_id == 0 || q->last_id == UINT32_MAX)
        q->last_id = 1;
    one->id = q->last_id;
    *out = one;
    return ERR_NONE;
}

struct question *questions_find(struct questions *q, uint32_t id)
{
    for (size_t i = 0; id && i < QUESTIONS_MAX; i++)
        if (q->at[i].id == id)
            return &q->at[i];
    return NULL;
}

struct question *questions_next_over(struct questions *q, int64_t now_ms)
{
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        if (q->at[i].id && now_ms >= q->at[i].ends_ms)
            return &q->at[i];
    return NULL;
}

/* Adds what the list says, or with a `one` of NULL only looks whether it is good. */
static enum err add_counts(struct question *one, size_t count, struct span list)
{
    struct span item;
    size_t i = 0;
    int64_t n;

    for (; json_walk_item(&list, &item); i++) {
        if (i >= count || span_parse_int(item, &n) || n < 0 || n > UINT32_MAX / PEERS_MAX / 2)
            return ERR_MALFORMED;
        if (one) {
            one->counts[i] += (uint32_t)n;
            one->sessions += n;
        }
    }
    return i == count ? ERR_NONE : ERR_MALFORMED;
}

static enum err take_counts(struct question *one, struct span body)
{
    static const char *const names[] = {"sessions"};
    struct span list;
    enum err e;

    if (json_check(body) || json_walk_members(json_walk_root(body), names, 1, &list) ||
        !json_walk_is_array(list))
        return ERR_MALFORMED;
    list = json_walk_inside(list);
    e = add_counts(NULL, one->count, list);
    return e ? e : add_counts(one, one->count, list);
}

enum err question_take(struct question *one, size_t place, int64_t from, struct span body)
{
    uint64_t bit = place < PEERS_MAX ? UINT64_C(1) << place : 0;
    enum err e = ERR_MALFORMED;

    if (one->answered & bit)
        return e;
    e = one->kind == QUESTION_LIMIT ? surplus_take(&one->surplus, from, body)
                                    : take_counts(one, body);
    if (e)
        return e;
    one->answered |= bit;
    one->answers++;
    return ERR_NONE;
}

bool question_is_answered(const struct question *one)
{
    return one->receivers >= 0 && (int64_t)one->answers >= one->receivers - 1;
}

bool question_is_partial(const struct question *one, const struct peers *peers)
{
    return (peers_mask(peers) & ~one->answered) != 0 || !question_is_answered(one);
}

void question_end(struct question *one)
{
    free(one->users);
    free(one->counts);
    surplus_deinit(&one->surplus);
    *one = (struct question){.id = 0};
}
