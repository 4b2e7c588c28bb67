/* SPDX-License-Identifier: MIT */
#include "relay/publish/revoked.h"

#include "common/text/json.h"
#include "common/text/json_walk.h"

static enum err read_item(struct span item, char *scratch, struct span *user, int64_t *at_us)
{
    static const char *const names[] = {"user", "at"};
    struct span members[2];

    if (json_walk_members(item, names, 2, members) ||
        json_walk_text(members[0], scratch, USER_ID_MAX, user) || !user_is_valid(*user) ||
        span_parse_int(members[1], at_us) || *at_us < 0)
        return ERR_INVALID;
    return ERR_NONE;
}

static enum err check_items(struct span rest, const char **why)
{
    char scratch[USER_ID_MAX];
    struct span item, user;
    int64_t at_us;

    for (size_t n = 1; json_walk_item(&rest, &item); n++) {
        *why = "a revocation has a user, and at in unix microseconds";
        if (read_item(item, scratch, &user, &at_us))
            return ERR_INVALID;
        *why = "more than 1,000 revocations in one call; tell them in parts";
        if (n > REVOKED_MAX)
            return ERR_TOO_BIG;
    }
    return ERR_NONE;
}

enum err revoked_decode(struct span body, struct revoked *out, const char **why)
{
    static const char *const names[] = {"revocations"};
    struct span list;
    enum err e;

    *why = "the body is not JSON";
    if ((e = json_check(body)))
        return e;
    *why = "the body is an object, with revocations once";
    if ((e = json_walk_members(json_walk_root(body), names, 1, &list)))
        return e;
    *why = "revocations must be a list";
    if (!json_walk_is_array(list))
        return ERR_INVALID;
    list = json_walk_inside(list);
    if ((e = check_items(list, why)))
        return e;
    out->rest = list;
    return ERR_NONE;
}

bool revoked_next(struct revoked *r, struct span *user, int64_t *at_us)
{
    struct span item;

    return json_walk_item(&r->rest, &item) && !read_item(item, r->scratch, user, at_us);
}
