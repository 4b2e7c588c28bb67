/* SPDX-License-Identifier: MIT */
/* /categories: what can be muted, the texts that messages of a category have, and whom else they
 * are told to. */
#include "fcgi-app/store/categories.h"
#include "fcgi-app/endpoints/endpoint.h"

enum {
    TEMPLATES_MAX = 1024 * 1024, /* as JSON; 100 languages may have more */
    URL_MAX = 2048,
    ONLY_UNSEEN_AFTER_MAX_S = 7 * 24 * 3600,
};

enum err endpoint_list_categories(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    struct span json;
    enum err e = categories_list(ep->store, &json);

    (void)req;
    if (!e)
        e = response_json(res, SPAN("{\"categories\":"));
    if (!e)
        e = response_json(res, json);
    return e ? e : response_json(res, SPAN("}"));
}

/* Better said now than at each call. */
static enum err check_webhook(const struct endpoint *ep, const struct request *req, const char *url)
{
    if (url[0] == '\0')
        return ERR_NONE;
    if (ep->secrets->webhook.count == 0)
        return body_fail(
            req->body, ERR_INVALID,
            "there are no webhooks: set [auth] webhook_secret_file and restart doorbell-app");
    if (!ep->config->app.webhook_http && !span_starts_with(span_of(url), SPAN("https://")))
        return body_fail(req->body, ERR_INVALID, "\"webhook\" must be an https:// URL");
    return ERR_NONE;
}

static enum err read_webhook(const struct endpoint *ep, const struct request *req,
                             struct category *category)
{
    enum err e = request_text_or_none(req, "webhook", URL_MAX, BODY_LINE, &category->webhook);

    return e || !category->webhook ? e : check_webhook(ep, req, category->webhook);
}

static enum err read_only_unseen_after(const struct request *req, struct category *category)
{
    category->only_unseen_after_s = body_has(req->body, "only_unseen_after") ? 0 : -1;
    return body_int(req->body, "only_unseen_after", 0, ONLY_UNSEEN_AFTER_MAX_S,
                    &category->only_unseen_after_s);
}

/* Whether it is critical decides who sees its messages: that is not left to what it was before. */
static enum err read_category(const struct endpoint *ep, const struct request *req,
                              struct category *category)
{
    static const char *const fields[] = {"critical", "strict", "templates", "webhook",
                                         "only_unseen_after"};
    enum err e = body_only(req->body, fields, sizeof(fields) / sizeof(fields[0]));

    if (!e && !body_find(req->body, "critical"))
        e = body_fail(req->body, ERR_INVALID, "\"critical\" is needed");
    if (!e)
        e = body_bool(req->body, "critical", &category->is_critical);
    if (!e)
        e = body_bool(req->body, "strict", &category->is_strict);
    category->has_strict = body_find(req->body, "strict") != NULL;
    if (!e)
        e = request_object(req, "templates", TEMPLATES_MAX, &category->templates);
    if (!e)
        e = read_webhook(ep, req, category);
    return e ? e : read_only_unseen_after(req, category);
}

enum err endpoint_change_category(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    struct category category = {.is_critical = false};
    struct span json;
    const char *name;
    enum err e = read_category(ep, req, &category);

    if (!e)
        e = request_name(req, 0, &name);
    if (!e)
        e = categories_set(ep->store, name, &category, &json);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, json);
}

static enum err read_messages_choice(const struct request *req, struct response *res, bool *keeps)
{
    struct span choice;
    enum err e = query_get(&req->query, "messages", &choice);

    *keeps = !e && span_equal(choice, SPAN("keep"));
    if (!e && choice.len > 0 && !*keeps)
        return response_fail(res, ERR_INVALID, "\"messages\" can only be \"keep\"");
    return e;
}

enum err endpoint_remove_category(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    const char *name;
    bool keeps_messages = false;
    enum err e = request_name(req, 0, &name);

    if (!e)
        e = read_messages_choice(req, res, &keeps_messages);
    if (!e)
        e = categories_remove(ep->store, name, keeps_messages);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"removed\":true}"));
}
