/* SPDX-License-Identifier: MIT */
/* A first byte of 'T': the rest is a token. Else a header and a payload, cut at the first newline,
 * are signed with the right key, so that what lies behind the signature is reached. Whoever is let
 * in is a user by the rule, and their own token lets them in too. */
#include "common/security/token.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/forge.h"
#include "tests/unit/common/keys.h"

#define KEY "0123456789abcdef0123456789abcdef"

enum { NOW = 1000000 };

static struct token_keys *make_keys(const char *audience)
{
    struct token_keys *keys;

    if (keys_token(TOKEN_HS256, KEY, audience, &keys))
        abort();
    return keys;
}

static void check(const struct token_keys *keys, struct span token)
{
    struct token_claims claims, own;
    struct token_grant grant = {.now_us = NOW * INT64_C(1000000), .ttl_s = 60};
    struct buf signed_here;

    if (token_verify(keys, token, NOW, &claims))
        return;
    if (!user_is_valid(span_of(claims.user)) || claims.expires_at + TOKEN_LEEWAY_S <= NOW ||
        strlen(claims.lang) > TOKEN_LANG_MAX || token.len > TOKEN_MAX)
        abort();
    buf_init(&signed_here, TOKEN_MAX);
    grant.user = span_of(claims.user);
    grant.generation = claims.generation;
    if (token_sign(keys, &grant, &signed_here) ||
        token_verify(keys, buf_span(&signed_here), NOW, &own) ||
        strcmp(own.user, claims.user) != 0 || own.generation != grant.generation)
        abort();
    buf_deinit(&signed_here);
}

static void check_both(struct span token)
{
    static struct token_keys *plain, *for_site;

    if (!plain) {
        plain = make_keys("");
        for_site = make_keys("site");
    }
    check(plain, token);
    check(for_site, token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span payload = {(const char *)data, size};
    struct span header;
    struct buf token;

    if (size > 0 && data[0] == 'T') {
        check_both((struct span){payload.p + 1, size - 1});
        return 0;
    }
    header = span_cut(&payload, '\n');
    buf_init(&token, 2 * size + 64);
    if (forge_token(&token, SPAN(KEY), header, payload))
        abort();
    check_both(buf_span(&token));
    buf_deinit(&token);
    return 0;
}
