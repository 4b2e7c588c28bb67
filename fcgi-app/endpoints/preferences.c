/* SPDX-License-Identifier: MIT */
/* /preferences: the categories that a user has muted, the language in which they read, and when
 * nothing should disturb them. */
#include "common/text/language.h"
#include "fcgi-app/endpoints/endpoint.h"

enum { CATEGORY_MAX = 64, ARRAY_MAX = 256 * 1024, QUIET_HOURS_MAX = 256 };

enum err endpoint_show_preferences(const struct endpoint *ep, const struct request *req,
                                   struct response *res)
{
    struct span json;
    enum err e = marks_preferences(ep->store, req->who.user, &json);

    return e ? e : response_json(res, json);
}

static enum err read_quiet_hours(const struct request *req, const char **out)
{
    enum err e = request_object(req, "quiet_hours", QUIET_HOURS_MAX, out);

    if (!e && !*out && body_has(req->body, "quiet_hours"))
        *out = "null";
    return e;
}

static enum err read_preferences(const struct request *req, struct buf *muted,
                                 struct preferences *wanted)
{
    static const char *const fields[] = {"muted", "lang", "quiet_hours"};
    enum err e = body_only(req->body, fields, sizeof(fields) / sizeof(fields[0]));

    if (!e)
        e = request_text_or_none(req, "lang", LANGUAGE_TAG_MAX, BODY_LINE, &wanted->language);
    if (!e)
        e = read_quiet_hours(req, &wanted->quiet_hours);
    /* One of them must be there. */
    if (!e && ((!wanted->language && !wanted->quiet_hours) || body_has(req->body, "muted")))
        e = body_texts(req->body, "muted", CATEGORY_MAX, muted);
    wanted->muted = muted->data;
    return e;
}

enum err endpoint_change_preferences(const struct endpoint *ep, const struct request *req,
                                     struct response *res)
{
    struct preferences wanted = {NULL, NULL, NULL};
    struct counts counts;
    struct buf muted;
    enum err e;

    buf_init(&muted, ARRAY_MAX);
    e = read_preferences(req, &muted, &wanted);
    if (!e)
        e = marks_prefer(ep->store, req->who.user, &wanted, &counts);
    if (!e)
        e = endpoint_counts(req, res, &counts, false);
    buf_deinit(&muted);
    return e;
}
