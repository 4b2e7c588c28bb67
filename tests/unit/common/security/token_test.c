/* SPDX-License-Identifier: MIT */
#include "common/security/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/forge.h"
#include "tests/unit/common/key_pair.h"
#include "tests/unit/common/keys.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccc"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

enum { NOW = 1000000 };

/* Of keys that were thrown away; both tokens are for "42" until 2100. */
static const char rsa_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA18IAtp8k1B4H48DSYCDa\n"
                              "oJvn6Gb+2TOVbCkixSSYxbqBKw+xODNrIxMM25uND3oXW1MIrtKSaTJVtTNPA02C\n"
                              "1TGLoAqw/dTjlHFoS+1kvH7f2KdzYqhs/9zXFhgMq587VUxXTJbZLOcPcfShOk1m\n"
                              "aEGCSRiyONnxXsYNgJlI72TTYuzMoOY7JTtxmz5zX2JY9dWCtbneECE2TGohzDPu\n"
                              "ga/9DCXsEk5fesQLtpNDG+rg4wKfmcyzeN4hkjizcNPnv9kCMBK1ATaqphk/EK31\n"
                              "6rdhMxFx1M/cUGdeN9MPrXnpxSExNooDBcrpqZAiETN7s4uTv2M/zigKyf1ndDB+\n"
                              "hwIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
