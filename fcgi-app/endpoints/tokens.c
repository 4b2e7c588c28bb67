/* SPDX-License-Identifier: MIT */
/* POST /tokens: signs a token for a user, so that the site needs no library for it. */
#include "fcgi-app/endpoints/endpoints.h"

#include <inttypes.h>

enum { TTL_DEFAULT_S = 3600 };

static enum err read_ttl(const struct worker *w, const struct request *req, int64_t *ttl_s)
{
    int64_t max_s = w->snapshot->config->auth.token_ttl_max_s;

    *ttl_s = max_s < TTL_DEFAULT_S ? max_s : TTL_DEFAULT_S;
    return body_int(req->body, "ttl", 1, max_s, ttl_s);
}

static enum err sign(const struct worker *w, const struct request *req, struct span user,
                     int64_t ttl_s, struct response *res)
{
    enum err e = response_json(res, SPAN("{\"token\":\""));

    if (!e)
        e = token_sign(w->snapshot->secrets.token, user, req->now, ttl_s, &res->body);
    if (e == ERR_UNSUPPORTED)
        return response_fail(res, ERR_CONFLICT,
                             "tokens are verified with a public key here, and signed elsewhere");
    if (e)
        return e;
    return response_printf(res, "\",\"expires_at\":%" PRId64 "}", req->now + ttl_s);
}

enum err make_token(struct worker *w, const struct request *req, struct response *res)
{
    static const char *const fields[] = {"user", "ttl"};
    struct buf user;
    int64_t ttl_s;
    enum err e = body_only(req->body, fields, 2);

    buf_init(&user, USER_ID_MAX + 1);
    if (!e)
        e = body_user(req->body, "user", &user);
    if (!e)
        e = read_ttl(w, req, &ttl_s);
    if (!e)
        e = sign(w, req, (struct span){user.data, user.len - 1}, ttl_s, res);
    buf_deinit(&user);
    return e;
}
