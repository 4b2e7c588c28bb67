/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void each_is_due_once_an_interval(void **state)
{
    const struct {
        int64_t now_ms;
        bool deliver, sweep;
        int wait_ms;
    } rows[] = {
        {1000, true, true, 150},   {1000, false, false, 150}, {1149, false, false, 1},
        {1150, true, false, 150},  {1400, true, false, 150},  {1999, true, false, 150},
        {2000, false, false, 149}, {2149, true, true, 150},   {9000, true, true, 150},
    };
    struct schedule s;

    (void)state;
    schedule_init(&s);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct schedule_due due = schedule_take_due(&s, rows[i].now_ms);

        if (due.deliver != rows[i].deliver || due.sweep != rows[i].sweep ||
            schedule_wait_ms(&s, rows[i].now_ms) != rows[i].wait_ms)
            fail_msg("at %d", (int)rows[i].now_ms);
    }
}

static void a_pulse_and_a_move_have_their_intervals(void **state)
{
    struct schedule s;

    (void)state;
    schedule_init(&s);
    assert_true(schedule_take_pulse(&s, 1000));
    assert_false(schedule_take_pulse(&s, 5999));
    assert_true(schedule_take_pulse(&s, 6000));
    assert_true(schedule_take_move(&s, 1000));
    assert_false(schedule_take_move(&s, 60999));
    assert_true(schedule_take_move(&s, 61000));
}

static void a_relay_that_fails_is_left_alone_for_a_while(void **state)
{
    struct schedule s;

    (void)state;
    schedule_init(&s);
    assert_true(schedule_may_publish(&s, 0));
    assert_true(schedule_relay_failed(&s, 1000, 50));
    assert_false(schedule_may_publish(&s, 1099));
    assert_true(schedule_may_publish(&s, 1100));
    assert_false(schedule_relay_failed(&s, 1100, 100));
    assert_false(schedule_may_publish(&s, 1299));
    assert_true(schedule_may_publish(&s, 1300));
    assert_true(schedule_relay_took(&s));
    assert_false(schedule_relay_took(&s));
    assert_true(schedule_may_publish(&s, 1300));
}

/* Five seconds is the longest that a relay which is back has to wait for its first ring. */
static void the_wait_for_a_relay_has_a_ceiling(void **state)
{
    struct schedule s;

    (void)state;
    schedule_init(&s);
    for (int i = 0; i < 100; i++)
        (void)schedule_relay_failed(&s, 0, UINT32_MAX - (uint32_t)i);
    assert_true(schedule_may_publish(&s, 5000));
}

static void rings_that_come_soon_after_a_call_go_together(void **state)
{
    struct schedule s;

    (void)state;
    schedule_init(&s);
    assert_int_equal(schedule_linger_ms(&s, 100), 0);
    schedule_called(&s, 100);
    assert_int_equal(schedule_linger_ms(&s, 101), 4);
    assert_int_equal(schedule_linger_ms(&s, 105), 0);
    schedule_heard_by_nobody(&s, 200);
    assert_int_equal(schedule_linger_ms(&s, 201), 24);
    schedule_called(&s, 201);
    assert_int_equal(schedule_linger_ms(&s, 201), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_due_once_an_interval),
        cmocka_unit_test(a_pulse_and_a_move_have_their_intervals),
        cmocka_unit_test(a_relay_that_fails_is_left_alone_for_a_while),
        cmocka_unit_test(the_wait_for_a_relay_has_a_ceiling),
        cmocka_unit_test(rings_that_come_soon_after_a_call_go_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