static const char rsa_token[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6NDEwMjQ0NDgwMH0.d89"
    "2qYkAvPXtOc4iu5_FzuHmiBBMfgesI3iNoDreQhMy0mY9Shw_W-zY9wkehafW0MIhs9gTONy283Gb1xQ"
    "EsbQB4jhrb6NqUaOOeaWZYYabNIMb_Y6Xg2laW8HLQIEat7raERKMXXmIrlAd9BMhN6w4a-E9d1AxclK"
    "4tAVPm31Qht9SGnUe7JeqhqGqRfgVFTMf8oCy7PDVRoTleRm-44SbJbMQJk9lK6rMyRPTP4hB9UswG7J"
    "qFIVYcYiLlYgjJX4KXA85cfKKaSqID0yYuUSg8ENBoT9KCNA0Lr3NERd_p0FbvkujcYE0fxdIzUijRXd"
    "djrHJOteUgQWU8lR20Q";
static const char ec_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGLKFOmjN/4ipo1sF4gOfrFzP1x2T\n"
                             "+DtFEHXcWTwb+aR0HM/A4BPXSniu+RUwulB9raUXGi7naQD9Jl64hrzS3g==\n"
                             "-----END PUBLIC KEY-----\n";
static const char ec_token[] =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6NDEwMjQ0NDgwMH0.Y1Y"
    "XVoc_K4BIxDcthjy-FL2HPkyubf-mkKwRp6jpWo26-g3RA88vQVov4VdnuLuB4RensunW6E1_ofRbfNX"
    "-lA";

static struct token_keys *load_hs256(const char *lines, const char *audience)
{
    struct token_keys *keys = NULL;

    assert_int_equal(keys_token(TOKEN_HS256, lines, audience, &keys), ERR_NONE);
    return keys;
}

static enum err load_pem(enum token_algorithm algorithm, const char *pem, struct token_keys **keys)
{
    return keys_token(algorithm, pem, "", keys);
}

/* Verifies what KEY_A signs. */
static enum err verify(const struct token_keys *keys, struct span header, struct span payload,
                       struct token_claims *out)
{
    struct buf token;
    enum err e;

    buf_init(&token, 2 * TOKEN_MAX);
    assert_int_equal(forge_token(&token, SPAN(KEY_A), header, payload), ERR_NONE);
    e = token_verify(keys, buf_span(&token), NOW, out);
    buf_deinit(&token);
    return e;
}

static void headers_other_than_ours_are_refused(void **state)
{
    const struct span rows[] = {
        SPAN("{}"),
        SPAN("{\"alg\":\"none\"}"),
        SPAN("{\"alg\":\"HS384\"}"),
        SPAN("{\"alg\":\"RS256\"}"),
        SPAN("{\"alg\":\"hs256\"}"),
        SPAN("{\"alg\":\"HS256\\u0000\"}"),
        SPAN("{\"alg\":[\"HS256\"]}"),
        SPAN("{\"ALG\":\"HS256\"}"),
        SPAN("{\"alg\\u0000\":\"HS256\"}"),
        SPAN("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}"),
        SPAN("{\"alg\":\"HS256\",\"typ\":\"\"}"),
        SPAN("{\"alg\":\"HS256\",\"typ\":null}"),
        SPAN("{\"alg\":\"HS256\",\"typ\":[\"JWT\"]}"),
        SPAN("{\"alg\":\"none\",\"alg\":\"HS256\"}"),
        SPAN("{\"alg\":\"HS256\",\"crit\":[]}"),
        SPAN("{\"alg\":\"HS256\",\"crit\":null}"),
        SPAN("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"),
        SPAN("{\"alg\":\"HS256\"} x"),
        SPAN("{\"alg\":\"HS256\"}\0"),
        SPAN("[\"alg\",\"HS256\"]"),
        SPAN("\"HS256\""),
        SPAN("HS256"),
        SPAN(""),
    };
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct token_claims claims;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(verify(keys, rows[i], SPAN("{\"sub\":\"42\",\"exp\":1000001}"), &claims),
                         ERR_UNAUTHORIZED);
    assert_int_equal(verify(keys, SPAN(HEADER), SPAN("{\"sub\":\"42\",\"exp\":1000001}"), &claims),
                     ERR_NONE);
    token_keys_free(keys);
}

static void headers_are_ours_however_they_are_written(void **state)
{
    const struct span rows[] = {
        SPAN("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
        SPAN("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"),
        SPAN("{\"alg\":\"HS256\"}"),
        SPAN(" { \"alg\" : \"HS256\" , \"typ\" : \"jwt\" } "),
        SPAN("{\"\\u0061lg\":\"HS256\",\"kid\":\"1\"}"),
    };
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct token_claims claims;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        if (verify(keys, rows[i], SPAN("{\"sub\":\"42\",\"exp\":1000001}"), &claims))
            fail_msg("%.*s", SPAN_ARGS(rows[i]));
        if (!verify(keys, rows[i], SPAN("{\"sub\":\"42\",\"exp\":999900}"), &claims))
            fail_msg("%.*s, too late", SPAN_ARGS(rows[i]));
    }
    token_keys_free(keys);
}

static void a_token_at_the_wrong_time_is_told_apart(void **state)
{
    const struct span rows[] = {
        SPAN("{\"sub\":\"42\",\"exp\":999970}"),
        SPAN("{\"sub\":\"42\",\"exp\":999970.99}"),
        SPAN("{\"sub\":\"42\",\"exp\":0}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"nbf\":1000031}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"iat\":1000031}"),
    };
    struct token_keys *keys = load_hs256(KEY_A, "");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_claims claims = {.expires_at = 4711};

        assert_int_equal(verify(keys, SPAN(HEADER), rows[i], &claims), ERR_UNTIMELY);
        assert_int_equal(claims.expires_at, 4711);
    }
    token_keys_free(keys);
}

