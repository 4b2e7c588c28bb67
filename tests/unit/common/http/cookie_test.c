/* SPDX-License-Identifier: MIT */
#include "common/http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_token_is_one_cookie_or_none(void **state)
{
    static const struct {
        const char *headers[2];
        const char *value; /* NULL: it is absent */
    } rows[] = {
        {{""}, NULL},
        {{";; ="}, NULL},
        {{"doorbell_token"}, NULL},
        {{"xdoorbell_token=1; doorbell_tokens=2; Doorbell_token=3"}, NULL},
        {{"x=doorbell_token=1"}, NULL},
        {{"doorbell_token=1; doorbell_token=2"}, ""},
        {{"doorbell_token=1; doorbell_token="}, ""},
        {{"doorbell_token=1; doorbell_token=2; doorbell_token=1"}, ""},
        {{"doorbell_token=1", "doorbell_token=2"}, ""},
        {{"doorbell_token=1; doorbell_token=2", "doorbell_token=1"}, ""},
        {{"doorbell_token="}, ""},
        {{"doorbell_token=1"}, "1"},
        {{"a=b; doorbell_token=1=2 ;c=d"}, "1=2"},
        {{"a=b;doorbell_token=1"}, "1"},
        {{" doorbell_token = 1 "}, "1"},
        {{"doorbell_token\t=\t1"}, "1"},
        {{"doorbell_token=1; doorbell_token=1"}, "1"},
        {{"doorbell_token=1", "doorbell_token=1"}, "1"},
        {{"a=b", "doorbell_token=1"}, "1"},
        {{"__Host-doorbell_token=1"}, "1"},
        {{"__host-doorbell_token=1; host-doorbell_token=1"}, NULL},
        {{"__Host-doorbell_token=1; doorbell_token=2"}, "1"},
        {{"doorbell_token=2; __Host-doorbell_token=1"}, "1"},
        {{"doorbell_token=2", "__Host-doorbell_token=1"}, "1"},
        {{"__Host-doorbell_token=1; doorbell_token=2; doorbell_token=3"}, "1"},
        {{"__Host-doorbell_token=; doorbell_token=2"}, ""},
        {{"__Host-doorbell_token=1; __Host-doorbell_token=3; doorbell_token=2"}, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cookies cookies = {0};
        struct span value;

        cookies_read(span_of(rows[i].headers[0]), &cookies);
        cookies_read(span_of(rows[i].headers[1]), &cookies);
        value = cookies_token(&cookies);
        assert_int_equal(value.p != NULL, rows[i].value != NULL);
        assert_true(span_equal(value, span_of(rows[i].value)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_is_one_cookie_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
