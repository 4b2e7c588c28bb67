/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/answer.h"

#include "common/security/user.h"
#include "common/text/json.h"
#include "common/text/json_walk.h"
#include "fcgi-app/postgres/array.h"

static enum err read_user(struct span item, struct buf *array)
{
    char scratch[USER_ID_MAX];
    struct span user;

    if (json_walk_text(item, scratch, sizeof(scratch), &user) || !user_is_valid(user))
        return ERR_INVALID;
    return array_append_text(array, user);
}

enum err answer_read_users(struct span json, struct buf *array, size_t *count)
{
    static const char *const names[] = {"users", "partial"};
    struct span members[2], users, item;
    enum err e = ERR_NONE;

    if (json_check(json) || json_walk_members(json_walk_root(json), names, 2, members) ||
        !json_walk_is_array(members[0]) || span_equal(members[1], SPAN("true")))
        return ERR_INVALID;
    users = json_walk_inside(members[0]);
    for (; !e && json_walk_item(&users, &item); ++*count)
        e = read_user(item, array);
    return e;
}

enum err answer_read_instance(struct span json, int64_t *instance)
{
    static const char *const names[] = {"instance"};
    struct span value;

    if (json_check(json) || json_walk_members(json_walk_root(json), names, 1, &value) ||
        span_parse_int(value, instance))
        return ERR_INVALID;
    return ERR_NONE;
}
