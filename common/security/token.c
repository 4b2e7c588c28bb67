/* SPDX-License-Identifier: MIT */
/* token.c - libjwt 1.10.2 writes what is signed. It would also verify, but takes alg:none, `crit`,
 * duplicate members, foreign bytes in an RS256 signature, reads a float `exp` as 0, a PEM anew for
 * each token, and knows no EdDSA: so all that is verified is read here, and OpenSSL compares. */
#include "common/security/token.h"

#include <inttypes.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/security/hmac.h"
#include "common/security/signature.h"
#include "common/text/base64url.h"
#include "common/text/json.h"
#include "common/text/json_walk.h"

/* 9999-12-31T23:59:59Z; a time beyond is no time. */
#define TIME_MAX INT64_C(253402300799)
#define SECOND_US INT64_C(1000000)

enum { NUMBER_MAX = 64 /* no time is longer */ };

struct token_keys {
    enum token_algorithm algorithm;
    struct keyring secrets; /* of HS256, and set up: */
    struct hmac_key *hmacs[KEYRING_MAX];
    struct signature_key *public_keys[KEYRING_MAX]; /* of the others */
    size_t public_count;
    struct signature_key *signer; /* NULL: theirs is not ours */
    char *audience;
    int64_t ttl_max_s;
};

static enum err take_secrets(struct token_keys *keys, struct owned *file, const char **why)
{
    enum err e = keyring_init(&keys->secrets, file, why);

    for (size_t i = 0; i < keys->secrets.count && !e; i++)
        e = hmac_key_new(keys->secrets.keys[i], &keys->hmacs[i]);
    return e;
}

static enum err take_file(struct token_keys *keys, struct owned *file, const char **why)
{
    enum err e;

    if (keys->algorithm == TOKEN_HS256)
        return take_secrets(keys, file, why);
    e = signature_public_key(keys->algorithm, owned_span(file),
                             &keys->public_keys[keys->public_count], why);
    if (!e)
        keys->public_count++;
    return e;
}

enum err token_keys_new(const struct config_auth *auth, struct owned files[], size_t count,
                        struct token_keys **out, size_t *bad, const char **why)
{
    struct token_keys *keys = calloc(1, sizeof(*keys));
    enum err e = ERR_NO_MEMORY;

    *bad = 0;
    *why = err_text(e);
    if (keys)
        keys->audience = strdup(auth->audience);
    if (keys && keys->audience) {
        keys->algorithm = auth->algorithm;
        keys->ttl_max_s = auth->token_ttl_max_s;
        e = ERR_NONE;
    }
    for (size_t i = 0; i < count && i < KEYRING_MAX && !e; i++) {
        *bad = i;
        e = take_file(keys, &files[i], why);
    }
    for (size_t i = 0; i < count; i++)
        owned_deinit(&files[i]);
    if (e) {
        token_keys_free(keys);
        return e;
    }
    *out = keys;
    return ERR_NONE;
}

void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->secrets.count; i++)
        hmac_key_free(keys->hmacs[i]);
    keyring_deinit(&keys->secrets);
    for (size_t i = 0; i < keys->public_count; i++)
        signature_key_free(keys->public_keys[i]);
    signature_key_free(keys->signer);
    free(keys->audience);
    free(keys);
}

static bool is_in_pair(const struct token_keys *keys, const struct signature_key *signer)
{
    for (size_t i = 0; i < keys->public_count; i++)
        if (signature_keys_match(keys->public_keys[i], signer))
            return true;
    return false;
}

enum err token_keys_set_signer(struct token_keys *keys, struct owned *file, const char **why)
{
    enum err e = signature_private_key(keys->algorithm, owned_span(file), &keys->signer, why);

    owned_deinit(file);
    if (!e && !is_in_pair(keys, keys->signer)) {
        *why = "belongs to no key of public_key_file";
        e = ERR_INVALID;
    }
    return e;
}

const struct keyring *token_keys_secrets(const struct token_keys *keys)
{
    return &keys->secrets;
}

enum { PART_MAX = BASE64URL_DECODED_MAX(TOKEN_MAX) };

/* The members of these names in the JSON object that a part of the token spells, as they are
 * written; `bytes` holds them. */
static enum err decode_part(struct span part, char bytes[static PART_MAX],
                            const char *const names[], size_t count, struct span members[])
{
    struct span json = {bytes, 0};

    if (base64url_decode(part, bytes, &json.len) || json_has_nul(json) || json_check(json) ||
        json_walk_members(json_walk_root(json), names, count, members))
        return ERR_UNAUTHORIZED;
    return ERR_NONE;
}