static void claims_that_are_wrong_are_refused(void **state)
{
    const struct span rows[] = {
        SPAN(""),
        SPAN("null"),
        SPAN("[]"),
        SPAN("{}"),
        SPAN("{\"sub\":\"42\"}"),
        SPAN("{\"exp\":2000000}"),
        SPAN("{\"sub\":\"42\",\"exp\":-2000000}"),
        SPAN("{\"sub\":\"42\",\"exp\":\"2000000\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":null}"),
        SPAN("{\"sub\":\"42\",\"exp\":true}"),
        SPAN("{\"sub\":\"42\",\"exp\":[2000000]}"),
        SPAN("{\"sub\":\"42\",\"exp\":NaN}"),
        SPAN("{\"sub\":\"42\",\"exp\":Infinity}"),
        SPAN("{\"sub\":\"42\",\"exp\":1e308}"),
        SPAN("{\"sub\":\"42\",\"exp\":1e999}"),
        SPAN("{\"sub\":\"42\",\"exp\":253402300800}"),
        SPAN("{\"sub\":\"42\",\"exp\":9223372036854775807}"),
        SPAN("{\"sub\":\"42\",\"exp\":9223372036854775808}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"nbf\":\"1\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"iat\":null}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"iat\":-1}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"gen\":-1}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"gen\":1.5}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"gen\":\"1\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"gen\":9223372036854775808}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"since\":\"1\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"since\":-1}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"lang\":1}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"lang\":null}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"lang\":\"a\\nb\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"lang\":\"123456789012345678901234567890123456\"}"),
        SPAN("{\"sub\":\"\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"*\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"a\\u0000b\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"a\\nb\",\"exp\":2000000}"),
        SPAN("{\"sub\\u0000\":\"42\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"other\":\"\\u0000\"}"),
        SPAN("{\"sub\":null,\"exp\":2000000}"),
        SPAN("{\"sub\":true,\"exp\":2000000}"),
        SPAN("{\"sub\":42.0,\"exp\":2000000}"),
        SPAN("{\"sub\":4e1,\"exp\":2000000}"),
        SPAN("{\"sub\":[\"42\"],\"exp\":2000000}"),
        SPAN("{\"sub\":18446744073709551616,\"exp\":2000000}"),
        SPAN("{\"sub\":\"42\",\"sub\":\"43\",\"exp\":2000000}"),
        SPAN("{\"exp\":1,\"sub\":\"42\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000}x"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000}\0"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000}{}"),
        SPAN("{\"sub\":\"\xff\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"\\ud800\",\"exp\":2000000}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":\"site\"}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":null}"),
        SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":[]}"),
    };
    struct token_keys *keys = load_hs256(KEY_A, "");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_claims claims = {.expires_at = 4711};
        enum err e = verify(keys, SPAN(HEADER), rows[i], &claims);

        if (e != ERR_UNAUTHORIZED)
            print_message("row %zu: %.*s\n", i, SPAN_ARGS(rows[i]));
        assert_int_equal(e, ERR_UNAUTHORIZED);
        assert_int_equal(claims.expires_at, 4711);
    }
    token_keys_free(keys);
}

static void good_claims_are_read(void **state)
{
    const struct {
        struct span payload;
        struct token_claims claims;
    } rows[] = {
        {SPAN("{\"sub\":\"42\",\"exp\":999971}"), {"42", "", 999971, 0, 0, -1}},
        {SPAN("{\"sub\":42,\"exp\":1000001.9,\"iat\":999999.5}"),
         {"42", "", 1000001, 999999500000, 999999499999, -1}},
        {SPAN("{\"sub\":42,\"exp\":1000001,\"iat\":999999.123456,\"gen\":0}"),
         {"42", "", 1000001, 999999123456, 0, -1}},
        {SPAN("{\"sub\":42,\"exp\":1000001,\"gen\":999998765432}"),
         {"42", "", 1000001, 0, 999998765432, -1}},
        {SPAN("{\"sub\":-7,\"exp\":1e7,\"since\":0}"), {"-7", "", 10000000, 0, 0, 0}},
        {SPAN("{\"sub\":9223372036854775807,\"exp\":253402300799,\"nbf\":1000030,"
              "\"iat\":1000030,\"since\":12.7,\"lang\":\"zh_CN\",\"other\":{\"a\":[1]}}"),
         {"9223372036854775807", "zh_CN", 253402300799, 1000030000000, 1000029999999, 12}},
        {SPAN("{\"sub\":\"a/b%\\u00fc \xe4\xb8\xad\",\"exp\":1000001,\"lang\":\"\"}"),
         {"a/b%\xc3\xbc \xe4\xb8\xad", "", 1000001, 0, 0, -1}},
    };
    struct token_keys *keys = load_hs256(KEY_A, "");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_claims claims;

        assert_int_equal(verify(keys, SPAN(HEADER), rows[i].payload, &claims), ERR_NONE);
        assert_string_equal(claims.user, rows[i].claims.user);
        assert_string_equal(claims.lang, rows[i].claims.lang);
        assert_int_equal(claims.expires_at, rows[i].claims.expires_at);
        assert_int_equal(claims.issued_at_us, rows[i].claims.issued_at_us);
        assert_int_equal(claims.generation, rows[i].claims.generation);
        assert_int_equal(claims.since, rows[i].claims.since);
    }
    token_keys_free(keys);
}

