/* SPDX-License-Identifier: MIT */
#include "common/text/base64url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_the_canonical_spelling_is_taken(void **state)
{
    const struct {
        const char *text;
        enum err e;
        struct span bytes;
    } rows[] = {
        {"Z", ERR_MALFORMED, SPAN("")},
        {"Zg==", ERR_MALFORMED, SPAN("")},
        {"Zh", ERR_MALFORMED, SPAN("")},
        {"Zm9", ERR_MALFORMED, SPAN("")},
        {"Zm9v\n", ERR_MALFORMED, SPAN("")},
        {"Zm 9v", ERR_MALFORMED, SPAN("")},
        {"+/+/", ERR_MALFORMED, SPAN("")},
        {"Zm9vY", ERR_MALFORMED, SPAN("")},
        {"Zm.v", ERR_MALFORMED, SPAN("")},
        {"", ERR_NONE, SPAN("")},
        {"Zg", ERR_NONE, SPAN("f")},
        {"Zm8", ERR_NONE, SPAN("fo")},
        {"Zm9v", ERR_NONE, SPAN("foo")},
        {"Zm9vYg", ERR_NONE, SPAN("foob")},
        {"-_-_", ERR_NONE, SPAN("\xfb\xff\xbf")},
        {"AAAA", ERR_NONE, SPAN("\0\0\0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[BASE64URL_DECODED_MAX(8)];
        size_t len = 99;

        assert_int_equal(base64url_decode(span_of(rows[i].text), out, &len), rows[i].e);
        if (!rows[i].e) {
            struct buf spelled;

            assert_true(span_equal((struct span){out, len}, rows[i].bytes));
            buf_init(&spelled, 8);
            assert_int_equal(base64url_encode(rows[i].bytes, &spelled), ERR_NONE);
            assert_true(span_equal(buf_span(&spelled), span_of(rows[i].text)));
            buf_deinit(&spelled);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_canonical_spelling_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