/* Whether it is a string that says just that. */
static bool says(struct span value, struct span text)
{
    char scratch[PART_MAX];
    struct span said;

    return !json_walk_text(value, scratch, sizeof(scratch), &said) && span_equal(said, text);
}

/* The two headers that nearly all tokens have: {"alg":"HS256","typ":"JWT"}, and with `typ` first.
 * Comparing them whole saves half of the JSON parsing. */
static bool is_usual_header(const struct token_keys *keys, struct span part)
{
    return keys->algorithm == TOKEN_HS256 &&
           (span_equal(part, SPAN("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9")) ||
            span_equal(part, SPAN("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9")));
}

/* RFC 7515 4.1.9, RFC 7519 5.1: absent, or the one that we know. */
static bool is_jwt(struct span typ)
{
    char scratch[PART_MAX];
    struct span said;

    return !typ.p || (!json_walk_text(typ, scratch, sizeof(scratch), &said) &&
                      span_equal_nocase(said, SPAN("JWT")));
}

/* RFC 7515 4.1.1, 4.1.11: our algorithm, and no extension that must be understood. */
static enum err check_header(const struct token_keys *keys, struct span part)
{
    static const char *const names[] = {"alg", "typ", "crit"};
    char bytes[PART_MAX];
    struct span members[3];

    if (is_usual_header(keys, part))
        return ERR_NONE;
    if (decode_part(part, bytes, names, 3, members) ||
        !says(members[0], span_of(token_algorithm_names[keys->algorithm])) || !is_jwt(members[1]) ||
        members[2].p)
        return ERR_UNAUTHORIZED;
    return ERR_NONE;
}

/* `mac` is the signature of HS256. */
static enum err check_mac(const struct token_keys *keys, struct span text, struct span mac)
{
    for (size_t i = 0; i < keys->secrets.count; i++) {
        if (hmac_matches(keys->hmacs[i], text, mac))
            return ERR_NONE;
    }
    return ERR_UNAUTHORIZED;
}

static enum err check_public_key_signature(const struct token_keys *keys, struct span text,
                                           struct span signature)
{
    for (size_t i = 0; i < keys->public_count; i++)
        if (signature_is_good(keys->public_keys[i], text, signature))
            return ERR_NONE;
    return ERR_UNAUTHORIZED;
}

static enum err check_signature(const struct token_keys *keys, struct span token,
                                struct span signature_text)
{
    char bytes[BASE64URL_DECODED_MAX(TOKEN_MAX)];
    struct span signature = {bytes, 0};
    struct span text = {token.p, token.len - signature_text.len - 1};

    /* It is what is left of the token: a third dot in it is no base64url. */
    if (base64url_decode(signature_text, bytes, &signature.len) || signature.len == 0)
        return ERR_UNAUTHORIZED;
    return keys->algorithm == TOKEN_HS256 ? check_mac(keys, text, signature)
                                          : check_public_key_signature(keys, text, signature);
}

enum claim {
    CLAIM_SUB,
    CLAIM_EXP,
    CLAIM_NBF,
    CLAIM_IAT,
    CLAIM_GEN,
    CLAIM_SINCE,
    CLAIM_AUD,
    CLAIM_LANG
};

static const char *const claim_names[] = {"sub", "exp",   "nbf", "iat",
                                          "gen", "since", "aud", "lang"};

enum { CLAIM_COUNT = sizeof(claim_names) / sizeof(claim_names[0]) };

/* Seconds, as an integer or a float, as microseconds. */
static enum err read_time_us(struct span value, int64_t *out)
{
    char text[NUMBER_MAX + 1] = "";
    bool is_number =
        value.len > 0 && (value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9'));
    int64_t whole;
    double seconds;

    if (!is_number || value.len > NUMBER_MAX)
        return ERR_UNAUTHORIZED;
    if (!span_parse_int(value, &whole)) {
        if (whole < 0 || whole > TIME_MAX)
            return ERR_UNAUTHORIZED;
        *out = whole * SECOND_US;
        return ERR_NONE;
    }
    memcpy(text, value.p, value.len);
    seconds = strtod(text, NULL);
    if (!(seconds >= 0 && seconds < (double)(TIME_MAX + 1)))
        return ERR_UNAUTHORIZED;
    whole = (int64_t)seconds;
    *out = whole * SECOND_US + (int64_t)((seconds - (double)whole) * SECOND_US + 0.5);
    return ERR_NONE;
}

/* The same, cut to whole seconds. */
static enum err read_time(struct span value, int64_t *out)
{
    int64_t us;