static void the_audience_must_be_ours(void **state)
{
    const struct {
        struct span payload;
        enum err e;
    } rows[] = {
        {SPAN("{\"sub\":\"42\",\"exp\":2000000}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":\"other\"}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":\"site2\"}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":[]}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":[\"a\",\"b\"]}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":[\"site\",1]}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":{\"site\":1}}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":null}"), ERR_UNAUTHORIZED},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":\"site\"}"), ERR_NONE},
        {SPAN("{\"sub\":\"42\",\"exp\":2000000,\"aud\":[\"a\",\"site\"]}"), ERR_NONE},
    };
    struct token_keys *keys = load_hs256(KEY_A, "site");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_claims claims;

        assert_int_equal(verify(keys, SPAN(HEADER), rows[i].payload, &claims), rows[i].e);
    }
    token_keys_free(keys);
}

static void a_token_is_spelled_in_one_way_only(void **state)
{
    static const char *const behind[] = {"=", "A", ".", ".A", "\v", "%", "!!!!"};
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct token_claims claims;
    struct buf token;
    char last;

    (void)state;
    buf_init(&token, 2 * TOKEN_MAX);
    assert_int_equal(
        forge_token(&token, SPAN(KEY_A), SPAN(HEADER), SPAN("{\"sub\":\"42\",\"exp\":2000000}")),
        ERR_NONE);
    for (size_t i = 0; i < ROWS(behind); i++) {
        size_t len = token.len;

        assert_int_equal(buf_append(&token, span_of(behind[i])), ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_UNAUTHORIZED);
        token.len = len;
    }
    assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_NONE);
    /* Every byte counts, and so does each missing one. */
    for (size_t i = 0; i < token.len; i++) {
        struct span shorter = {token.data, i};

        last = token.data[i];
        token.data[i] = last == 'A' ? 'B' : 'A';
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_UNAUTHORIZED);
        token.data[i] = '\0';
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_UNAUTHORIZED);
        token.data[i] = last;
        assert_int_equal(token_verify(keys, shorter, NOW, &claims), ERR_UNAUTHORIZED);
    }
    assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_NONE);
    buf_deinit(&token);
    token_keys_free(keys);
}

static void blanks_and_line_ends_around_a_token_do_not_count(void **state)
{
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct token_claims claims;
    struct buf token, padded;

    (void)state;
    buf_init(&token, TOKEN_MAX);
    buf_init(&padded, TOKEN_MAX);
    assert_int_equal(buf_append(&padded, SPAN(" \t\n")), ERR_NONE);
    assert_int_equal(token_verify(keys, buf_span(&padded), NOW, &claims), ERR_UNAUTHORIZED);
    assert_int_equal(
        forge_token(&token, SPAN(KEY_A), SPAN(HEADER), SPAN("{\"sub\":\"42\",\"exp\":2000000}")),
        ERR_NONE);
    assert_int_equal(buf_append(&padded, buf_span(&token)), ERR_NONE);
    assert_int_equal(buf_append(&padded, SPAN(" \r\n")), ERR_NONE);
    assert_int_equal(token_verify(keys, buf_span(&padded), NOW, &claims), ERR_NONE);
    buf_deinit(&padded);
    buf_deinit(&token);
    token_keys_free(keys);
}

