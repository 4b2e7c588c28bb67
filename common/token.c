/* SPDX-License-Identifier: MIT */
/* token.c - libjwt 1.10.2 signs, and verifies RS256 and ES256. It would also take alg:none, `crit`,
 * members that stand there twice, foreign bytes in an RS256 signature, and reads a float `exp` as
 * 0: so header, spelling and claims are read here. HS256, which is verified at every check and
 * login, needs but one HMAC after that; libjwt would take apart all of it once more. */
#include "common/token.h"

#include <json-c/json.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/file.h"
#include "common/hmac.h"
#include "common/json.h"

/* 9999-12-31T23:59:59Z; a time beyond is no time. */
#define TIME_MAX INT64_C(253402300799)

struct pem {
    char *bytes;
    size_t len;
};

struct token_keys {
    enum token_algorithm algorithm;
    struct keyring secrets; /* of HS256, and set up: */
    struct hmac_key *hmacs[KEYRING_MAX];
    struct pem pems[KEYRING_MAX]; /* of the others */
    size_t pem_count;
    char *audience;
};

static const struct {
    const char *name;
    jwt_alg_t jwt;
} algorithms[] = {
    [TOKEN_HS256] = {"HS256", JWT_ALG_HS256},
    [TOKEN_RS256] = {"RS256", JWT_ALG_RS256},
    [TOKEN_ES256] = {"ES256", JWT_ALG_ES256},
};

static enum err load_pem(const char *path, struct pem *pem, const char **why)
{
    enum err e = file_read(path, TOKEN_PEM_MAX, &pem->bytes, &pem->len, why);

    if (e)
        return e;
    if (strstr(pem->bytes, "PRIVATE KEY-----")) {
        *why = "it holds a private key, which has no business here";
        return ERR_INVALID;
    }
    if (!strstr(pem->bytes, "-----BEGIN PUBLIC KEY-----")) {
        *why = "it holds no PEM public key";
        return ERR_INVALID;
    }
    return ERR_NONE;
}

static enum err load_secrets(const char *path, struct token_keys *keys, const char **why)
{
    enum err e = keyring_load(&keys->secrets, path, why);

    for (size_t i = 0; i < keys->secrets.count && !e; i++)
        e = hmac_key_new(keys->secrets.keys[i], &keys->hmacs[i]);
    return e;
}

static enum err load_keys(const struct config_auth *auth, struct token_keys *keys,
                          const char **path, const char **why)
{
    enum err e = ERR_NONE;

    if (keys->algorithm == TOKEN_HS256) {
        *path = auth->secret_file;
        return load_secrets(auth->secret_file, keys, why);
    }
    for (size_t i = 0; i < auth->public_key_file.count && i < KEYRING_MAX && !e; i++) {
        *path = auth->public_key_file.items[i];
        e = load_pem(*path, &keys->pems[keys->pem_count++], why);
    }
    return e;
}

enum err token_keys_new(const struct config_auth *auth, struct token_keys **out, const char **path,
                        const char **why)
{
    struct token_keys *keys = calloc(1, sizeof(*keys));
    enum err e = ERR_NO_MEMORY;

    *path = auth->secret_file;
    *why = err_text(e);
    if (!keys)
        return e;
    keys->algorithm = auth->algorithm;
    keys->audience = strdup(auth->audience);
    if (keys->audience)
        e = load_keys(auth, keys, path, why);
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
    for (size_t i = 0; i < keys->pem_count; i++)
        file_free_secret(keys->pems[i].bytes, keys->pems[i].len);
    free(keys->audience);
    free(keys);
}

const struct keyring *token_keys_secrets(const struct token_keys *keys)
{
    return &keys->secrets;
}

/* The JSON object that a part of the token spells. A name that holds an escaped NUL would be found
 * by what stands before it. Caller owns *out. */
static enum err decode_part(struct span part, struct json_object **out)
{
    char bytes[BASE64URL_DECODED_MAX(TOKEN_MAX)];
    struct json_object *node = NULL;
    size_t len;
    enum err e = base64url_decode(part, bytes, &len);

    if (!e)
        e = json_has_nul((struct span){bytes, len}) ? ERR_MALFORMED
                                                    : json_decode((struct span){bytes, len}, &node);
    if (e)
        return e == ERR_NO_MEMORY ? e : ERR_UNAUTHORIZED;
    if (!json_object_is_type(node, json_type_object)) {
        json_object_put(node);
        return ERR_UNAUTHORIZED;
    }
    *out = node;
    return ERR_NONE;
}

