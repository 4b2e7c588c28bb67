/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/groups.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(group_change, AS_SERVICE, 4, 1, SHAPE_ROW, ONCE,
          "SELECT doorbell.group_change($1, $2::text[], $3::text[], $4::integer)");

enum err groups_change(struct store *s, const char *group, const char *add, const char *remove,
                       int64_t max_groups, struct span *json)
{
    struct digits max;

    return QUERY_JSON(s, group_change, json, group, add, remove, value_int(&max, max_groups));
}

STATEMENT(group_members, AS_SERVICE, 3, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.group_members($1, $2, $3::integer)");

enum err groups_members(struct store *s, const char *group, const char *after, int64_t limit,
                        struct span *json)
{
    struct digits digits;

    return QUERY_JSON(s, group_members, json, group, after, value_int(&digits, limit));
}

const struct statement *const groups_statements[] = {&group_change, &group_members, NULL};