static void a_token_has_at_most_4096_bytes(void **state)
{
    char payload[TOKEN_MAX];
    struct token_keys *keys = load_hs256(KEY_A, "");

    (void)state;
    for (int fill = 2900; fill < 3100; fill++) {
        struct token_claims claims;
        struct buf token;

        snprintf(payload, sizeof(payload), "{\"sub\":\"42\",\"exp\":2000000,\"x\":\"%0*d\"}", fill,
                 0);
        buf_init(&token, 2 * TOKEN_MAX);
        assert_int_equal(forge_token(&token, SPAN(KEY_A), SPAN(HEADER), span_of(payload)),
                         ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims),
                         token.len <= TOKEN_MAX ? ERR_NONE : ERR_UNAUTHORIZED);
        buf_deinit(&token);
    }
    token_keys_free(keys);
}

static void foreign_keys_are_refused_and_either_of_ours_is_good(void **state)
{
    const struct {
        struct span key;
        enum err e;
    } rows[] = {
        {SPAN(KEY_C), ERR_UNAUTHORIZED},
        {SPAN(""), ERR_UNAUTHORIZED},
        {SPAN(KEY_A "\n" KEY_B), ERR_UNAUTHORIZED},
        {SPAN(KEY_A), ERR_NONE},
        {SPAN(KEY_B), ERR_NONE},
    };
    struct token_keys *keys = load_hs256(KEY_A "\n" KEY_B "\n", "");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char key[FORGE_BLOCK] = {0};
        struct token_claims claims;
        struct buf token;

        memcpy(key, rows[i].key.p, rows[i].key.len < sizeof(key) ? rows[i].key.len : sizeof(key));
        buf_init(&token, TOKEN_MAX);
        assert_int_equal(forge_token(&token, (struct span){key, sizeof(key)}, SPAN(HEADER),
                                     SPAN("{\"sub\":\"42\",\"exp\":2000000}")),
                         ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), rows[i].e);
        buf_deinit(&token);
    }
    token_keys_free(keys);
}

static void what_is_signed_here_is_verified_here(void **state)
{
    static char site[] = "site";
    static char *const audiences[] = {"", site};

    (void)state;
    for (size_t i = 0; i < ROWS(audiences); i++) {
        struct token_keys *keys = load_hs256(KEY_A "\n" KEY_B, audiences[i]);
        const struct token_grant grant = {SPAN("a\"\\/\xc3\xbc"), NOW * INT64_C(1000000) + 123456,
                                          60, 999999999999999, false};
        struct token_claims claims;
        struct buf token;

        buf_init(&token, TOKEN_MAX);
        assert_int_equal(token_sign(keys, &grant, &token), ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_NONE);
        assert_string_equal(claims.user, "a\"\\/\xc3\xbc");
        assert_int_equal(claims.issued_at_us, grant.now_us);
        assert_int_equal(claims.generation, grant.generation);
        assert_int_equal(claims.expires_at, NOW + 60);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW + 89, &claims), ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW + 90, &claims), ERR_UNTIMELY);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW - 31, &claims), ERR_UNTIMELY);
        buf_deinit(&token);
        token_keys_free(keys);
    }
}

static void a_life_is_at_most_as_long_as_the_setting(void **state)
{
    const struct config_auth auth = {
        .algorithm = TOKEN_HS256, .audience = (char *)"", .token_ttl_max_s = 100};
    struct token_keys *keys;
    struct token_claims claims;
    struct owned file;
    const char *why;
    size_t bad;

    (void)state;
    assert_int_equal(owned_copy(&file, SPAN(KEY_A)), ERR_NONE);
    assert_int_equal(token_keys_new(&auth, &file, 1, &keys, &bad, &why), ERR_NONE);
    assert_int_equal(verify(keys, SPAN(HEADER), SPAN("{\"sub\":\"42\",\"exp\":1000130}"), &claims),
                     ERR_NONE);
    assert_int_equal(verify(keys, SPAN(HEADER), SPAN("{\"sub\":\"42\",\"exp\":1000131}"), &claims),
                     ERR_INVALID);
    token_keys_free(keys);
}

