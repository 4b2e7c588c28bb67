/* SPDX-License-Identifier: MIT */
/* POST /tokens: signs a token for a user, so that the site needs no library for it. */
#include "fcgi-app/store/tokens.h"
#include "fcgi-app/endpoints/endpoint.h"

#include <inttypes.h>

enum { TTL_DEFAULT_S = 3600 };

static enum err read_ttl(const struct endpoint *ep, const struct request *req, int64_t *ttl_s)
{
    int64_t max_s = ep->config->auth.token_ttl_max_s;

    *ttl_s = max_s < TTL_DEFAULT_S ? max_s : TTL_DEFAULT_S;
    return body_int(req->body, "ttl", 1, max_s, ttl_s);
}

/* A site makes one for each page, and its pages must not fail with the database. */
static enum err find_generation(const struct endpoint *ep, const char *user,
                                struct token_grant *grant)
{
    enum err e = tokens_generation(ep->store, user, &grant->generation);

    grant->has_no_generation = e == ERR_UNAVAILABLE;
    return grant->has_no_generation ? ERR_NONE : e;
}

static enum err sign_token(const struct endpoint *ep, const struct token_grant *grant,
                           struct response *res)
{
    enum err e = response_json(res, SPAN("{\"token\":\""));

    if (!e)
        e = token_sign(ep->secrets->token, grant, &res->body);
    if (e == ERR_UNSUPPORTED)
        return response_fail(res, ERR_CONFLICT,
                             "tokens are only verified here, with a public key: set "
                             "private_key_file, or sign them where the private key is");
    if (e)
        return e;
    return response_printf(res, "\",\"expires_at\":%" PRId64 "}",
                           grant->now_us / 1000000 + grant->ttl_s);
}

enum err endpoint_make_token(const struct endpoint *ep, const struct request *req,
                             struct response *res)
{
    static const char *const fields[] = {"user", "ttl"};
    struct token_grant grant = {.now_us = req->now_us};
    struct buf user;
    enum err e = body_only(req->body, fields, 2);

    buf_init(&user, USER_ID_MAX + 1);
    if (!e)
        e = body_user(req->body, "user", &user);
    if (!e)
        e = read_ttl(ep, req, &grant.ttl_s);
    if (!e)
        e = find_generation(ep, user.data, &grant);
    if (!e) {
        grant.user = span_of(user.data);
        e = sign_token(ep, &grant, res);
    }
    buf_deinit(&user);
    return e;
}
