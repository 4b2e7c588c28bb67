/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/categories.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(categories, AS_SERVICE, 0, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.categories()");

enum err categories_list(struct store *s, struct span *json)
{
    return query_json(s, &categories, NULL, json);
}

STATEMENT(category_set, AS_SERVICE, 6, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.category_set($1, $2::boolean, $3::boolean, $4::jsonb, $5, $6::integer)");

enum err categories_set(struct store *s, const char *name, const struct category *category,
                        struct span *json)
{
    struct digits seconds;

    return QUERY_JSON(s, category_set, json, name, value_bool(category->is_critical),
                      category->has_strict ? value_bool(category->is_strict) : NULL,
                      category->templates, category->webhook,
                      category->only_unseen_after_s >= 0
                          ? value_int(&seconds, category->only_unseen_after_s)
                          : NULL);
}

STATEMENT(category_remove, AS_SERVICE, 2, 1, SHAPE_ROW, ONCE,
          "SELECT doorbell.category_remove($1, $2::boolean)");

enum err categories_remove(struct store *s, const char *name, bool keeps_messages)
{
    const struct pg_result *result;

    return QUERY(s, category_remove, &result, name, value_bool(keeps_messages));
}

const struct statement *const categories_statements[] = {
    &categories,
    &category_set,
    &category_remove,
    NULL,
};