static void a_token_is_revoked_by_what_came_after_it(void **state)
{
    const struct {
        struct span claims;
        int64_t revoked_us;
        bool is_revoked;
    } rows[] = {
        {SPAN("{\"sub\":\"42\",\"exp\":1000001}"), 0, false},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001}"), 1, true},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1000000}"), 999999999999, false},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1000000}"), 1000000000000, true},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1000000}"), 1000000500000, true},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1000000.6}"), 1000000500000, false},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1,\"gen\":7}"), 7, false},
        {SPAN("{\"sub\":\"42\",\"exp\":1000001,\"iat\":1000000,\"gen\":7}"), 8, true},
    };
    struct token_keys *keys = load_hs256(KEY_A, "");

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_claims claims;

        assert_int_equal(verify(keys, SPAN(HEADER), rows[i].claims, &claims), ERR_NONE);
        if (token_is_revoked(claims.generation, rows[i].revoked_us) != rows[i].is_revoked)
            fail_msg("row %zu", i);
    }
    token_keys_free(keys);
}

static void without_a_generation_the_time_is_it(void **state)
{
    const struct token_grant grant = {SPAN("42"), NOW * INT64_C(1000000) + 5, 60, 0,
                                      .has_no_generation = true};
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct token_claims claims;
    struct buf token;

    (void)state;
    buf_init(&token, TOKEN_MAX);
    assert_int_equal(token_sign(keys, &grant, &token), ERR_NONE);
    assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_NONE);
    assert_int_equal(claims.generation, grant.now_us - 1);
    buf_deinit(&token);
    token_keys_free(keys);
}

static void sign_refuses_bad_users_and_lives(void **state)
{
    const struct token_grant rows[] = {
        {SPAN(""), NOW, 60, 0, false},     {SPAN("*"), NOW, 60, 0, false},
        {SPAN("\xff"), NOW, 60, 0, false}, {SPAN("42"), NOW, 0, 0, false},
        {SPAN("42"), NOW, -1, 0, false},   {SPAN("42"), NOW, INT64_MAX, 0, false},
        {SPAN("42"), -1, 60, 0, false},    {SPAN("42"), INT64_MAX, 60, 0, false},
        {SPAN("42"), NOW, 60, -1, false},
    };
    const struct token_grant good = {SPAN("42"), NOW, 60, 0, false};
    struct token_keys *keys = load_hs256(KEY_A, "");
    struct buf token;

    (void)state;
    buf_init(&token, 20);
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(token_sign(keys, &rows[i], &token), ERR_INVALID);
    assert_int_equal(token_sign(keys, &good, &token), ERR_TOO_BIG);
    assert_int_equal(token.len, 0);
    buf_deinit(&token);
    token_keys_free(keys);
}

static void public_keys_verify_their_algorithm_only(void **state)
{
    const struct {
        enum token_algorithm algorithm;
        const char *pem, *token;
        enum err e;
    } rows[] = {
        {TOKEN_RS256, rsa_pem, ec_token, ERR_UNAUTHORIZED},
        {TOKEN_ES256, ec_pem, rsa_token, ERR_UNAUTHORIZED},
        {TOKEN_RS256, rsa_pem, rsa_token, ERR_NONE},
        {TOKEN_ES256, ec_pem, ec_token, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct token_keys *keys = NULL;
        struct token_claims claims;
        struct buf token;

        assert_int_equal(load_pem(rows[i].algorithm, rows[i].pem, &keys), ERR_NONE);
        assert_int_equal(token_verify(keys, span_of(rows[i].token), NOW, &claims), rows[i].e);
        assert_int_equal(token_keys_secrets(keys)->count, 0);
        buf_init(&token, TOKEN_MAX);
        assert_int_equal(
            token_sign(keys, &(struct token_grant){SPAN("42"), NOW, 60, 0, false}, &token),
            ERR_UNSUPPORTED);
        /* A public key is no secret: what is signed with it as one is refused. */
        assert_int_equal(forge_token(&token, (struct span){rows[i].pem, FORGE_BLOCK}, SPAN(HEADER),
                                     SPAN("{\"sub\":\"42\",\"exp\":2000000}")),
                         ERR_NONE);
        assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_UNAUTHORIZED);
        buf_deinit(&token);
        token_keys_free(keys);
    }
}

