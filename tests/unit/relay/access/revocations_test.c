/* SPDX-License-Identifier: MIT */
#include "relay/access/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void tokens_issued_until_the_kick_are_refused(void **state)
{
    struct revocations *k = revocations_new(10);

    (void)state;
    assert_false(revocations_refuse(k, SPAN("42"), 0));
    assert_int_equal(revocations_add(k, SPAN("42"), 1000, 60), ERR_NONE);
    assert_true(revocations_refuse(k, SPAN("42"), 0)); /* no iat: very old */
    assert_true(revocations_refuse(k, SPAN("42"), 1000));
    assert_false(revocations_refuse(k, SPAN("42"), 1001));
    assert_false(revocations_refuse(k, SPAN("4"), 0));
    assert_int_equal(revocations_add(k, SPAN("42"), 1005, 60), ERR_NONE);
    assert_true(revocations_refuse(k, SPAN("42"), 1005));
    assert_int_equal(revocations_count(k), 1);
    revocations_free(k);
    revocations_free(NULL);
}

static void a_full_table_keeps_what_still_matters(void **state)
{
    struct revocations *k = revocations_new(2);

    (void)state;
    assert_int_equal(revocations_add(k, SPAN("a"), 1000, 60), ERR_NONE);
    assert_int_equal(revocations_add(k, SPAN("b"), 1010, 60), ERR_NONE);
    assert_int_equal(revocations_add(k, SPAN("c"), 1020, 60), ERR_TOO_MANY);
    assert_true(revocations_refuse(k, SPAN("a"), 999));
    /* Of a's time no token lives any more: 60 s, and the leeway of 30. */
    assert_int_equal(revocations_add(k, SPAN("c"), 1090, 60), ERR_TOO_MANY);
    assert_int_equal(revocations_add(k, SPAN("c"), 1091, 60), ERR_NONE);
    assert_false(revocations_refuse(k, SPAN("a"), 999));
    assert_true(revocations_refuse(k, SPAN("b"), 1010));
    assert_int_equal(revocations_count(k), 2);
    /* One who is there can be kicked again. */
    assert_int_equal(revocations_add(k, SPAN("b"), 1095, 60), ERR_NONE);
    revocations_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_issued_until_the_kick_are_refused),
        cmocka_unit_test(a_full_table_keeps_what_still_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
