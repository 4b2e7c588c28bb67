/* SPDX-License-Identifier: MIT */
#include "relay/access/rate_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool take(struct rate_table *t, const char *key, int64_t now_ms)
{
    return rate_table_take(t, span_of(key), 2, now_ms);
}

static void each_key_has_a_rate_of_its_own(void **state)
{
    struct rate_table *t = rate_table_new(10);

    (void)state;
    assert_non_null(t);
    assert_true(take(t, "a", 1000) && take(t, "a", 1000));
    assert_false(take(t, "a", 1000));
    assert_true(take(t, "b", 1000));
    assert_true(take(t, "a", 1500));
    assert_false(take(t, "a", 1500));
    rate_table_free(t);
    rate_table_free(NULL);
}

static void those_who_were_quiet_are_forgotten(void **state)
{
    struct rate_table *t = rate_table_new(10);

    (void)state;
    assert_non_null(t);
    take(t, "a", 1000);
    take(t, "b", 1000);
    take(t, "c", 1400);
    assert_int_equal(rate_table_count(t), 3);
    take(t, "d", 1600);
    assert_int_equal(rate_table_count(t), 2);
    rate_table_free(t);
}

static void when_it_is_full_the_most_quiet_goes(void **state)
{
    struct rate_table *t = rate_table_new(2);

    (void)state;
    assert_non_null(t);
    assert_true(take(t, "a", 1000) && take(t, "a", 1000));
    assert_true(take(t, "b", 1000) && take(t, "b", 1000));
    assert_false(take(t, "a", 1000));
    assert_true(take(t, "c", 1000));
    assert_int_equal(rate_table_count(t), 2);
    assert_false(take(t, "a", 1000));
    rate_table_free(t);
}

static void zero_is_without_limit(void **state)
{
    struct rate_table *t = rate_table_new(2);

    (void)state;
    assert_non_null(t);
    for (int i = 0; i < 100; i++)
        assert_true(rate_table_take(t, SPAN("a"), 0, 1000));
    assert_int_equal(rate_table_count(t), 0);
    rate_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_a_rate_of_its_own),
        cmocka_unit_test(those_who_were_quiet_are_forgotten),
        cmocka_unit_test(when_it_is_full_the_most_quiet_goes),
        cmocka_unit_test(zero_is_without_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
