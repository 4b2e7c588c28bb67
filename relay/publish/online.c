/* SPDX-License-Identifier: MIT */
#include "relay/publish/online.h"

#include "common/text/json.h"
#include "common/text/json_walk.h"

static enum err check_users(struct rings_users users, const char **why)
{
    struct span user;

    for (size_t n = 1; rings_next_user(&users, &user); n++) {
        *why = "users must be a list of user ids";
        if (!user_is_valid(user))
            return ERR_INVALID;
        *why = "more than 1,000 users in one call; ask in parts";
        if (n > ONLINE_BODY_USERS_MAX)
            return ERR_TOO_BIG;
    }
    return ERR_NONE;
}

enum err online_decode(struct span body, struct rings_users *users, struct told *told,
                       const char **why)
{
    static const char *const names[] = {"users", "epoch", "seq"};
    struct span members[3];
    struct rings_users found;
    struct told said = {0};
    enum err e;

    *why = "the body is not JSON";
    if ((e = json_check(body)))
        return e;
    *why = "the body is an object, with no field twice";
    if ((e = json_walk_members(json_walk_root(body), names, 3, members)))
        return e;
    *why = "users must be a list of user ids";
    if (!json_walk_is_array(members[0]))
        return ERR_INVALID;
    found = (struct rings_users){.rest = json_walk_inside(members[0])};
    if ((e = check_users(found, why)) || (e = told_decode(members[1], members[2], &said, why)))
        return e;
    *users = found;
    *told = said;
    return ERR_NONE;
}
