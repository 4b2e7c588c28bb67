/* SPDX-License-Identifier: MIT */
#include "relay/access/authenticator.h"

#include <string.h>

#include "common/security/user.h"

static enum login_result refuse(const struct authenticator *authenticator, struct session *s,
                                uint16_t code, const char *reason)
{
    hub_close(authenticator->hub, s, code, reason);
    return LOGIN_REFUSED;
}

static enum login_result extend(const struct authenticator *authenticator, struct session *s,
                                const struct token_claims *claims)
{
    if (!span_equal(hub_user_id(s), span_of(claims->user)))
        return refuse(authenticator, s, CLOSE_KICKED, "token of another user");
    if (claims->expires_at > s->token_expires_at)
        s->token_expires_at = claims->expires_at;
    if (claims->generation > s->token_generation)
        s->token_generation = claims->generation;
    return LOGIN_EXTENDED;
}

static void close_surplus(const struct authenticator *authenticator, const struct session *s)
{
    if (authenticator->sessions_per_user_max == 0)
        return;
    while ((int64_t)hub_user_sessions(s) > authenticator->sessions_per_user_max)
        hub_close(authenticator->hub, hub_oldest_of_user(s), CLOSE_TOO_MANY,
                  "too many sessions of the user");
}

/* Makes it the user's of these claims, and closes their oldest sessions for it. */
static enum err admit(const struct authenticator *authenticator, struct session *s,
                      const struct token_claims *claims)
{
    enum err e = hub_login(authenticator->hub, s, span_of(claims->user));

    if (e)
        return e;
    s->token_expires_at = claims->expires_at;
    s->token_generation = claims->generation;
    close_surplus(authenticator, s);
    return ERR_NONE;
}

void authenticator_check(const struct authenticator *authenticator, struct span token,
                         struct instant now, struct verdict *out)
{
    enum err e = token_verify(authenticator->keys, token, now.s, &out->claims);

    out->code = e ? CLOSE_TOKEN : 0;
    out->why = e == ERR_INVALID ? "token lives longer than token_ttl_max" : "token not valid";
    *authenticator->untimely += e == ERR_UNTIMELY;
    if (e || !revocations_refuse(authenticator->revocations, &out->claims))
        return;
    out->code = CLOSE_KICKED;
    out->why =
        "token issued before the user's tokens were revoked; is the web host's clock behind?";
}

struct span verdict_user(const struct verdict *v)
{
    return v->code ? (struct span){NULL, 0} : span_of(v->claims.user);
}

enum login_result authenticator_log_in(const struct authenticator *authenticator, struct session *s,
                                       const struct verdict *verdict)
{
    if (verdict->code)
        return refuse(authenticator, s, verdict->code, verdict->why);
    if (s->state == SESSION_OPEN)
        return extend(authenticator, s, &verdict->claims);
    if (admit(authenticator, s, &verdict->claims))
        return refuse(authenticator, s, CLOSE_LATER, "out of memory");
    return LOGIN_DONE;
}

/* For an id that nobody vouches for, and that nothing ends. */
static enum err claim(struct span id, struct token_claims *out)
{
    if (!user_is_valid(id))
        return ERR_INVALID;
    *out = (struct token_claims){.expires_at = INT64_MAX / 2};
    memcpy(out->user, id.p, id.len);
    out->user[id.len] = '\0';
    return ERR_NONE;
}

enum login_result authenticator_log_in_by_proof(const struct authenticator *authenticator,
                                                struct session *s, struct span proof,
                                                struct instant now)
{
    struct verdict v;

    authenticator_check(authenticator, proof, now, &v);
    return authenticator_log_in_by_checked(authenticator, s, proof, v);
}

enum login_result authenticator_log_in_by_checked(const struct authenticator *authenticator,
                                                  struct session *s, struct span proof,
                                                  struct verdict v)
{
    if (v.code == CLOSE_TOKEN && authenticator->takes_bare_ids && !claim(proof, &v.claims))
        v.code = 0;
    return v.code || admit(authenticator, s, &v.claims) ? LOGIN_REFUSED : LOGIN_DONE;
}