/* The two headers that nearly all tokens have: {"alg":"HS256","typ":"JWT"}, and with `typ` first.
 * They are good as they stand, which saves half of the JSON. */
static bool is_usual_header(const struct token_keys *keys, struct span part)
{
    return keys->algorithm == TOKEN_HS256 &&
           (span_equal(part, SPAN("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9")) ||
            span_equal(part, SPAN("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9")));
}

/* RFC 7515 4.1.9, RFC 7519 5.1: absent, or the one that we know. */
static bool is_jwt(struct json_object *header)
{
    struct json_object *typ;

    return !json_object_object_get_ex(header, "typ", &typ) ||
           span_equal_nocase(json_text(typ), SPAN("JWT"));
}

/* RFC 7515 4.1.1, 4.1.11: our algorithm, and no extension that must be understood. */
static enum err check_header(const struct token_keys *keys, struct span part)
{
    struct json_object *header;
    bool is_ours;
    enum err e;

    if (is_usual_header(keys, part))
        return ERR_NONE;
    e = decode_part(part, &header);
    if (e)
        return e;
    is_ours = span_equal(json_text(json_object_object_get(header, "alg")),
                         span_of(algorithms[keys->algorithm].name)) &&
              !json_object_object_get_ex(header, "crit", NULL) && is_jwt(header);
    json_object_put(header);
    return is_ours ? ERR_NONE : ERR_UNAUTHORIZED;
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

static bool verifies(const struct token_keys *keys, const char *token, const struct pem *pem)
{
    jwt_t *jwt = NULL;
    bool is_good = jwt_decode(&jwt, token, (const unsigned char *)pem->bytes, (int)pem->len) == 0 &&
                   jwt_get_alg(jwt) == algorithms[keys->algorithm].jwt;

    jwt_free(jwt);
    return is_good;
}

static enum err check_public_key_signature(const struct token_keys *keys, struct span token)
{
    char text[TOKEN_MAX + 1];

    memcpy(text, token.p, token.len);
    text[token.len] = '\0';
    for (size_t i = 0; i < keys->pem_count; i++) {
        if (verifies(keys, text, &keys->pems[i]))
            return ERR_NONE;
    }
    return ERR_UNAUTHORIZED;
}

static enum err check_signature(const struct token_keys *keys, struct span token,
                                struct span signature_text)
{
    char bytes[BASE64URL_DECODED_MAX(TOKEN_MAX)];
    struct span signature = {bytes, 0};

    /* It is what is left of the token: a third dot in it is no base64url. */
    if (base64url_decode(signature_text, bytes, &signature.len) || signature.len == 0)
        return ERR_UNAUTHORIZED;
    if (keys->algorithm != TOKEN_HS256)
        return check_public_key_signature(keys, token);
    return check_mac(keys, (struct span){token.p, token.len - signature_text.len - 1}, signature);
}

/* A claim that is a time: ERR_NOT_FOUND without it. */
static enum err read_time(struct json_object *claims, const char *name, int64_t *out)
{
    struct json_object *node;
    double seconds;

    if (!json_object_object_get_ex(claims, name, &node))
        return ERR_NOT_FOUND;
    if (!json_object_is_type(node, json_type_int) && !json_object_is_type(node, json_type_double))
        return ERR_UNAUTHORIZED;
    seconds = json_object_get_double(node);
    if (!(seconds >= 0 && seconds < (double)(TIME_MAX + 1)))
        return ERR_UNAUTHORIZED;
    *out = (int64_t)seconds;
    return ERR_NONE;
}

/* The same, and *out stays as it is without the claim. */
static enum err read_optional_time(struct json_object *claims, const char *name, int64_t *out)
{
    enum err e = read_time(claims, name, out);

    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

static enum err read_times(struct json_object *claims, int64_t now, struct token_claims *out)
{
    int64_t not_before = 0;

    out->issued_at = 0;
    out->since = -1;
    if (read_time(claims, "exp", &out->expires_at) ||
        read_optional_time(claims, "nbf", &not_before) ||
        read_optional_time(claims, "iat", &out->issued_at) ||
        read_optional_time(claims, "since", &out->since))
        return ERR_UNAUTHORIZED;
    /* A token from the future would outlive "refuse those issued until now". */
    if (now - TOKEN_LEEWAY_S >= out->expires_at || now + TOKEN_LEEWAY_S < not_before ||
        now + TOKEN_LEEWAY_S < out->issued_at)
        return ERR_UNAUTHORIZED;
    return ERR_NONE;
}

static enum err read_user(struct json_object *claims, struct token_claims *out)
{
    struct json_object *sub = json_object_object_get(claims, "sub");
    struct span id = json_text(sub);

