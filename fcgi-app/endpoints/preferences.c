/* SPDX-License-Identifier: MIT */
/* /preferences: the categories that a user has muted, and the language in which they read. */
#include "common/text/language.h"
#include "fcgi-app/endpoints/endpoint.h"

enum { CATEGORY_MAX = 64, ARRAY_MAX = 256 * 1024 };

enum err endpoint_show_preferences(const struct endpoint *ep, const struct request *req,
                                   struct response *res)
{
    struct span json;
    enum err e = marks_preferences(ep->store, req->who.user, &json);

    return e ? e : response_json(res, json);
}

enum err endpoint_change_preferences(const struct endpoint *ep, const struct request *req,
                                     struct response *res)
{
    static const char *const fields[] = {"muted", "lang"};
    const char *language = NULL;
    struct counts counts;
    struct buf muted;
    enum err e = body_only(req->body, fields, 2);

    buf_init(&muted, ARRAY_MAX);
    if (!e)
        e = request_text_or_none(req, "lang", LANGUAGE_TAG_MAX, BODY_LINE, &language);
    /* One of the two must be there. */
    if (!e && (!language || body_has(req->body, "muted")))
        e = body_texts(req->body, "muted", CATEGORY_MAX, &muted);
    if (!e)
        e = marks_prefer(ep->store, req->who.user, muted.data, language, &counts);
    if (!e)
        e = endpoint_counts(req, res, &counts, false);
    buf_deinit(&muted);
    return e;
}