    if (read_time_us(value, &us))
        return ERR_UNAUTHORIZED;
    *out = us / SECOND_US;
    return ERR_NONE;
}

/* Without the claim *out stays as it is. */
static enum err read_optional_time(struct span value, int64_t *out)
{
    return value.p ? read_time(value, out) : ERR_NONE;
}

static enum err read_issue(const struct span claims[], struct token_claims *out)
{
    out->issued_at_us = 0;
    if (claims[CLAIM_IAT].p && read_time_us(claims[CLAIM_IAT], &out->issued_at_us))
        return ERR_UNAUTHORIZED;
    out->generation = out->issued_at_us > 0 ? out->issued_at_us - 1 : 0;
    if (claims[CLAIM_GEN].p &&
        (span_parse_int(claims[CLAIM_GEN], &out->generation) || out->generation < 0))
        return ERR_UNAUTHORIZED;
    return ERR_NONE;
}

static enum err read_times(const struct token_keys *keys, const struct span claims[], int64_t now,
                           struct token_claims *out)
{
    int64_t not_before = 0;

    out->since = -1;
    if (read_time(claims[CLAIM_EXP], &out->expires_at) || read_issue(claims, out) ||
        read_optional_time(claims[CLAIM_NBF], &not_before) ||
        read_optional_time(claims[CLAIM_SINCE], &out->since))
        return ERR_UNAUTHORIZED;
    /* A token from the future would outlive "refuse those issued until now". */
    if (now - TOKEN_LEEWAY_S >= out->expires_at || now + TOKEN_LEEWAY_S < not_before ||
        now + TOKEN_LEEWAY_S < out->issued_at_us / SECOND_US)
        return ERR_UNTIMELY;
    /* One that lives for longer would outlive what is remembered of revocations. */
    return out->expires_at - now > keys->ttl_max_s + TOKEN_LEEWAY_S ? ERR_INVALID : ERR_NONE;
}

/* A text, or an integer as the text of its digits. */
static enum err read_user(struct span sub, struct token_claims *out)
{
    struct span id = sub;
    int64_t ignored;

    if (span_parse_int(sub, &ignored) && json_walk_text(sub, out->user, USER_ID_MAX, &id))
        return ERR_UNAUTHORIZED;
    if (!user_is_valid(id))
        return ERR_UNAUTHORIZED;
    memmove(out->user, id.p, id.len);
    out->user[id.len] = '\0';
    return ERR_NONE;
}

static enum err read_lang(struct span claim, struct token_claims *out)
{
    struct span lang = {out->lang, 0};

    if (claim.p && json_walk_text(claim, out->lang, TOKEN_LANG_MAX, &lang))
        return ERR_UNAUTHORIZED;
    if (lang.len > TOKEN_LANG_MAX || span_has_control(lang))
        return ERR_UNAUTHORIZED;
    memmove(out->lang, lang.p, lang.len);
    out->lang[lang.len] = '\0';
    return ERR_NONE;
}

/* RFC 7519 4.1.3: a token for others is not for us. */
static enum err check_audience(const struct token_keys *keys, struct span aud)
{
    struct span ours = span_of(keys->audience);
    struct span rest, item;
    bool is_for_us = false;

    if (!aud.p)
        return ours.len == 0 ? ERR_NONE : ERR_UNAUTHORIZED;
    if (ours.len == 0)
        return ERR_UNAUTHORIZED;
    if (!json_walk_is_array(aud))
        return says(aud, ours) ? ERR_NONE : ERR_UNAUTHORIZED;
    for (rest = json_walk_inside(aud); json_walk_item(&rest, &item);) {
        if (!json_walk_is_text(item))
            return ERR_UNAUTHORIZED;
        is_for_us |= says(item, ours);
    }
    return is_for_us ? ERR_NONE : ERR_UNAUTHORIZED;
}

static enum err read_claims(const struct token_keys *keys, struct span part, int64_t now,
                            struct token_claims *out)
{
    char bytes[PART_MAX];
    struct span claims[CLAIM_COUNT];
    struct token_claims read;
    enum err e = decode_part(part, bytes, claim_names, CLAIM_COUNT, claims);

    if (!e)
        e = check_audience(keys, claims[CLAIM_AUD]);
    if (!e)
        e = read_times(keys, claims, now, &read);
    if (!e)
        e = read_user(claims[CLAIM_SUB], &read);
    if (!e)
        e = read_lang(claims[CLAIM_LANG], &read);
    if (!e)
        *out = read;
    return e;
}

/* A token comes out of a file or a form with blanks or a line end around it, which a browser takes
 * off only where it makes a header of it. */
static struct span trim(struct span token)
{
    static const char around[] = " \t\r\n";