    if (json_object_is_type(sub, json_type_int))
        id = span_of(json_object_get_string(sub));
    if (!user_is_valid(id))
        return ERR_UNAUTHORIZED;
    memcpy(out->user, id.p, id.len);
    out->user[id.len] = '\0';
    return ERR_NONE;
}

static enum err read_lang(struct json_object *claims, struct token_claims *out)
{
    struct json_object *node;
    struct span lang;

    out->lang[0] = '\0';
    if (!json_object_object_get_ex(claims, "lang", &node))
        return ERR_NONE;
    lang = json_text(node);
    if (!lang.p || lang.len > TOKEN_LANG_MAX || span_has_control(lang))
        return ERR_UNAUTHORIZED;
    memcpy(out->lang, lang.p, lang.len);
    out->lang[lang.len] = '\0';
    return ERR_NONE;
}

/* RFC 7519 4.1.3: a token for others is not for us. */
static enum err check_audience(const struct token_keys *keys, struct json_object *claims)
{
    struct span ours = span_of(keys->audience);
    struct json_object *aud;
    bool is_for_us = false;

    if (!json_object_object_get_ex(claims, "aud", &aud))
        return ours.len == 0 ? ERR_NONE : ERR_UNAUTHORIZED;
    if (ours.len == 0)
        return ERR_UNAUTHORIZED;
    if (!json_object_is_type(aud, json_type_array))
        return span_equal(json_text(aud), ours) ? ERR_NONE : ERR_UNAUTHORIZED;
    for (size_t i = 0; i < json_object_array_length(aud); i++) {
        struct json_object *item = json_object_array_get_idx(aud, i);

        if (!json_object_is_type(item, json_type_string))
            return ERR_UNAUTHORIZED;
        is_for_us |= span_equal(json_text(item), ours);
    }
    return is_for_us ? ERR_NONE : ERR_UNAUTHORIZED;
}

static enum err read_claims(const struct token_keys *keys, struct span part, int64_t now,
                            struct token_claims *out)
{
    struct token_claims read;
    struct json_object *claims;
    enum err e = decode_part(part, &claims);

    if (e)
        return e;
    e = check_audience(keys, claims);
    if (!e)
        e = read_times(claims, now, &read);
    if (!e)
        e = read_user(claims, &read);
    if (!e)
        e = read_lang(claims, &read);
    json_object_put(claims);
    if (!e)
        *out = read;
    return e;
}

enum err token_verify(const struct token_keys *keys, struct span token, int64_t now,
                      struct token_claims *out)
{
    struct span rest = token;
    struct span header, claims;
    enum err e;

    if (token.len == 0 || token.len > TOKEN_MAX)
        return ERR_UNAUTHORIZED;
    header = span_cut(&rest, '.');
    claims = span_cut(&rest, '.');
    e = check_header(keys, header);
    if (!e)
        e = check_signature(keys, token, rest);
    return e ? e : read_claims(keys, claims, now, out);
}

static int add_claims(jwt_t *jwt, const struct token_keys *keys, const char *user, int64_t now,
                      int64_t ttl_s)
{
    int result = jwt_add_grant(jwt, "sub", user);

    if (result == 0)
        result = jwt_add_grant_int(jwt, "iat", (long)now);
    if (result == 0)
        result = jwt_add_grant_int(jwt, "exp", (long)(now + ttl_s));
    if (result == 0 && keys->audience[0])
        result = jwt_add_grant(jwt, "aud", keys->audience);
    return result;
}

enum err token_sign(const struct token_keys *keys, struct span user, int64_t now, int64_t ttl_s,
                    struct buf *out)
{
    char id[USER_ID_MAX + 1] = {0};
    struct span key = keys->secrets.keys[0];
    jwt_t *jwt = NULL;
    char *token = NULL;
    enum err e = ERR_NO_MEMORY;

    if (keys->algorithm != TOKEN_HS256)
        return ERR_UNSUPPORTED;
    if (!user_is_valid(user) || ttl_s <= 0 || now < 0 || ttl_s > TIME_MAX - now)
        return ERR_INVALID;
    memcpy(id, user.p, user.len);
    if (jwt_new(&jwt) == 0 && add_claims(jwt, keys, id, now, ttl_s) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key.p, (int)key.len) == 0)
        token = jwt_encode_str(jwt);
    if (token)
        e = buf_append(out, span_of(token));
    free(token);
    jwt_free(jwt);
    return e;
}
