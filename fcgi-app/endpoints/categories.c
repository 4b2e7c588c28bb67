/* SPDX-License-Identifier: MIT */
/* /categories: what can be muted, and what cannot. */
#include "fcgi-app/store/categories.h"
#include "fcgi-app/endpoints/endpoints.h"

#include "common/text/json.h"

enum err list_categories(struct worker *w, const struct request *req, struct response *res)
{
    struct span json;
    enum err e = categories_list(&w->store, &json);

    (void)req;
    if (!e)
        e = response_json(res, SPAN("{\"categories\":"));
    if (!e)
        e = response_json(res, json);
    return e ? e : response_json(res, SPAN("}"));
}

static enum err write_category(struct response *res, const char *name, bool is_critical)
{
    enum err e = response_json(res, SPAN("{\"name\":"));

    if (!e)
        e = json_append_text(&res->body, span_of(name));
    return e ? e : response_printf(res, ",\"critical\":%s}", is_critical ? "true" : "false");
}

/* What is left out would be changed in silence: all of a category must be there. */
enum err change_category(struct worker *w, const struct request *req, struct response *res)
{
    static const char *const fields[] = {"critical"};
    bool is_critical = false;
    const char *name;
    enum err e = body_only(req->body, fields, 1);

    if (!e)
        e = request_name(req, 0, &name);
    if (!e && !body_find(req->body, "critical"))
        e = body_fail(req->body, ERR_INVALID, "\"critical\" is needed");
    if (!e)
        e = body_bool(req->body, "critical", &is_critical);
    if (!e)
        e = categories_set(&w->store, name, is_critical);
    if (e)
        return e;
    res->has_rung = true;
    return write_category(res, name, is_critical);
}

enum err remove_category(struct worker *w, const struct request *req, struct response *res)
{
    const char *name;
    enum err e = request_name(req, 0, &name);

    if (!e)
        e = categories_remove(&w->store, name);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"removed\":true}"));
}