    while (token.len > 0 && memchr(around, token.p[0], sizeof(around) - 1)) {
        token.p++;
        token.len--;
    }
    while (token.len > 0 && memchr(around, token.p[token.len - 1], sizeof(around) - 1))
        token.len--;
    return token;
}

enum err token_verify(const struct token_keys *keys, struct span token, int64_t now,
                      struct token_claims *out)
{
    struct span header, claims, rest;
    enum err e;

    if (token.len > TOKEN_MAX)
        return ERR_UNAUTHORIZED;
    token = rest = trim(token);
    header = span_cut(&rest, '.');
    claims = span_cut(&rest, '.');
    e = check_header(keys, header);
    if (!e)
        e = check_signature(keys, token, rest);
    return e ? e : read_claims(keys, claims, now, out);
}

/* `iat` to the microsecond, for those who have nothing but its time to go by. */
static int add_issue(jwt_t *jwt, const struct token_grant *grant)
{
    char json[64];
    int result;

    (void)snprintf(json, sizeof(json), "{\"iat\":%" PRId64 ".%06" PRId64 "}",
                   grant->now_us / SECOND_US, grant->now_us % SECOND_US);
    result = jwt_add_grants_json(jwt, json);
    if (result == 0 && !grant->has_no_generation)
        result = jwt_add_grant_int(jwt, "gen", (long)grant->generation);
    return result;
}

static int add_claims(jwt_t *jwt, const struct token_keys *keys, const char *user,
                      const struct token_grant *grant)
{
    int result = jwt_add_grant(jwt, "sub", user);

    if (result == 0)
        result = add_issue(jwt, grant);
    if (result == 0)
        result = jwt_add_grant_int(jwt, "exp", (long)(grant->now_us / SECOND_US + grant->ttl_s));
    if (result == 0 && keys->audience[0])
        result = jwt_add_grant(jwt, "aud", keys->audience);
    return result;
}

static bool is_possible(const struct token_grant *grant)
{
    return user_is_valid(grant->user) && grant->ttl_s > 0 && grant->now_us >= 0 &&
           grant->generation >= 0 && grant->now_us / SECOND_US <= TIME_MAX &&
           grant->ttl_s <= TIME_MAX - grant->now_us / SECOND_US;
}

static enum err sign_by_secret(const struct token_keys *keys, jwt_t *jwt, struct buf *out)
{
    struct span key = keys->secrets.keys[0];
    char *token = NULL;
    enum err e = ERR_NO_MEMORY;

    if (jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key.p, (int)key.len) == 0)
        token = jwt_encode_str(jwt);
    if (token)
        e = buf_append(out, span_of(token));
    free(token);
    return e;
}

/* RFC 7515, 3.1. `out` has the token alone. */
static enum err append_signed(const struct token_keys *keys, struct span claims, struct buf *out)
{
    char header[48];
    struct buf signature;
    enum err e;

    (void)snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
                   token_algorithm_names[keys->algorithm]);
    buf_init(&signature, TOKEN_MAX);
    if (!(e = base64url_encode(span_of(header), out)) && !(e = buf_append_char(out, '.')) &&
        !(e = base64url_encode(claims, out)) &&
        !(e = signature_make(keys->signer, buf_span(out), &signature)) &&
        !(e = buf_append_char(out, '.')))
        e = base64url_encode(buf_span(&signature), out);
    buf_deinit(&signature);
    return e;
}

static enum err sign_by_key(const struct token_keys *keys, jwt_t *jwt, struct buf *out)
{
    char *claims = jwt_get_grants_json(jwt, NULL);
    struct buf token;
    enum err e = ERR_NO_MEMORY;

    buf_init(&token, TOKEN_MAX);
    if (claims)
        e = append_signed(keys, span_of(claims), &token);
    if (!e)
        e = buf_append(out, buf_span(&token));
    buf_deinit(&token);
    free(claims);
    return e;
}

enum err token_sign(const struct token_keys *keys, const struct token_grant *grant, struct buf *out)
{
    char id[USER_ID_MAX + 1] = {0};
    jwt_t *jwt = NULL;
    enum err e = ERR_NO_MEMORY;

    if (keys->algorithm != TOKEN_HS256 && !keys->signer)
        return ERR_UNSUPPORTED;
    if (!is_possible(grant))
        return ERR_INVALID;
    memcpy(id, grant->user.p, grant->user.len);
    if (jwt_new(&jwt) == 0 && add_claims(jwt, keys, id, grant) == 0)
        e = keys->signer ? sign_by_key(keys, jwt, out) : sign_by_secret(keys, jwt, out);
    jwt_free(jwt);
    return e;
}
