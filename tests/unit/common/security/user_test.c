/* SPDX-License-Identifier: MIT */
#include "common/security/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void ids_follow_the_rule(void **state)
{
    const struct {
        struct span id;
        bool is_valid;
    } rows[] = {
        {SPAN(""), false},
        {SPAN("*"), false},
        {SPAN("a\nb"), false},
        {SPAN("a\0"), false},
        {SPAN("\x7f"), false},
        {SPAN("\xff"), false},
        {SPAN("\xed\xa0\x80"), false},
        {SPAN("a\xc2\x85z"), false},
        {SPAN("\xc2\x9f"), false},
        {SPAN("\xc2\xa0"), true},
        {SPAN("**"), true},
        {SPAN("0"), true},
        {SPAN(" "), true},
        {SPAN("-5"), true},
        {SPAN("a/b%\xc3\xbc \xe4\xb8\xad"), true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(user_is_valid(rows[i].id), rows[i].is_valid);
}

static void ids_have_at_most_128_bytes(void **state)
{
    char id[USER_ID_MAX + 1];

    (void)state;
    memset(id, 'x', sizeof(id));
    assert_false(user_is_valid((struct span){id, sizeof(id)}));
    assert_true(user_is_valid((struct span){id, USER_ID_MAX}));
    assert_int_equal(USER_ID_MAX, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_the_rule),
        cmocka_unit_test(ids_have_at_most_128_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
