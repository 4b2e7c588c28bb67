/* SPDX-License-Identifier: MIT */
/* /preferences: the categories that a user has muted. */
#include "fcgi-app/endpoints/endpoints.h"

enum { CATEGORY_MAX = 64, ARRAY_MAX = 256 * 1024 };

enum err show_preferences(struct worker *w, const struct request *req, struct response *res)
{
    struct span json;
    enum err e = marks_preferences(&w->store, req->who.user, &json);

    return e ? e : response_json(res, json);
}

enum err change_preferences(struct worker *w, const struct request *req, struct response *res)
{
    static const char *const fields[] = {"muted"};
    struct counts counts;
    struct buf categories;
    enum err e = body_only(req->body, fields, 1);

    buf_init(&categories, ARRAY_MAX);
    if (!e)
        e = body_texts(req->body, "muted", CATEGORY_MAX, &categories);
    if (!e)
        e = marks_mute(&w->store, req->who.user, categories.data, &counts);
    if (!e)
        e = endpoint_counts(req, res, &counts, false);
    buf_deinit(&categories);
    return e;
}
