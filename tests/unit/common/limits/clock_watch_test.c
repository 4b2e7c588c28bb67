/* SPDX-License-Identifier: MIT */
#include "common/limits/clock_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HOUR_S = 3600, TEN_YEARS_S = 315532800 };

static void a_clock_that_goes_on_has_no_step(void **state)
{
    struct clock_watch w = {0};

    (void)state;
    for (int64_t ms = 0; ms < 100000; ms += 333)
        assert_int_equal(clock_watch_step(&w, 1700000000 + ms / 1000, 5000 + ms), 0);
}

static void a_step_is_told_once(void **state)
{
    static const int64_t steps[] = {5, HOUR_S, -HOUR_S, TEN_YEARS_S, -TEN_YEARS_S};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct clock_watch w = {0};

        assert_int_equal(clock_watch_step(&w, 1700000000, 1000), 0);
        assert_int_equal(clock_watch_step(&w, 1700000001 + steps[i], 2000), steps[i]);
        assert_int_equal(clock_watch_step(&w, 1700000002 + steps[i], 3000), 0);
        assert_int_equal(clock_watch_step(&w, 1700000003, 4000), -steps[i]);
    }
}

static void a_slow_answer_is_no_difference(void **state)
{
    (void)state;
    assert_int_equal(clock_watch_difference(100, 100, 100), 0);
    assert_int_equal(clock_watch_difference(100, 90, 110), 0);
    assert_int_equal(clock_watch_difference(89, 90, 110), -1);
    assert_int_equal(clock_watch_difference(110 + HOUR_S, 90, 110), HOUR_S);
    assert_false(clock_watch_is_off(4));
    assert_false(clock_watch_is_off(-4));
    assert_true(clock_watch_is_off(5));
    assert_true(clock_watch_is_off(-5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_on_has_no_step),
        cmocka_unit_test(a_step_is_told_once),
        cmocka_unit_test(a_slow_answer_is_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
