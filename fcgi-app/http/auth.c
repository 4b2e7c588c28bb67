/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/auth.h"

#include <string.h>

#include "common/http/bearer.h"
#include "common/security/origin.h"

static enum err verify_token(const struct secrets *keys, struct span token, int64_t now,
                             struct identity *out)
{
    struct token_claims claims;
    enum err e = token_verify(keys->token, token, now, &claims);

    if (e)
        return e;
    memcpy(out->user, claims.user, sizeof(out->user));
    memcpy(out->lang, claims.lang, sizeof(out->lang));
    out->since = claims.since;
    out->generation = claims.generation;
    return ERR_NONE;
}

static enum err take_remote_user(struct span name, struct identity *out)
{
    if (!user_is_valid(name))
        return ERR_UNAUTHORIZED;
    memcpy(out->user, name.p, name.len);
    out->user[name.len] = '\0';
    out->lang[0] = '\0';
    out->since = -1;
    out->generation = IDENTITY_WITHOUT_TOKEN;
    return ERR_NONE;
}

/* The browser sends an ambient identity along with whatever any page makes it send. */
static enum err check_auth_origin(const struct config_auth *rules, const struct credentials *c)
{
    if ((!c->is_write && !c->is_cross_site) ||
        origin_is_allowed(&rules->origins, c->origin, c->scheme, c->host))
        return ERR_NONE;
    return ERR_FORBIDDEN;
}

static enum err prove_user(const struct config_auth *rules, const struct secrets *keys,
                           const struct credentials *c, int64_t now, struct identity *out)
{
    struct span token;
    enum err e;

    if (bearer_read(c->authorization, &token))
        return verify_token(keys, token, now, out);
    if (c->token.p)
        e = verify_token(keys, c->token, now, out);
    else if (rules->trust_remote_user && c->remote_user.len > 0)
        e = take_remote_user(c->remote_user, out);
    else
        return ERR_UNAUTHORIZED;
    return e ? e : check_auth_origin(rules, c);
}

/* A page outlives a login: the cookie may have become another user's in another tab. The header
 * proves nothing, it only keeps one user's clicks out of the other's inbox. */
static enum err check_expected_user(struct span encoded, const struct identity *who)
{
    char user[3 * USER_ID_MAX];
    size_t len = encoded.len;

    if (len == 0)
        return ERR_NONE;
    if (len > sizeof(user))
        return ERR_ANOTHER_USER;
    memcpy(user, encoded.p, len);
    if (span_percent_decode(user, &len, false))
        return ERR_MALFORMED;
    return span_equal((struct span){user, len}, span_of(who->user)) ? ERR_NONE : ERR_ANOTHER_USER;
}

enum err auth_user(const struct config_auth *rules, const struct secrets *keys,
                   const struct credentials *c, int64_t now, struct identity *out)
{
    enum err e = prove_user(rules, keys, c, now, out);

    return e ? e : check_expected_user(c->expected_user, out);
}

unsigned auth_purposes(enum access access)
{
    switch (access) {
    case ACCESS_SEND:
        return PURPOSE_SEND | PURPOSE_SEND_GROUP;
    case ACCESS_MANAGE:
        return PURPOSE_MANAGE;
    case ACCESS_STATISTICS:
        return PURPOSE_STATISTICS;
    case ACCESS_PUBLIC:
    case ACCESS_METRICS:
        return PURPOSE_METRICS;
    case ACCESS_USER:
    case ACCESS_CAPABILITY:
        break;
    }
    return 0;
}

enum err auth_service(const struct secrets *keys, const struct credentials *c, enum access access,
                      const struct service_key **out)
{
    struct span key;

    *out = NULL;
    if (bearer_read(c->authorization, &key))
        *out = service_keys_find(&keys->service, key);
    if (!*out)
        return ERR_UNAUTHORIZED;
    return (*out)->purposes & auth_purposes(access) ? ERR_NONE : ERR_FORBIDDEN;
}

bool auth_has_bearer(const struct credentials *c)
{
    struct span token;

    return bearer_read(c->authorization, &token);
}
