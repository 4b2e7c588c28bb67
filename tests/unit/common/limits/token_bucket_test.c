/* SPDX-License-Identifier: MIT */
#include "common/limits/token_bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t take_many(struct token_bucket *r, int64_t per_second, int64_t now_ms, size_t tries)
{
    size_t taken = 0;

    for (size_t i = 0; i < tries; i++)
        taken += token_bucket_take(r, per_second, per_second, now_ms);
    return taken;
}

static void a_second_lets_through_what_the_rate_says(void **state)
{
    static const int64_t rates[] = {1, 3, 7, 1000, 12345};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct token_bucket r = {0};
        size_t taken;

        assert_int_equal(take_many(&r, rates[i], 5000, 20000), rates[i]);
        assert_false(token_bucket_take(&r, rates[i], rates[i], 5000));
        taken = 0;
        for (int64_t ms = 5001; ms <= 15000; ms++)
            taken += take_many(&r, rates[i], ms, 100);
        assert_int_equal(taken, 10 * rates[i]);
    }
}

static void what_is_not_used_is_kept_for_a_second_only(void **state)
{
    struct token_bucket r = {0};

    (void)state;
    assert_int_equal(take_many(&r, 10, 0, 100), 10);
    assert_int_equal(take_many(&r, 10, 500, 100), 5);
    assert_int_equal(take_many(&r, 10, 3600000, 100), 10);
    assert_int_equal(take_many(&r, 10, 3600099, 100), 0);
    assert_int_equal(take_many(&r, 10, 3600100, 100), 1);
}

static void zero_is_without_limit(void **state)
{
    struct token_bucket r = {0};

    (void)state;
    assert_int_equal(take_many(&r, 0, 0, 1000), 1000);
}

static void a_lower_rate_after_a_reload_holds_within_a_second(void **state)
{
    struct token_bucket r = {0};

    (void)state;
    assert_int_equal(take_many(&r, 1000, 0, 2000), 1000);
    assert_int_equal(take_many(&r, 2, 1, 2000), 0);
    assert_int_equal(take_many(&r, 2, 1001, 2000), 2);
}

static void a_burst_is_apart_from_the_rate(void **state)
{
    struct token_bucket b = {0};

    (void)state;
    for (int i = 0; i < 60; i++)
        assert_true(token_bucket_take(&b, 20, 60, 1000));
    assert_false(token_bucket_take(&b, 20, 60, 1000));
    assert_int_equal(token_bucket_wait_ms(&b, 20, 60), 50);
    assert_false(token_bucket_take(&b, 20, 60, 1049));
    assert_int_equal(token_bucket_wait_ms(&b, 20, 60), 1);
    assert_true(token_bucket_take(&b, 20, 60, 1050));
    assert_false(token_bucket_is_full(&b, 20, 4049));
    assert_true(token_bucket_is_full(&b, 20, 4050));
    assert_true(token_bucket_is_full(&b, 0, 1050));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_lets_through_what_the_rate_says),
        cmocka_unit_test(what_is_not_used_is_kept_for_a_second_only),
        cmocka_unit_test(zero_is_without_limit),
        cmocka_unit_test(a_burst_is_apart_from_the_rate),
        cmocka_unit_test(a_lower_rate_after_a_reload_holds_within_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
