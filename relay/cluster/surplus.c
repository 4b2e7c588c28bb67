/* SPDX-License-Identifier: MIT */
#include "relay/cluster/surplus.h"

#include <stdlib.h>

#include "common/security/user.h"
#include "common/text/json.h"
#include "common/text/json_walk.h"

void surplus_deinit(struct surplus *s)
{
    free(s->at);
    *s = (struct surplus){NULL, 0};
}

enum err surplus_add(struct surplus *s, int64_t relay, int64_t age_ms)
{
    if (s->count == SURPLUS_SESSIONS_MAX)
        return ERR_TOO_MANY;
    if (!s->at && !(s->at = calloc(SURPLUS_SESSIONS_MAX, sizeof(*s->at))))
        return ERR_NO_MEMORY;
    s->at[s->count++] = (struct surplus_session){relay, age_ms};
    return ERR_NONE;
}

enum err surplus_take(struct surplus *s, int64_t relay, struct span body)
{
    static const char *const names[] = {"ages"};
    struct span list, item;
    int64_t age_ms;
    enum err e = ERR_NONE;

    if (json_check(body) || json_walk_members(json_walk_root(body), names, 1, &list) ||
        !json_walk_is_array(list))
        return ERR_MALFORMED;
    list = json_walk_inside(list);
    while (!e && json_walk_item(&list, &item))
        e = span_parse_int(item, &age_ms) || age_ms < 0 ? ERR_MALFORMED
                                                        : surplus_add(s, relay, age_ms);
    return e;
}

static int compare(const void *a, const void *b)
{
    const struct surplus_session *one = a, *other = b;

    if (one->age_ms != other->age_ms)
        return one->age_ms < other->age_ms ? -1 : 1;
    return (one->relay > other->relay) - (one->relay < other->relay);
}

void surplus_sort(const struct surplus *s)
{
    if (s->count > 0)
        qsort(s->at, s->count, sizeof(*s->at), compare);
}

size_t surplus_keep(const struct surplus *s, int64_t relay, size_t max)
{
    size_t keep = 0;

    for (size_t i = 0; i < s->count && i < max; i++)
        keep += s->at[i].relay == relay;
    return keep;
}

enum err surplus_encode_keep(struct span user, size_t keep, struct buf *out)
{
    enum err e = buf_append(out, SPAN("{\"user\":"));

    if (!e)
        e = json_append_text(out, user);
    return e ? e : buf_printf(out, ",\"keep\":%zu}", keep);
}

enum err surplus_decode_keep(struct span body, char *scratch, struct span *user, size_t *keep)
{
    static const char *const names[] = {"user", "keep"};
    struct span members[2];
    int64_t n;

    if (json_check(body) || json_walk_members(json_walk_root(body), names, 2, members) ||
        json_walk_text(members[0], scratch, USER_ID_MAX, user) || !user_is_valid(*user) ||
        span_parse_int(members[1], &n) || n < 0)
        return ERR_MALFORMED;
    *keep = (size_t)n;
    return ERR_NONE;
}