static void signatures_of_public_keys_are_spelled_in_one_way_only(void **state)
{
    char token[1024];
    struct token_keys *keys = NULL;
    struct token_claims claims;

    (void)state;
    assert_int_equal(load_pem(TOKEN_RS256, rsa_pem, &keys), ERR_NONE);
    snprintf(token, sizeof(token), "%s!", rsa_token);
    assert_int_equal(token_verify(keys, span_of(token), NOW, &claims), ERR_UNAUTHORIZED);
    snprintf(token, sizeof(token), "%s==", rsa_token);
    assert_int_equal(token_verify(keys, span_of(token), NOW, &claims), ERR_UNAUTHORIZED);
    token_keys_free(keys);
}

static void key_files_without_a_public_key_are_refused(void **state)
{
    const char *const rows[] = {"", "-----BEGIN PUBLIC KEY", KEY_A, rsa_pem,
                                "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"};
    struct token_keys *keys = NULL;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(load_pem(TOKEN_ES256, rows[i], &keys), ERR_INVALID);
    assert_null(keys);
    token_keys_free(NULL);
}

static void what_a_key_pair_signs_is_verified_with_its_public_key(void **state)
{
    const struct token_grant grant = {SPAN("42"), INT64_C(1000000) * NOW, 60, 7, false};
    struct key_pair pair, other;
    struct token_keys *keys = NULL;
    struct token_claims claims;
    struct owned file;
    struct buf token;
    const char *why;

    (void)state;
    key_pair_write(&pair, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    key_pair_write(&other, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    assert_int_equal(load_pem(TOKEN_EDDSA, pair.public_pem, &keys), ERR_NONE);
    assert_int_equal(owned_copy(&file, span_of(pair.private_pem)), ERR_NONE);
    assert_int_equal(token_keys_set_signer(keys, &file, &why), ERR_NONE);
    assert_null(file.bytes);
    buf_init(&token, TOKEN_MAX);
    assert_int_equal(token_sign(keys, &grant, &token), ERR_NONE);
    assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_NONE);
    assert_string_equal(claims.user, "42");
    assert_int_equal(claims.generation, 7);
    assert_int_equal(claims.expires_at, NOW + 60);
    token_keys_free(keys);

    assert_int_equal(load_pem(TOKEN_EDDSA, other.public_pem, &keys), ERR_NONE);
    assert_int_equal(token_verify(keys, buf_span(&token), NOW, &claims), ERR_UNAUTHORIZED);
    assert_int_equal(owned_copy(&file, span_of(pair.private_pem)), ERR_NONE);
    assert_int_equal(token_keys_set_signer(keys, &file, &why), ERR_INVALID);
    assert_string_equal(why, "belongs to no key of public_key_file");
    token_keys_free(keys);
    buf_deinit(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_other_than_ours_are_refused),
        cmocka_unit_test(headers_are_ours_however_they_are_written),
        cmocka_unit_test(a_token_at_the_wrong_time_is_told_apart),
        cmocka_unit_test(claims_that_are_wrong_are_refused),
        cmocka_unit_test(the_audience_must_be_ours),
        cmocka_unit_test(a_token_is_spelled_in_one_way_only),
        cmocka_unit_test(blanks_and_line_ends_around_a_token_do_not_count),
        cmocka_unit_test(a_token_has_at_most_4096_bytes),
        cmocka_unit_test(foreign_keys_are_refused_and_either_of_ours_is_good),
        cmocka_unit_test(good_claims_are_read),
        cmocka_unit_test(a_life_is_at_most_as_long_as_the_setting),
        cmocka_unit_test(a_token_is_revoked_by_what_came_after_it),
        cmocka_unit_test(without_a_generation_the_time_is_it),
        cmocka_unit_test(sign_refuses_bad_users_and_lives),
        cmocka_unit_test(what_is_signed_here_is_verified_here),
        cmocka_unit_test(key_files_without_a_public_key_are_refused),
        cmocka_unit_test(public_keys_verify_their_algorithm_only),
        cmocka_unit_test(what_a_key_pair_signs_is_verified_with_its_public_key),
        cmocka_unit_test(signatures_of_public_keys_are_spelled_in_one_way_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
