/* SPDX-License-Identifier: MIT */
#include "common/security/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/common/key_pair.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum { ALGORITHMS = 3 };

static const enum token_algorithm algorithms[ALGORITHMS] = {TOKEN_RS256, TOKEN_ES256, TOKEN_EDDSA};

static void make_pair(enum token_algorithm algorithm, struct key_pair *pair)
{
    EVP_PKEY *pkey = algorithm == TOKEN_RS256   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                     : algorithm == TOKEN_ES256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                                : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    key_pair_write(pair, pkey);
}

static struct signature_key *load(enum token_algorithm algorithm, const char *pem, bool is_private)
{
    struct signature_key *k = NULL;
    const char *why;

    assert_int_equal((is_private ? signature_private_key
                                 : signature_public_key)(algorithm, span_of(pem), &k, &why),
                     ERR_NONE);
    return k;
}

static void a_signature_is_good_for_its_text_and_key_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct key_pair pair, other;
        struct signature_key *signer, *key, *foreign;
        struct buf signature;

        make_pair(algorithms[i], &pair);
        make_pair(algorithms[i], &other);
        signer = load(algorithms[i], pair.private_pem, true);
        key = load(algorithms[i], pair.public_pem, false);
        foreign = load(algorithms[i], other.public_pem, false);
        assert_true(signature_keys_match(key, signer));
        assert_false(signature_keys_match(foreign, signer));

        buf_init(&signature, 1024);
        assert_int_equal(signature_make(signer, SPAN("text"), &signature), ERR_NONE);
        assert_int_equal(signature.len, algorithms[i] == TOKEN_RS256 ? 256 : 64);
        assert_true(signature_is_good(key, SPAN("text"), buf_span(&signature)));
        assert_false(signature_is_good(key, SPAN("texT"), buf_span(&signature)));
        assert_false(signature_is_good(foreign, SPAN("text"), buf_span(&signature)));
        for (size_t len = 0; len < signature.len; len += 7)
            assert_false(signature_is_good(key, SPAN("text"), (struct span){signature.data, len}));
        for (size_t at = 0; at < signature.len; at += 5) {
            signature.data[at] ^= 1;
            assert_false(signature_is_good(key, SPAN("text"), buf_span(&signature)));
            signature.data[at] ^= 1;
        }
        buf_deinit(&signature);
        signature_key_free(signer);
        signature_key_free(key);
        signature_key_free(foreign);
    }
}

/* RFC 8037, A.4 and A.5. */
static void the_example_of_the_standard_is_good(void **state)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                              "-----END PUBLIC KEY-----\n";
    static const unsigned char signature[] = {
        0x86, 0x0c, 0x98, 0xd2, 0x29, 0x7f, 0x30, 0x60, 0xa3, 0x3f, 0x42, 0x73, 0x96,
        0x72, 0xd6, 0x1b, 0x53, 0xcf, 0x3a, 0xde, 0xfe, 0xd3, 0xd3, 0xc6, 0x72, 0xf3,
        0x20, 0xdc, 0x02, 0x1b, 0x41, 0x1e, 0x9d, 0x59, 0xb8, 0x62, 0x8d, 0xc3, 0x51,
        0xe2, 0x48, 0xb8, 0x8b, 0x29, 0x46, 0x8e, 0x0e, 0x41, 0x85, 0x5b, 0x0f, 0xb7,
        0xd8, 0x3b, 0xb1, 0x5b, 0xe9, 0x02, 0xbf, 0xcc, 0xb8, 0xcd, 0x0a, 0x02};
    struct signature_key *key = load(TOKEN_EDDSA, pem, false);

    (void)state;
    assert_true(signature_is_good(key,
                                  SPAN("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
                                  (struct span){(const char *)signature, sizeof(signature)}));
    signature_key_free(key);
}

static void keys_of_another_kind_are_refused_with_a_reason(void **state)
{
    struct key_pair pairs[ALGORITHMS], small, curve;
    struct signature_key *k = NULL;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++)
        make_pair(algorithms[i], &pairs[i]);
    for (size_t i = 0; i < ALGORITHMS; i++) {
        for (size_t j = 0; j < ALGORITHMS; j++) {
            enum err e = i == j ? ERR_NONE : ERR_INVALID;

            assert_int_equal(
                signature_public_key(algorithms[i], span_of(pairs[j].public_pem), &k, &why), e);
            assert_int_equal(!e, !why);
            if (!e)
                signature_key_free(k);
        }
        assert_int_equal(
            signature_public_key(algorithms[i], span_of(pairs[i].private_pem), &k, &why),
            ERR_INVALID);
        assert_string_equal(why,
                            "contains a private key; remove it, only the public key belongs here");
        assert_int_equal(
            signature_private_key(algorithms[i], span_of(pairs[i].public_pem), &k, &why),
            ERR_INVALID);
        assert_string_equal(why, "contains no PEM private key (-----BEGIN PRIVATE KEY-----)");
    }
    key_pair_write(&small, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
    assert_int_equal(signature_public_key(TOKEN_RS256, span_of(small.public_pem), &k, &why),
                     ERR_INVALID);
    assert_string_equal(why, "must have 2048 to 8192 bits for RS256");
    key_pair_write(&curve, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    assert_int_equal(signature_public_key(TOKEN_ES256, span_of(curve.public_pem), &k, &why),
                     ERR_INVALID);
    assert_string_equal(why, "is no P-256 key, which ES256 needs");
    signature_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_good_for_its_text_and_key_alone),
        cmocka_unit_test(the_example_of_the_standard_is_good),
        cmocka_unit_test(keys_of_another_kind_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
