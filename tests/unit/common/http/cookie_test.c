/* SPDX-License-Identifier: MIT */
#include "common/http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_cookie_has_one_value_or_none(void **state)
{
    static const struct {
        const char *headers[2];
        const char *value; /* NULL: it is absent */
    } rows[] = {
        {{""}, NULL},
        {{";; ="}, NULL},
        {{"t"}, NULL},
        {{"xt=1; tt=2; T=3"}, NULL},
        {{"x=t=1"}, NULL},
        {{"t=1; t=2"}, ""},
        {{"t=1; t="}, ""},
        {{"t=1; t=2; t=1"}, ""},
        {{"t=1", "t=2"}, ""},
        {{"t=1; t=2", "t=1"}, ""},
        {{"t="}, ""},
        {{"t=1"}, "1"},
        {{"a=b; t=1=2 ;c=d"}, "1=2"},
        {{"a=b;t=1"}, "1"},
        {{" t = 1 "}, "1"},
        {{"t\t=\t1"}, "1"},
        {{"t=1; t=1"}, "1"},
        {{"t=1", "t=1"}, "1"},
        {{"a=b", "t=1"}, "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span value = {NULL, 0};

        cookie_read(span_of(rows[i].headers[0]), SPAN("t"), &value);
        cookie_read(span_of(rows[i].headers[1]), SPAN("t"), &value);
        assert_int_equal(value.p != NULL, rows[i].value != NULL);
        assert_true(span_equal(value, span_of(rows[i].value)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_has_one_value_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
