/* SPDX-License-Identifier: MIT */
/* /categories: what can be muted, and the texts that messages of a category have. */
#include "fcgi-app/store/categories.h"
#include "fcgi-app/endpoints/endpoint.h"

enum { TEMPLATES_MAX = 1024 * 1024 /* as JSON; 100 languages may have more */ };

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

static enum err read_templates(const struct request *req, struct category *category)
{
    struct span templates = {NULL, 0};
    enum err e = body_object(req->body, "templates", TEMPLATES_MAX, &templates);

    if (e || !templates.p)
        return e;
    category->templates = arena_text(req->arena, templates);
    return category->templates ? ERR_NONE : ERR_NO_MEMORY;
}

/* Whether it is critical decides who sees its messages: that is not left to what it was before. */
static enum err read_category(const struct request *req, struct category *category)
{
    static const char *const fields[] = {"critical", "strict", "templates"};
    enum err e = body_only(req->body, fields, sizeof(fields) / sizeof(fields[0]));

    if (!e && !body_find(req->body, "critical"))
        e = body_fail(req->body, ERR_INVALID, "\"critical\" is needed");
    if (!e)
        e = body_bool(req->body, "critical", &category->is_critical);
    if (!e)
        e = body_bool(req->body, "strict", &category->is_strict);
    category->has_strict = body_find(req->body, "strict") != NULL;
    return e ? e : read_templates(req, category);
}

enum err endpoint_change_category(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    struct category category = {.is_critical = false};
    struct span json;
    const char *name;
    enum err e = read_category(req, &category);

    if (!e)
        e = request_name(req, 0, &name);
    if (!e)
        e = categories_set(ep->store, name, &category, &json);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, json);
}

enum err endpoint_remove_category(const struct endpoint *ep, const struct request *req,
                                  struct response *res)
{
    const char *name;
    enum err e = request_name(req, 0, &name);

    if (!e)
        e = categories_remove(ep->store, name);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"removed\":true}"));
}
