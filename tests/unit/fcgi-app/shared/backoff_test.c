/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void first_try_is_due_at_once(void **state)
{
    struct backoff b = {.first_ms = 100, .max_ms = 1000};

    (void)state;
    assert_true(backoff_is_due(&b, 0));
}

static void delay_doubles_up_to_the_ceiling_and_is_drawn_from_its_upper_half(void **state)
{
    static const int64_t delays[] = {100, 200, 400, 800, 1000, 1000};
    struct backoff low = {.first_ms = 100, .max_ms = 1000}, high = low;

    (void)state;
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        backoff_failed(&low, 5000, 0);
        backoff_failed(&high, 5000, (uint32_t)(delays[i] / 2));
        assert_int_equal(low.retry_at_ms, 5000 + delays[i] / 2);
        assert_int_equal(high.retry_at_ms, 5000 + delays[i]);
    }
    assert_false(backoff_is_due(&low, 5499));
    assert_true(backoff_is_due(&low, 5500));
}

static void any_chance_stays_within_the_delay(void **state)
{
    struct backoff b = {.first_ms = 3, .max_ms = 3};

    (void)state;
    for (uint32_t chance = 0; chance < 10; chance++) {
        backoff_failed(&b, 0, UINT32_MAX - chance);
        assert_in_range(b.retry_at_ms, 1, 3);
    }
}

static void success_forgets_the_delay(void **state)
{
    struct backoff b = {.first_ms = 100, .max_ms = 1000};

    (void)state;
    backoff_failed(&b, 0, 0);
    backoff_failed(&b, 0, 0);
    backoff_succeeded(&b);
    assert_true(backoff_is_due(&b, 0));
    backoff_failed(&b, 0, 50);
    assert_int_equal(b.retry_at_ms, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_try_is_due_at_once),
        cmocka_unit_test(delay_doubles_up_to_the_ceiling_and_is_drawn_from_its_upper_half),
        cmocka_unit_test(any_chance_stays_within_the_delay),
        cmocka_unit_test(success_forgets_the_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
