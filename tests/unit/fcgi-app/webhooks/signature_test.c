/* SPDX-License-Identifier: MIT */
#include "fcgi-app/webhooks/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What `printf '%s' "<t>.<body>" | openssl dgst -sha256 -hmac <key>` says. */
static void signature_is_that_of_openssl(void **state)
{
    static const struct {
        int64_t now_s;
        const char *body, *signature;
    } rows[] = {
        {1700000000, "{\"call\":7}",
         "t=1700000000,v1=5a02e7041ef394dc789bd23edb8d63534b4eae34e7ec354299093416102cadb9"},
        {0, "", "t=0,v1=b5b3fbed5b59d925316d6d39db497aba70820961dda53dfe23a87559dab1eb6b"},
    };
    struct hmac_key *key;

    (void)state;
    assert_int_equal(hmac_key_new(SPAN("0123456789abcdef0123456789abcdef"), &key), ERR_NONE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[SIGNATURE_SIZE];

        assert_int_equal(signature_write(key, rows[i].now_s, span_of(rows[i].body), out), ERR_NONE);
        assert_string_equal(out, rows[i].signature);
    }
    hmac_key_free(key);
}

static void longest_time_fits(void **state)
{
    char out[SIGNATURE_SIZE];
    struct hmac_key *key;

    (void)state;
    assert_int_equal(hmac_key_new(SPAN("0123456789abcdef0123456789abcdef"), &key), ERR_NONE);
    assert_int_equal(signature_write(key, INT64_MIN, SPAN("x"), out), ERR_NONE);
    hmac_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature_is_that_of_openssl),
        cmocka_unit_test(longest_time_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
