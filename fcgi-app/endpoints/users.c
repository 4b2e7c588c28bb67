/* SPDX-License-Identifier: MIT */
/* /users/{user} and /users?user=: all that is stored about a user, forgetting it, and revoking
 * their tokens. */
#include "fcgi-app/store/users.h"
#include "fcgi-app/endpoints/endpoint.h"

#include "fcgi-app/store/tokens.h"

/* The user of the path or, without one there, of the query: "." and ".." cannot be in a path. */
static enum err read_user(const struct request *req, struct response *res, const char **user)
{
    return req->args[0].p ? request_name(req, 0, user) : endpoint_query_user(req, res, user);
}

enum err endpoint_export_user(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    const char *user;
    struct span json;
    enum err e = read_user(req, res, &user);

    if (!e)
        e = users_export(ep->store, user, &json);
    return e ? e : response_json(res, json);
}

enum err endpoint_erase_user(const struct endpoint *ep, const struct request *req,
                             struct response *res)
{
    const char *user;
    bool was_known;
    enum err e = read_user(req, res, &user);

    if (!e)
        e = users_erase(ep->store, user, &was_known);
    if (e)
        return e;
    res->has_rung = was_known;
    return response_printf(res, "{\"erased\":%s}", was_known ? "true" : "false");
}

enum err endpoint_revoke_tokens(const struct endpoint *ep, const struct request *req,
                                struct response *res)
{
    const char *user;
    enum err e = read_user(req, res, &user);

    if (!e)
        e = tokens_revoke(ep->store, user);
    if (e)
        return e;
    res->has_rung = true;
    return response_json(res, SPAN("{\"revoked\":true}"));
}
