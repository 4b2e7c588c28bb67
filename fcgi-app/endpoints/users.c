/* SPDX-License-Identifier: MIT */
/* /users/{user}: all that is stored about a user, and forgetting it. */
#include "fcgi-app/store/users.h"
#include "fcgi-app/endpoints/endpoints.h"

enum err export_user(struct worker *w, const struct request *req, struct response *res)
{
    const char *user;
    struct span json;
    enum err e = request_name(req, 0, &user);

    if (!e)
        e = users_export(&w->store, user, &json);
    return e ? e : response_json(res, json);
}

enum err erase_user(struct worker *w, const struct request *req, struct response *res)
{
    const char *user;
    bool was_known;
    enum err e = request_name(req, 0, &user);

    if (!e)
        e = users_erase(&w->store, user, &was_known);
    if (e)
        return e;
    res->has_rung = was_known;
    return response_printf(res, "{\"erased\":%s}", was_known ? "true" : "false");
}
