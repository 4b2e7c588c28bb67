/* SPDX-License-Identifier: MIT */
#include "relay/login.h"

#include <string.h>

#include "common/security/user.h"

static enum login_result refuse(const struct login_desk *desk, struct session *s, uint16_t code,
                                const char *reason)
{
    hub_close(desk->hub, s, code, reason);
    return LOGIN_REFUSED;
}

static enum login_result extend(const struct login_desk *desk, struct session *s,
                                const struct token_claims *claims)
{
    if (!span_equal(hub_user_id(s), span_of(claims->user)))
        return refuse(desk, s, CLOSE_KICKED, "token of another user");
    if (claims->expires_at > s->token_expires_at)
        s->token_expires_at = claims->expires_at;
    return LOGIN_EXTENDED;
}

static void close_surplus(const struct login_desk *desk, const struct session *s)
{
    if (desk->sessions_per_user_max == 0)
        return;
    while ((int64_t)hub_user_sessions(s) > desk->sessions_per_user_max)
        hub_close(desk->hub, hub_oldest_of_user(s), CLOSE_TOO_MANY,
                  "too many sessions of the user");
}

/* Makes it the user's of these claims, and closes his oldest sessions for it. */
static enum err admit(const struct login_desk *desk, struct session *s,
                      const struct token_claims *claims)
{
    enum err e = hub_login(desk->hub, s, span_of(claims->user));

    if (e)
        return e;
    s->token_expires_at = claims->expires_at;
    /* A page has no deadline of login; the one that it may have is of a drain. */
    if (!s->page)
        s->deadline_ms = 0;
    close_surplus(desk, s);
    return ERR_NONE;
}

uint16_t login_check(const struct login_desk *desk, struct span token, struct instant now,
                     struct token_claims *out)
{
    if (token_verify(desk->keys, token, now.s, out))
        return CLOSE_TOKEN;
    return kicks_refuse(desk->kicks, span_of(out->user), out->issued_at) ? CLOSE_KICKED : 0;
}

enum login_result login_with_token(const struct login_desk *desk, struct session *s,
                                   struct span token, struct instant now)
{
    struct token_claims claims;
    uint16_t code = login_check(desk, token, now, &claims);

    if (code)
        return refuse(desk, s, code, code == CLOSE_KICKED ? "kicked" : "token not valid");
    if (s->state == SESSION_OPEN)
        return extend(desk, s, &claims);
    if (admit(desk, s, &claims))
        return refuse(desk, s, CLOSE_LATER, "out of memory");
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

enum login_result login_with_proof(const struct login_desk *desk, struct session *s,
                                   struct span proof, struct instant now)
{
    struct token_claims claims;
    uint16_t code = login_check(desk, proof, now, &claims);

    if (code == CLOSE_TOKEN && desk->takes_bare_ids && !claim(proof, &claims))
        code = 0;
    return code || admit(desk, s, &claims) ? LOGIN_REFUSED : LOGIN_DONE;
}
