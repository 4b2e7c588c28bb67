/* SPDX-License-Identifier: MIT */
#include "relay/cluster/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_is_tried_at_once_then_there_is_a_pause(void **state)
{
    struct turns t = {.count = 3};

    (void)state;
    assert_true(turns_is_due(&t, 0));
    turns_failed(&t, 1000, 500);
    turns_failed(&t, 1000, 500);
    assert_int_equal(t.at, 2);
    assert_true(turns_is_due(&t, 1000));
    turns_failed(&t, 1000, 500);
    assert_int_equal(t.at, 0);
    assert_false(turns_is_due(&t, 1499));
    assert_true(turns_is_due(&t, 1500));
}

static void the_pause_doubles_up_to_its_ceiling(void **state)
{
    static const int64_t ceilings[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct turns t = {.count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        turns_failed(&t, 0, (uint32_t)ceilings[i]);
        assert_int_equal(t.not_before_ms, ceilings[i]);
        t.not_before_ms = 0;
    }
    turns_failed(&t, 0, 60001);
    assert_int_equal(t.not_before_ms, 0);
    turns_succeeded(&t);
    turns_failed(&t, 0, 1000);
    assert_int_equal(t.not_before_ms, 1000);
}

static void what_was_good_is_tried_again_after_a_pause(void **state)
{
    struct turns t = {.count = 3};

    (void)state;
    turns_failed(&t, 0, 0);
    turns_succeeded(&t);
    turns_cut(&t, 1000, 500);
    assert_int_equal(t.at, 1);
    assert_false(turns_is_due(&t, 1499));
    turns_failed(&t, 1500, 0);
    turns_failed(&t, 1500, 0);
    assert_true(turns_is_due(&t, 1500));
    turns_failed(&t, 1500, 2000);
    assert_false(turns_is_due(&t, 3499));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_tried_at_once_then_there_is_a_pause),
        cmocka_unit_test(the_pause_doubles_up_to_its_ceiling),
        cmocka_unit_test(what_was_good_is_tried_again_after_a_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
